"""Many read the documents of one case at once, on both sides of a referral, while others write: all are answered."""

import asyncio
from collections import Counter

import pytest

from tests.documents import picture
from tests.journeys.scenes import carried, referred, supported
from tests.world import World

READERS = 4
"""Of each thing that can be read."""


@pytest.mark.parametrize("ending", ["words", "withdrawal"])
async def test_readers_of_a_document_never_wait_for_each_other_in_a_circle(world: World, ending: str) -> None:
    case, consent = await supported(world)
    held = (await world.post("alpha", f"/cases/{case}/attachments?compartment=identity", picture()))["reference"]
    referral = await referred(world, case, attachments=[held])
    await carried(world, referral, "north", "receipt", "acceptance")
    (copy,) = await world.get("north", f"/referrals/{referral}/attachments")
    paths = {
        ("alpha", f"/cases/{case}/attachments"): 200,
        ("alpha", f"/cases/{case}/attachments/{held}/content"): 200,
        ("alpha", f"/cases/{case}"): 200,
        ("north", f"/referrals/{referral}/attachments"): 200,
        ("north", f"/referrals/{referral}/attachments/{copy['reference']}/content"): 200,
        ("north", f"/referrals/{referral}/package"): 200,
    }
    writer = (
        world.ask("alpha", "PUT", f"/cases/{case}/attachments/{held}/words", {"name": "made up"}, version=1)
        if ending == "words"
        else world.ask("alpha", "POST", f"/cases/{case}/consents/{consent}/withdrawal")
    )
    asked = [(path, world.ask(who, "GET", path)) for _ in range(READERS) for who, path in paths]
    asked.insert(len(asked) // 2, ("writer", writer))
    answers = await asyncio.gather(*(one for _, one in asked))
    codes = Counter((path, answer.status_code) for (path, _), answer in zip(asked, answers, strict=True))
    assert not [one for one in codes if one[1] >= 500], codes
    over = {409, 404} if ending == "withdrawal" else set()
    for (_, path), code in paths.items():
        allowed = {code} | (over if path.startswith("/referrals") else set())
        assert {status for asked_path, status in codes if asked_path == path} <= allowed, codes
