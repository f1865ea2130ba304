"""Play a generated history over HTTP, and tell two databases' rows apart only where they truly differ."""

import json
import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg

from api.year.playing import Doing, Event
from domain.clock import Clock
from domain.referrals.rules import Act
from domain.tables import METADATA
from tests.world import STAFF, World

WHO = {subject: name for name, (subject, _, _) in STAFF.items()}
DIRECTORY = ("organisations", "staff_members", "memberships")
NEXT_DUE = (
    "SELECT min(due_at) FROM deadlines WHERE fired_at IS NULL AND settled_at IS NULL "
    "AND kind NOT IN ('retention', 'contact_retention')"
)
CASE_PATHS = {
    Doing.CONSENT: "consents",
    Doing.ASSESS: "assessments",
    Doing.SCREEN: "screenings",
    Doing.DECIDE: "decisions",
    Doing.COOPERATE: "cooperation",
    Doing.REFER: "referrals",
}
ACT_PATHS = {
    Act.RECEIVE: "receipt",
    Act.ASK: "question",
    Act.ANSWER: "answer",
    Act.WAITLIST: "waitlisting",
    Act.ACCEPT: "acceptance",
    Act.DECLINE: "decline",
    Act.START: "service-start",
    Act.COMPLETE: "completion",
    Act.FAIL: "failure",
    Act.WITHDRAW: "withdrawal",
}
REFERENCE = re.compile(r"^[CR](-[0-9A-Z]{4}){4}$")
INSTANT = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?[+-]\d\d:\d\d$")
IDENTIFIER = re.compile(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")


class Playback:
    """One case that is played by requests."""

    def __init__(self, world: World, admin: asyncpg.Connection) -> None:
        self.world, self.admin = world, admin
        self.case = ""
        self.referrals: dict[str, str] = {}
        self.present = datetime.min.replace(tzinfo=UTC)

    async def events(self, events: Iterable[Event], until: datetime) -> None:
        for event in events:
            if event.at >= until:
                break
            await self.clock(event.at)
            await self.at(event.at)
            await self.happen(event)
            await self.clock(event.at)
        await self.clock(until)

    async def at(self, instant: datetime) -> None:
        """Let the service live at an instant from now on."""
        self.present = instant
        shift = instant - await self.admin.fetchval("SELECT now()")
        self.world.runtime = replace(self.world.runtime, clock=Clock(shift))
        self.world.app.state.runtime = self.world.runtime

    async def clock(self, until: datetime) -> None:
        while True:
            due = await self.admin.fetchval(NEXT_DUE)
            if due is None or due > until:
                return
            await self.at(max(due, self.present))
            await self.world.work_off()

    async def happen(self, event: Event) -> None:
        who = WHO[event.who]
        if isinstance(event.does, Act):
            reference = self.referrals[event.name]
            version = await self.admin.fetchval("SELECT version FROM referrals WHERE reference = $1", reference)
            path = f"/referrals/{reference}/{ACT_PATHS[event.does]}"
            await self.world.post(who, path, event.body or None, version=version)
            return
        if event.does == Doing.OPEN:
            self.case = (await self.world.post(who, "/cases", event.body))["reference"]
            return
        path = f"/cases/{self.case}"
        if event.does in {Doing.RECORD_PERSON, Doing.CASE_WORK}:
            version = await self.admin.fetchval("SELECT version FROM cases WHERE reference = $1", self.case)
            method, end = ("PATCH", "person") if event.does == Doing.RECORD_PERSON else ("PUT", "case-work")
            answer = await self.world.ask(who, method, f"{path}/{end}", event.body, version=version)
            assert answer.is_success, answer.text
        elif event.does == Doing.COMPLETE_STEP:
            await self.world.post(who, f"{path}/steps/{event.name}/completion")
        elif event.does == Doing.WITHDRAW_CONSENT:
            consent = await self.admin.fetchval(
                "SELECT consent_id FROM consents WHERE case_id = (SELECT id FROM cases WHERE reference = $1)", self.case
            )
            await self.world.post(who, f"{path}/consents/{consent}/withdrawal")
        else:
            body = dict(event.body)
            if event.repeats:
                body["earlier_referral"] = self.referrals[event.repeats]
            answered = await self.world.post(who, f"{path}/{CASE_PATHS[event.does]}", body or None)
            if event.does == Doing.REFER:
                self.referrals[event.name] = answered["reference"]


async def told_rows(admin: asyncpg.Connection) -> dict[str, list[str]]:
    """Return every row of every table but the directory's, with ids, keys, seals and seconds left out, sorted."""
    tables = {
        table.name: [dict(row) for row in await admin.fetch(f"TABLE {table.name}")]
        for table in METADATA.sorted_tables
        if table.name not in DIRECTORY
    }
    names: dict[str, str] = {
        str(row["id"]): row["code"] for row in await admin.fetch("SELECT id, code FROM organisations")
    }
    names |= {str(row["id"]): row["subject"] for row in await admin.fetch("SELECT id, subject FROM staff_members")}
    names = _ranked(tables, _named(tables, names))
    streams = {str(row["id"]) for row in tables["cases"]}
    audit = ("audit_entries", "audit_heads")
    return {
        table: sorted(_told(row, names) for row in rows if table not in audit or str(row["stream_id"]) in streams)
        for table, rows in tables.items()
    }


def _named(tables: dict[str, list[dict[str, Any]]], names: dict[str, str]) -> dict[str, str]:
    """Call every record by its table alone."""
    return names | {str(row["id"]): table for table, rows in tables.items() for row in rows if "id" in row}


def _ranked(tables: dict[str, list[dict[str, Any]]], names: dict[str, str]) -> dict[str, str]:
    """Call every record by its table and its rank among the rows of it."""
    ranked = dict(names)
    for table, rows in tables.items():
        for rank, row in enumerate(sorted((row for row in rows if "id" in row), key=lambda row: _told(row, names))):
            ranked[str(row["id"])] = f"{table}#{rank}"
            if "reference" in row and table in {"cases", "referrals"}:
                ranked[row["reference"]] = f"{table}#{rank}"
    return ranked


def _told(row: dict[str, Any], names: dict[str, str]) -> str:
    shown = {name: _value(value, names) for name, value in row.items() if name not in {"id", "sequence", "key_id"}}
    return json.dumps(shown, sort_keys=True, ensure_ascii=False)


def _value(value: Any, names: dict[str, str]) -> Any:
    told = value
    match value:
        case UUID():
            told = names.get(str(value), "an id")
        case datetime():
            told = value.astimezone(UTC).replace(second=0, microsecond=0).isoformat()
        case str() if INSTANT.match(value):
            told = _value(datetime.fromisoformat(value), names)
        case bytes():
            told = f"{len(value)} bytes"
        case list():
            told = [_value(one, names) for one in value]
        case str() if value.startswith("{"):
            document = json.loads(value)
            told = {name: "a seal" if name == "fingerprint" else _value(one, names) for name, one in document.items()}
        case str() if REFERENCE.match(value) or IDENTIFIER.match(value):
            told = names.get(value, "an id")
    return told
