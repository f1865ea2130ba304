"""A form becomes a case through the same commands as the API, and nothing of it is lost from sight."""

from typing import Any

import asyncpg
import pytest

from api.cli.acting import claims_for
from api.idempotency import IdempotencyKeyReused
from api.imports.report import Fate, counted, written
from api.imports.taking_in import TakenIn, take_in
from auth.tokens import TokenRefused
from domain.codes import Role
from domain.errors import InvalidInput, NotPermitted
from tests.imports.forms import PUBLISHED, REFUSED, fictional, fields_of, form_of, imported
from tests.world import World

COMPARTMENTS = ("identity", "contact", "location", "narrative", "legal")
CODED = {"Yes", "No", "PV", "NRM", "DTN", "UK", "BOTH", "Adult", "Child", "Male", "Female", "no", "yes", "1", "ENG"}


async def revealed(world: World, case: str, who: str = "alpha") -> dict[str, Any]:
    """Open every compartment that holds something, as the owner."""
    held = (await world.get(who, f"/cases/{case}"))["person"]["compartments"]
    return {one: (await world.get(who, f"/cases/{case}/person/{one}"))["fields"] for one in held}


def by_fate(taken: TakenIn, fate: Fate) -> dict[str, str]:
    return {line.field: line.where for line in taken.lines if line.fate == fate}


async def test_an_adult_who_agreed_becomes_a_case_with_consent(shared_world: World) -> None:
    taken = await imported(shared_world, fictional(ExternalId="adult-1"))
    case = await shared_world.get("alpha", f"/cases/{taken.reference}")
    assert case["entry_channel"] == "foreign_partner"
    assert case["relation"] == "owner"
    person = case["person"]
    assert (person["age_band"], person["age_disputed"]) == ("27--29", False)
    assert (person["gender"], person["citizenships"]) == ("Feminine", ["KG"])
    (consent,) = await shared_world.get("alpha", f"/cases/{taken.reference}/consents")
    assert consent["decision"] == "given"
    assert set(consent["purposes"]) == {"identification", "support"}
    assert consent["recipients"] == ["organisation:NGO-ALPHA"]
    assert set(consent["compartments"]) == set(COMPARTMENTS)


async def test_every_field_is_reported_once(shared_world: World) -> None:
    for fields in (fictional(ExternalId="once-1"), fictional(REFUSED, ExternalId="once-2")):
        taken = await imported(shared_world, fields)
        assert sorted(line.field for line in taken.lines) == sorted(fields)
        assert all(bool(line.where) == (line.fate != Fate.EMPTY) for line in taken.lines)
        empty = {name for name, value in fields.items() if not value}
        assert set(by_fate(taken, Fate.EMPTY)) == empty


async def test_the_owner_reads_back_what_was_placed(shared_world: World) -> None:
    fields = fictional(ExternalId="back-1")
    taken = await imported(shared_world, fields)
    opened = await revealed(shared_world, taken.reference)
    for name, where in by_fate(taken, Fate.PLACED).items():
        compartment, _, field = where.partition(".")
        if compartment in COMPARTMENTS:
            assert fields[name] in opened[compartment][field], name
    assert opened["identity"]["given_name"] == fields["Customer.Forename1"]


async def test_flags_of_exploitation_become_an_episode_and_no_words(shared_world: World) -> None:
    flags = {"ComponentWagesTaken": "Yes", "ComponentProstitution": "Yes", "ComponentDomesticServitude": "No"}
    fields = fictional(ExternalId="flags-1", PVStillInExploitativeSituation="Yes", **flags)
    taken = await imported(shared_world, fields)
    (episode,) = await shared_world.get("alpha", f"/cases/{taken.reference}/exploitation-episodes")
    assert episode["types"] == ["ForcedLabour", "SexualExploitation"]
    assert (episode["sexual_types"], episode["industries"]) == (["Prostitution"], ["not_asked"])
    assert episode["means_of_control"] == ["TakesEarnings"]
    assert (episode["age_when_trafficked"], episode["still_going_on"]) == ("18+", "yes")
    placed = by_fate(taken, Fate.PLACED)
    assert placed["ComponentProstitution"] == "exploitation.types, exploitation.sexual_types"
    assert "ComponentDomesticServitude" in by_fate(taken, Fate.NOT_PLACED)
    assert "SexualExploitation" not in str(await revealed(shared_world, taken.reference))


async def test_an_adult_who_refused_leaves_no_episode(shared_world: World) -> None:
    taken = await imported(shared_world, fictional(REFUSED, ExternalId="flags-2", ComponentProstitution="Yes"))
    assert await shared_world.get("alpha", f"/cases/{taken.reference}/exploitation-episodes") == []
    assert "ComponentProstitution" in by_fate(taken, Fate.DROPPED)


async def test_an_answer_that_is_no_code_stays_in_words(shared_world: World) -> None:
    fields = fictional(ExternalId="flags-3", AdultOrChildDuringExploitation="Both")
    taken = await imported(shared_world, fields)
    (episode,) = await shared_world.get("alpha", f"/cases/{taken.reference}/exploitation-episodes")
    assert episode["age_when_trafficked"] == "not_asked"
    assert "age at the time: Both" in (await revealed(shared_world, taken.reference))["narrative"]["exploitation"]


async def test_writing_is_safe_only_where_every_given_way_is(shared_world: World) -> None:
    for number, (email, post, safe) in enumerate((("Yes", "Yes", True), ("Yes", "No", False), ("Yes", "", False))):
        taken = await imported(shared_world, fictional(ExternalId=f"s-{number}", SafeToEmail=email, SafeToPostal=post))
        assert (await revealed(shared_world, taken.reference))["contact"]["safe_to_contact"] is safe


async def test_doubts_about_credibility_and_staff_of_others_are_stored_nowhere(shared_world: World) -> None:
    doubts = {"EvidenceOfDishonesty": "Yes", "DetailsOfEvidenceOfDishonesty": "an invented slander"}
    taken = await imported(shared_world, fictional(ExternalId="doubt-1", **doubts))
    assert {*doubts, "Agent.Name", "Agent.Email"} <= by_fate(taken, Fate.DROPPED).keys()
    everything = str(await revealed(shared_world, taken.reference))
    assert "invented slander" not in everything
    assert "Responder" not in everything


async def test_co_operation_is_not_forced_in_before_the_procedure_asks(shared_world: World) -> None:
    taken = await imported(shared_world, fictional(ExternalId="police-1"))
    assert "too early" in by_fate(taken, Fate.NOT_PLACED)["WillingToCooperate"]
    steps = await shared_world.get("alpha", f"/cases/{taken.reference}/next-steps")
    assert "ask-about-cooperation" in {step["step"] for step in steps["closed"]}


async def test_co_operation_changes_nothing_of_what_is_open(shared_world: World) -> None:
    found = []
    for number, willing in enumerate(("Yes", "No")):
        fields = fictional(ExternalId=f"c-{number}", WillingToCooperate=willing)
        case = (await imported(shared_world, fields)).reference
        steps = await shared_world.get("alpha", f"/cases/{case}/next-steps")
        found.append([step["step"] for step in steps["open"]])
    assert found[0] == found[1]


@pytest.mark.parametrize("age", ["Child", "Unknown"])
async def test_a_child_or_perhaps_one_is_taken_in_without_consent(shared_world: World, age: str) -> None:
    fields = fictional(ExternalId=f"child-{age}", AdultOrChild=age, Customer__DOB="", NRMOrDuty="DTN", Type="662265")
    taken = await imported(shared_world, fields)
    assert await shared_world.get("alpha", f"/cases/{taken.reference}/consents") == []
    case = await shared_world.get("alpha", f"/cases/{taken.reference}")
    assert case["case_work"] == "open"
    assert case["person"]["age_band"] == ("0--17" if age == "Child" else "unknown")
    assert case["person"]["age_disputed"] is (age == "Unknown")
    steps = await shared_world.get("alpha", f"/cases/{taken.reference}/next-steps")
    assert "refer-guardian" in {step["step"] for step in steps["open"]}
    assert (await revealed(shared_world, taken.reference))["identity"]["given_name"] == fields["Customer.Forename1"]


async def test_a_birth_date_that_contradicts_the_form_leaves_the_age_disputed(shared_world: World) -> None:
    taken = await imported(shared_world, fictional(ExternalId="born-1", Customer__DOB="2012-02-29"))
    person = (await shared_world.get("alpha", f"/cases/{taken.reference}"))["person"]
    assert (person["age_band"], person["age_disputed"]) == ("9--17", True)


async def test_a_refusal_becomes_an_anonymous_notification(shared_world: World) -> None:
    fields = fictional(REFUSED, ExternalId="refused-1")
    taken = await imported(shared_world, fields)
    case = await shared_world.get("alpha", f"/cases/{taken.reference}")
    assert case["identification"] == "anonymous_notification"
    assert (case["case_work"], case["closure_reason"]) == ("closed", "anonymous_notification")
    assert case["entry_channel"] == "ngo"
    assert case["person"]["compartments"] == []
    assert (case["person"]["age_band"], case["person"]["citizenships"]) == ("18+", ["UZ"])
    (consent,) = await shared_world.get("alpha", f"/cases/{taken.reference}/consents")
    assert (consent["decision"], consent["recipients"]) == ("refused", [])
    dropped = by_fate(taken, Fate.DROPPED)
    assert {"Customer.Forename1", "Customer.Phone", "City1", "DTNReason", "WillingToCooperate"} <= dropped.keys()


async def test_nothing_of_a_form_stands_in_the_open(world: World, admin: asyncpg.Connection) -> None:
    fields = fictional()
    reports = []
    for one in (fields, refused := fictional(REFUSED)):
        taken = await imported(world, one)
        reports += [*written(taken.lines), counted(taken.lines)]
    secrets = {value for one in (fields, refused) for value in one.values() if value and value not in CODED}
    secrets -= {"Kyrgyz", "Email", "Email, Post", "SCOTLAND", "Scotland", "SCOT", "WAL", "WALES", "Wales"}
    secrets -= {fields["Agent.Organisation"], refused["Agent.Organisation"], "caseworker"}
    secrets |= {fields["ExternalId"], refused["ExternalId"]}
    tables = await admin.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    dump = "".join(
        [str(row) for (table,) in tables for row in await admin.fetch(f'SELECT t::text FROM "{table}" t')]  # noqa: S608
    )
    for secret in secrets:
        assert secret not in "\n".join(reports), secret
        assert secret not in dump, secret
        assert secret.encode().hex() not in dump, secret
    assert len(secrets) > 40


async def test_the_same_form_twice_is_one_case(shared_world: World) -> None:
    fields = fictional(ExternalId="twice-1")
    first, second = [await imported(shared_world, fields) for _ in range(2)]
    assert (first.is_new, second.is_new) == (True, False)
    assert first.reference == second.reference
    assert second.lines == ()
    with pytest.raises(IdempotencyKeyReused) as refused:
        await imported(shared_world, fields | {"PVFamily": "an invented brother"})
    assert refused.value.details == {"reference": first.reference}


async def test_everything_is_in_the_audit_and_a_failed_import_leaves_nothing(
    world: World, admin: asyncpg.Connection
) -> None:
    taken = await imported(world, fictional(ExternalId="audit-1"))
    actions = await admin.fetch("SELECT action FROM audit_entries WHERE stream_id IN (SELECT id FROM cases)")
    expected = {"case.opened", "compartment.sealed", "consent.recorded", "exploitation.recorded"}
    assert {row["action"] for row in actions} == expected
    too_long = dict.fromkeys(("HowExploitationStarted", "ExploiterDetails", "ExploitationTreatment"), "Ы" * 15_000)
    with pytest.raises(InvalidInput):
        await imported(world, fictional(ExternalId="audit-2", **too_long))
    (case,) = await admin.fetch("SELECT reference FROM cases")
    assert case["reference"] == taken.reference


async def test_who_is_no_member_or_opens_no_cases_imports_nothing(shared_world: World) -> None:
    with pytest.raises(NotPermitted):
        await imported(shared_world, fictional(ExternalId="role-1"), "monitor")
    runtime = shared_world.runtime
    stranger = claims_for("caseworker-alpha", "NGO-BETA", Role.NGO_CASEWORKER, runtime)
    with pytest.raises(TokenRefused):
        await take_in(form_of(fictional(ExternalId="role-2")), stranger, runtime)


async def test_a_role_seals_only_what_it_could_open(shared_world: World) -> None:
    taken = await imported(shared_world, fictional(ExternalId="hotline-1"), "hotline")
    not_placed = by_fate(taken, Fate.NOT_PLACED)
    assert not_placed["CollaborationInfo"] == "the role may not open legal"
    assert "identity" in await revealed(shared_world, taken.reference, "hotline")


@pytest.mark.skipif(not PUBLISHED.exists(), reason="../shared is absent")
async def test_the_published_example_becomes_a_case_and_every_field_is_accounted_for(shared_world: World) -> None:
    fields = fields_of(PUBLISHED)
    taken = await imported(shared_world, fields)
    assert sorted(line.field for line in taken.lines) == sorted(fields)
    case = await shared_world.get("alpha", f"/cases/{taken.reference}")
    assert (case["person"]["age_band"], case["person"]["citizenships"]) == ("18+", ["AU"])
    opened = await revealed(shared_world, taken.reference)
    assert opened["identity"]["family_name"] == fields["Customer.Surname"]
    assert opened["contact"]["safe_to_contact"] is True
    assert by_fate(taken, Fate.NOT_PLACED).keys() == {
        "Type", "Case.Jurisdiction", "Country", "CountryLabel", "WillingToCooperate", "Agent.Organisation",
    }  # fmt: skip
    refused = fields | {"NRMOrDuty": "DTN", "Type": "662265", "ExternalId": "published-refused"}
    taken = await imported(shared_world, refused)
    case = await shared_world.get("alpha", f"/cases/{taken.reference}")
    assert case["identification"] == "anonymous_notification"
    assert case["person"]["compartments"] == []
