"""The person can be told who saw what of them, when and why, in their language; it comes from the audit alone."""

from datetime import timedelta

import asyncpg

from tests.journeys.scenes import CHILD, carried, consented, opened, referred, sealed_rows, supported, told
from tests.world import World

REASON = "a child alone, and nobody there to consent"


async def lines(world: World, case: str, who: str = "alpha", language: str = "en") -> list[dict[str, object]]:
    """Return the log of disclosures as codes."""
    answer = await world.ask(who, "GET", f"/cases/{case}/disclosures", headers={"Accept-Language": language})
    assert answer.status_code == 200, answer.text
    items: list[dict[str, object]] = answer.json()["items"]
    return items


def codes(line: dict[str, object]) -> tuple[object, object, object]:
    """Return what happened, at whom, and why."""

    def code(part: object) -> object:
        return part["code"] if isinstance(part, dict) else part

    return code(line["what"]), code(line["organisation"]), code(line["why"])


async def test_the_log_tells_who_got_what_on_which_version_of_the_consent_and_when_it_was_taken_back(
    world: World,
) -> None:
    case, consent = await supported(world)
    shelter = await referred(world, case)
    await carried(world, shelter, "north", "receipt", "acceptance")
    await world.get("north", f"/referrals/{shelter}/package")
    await world.post("alpha", f"/cases/{case}/consents/{consent}/withdrawal")
    found = await lines(world, case)
    assert [codes(line) for line in found] == [
        ("sent", "SHELTER-NORTH", "consent"),
        ("accepted", "SHELTER-NORTH", "consent"),
        ("opened", "SHELTER-NORTH", "consent"),
        ("ended", "SHELTER-NORTH", "consent"),
    ]
    assert [line["consent_version"] for line in found] == [1, 1, 1, None]
    assert {line["referral"] for line in found} == {shelter}
    opening = found[2]
    assert opening["role"] == {"code": "shelter_staff", "label": "Shelter staff"}
    assert [one["code"] for one in opening["compartments"]] == ["contact", "identity", "location"]  # type: ignore[attr-defined]
    in_kyrgyz = (await lines(world, case, language="ky"))[2]
    assert in_kyrgyz["why"] == {"code": "consent", "label": "Макулдук"}
    assert "caseworker" not in str(found), "no member of staff is named"


async def test_the_log_is_for_the_case_worker_of_the_leading_organisation_alone(world: World) -> None:
    case, _ = await supported(world)
    shelter = await referred(world, case, "NGO-BETA", "legal", "refer-for-support")
    await carried(world, shelter, "beta", "receipt", "acceptance")
    assert (await world.ask("beta", "GET", f"/cases/{case}/disclosures")).status_code == 403
    assert (await world.ask("police", "GET", f"/cases/{case}/disclosures")).status_code == 404
    await world.get("alpha2", f"/cases/{case}/disclosures")


async def test_what_is_shared_without_consent_needs_a_reason_and_the_person_can_read_it(
    world: World, admin: asyncpg.Connection
) -> None:
    case = await opened(world, **CHILD)
    body = {"step": "refer-guardian", "service": "guardianship", "recipient": "GUARDIANS"}
    unsaid = await world.post("alpha", f"/cases/{case}/referrals", body, expect=422)
    assert (unsaid["code"], unsaid["field"]) == ("invalid-input", "reason")
    await world.post("alpha", f"/cases/{case}/referrals", {**body, "reason": REASON})
    (sent,) = await lines(world, case)
    assert (codes(sent), sent["reason"]) == (("sent", "GUARDIANS", "child_best_interest"), REASON)
    for table in ("referrals", "audit_entries", "referral_events", "sealed_values"):
        rows = await admin.fetch(f"SELECT * FROM {table}")  # noqa: S608 - a name of ours
        assert REASON not in str([dict(row) for row in rows]), table


async def test_a_reason_is_said_only_where_there_is_no_consent(world: World) -> None:
    case, _ = await supported(world)
    body = {"step": "refer-for-shelter", "service": "shelter", "recipient": "SHELTER-NORTH", "reason": REASON}
    refused = await world.post("alpha", f"/cases/{case}/referrals", body, expect=422)
    assert (refused["code"], refused["field"]) == ("invalid-input", "reason")


async def test_sharing_without_consent_ends_by_the_clock_and_the_service_goes_on(
    world: World, admin: asyncpg.Connection
) -> None:
    case = await opened(world)
    await world.post("alpha", f"/cases/{case}/assessments", {"danger": "imminent"})
    served = await referred(world, case, step="offer-emergency-shelter", reason="threatened with death")
    unanswered = await referred(
        world, case, "NGO-BETA", "medical", "refer-for-urgent-care", reason="bleeding, cannot be asked"
    )
    await carried(world, served, "north", "receipt", "acceptance", "service-start")
    await world.work_off()
    assert min(await sealed_rows(admin, served)) > 0
    later = world.later(timedelta(days=15))
    await later.work_off()
    assert await sealed_rows(admin, served) == await sealed_rows(admin, unanswered) == (0, 0)
    assert (await later.ask("north", "GET", f"/referrals/{served}/package")).status_code == 403
    assert (await later.get("north", f"/referrals/{served}"))["status"] == "in_service", "nobody loses their bed"
    assert (await later.get("alpha", f"/referrals/{unanswered}"))["status"] == "expired"
    for who in ("alpha", "north"):
        assert (await told(later, who, served))[-1] == "sharing_ended"
    assert (await later.get("alpha", f"/cases/{case}"))["support"] == "receiving"
    ended = [line for line in await lines(later, case) if codes(line)[0] == "ended"]
    assert {line["referral"] for line in ended} == {served, unanswered}
    await later.work_off()
    assert [codes(line) for line in await lines(later, case)].count(("ended", "SHELTER-NORTH", "vital_interests")) == 1


async def test_a_hand_over_is_not_accepted_once_the_consent_for_it_has_expired(world: World) -> None:
    case = await opened(world, "hotline", "hotline")
    await consented(world, case, "hotline", valid_days=1)
    reference = await referred(world, case, "NGO-ALPHA", "case_management", "hand-over-case-management", "hotline")
    await carried(world, reference, "alpha", "receipt")
    later = world.later(timedelta(days=2))
    refused = await later.act("alpha", reference, "acceptance", expect=409)
    assert refused["code"] == "consent-missing"
    assert (await later.ask("alpha", "GET", f"/cases/{case}")).status_code == 404
