"""What is no consent."""

from uuid import UUID

from tests.journeys.scenes import CONSENT, consented, opened
from tests.world import World


async def test_a_consent_is_not_valid_longer_than_the_country_allows(shared_world: World) -> None:
    case = await opened(shared_world)
    body = {**CONSENT, "valid_days": 181}
    refused = await shared_world.post("alpha", f"/cases/{case}/consents", body, expect=422)
    assert refused["field"] == "valid_days", "identification: 180 days"


async def test_what_was_withdrawn_is_not_narrowed(shared_world: World) -> None:
    case = await opened(shared_world)
    consent = await consented(shared_world, case)
    await shared_world.post("alpha", f"/cases/{case}/consents/{consent}/withdrawal")
    path = f"/cases/{case}/consents/{consent}/versions"
    assert (await shared_world.post("alpha", path, CONSENT, expect=409))["current"] == "withdrawn"


async def test_the_consent_of_another_case_is_answered_like_none(shared_world: World) -> None:
    case, other = await opened(shared_world), await opened(shared_world)
    foreign = await consented(shared_world, other)
    answers = [
        await shared_world.post("alpha", f"/cases/{case}/consents/{one}/withdrawal", expect=404)
        for one in (foreign, UUID(int=1))
    ]
    assert answers[0] == answers[1]
    assert (await shared_world.get("alpha", f"/cases/{other}/consents"))[-1]["decision"] == "given"
