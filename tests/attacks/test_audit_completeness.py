"""No audit, no answer: every command and every reading of plaintext leaves its entry in its own transaction."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest

from domain.codes import Role
from tests.attacks.relations import CASE, CONSENT, CONTACT, REFERRAL, WORKER, Stage, code_of, opened, referred

Attack = Callable[..., None]

ENTRIES = "SELECT action, actor_id, xmin::text AS made_by FROM audit_entries WHERE ctid <> ALL ($1::tid[])"
SAME = """
    SELECT count(*) FROM idempotency_records i
    WHERE i.status < 300 AND NOT EXISTS (SELECT 1 FROM audit_entries e WHERE e.xmin = i.xmin)
"""


@dataclass
class Watch:
    """Tells which entries a request left behind."""

    stage: Stage
    superuser: asyncpg.Connection

    async def after(self, relation: str, role: Role, method: str, path: str, body: Any = None) -> tuple[int, list[str]]:
        """Send a request in the present version; return its status and the actions that were recorded by it."""
        known = [row["ctid"] for row in await self.superuser.fetch("SELECT ctid FROM audit_entries")]
        version = None
        if path.startswith("/referrals/") and method == "POST":
            row = await self.superuser.fetchrow(
                "SELECT version FROM referrals WHERE reference = $1", path.split("/")[2]
            )
            version = row["version"] if row else 1
        elif method in {"PUT", "PATCH"}:
            row = await self.superuser.fetchrow("SELECT version FROM cases WHERE reference = $1", path.split("/")[2])
            version = row["version"] if row else 1
        response = await self.stage.ask(relation, role, method, path, body, version=version)
        entries = await self.superuser.fetch(ENTRIES, known)
        assert len({row["made_by"] for row in entries}) <= 1, "more than one transaction"
        subject = f"{relation}-{role}"
        actor = await self.superuser.fetchval("SELECT id FROM staff_members WHERE subject = $1", subject)
        assert {row["actor_id"] for row in entries} <= {actor}
        return response.status_code, [row["action"] for row in entries]


@pytest.fixture
async def watch(stage: Stage, superuser: asyncpg.Connection) -> Watch:
    return Watch(stage, superuser)


async def test_every_command_of_a_journey_leaves_its_entry(watch: Watch, superuser: asyncpg.Connection) -> None:
    stage = watch.stage
    status, actions = await watch.after("owner", WORKER, "POST", "/contacts", {**CONTACT, "cases": [CASE]})
    assert (status, set(actions)) == (201, {"contact.logged", "case.opened", "compartment.sealed"})
    case = await superuser.fetchval("SELECT reference FROM cases ORDER BY opened_at DESC LIMIT 1")
    journey = [
        ("POST", f"/cases/{case}/steps/inform-of-rights/completion", None, "step.completed"),
        ("POST", f"/cases/{case}/consents", CONSENT, "consent.recorded"),
        ("POST", f"/cases/{case}/assessments", {"danger": "low"}, "assessment.recorded"),
        ("POST", f"/cases/{case}/screenings", {"result": "indicated"}, "screening.recorded"),
        ("PATCH", f"/cases/{case}/person", {"sex": "female"}, "person.recorded"),
        ("PUT", f"/cases/{case}/person/identity", {"fields": {"given_name": "Other"}}, "compartment.sealed"),
        ("PUT", f"/cases/{case}/case-work", {"case_work": "active"}, "step.completed"),
        ("POST", f"/cases/{case}/walls", {"organisation": "NGO-BETA"}, "wall.raised"),
        ("POST", f"/cases/{case}/service-episodes", {"service": "medical"}, "service.started"),
        ("GET", f"/cases/{case}", None, "case.read"),
        ("GET", f"/cases/{case}/person/identity", None, "compartment.revealed"),
    ]
    decision = {"body": "ngo", "outcome": "ActualVictimOfTrafficking", "legal_basis": "guideline-1"}
    journey.insert(4, ("POST", f"/cases/{case}/decisions", decision, "decision.recorded"))
    journey.append(("POST", f"/cases/{case}/cooperation", {"willing": "no"}, "cooperation.recorded"))
    for method, path, body, action in journey:
        status, actions = await watch.after("owner", WORKER, method, path, body)
        assert status < 300, path
        assert actions == [action], path
    referral = await referred(stage, case, "before")
    acts: list[tuple[str, str, str, Any, list[str]]] = [
        ("before", "POST", "question", {"text": "Which language?"}, ["referral.info_requested"]),
        ("owner", "POST", "answer", {"text": "Kyrgyz."}, ["referral.answered"]),
        ("before", "POST", "waitlisting", None, ["referral.waitlisted"]),
        ("before", "POST", "acceptance", None, ["referral.accepted"]),
        ("before", "GET", "package", None, ["package.revealed"]),
        ("owner", "GET", "notes", None, ["notes.revealed"]),
        ("owner", "GET", "status", None, ["referral.status_read"]),
        ("before", "POST", "service-start", None, ["referral.started", "service.started"]),
        (
            "before",
            "POST",
            "completion",
            {"outcome": "full"},
            ["package.purged", "referral.completed", "service.ended"],
        ),
        ("owner", "POST", "error-mark", None, ["package.purged", "referral.entered_in_error"]),
    ]
    for relation, method, act, body, expected in acts:
        status, actions = await watch.after(relation, WORKER, method, f"/referrals/{referral}/{act}", body)
        assert status < 300, act
        assert sorted(set(actions)) == expected, act
    assert await superuser.fetchval(SAME) == 0, "an answer was stored by a transaction that recorded nothing"


async def test_ends_of_a_referral_and_of_a_consent_leave_their_entries(watch: Watch) -> None:
    stage = watch.stage
    case, _, _ = await opened(stage, "owner", WORKER)
    ends: list[tuple[str, str, Any, str]] = [
        ("before", "decline", {"declined_by": "person", "reason": "declined_by_person"}, "referral.declined"),
        ("owner", "revocation", None, "referral.revoked"),
        ("owner", "withdrawal", None, "referral.withdrawn"),
    ]
    for relation, act, body, action in ends:
        referral = await referred(stage, case, "before")
        status, actions = await watch.after(relation, WORKER, "POST", f"/referrals/{referral}/{act}", body)
        assert (status, sorted(actions)) == (200, ["package.purged", action])
    await referred(stage, case, "before")
    consents = (await stage.ask("owner", WORKER, "GET", f"/cases/{case}/consents")).json()
    given = next(one["consent_id"] for one in consents if "support" in one["purposes"])
    path = f"/cases/{case}/consents/{given}/withdrawal"
    status, actions = await watch.after("owner", WORKER, "POST", path)
    assert (status, sorted(actions)) == (201, ["consent.withdrawn", "package.purged", "referral.withdrawn"])


async def test_every_refusal_is_recorded_alike_for_what_is_foreign_and_what_is_absent(
    watch: Watch, superuser: asyncpg.Connection
) -> None:
    case, _, _ = await opened(watch.stage, "owner", WORKER)
    requests = [
        ("GET", f"/cases/{case}", None),
        ("GET", "/cases/C-0000-0000-0000-0000", None),
        ("GET", f"/cases/{case}/person/identity", None),
        ("POST", f"/cases/{case}/consents", CONSENT),
        ("GET", "/caseload/funnel", None),
    ]
    for method, path, body in requests:
        status, actions = await watch.after("foreign", WORKER, method, path, body)
        assert status in {403, 404}
        assert actions == ["access.denied"], path
    kept = await superuser.fetch(
        "SELECT e.details - 'route' - 'method' AS more, e.subject_id = e.organisation_id AS own, e.stream_id = "
        "e.organisation_id AS own_stream FROM audit_entries e WHERE action = 'access.denied'"
    )
    assert {tuple(row) for row in kept} == {("{}", True, True)}


BREAK = """
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no disk'; END $$;
    CREATE TRIGGER broken BEFORE INSERT ON audit_entries FOR EACH ROW EXECUTE FUNCTION refuse();
"""
MEND = "DROP TRIGGER broken ON audit_entries; DROP FUNCTION refuse()"


async def test_without_audit_no_plaintext_leaves_and_nothing_changes(
    stage: Stage, superuser: asyncpg.Connection, attack: Attack
) -> None:
    case, contact, _ = await opened(stage, "owner", WORKER)
    referral = await referred(stage, case, "before")
    await stage.do("before", f"/referrals/{referral}/acceptance")
    rows = "SELECT (SELECT count(*) FROM referrals) + (SELECT count(*) FROM consents) + (SELECT count(*) FROM contacts)"
    before = await superuser.fetchval(rows)
    readings = [
        ("owner", "GET", f"/cases/{case}/person/identity", None),
        ("owner", "GET", f"/cases/{case}", None),
        ("owner", "GET", f"/contacts/{contact}/words", None),
        ("before", "GET", f"/referrals/{referral}/package", None),
    ]
    commands = [
        ("owner", "POST", "/contacts", {**CONTACT, "cases": [CASE]}),
        ("owner", "POST", f"/cases/{case}/consents", CONSENT),
        ("owner", "POST", f"/cases/{case}/referrals", {**REFERRAL, "recipient": code_of("after")}),
    ]
    for relation, method, path, body in readings:
        assert (await stage.ask(relation, WORKER, method, path, body)).status_code == 200, path
    await superuser.execute(BREAK)
    try:
        answers = [await stage.ask(relation, WORKER, *rest) for relation, *rest in (*readings, *commands)]
    finally:
        await superuser.execute(MEND)
    secrets = ("Gulnara", "Matrixova", "020304", "Matrix street", "matrixwise", "a call", "female")
    leaked = [secret for answer in answers for secret in secrets if secret in answer.text]
    assert [answer.status_code for answer in answers] == [500] * len(answers)
    assert leaked == []
    assert await superuser.fetchval(rows) == before
    attack("reading and writing while the audit cannot be written", tried=len(answers), succeeded=len(leaked))
