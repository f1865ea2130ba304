"""What the examples of the contract speak of by name: made through the API itself, anew for each example."""

import hashlib
import re
from datetime import timedelta
from string import ascii_lowercase
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg

from api import sequencer
from api.matching import search_all
from domain.audit.checkpoints import Checkpoint
from domain.audit.notes import Note
from tests.documents import picture
from tests.journeys import erasing
from tests.statistics.releasing import candidate, published
from tests.world import STAFF, WITNESS_KEY, World

SYMBOL = re.compile(r"\{([a-z:_]+)(\.version)?\}")
PERSON = {
    "sex": "female",
    "age_band": "24--26",
    "citizenships": ["KG"],
    "languages": ["ky"],
    "migration_status": "national",
}
CONSENT = {
    "decision": "given",
    "giver": "self",
    "purposes": ["support", "identification"],
    "recipients": ["any"],
    "compartments": ["identity", "contact", "location", "narrative", "health", "legal"],
    "obtained": "written",
    "language": "ky",
    "informed_of": ["purpose", "how_to_withdraw"],
}
LIFE: dict[str, tuple[tuple[str, str, Any], ...]] = {
    "draft": (),
    "sent": (),
    "received": (("north", "receipt", None),),
    "asked": (("north", "receipt", None), ("north", "question", {"text": "A fictional question."})),
    "accepted": (("north", "receipt", None), ("north", "acceptance", None)),
    "in_service": (("north", "receipt", None), ("north", "acceptance", None), ("north", "service-start", None)),
}


def who(role: str, organisation: str) -> str:
    """Return the short name of the first member of staff in this role there."""
    return next(name for name, (_, code, has) in STAFF.items() if (code, has) == (organisation, role))


class Prepared:
    """Things by symbolic name; the same name stands for the same thing."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.made: dict[str, tuple[str, str]] = {}

    async def filled(self, value: Any) -> Any:
        """Return a part of an example with every symbol replaced."""
        if isinstance(value, dict):
            return {key: await self.filled(part) for key, part in value.items()}
        if not isinstance(value, str):
            return value
        for symbol in SYMBOL.finditer(value):
            named = await (self._version if symbol[2] else self.named)(symbol[1])
            value = value.replace(symbol[0], named)
        return value

    async def named(self, name: str) -> str:
        """Return the reference or id that a name stands for."""
        if name not in self.made:
            kind, _, state = name.partition(":")
            self.made[name] = await getattr(self, f"_{kind}")(*([state] if state else []))
        return self.made[name][0]

    async def _version(self, name: str) -> str:
        await self.named(name)
        known = self.made[name][1]
        return known if known.isdigit() else str(await self.world.version(*known.split(" ")))

    async def _opened(self) -> tuple[str, str]:
        body = {"entry_channel": "ngo", "person": PERSON, "compartments": {"identity": {"given_name": "Fictional"}}}
        case = (await self.world.post("alpha", "/cases", body))["reference"]
        return case, f"alpha /cases/{case}"

    async def _screened(self) -> tuple[str, str]:
        case, read = await self._opened()
        await self.world.post("alpha", f"/cases/{case}/steps/inform-of-rights/completion")
        consent = await self.world.post("alpha", f"/cases/{case}/consents", CONSENT)
        self.made["consent"] = (consent["consent_id"], "")
        await self.world.post("alpha", f"/cases/{case}/screenings", {"hits": {}, "result": "indicated"})
        return case, read

    async def _case(self) -> tuple[str, str]:
        case, read = await self._screened()
        decision = {"body": "ngo", "outcome": "ActualVictimOfTrafficking", "legal_basis": "guideline-1"}
        await self.world.post("alpha", f"/cases/{case}/decisions", decision)
        return case, read

    async def _consent(self) -> tuple[str, str]:
        await self.named("case")
        return self.made["consent"]

    async def _episode(self) -> tuple[str, str]:
        case = await self.named("case")
        episode = await self.world.post("alpha", f"/cases/{case}/service-episodes", {"service": "psychosocial"})
        return episode["id"], str(episode["version"])

    async def _exploitation(self) -> tuple[str, str]:
        case = await self.named("case")
        body = {"types": ["ForcedLabour"], "account": "Fictional."}
        recorded = await self.world.post("alpha", f"/cases/{case}/exploitation-episodes", body)
        return recorded["id"], str(recorded["version"])

    async def _classification(self) -> tuple[str, str]:
        case = await self.named("case")
        body = {"kind": "legal_offence", "code": "fraud", "body": "police", "reasons": "Fictional."}
        return (await self.world.post("alpha", f"/cases/{case}/classifications", body))["id"], ""

    async def _attachment(self) -> tuple[str, str]:
        case = await self.named("case")
        added = await self.world.post("alpha", f"/cases/{case}/attachments?compartment=identity", picture())
        return added["reference"], str(added["version"])

    async def _carrying(self) -> tuple[str, str]:
        """Return a referral that takes an attachment along, accepted."""
        case, document = await self.named("case"), await self.named("attachment")
        body = {"step": "refer-for-shelter", "service": "shelter", "recipient": "SHELTER-NORTH"}
        sent = await self.world.post("alpha", f"/cases/{case}/referrals", {**body, "attachments": [document]})
        for act in ("receipt", "acceptance"):
            await self.world.act("north", sent["reference"], act)
        return sent["reference"], ""

    async def _carried(self) -> tuple[str, str]:
        referral = await self.named("carrying")
        (listed,) = await self.world.get("north", f"/referrals/{referral}/attachments")
        return listed["reference"], ""

    async def _cost(self) -> tuple[str, str]:
        episode = await self.named("episode")
        body = {"amount": 15_000, "currency": "KGS", "funding_source": "state"}
        return (await self.world.post("alpha", f"/service-episodes/{episode}/costs", body))["id"], ""

    async def _award(self, state: str) -> tuple[str, str]:
        case = await self.named("case")
        body = {"service": "medical", "amount": 15_000, "currency": "KGS", "ground": "state_declined"}
        award = (await self.world.post("alpha", f"/cases/{case}/awards", {**body, "decided_by": "COORDINATION"}))["id"]
        if state == "granted":
            await self.world.ask("coordinator", "POST", f"/awards/{award}/decision", {"amount": 9_000}, version=1)
        return award, f"alpha /awards/{award}"

    async def _course(self, state: str) -> tuple[str, str]:
        """Return proceedings, or a rehabilitation that was brought so far."""
        case = await self.named("case")
        subject = state if state == "proceedings" else "rehabilitation"
        course = (await self.world.post("alpha", f"/cases/{case}/courses", {"subject": subject}))["reference"]
        if subject == "rehabilitation":
            await self.world.post("alpha", f"/courses/{course}/steps/assess-needs", {})
        if state in {"agreed", "asked"}:
            services = [{"service": "psychosocial"}]
            await self.world.post("alpha", f"/courses/{course}/plan", {"status": "drafted", "services": services})
            agreed = {"status": "agreed", "agreed_by": "self", "review_on": "2100-01-05"}
            await self.world.post("alpha", f"/courses/{course}/plan", agreed)
        return course, f"alpha /courses/{course}"

    async def _request(self) -> tuple[str, str]:
        course = await self.named("course:agreed")
        asked = await self.world.post("alpha", f"/courses/{course}/commission-requests", {"organisation": "MIGRATION"})
        return asked["request_id"], ""

    async def _follow_up(self) -> tuple[str, str]:
        course = await self.named("course:agreed")
        today = str(self.world.runtime.clock.present().astimezone(ZoneInfo("Asia/Bishkek")).date())
        planned = await self.world.post("alpha", f"/courses/{course}/follow-ups", {"due_on": today})
        return planned["id"], ""

    async def _contact(self) -> tuple[str, str]:
        body = {"channel": "voicemail", "language": "ky", "topic": "other", "narrative": {"account": "Fictional."}}
        contact = (await self.world.post("hotline", "/contacts", body))["id"]
        return contact, f"hotline /contacts/{contact}"

    async def _visit(self) -> tuple[str, str]:
        body = {"channel": "visit", "language": "ky", "topic": "other"}
        contact = (await self.world.post("alpha", "/contacts", body))["id"]
        return contact, f"alpha /contacts/{contact}"

    async def _escalation(self) -> tuple[str, str]:
        """Put a callback on the coordinators' list, as the worker does once the hotline is gone."""
        contact, _ = await self._contact()
        access = self.world.access
        connection = await asyncpg.connect(access.admin_dsn(access.database))
        try:
            found = await connection.fetchval(
                "INSERT INTO escalations (id, subject_id, unit, reference, country, organisation_id, reason, "
                "raised_at, version) SELECT gen_random_uuid(), c.id, 'contact', c.id::text, 'KG', c.organisation_id, "
                "'organisation_suspended', now(), 1 FROM contacts c WHERE c.id = $1::uuid RETURNING id::text",
                contact,
            )
        finally:
            await connection.close()
        return str(found), "1"

    async def _checkpoint(self) -> tuple[str, str]:
        """Let the tree over the audit be signed, and a witness sign it; returns its size."""
        await sequencer.place_all(self.world.runtime)
        await sequencer.sign(self.world.runtime, timedelta(0))
        note = Note.read((await self.world.get("monitor", "/audit/checkpoint"))["note"])
        signature = WITNESS_KEY.cosign(note.text, int(self.world.runtime.clock.present().timestamp()))
        self.made["cosignature"] = (signature.line, "")
        return str(Checkpoint.read(note).size), ""

    async def _cosignature(self) -> tuple[str, str]:
        await self.named("checkpoint")
        return self.made["cosignature"]

    async def _leaf(self) -> tuple[str, str]:
        return str(int(await self.named("checkpoint")) - 1), ""

    async def _watched(self, answer: str = "") -> tuple[str, str]:
        """Open two cases of one person, and let the search warn of them."""
        identity = {"given_name": self._unlike(), "family_name": self._unlike()}
        body = {"entry_channel": "ngo", "compartments": {"identity": identity}}
        case, again = [(await self.world.post("alpha", "/cases", body))["reference"] for _ in range(2)]
        await search_all(self.world.runtime)
        warning = next(one["id"] for one in await self._warnings() if (one["case"], one["other_case"]) == (case, again))
        self.made["warning"], self.made["again"] = (warning, ""), (again, "")
        if answer:
            await self.world.post("alpha", f"/cases/{case}/duplicates/{warning}/answers", {"answer": answer})
        return case, f"alpha /cases/{case}"

    async def _warnings(self) -> list[dict[str, Any]]:
        """Return every warning, of all pages."""
        page = await self.world.get("alpha", "/duplicates")
        found: list[dict[str, Any]] = page["items"]
        while page.get("next"):
            page = await self.world.get("alpha", f"/duplicates?cursor={page['next']}")
            found += page["items"]
        return found

    def _unlike(self) -> str:
        """Return a name that is like no other: a search tells only of the few that are most alike."""
        drawn = hashlib.sha256(str(self.world.numbers()).encode()).digest()
        return "".join(ascii_lowercase[byte % 26] for byte in drawn[:12]).title()

    async def _merged(self) -> tuple[str, str]:
        case = await self.named("watched:same_person")
        await self.world.post("alpha", f"/cases/{case}/duplicates/{self.made['warning'][0]}/merge")
        return self.made["again"][0], ""

    async def _webhook(self) -> tuple[str, str]:
        body = {"url": "https://receiver.example/nrm", "kinds": ["referral_arrived"]}
        webhook = (await self.world.post("alpha", "/webhooks", body))["id"]
        return webhook, f"alpha /webhooks/{webhook}"

    async def _glass(self) -> tuple[str, str]:
        case = await self.named("case")
        said = {"compartment": "location", "reason": "missing_person", "account": "Fictional."}
        return (await self.world.post("coordinator", "/break-glass", {**said, "case": case}))["id"], ""

    async def _wall(self) -> tuple[str, str]:
        case = await self.named("case")
        return (await self.world.post("alpha", f"/cases/{case}/walls", {"organisation": "NGO-BETA"}))["id"], ""

    async def _approval(self) -> tuple[str, str]:
        act = {"verb": "directory.close", "parameters": {"code": "NGO-BETA"}}
        return (await self.world.post("coordinator", "/approvals", act))["id"], ""

    async def _unjustified(self) -> tuple[str, str]:
        """Break the glass without a reason, and let two agree that the right is given back."""
        glass = await self.named("glass")
        await self.world.post("monitor", f"/break-glass/{glass}/review", {"outcome": "unjustified"})
        act = {"verb": "glass.restore", "parameters": {"break_glass": glass}}
        approval = (await self.world.post("coordinator", "/approvals", act))["id"]
        await self.world.post("monitor", f"/approvals/{approval}/decision", {"decision": "approved"})
        return glass, ""

    async def _referral(self, state: str) -> tuple[str, str]:
        case = await self.named("case")
        body = {
            "step": "refer-for-shelter",
            "service": "shelter",
            "recipient": "SHELTER-NORTH",
            "draft": state == "draft",
        }
        referral = (await self.world.post("alpha", f"/cases/{case}/referrals", body))["reference"]
        for actor, act, said in LIFE[state]:
            await self.world.act(actor, referral, act, said)
        return referral, f"alpha /referrals/{referral}"

    async def _question(self) -> tuple[str, str]:
        case = await self.named("case")
        body = {"service": "shelter", "recipients": ["SHELTER-NORTH"]}
        (question,) = await self.world.post("alpha", f"/cases/{case}/capacity-questions", body)
        return question["reference"], f"alpha /capacity-questions/{question['reference']}"

    async def _place(self) -> tuple[str, str]:
        body = {"sex": "women", "family": "single", "count": 1}
        places = (await self.world.post("south", "/places", body))["items"]
        return places[-1]["id"], "1"

    async def _accepted(self) -> tuple[str, str]:
        await self.world.post("south", "/places", {"sex": "women", "family": "single", "count": 1})
        case = await self.named("case")
        body = {"step": "refer-for-shelter", "service": "shelter", "recipient": "SHELTER-SOUTH"}
        referral = (await self.world.post("alpha", f"/cases/{case}/referrals", body))["reference"]
        for act in ("receipt", "acceptance"):
            await self.world.act("south", referral, act)
        return referral, ""

    async def _placed(self) -> tuple[str, str]:
        referral, _ = await self._accepted()
        await self.world.post("south", f"/referrals/{referral}/placement", {})
        await self.world.act("south", referral, "service-start")
        case = (await self.world.get("south", f"/referrals/{referral}"))["case"]
        stay = (await self.world.get("south", f"/cases/{case}/courses"))[0]["reference"]
        wish = {"fact": "wish", "value": "leave"}
        await self.world.post("south", f"/courses/{stay}/happenings", wish)
        return referral, f"south /referrals/{referral}/placement"

    async def _subject_request(self, kind: str) -> tuple[str, str]:
        """Return a request of the person; one for access is granted."""
        case = await self.named("case")
        path = f"/cases/{case}/subject-requests"
        request = (await self.world.post("alpha", path, {"kind": kind}))["id"]
        if kind == "access":
            await self.world.post("alpha", f"{path}/{request}/answer", {"granted": True})
        return request, ""

    async def _restricted(self) -> tuple[str, str]:
        case, read = await self._opened()
        await erasing.granted(self.world, case, "restriction")
        return case, read

    async def _hold(self) -> tuple[str, str]:
        case = await self.named("case")
        until = self.world.runtime.clock.present() + timedelta(days=30)
        body = {"ground": "proceedings", "holds_until": until.isoformat()}
        return (await self.world.post("alpha", f"/cases/{case}/retention-holds", body))["id"], ""

    async def _erasure(self) -> tuple[str, str]:
        case, _ = await self._opened()
        await erasing.granted(self.world, case, "erasure")
        await self.world.work_off()
        found = (await self.world.get("alpha", "/erasures?limit=100"))["items"]
        return next(one["id"] for one in found if one["reference"] == case), ""

    async def _release(self) -> tuple[str, str]:
        return (await published(self.world)).id, ""

    async def _candidate(self) -> tuple[str, str]:
        kept = await candidate(self.world, (await published(self.world)).number + 1)
        self.made["report"] = (kept.report_digest, "")
        return str(kept.id), ""
