"""Inbox and outbox make no model of a row: they keep to the contract all the same, and to what a case tells of them."""

from datetime import datetime, timedelta

import pytest

from api.schemas.referrals import ReferralPage
from tests.journeys.scenes import carried, referred, supported
from tests.world import World


@pytest.mark.parametrize(("path", "who"), [("/referrals/inbox", "north"), ("/referrals/outbox", "alpha")])
async def test_a_list_tells_of_each_referral_what_its_case_tells_newest_first(
    world: World, path: str, who: str
) -> None:
    told = []
    for acts in ((), ("receipt", "waitlisting"), ("receipt", "waitlisting"), ("receipt", "acceptance")):
        case, _ = await supported(world)
        await carried(world, await referred(world, case), "north", *acts)
        told.append(await world.get("alpha", f"/cases/{case}/referrals"))
    expected = [one for referrals in reversed(told) for one in referrals]
    pages, cursor = [], ""
    while cursor is not None:
        page = await world.get(who, f"{path}?limit=3{cursor and f'&cursor={cursor}'}")
        assert ReferralPage.model_validate(page).model_dump(mode="json") == page
        pages.append(page["items"])
        cursor = page["next"]
    assert [len(page) for page in pages] == [3, 1]
    assert [one for page in pages for one in page] == expected
    assert [one["waiting_position"] for one in expected] == [None, 2, 1, None]


async def test_a_list_tells_what_is_overdue(world: World) -> None:
    case, _ = await supported(world)
    await referred(world, case)
    late = world.later(timedelta(hours=73))
    for who, path in (("north", "/referrals/inbox"), ("alpha", "/referrals/outbox")):
        (before,) = (await world.get(who, path))["items"]
        (after,) = (await late.get(who, path))["items"]
        assert (before["overdue"], after) == (False, {**before, "overdue": True})
        assert datetime.fromisoformat(before["respond_by"]) > datetime.fromisoformat(before["created_at"])
