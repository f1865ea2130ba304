"""Play the history of one generated case through the commands of the domain, in simulated time."""

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar
from uuid import UUID

from sqlmodel import SQLModel

from api.schemas.base import In
from api.schemas.cases import AttributesIn, CaseIn, CaseWorkIn, CooperationIn
from api.schemas.records import AssessmentIn, ConsentIn, DecisionIn, ScreeningIn
from api.schemas.referrals import CompletionIn, DeclineIn, FailureIn, NoteIn, ReferralIn
from api.year.alone import WorkAlone, fire, next_due
from api.year.ledger import Ledger
from auth.authorisation import AuthorisationInMemory
from auth.roles import Permission
from domain.cases.commands import complete_step, open_case, record_cooperation, record_person, set_case_work
from domain.cases.models import Case, CaseAccess, CaseWall
from domain.consents.commands import record_consent, withdraw_consent
from domain.consents.models import Consent
from domain.errors import DomainError
from domain.identifiers import Identifiers
from domain.organisations.models import Membership, Organisation, StaffMember
from domain.permits import Actor, Permit
from domain.referrals.commands import MoveReferral, move_referral, send_referral
from domain.referrals.models import Referral
from domain.referrals.rules import Act
from domain.screenings.commands import record_assessment, record_decision, record_screening
from domain.sealing.providers import KeyProvider, RandomBytes
from domain.unit_of_work import UnitOfWork
from domain.workflow.catalogue import Catalogue


class Doing(StrEnum):
    """What somebody does with a case; with a referral they do an `Act`."""

    OPEN = "open"
    RECORD_PERSON = "record_person"
    COMPLETE_STEP = "complete_step"
    CONSENT = "consent"
    WITHDRAW_CONSENT = "withdraw_consent"
    ASSESS = "assess"
    SCREEN = "screen"
    DECIDE = "decide"
    COOPERATE = "cooperate"
    CASE_WORK = "case_work"
    REFER = "refer"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that somebody does in a history.

    Attributes:
        at: When; aware.
        who: The subject of a member of staff.
        does: What: with the case, or with one of its referrals.
        body: What they say, as a request would.
        name: The name that the history has for the referral that is meant; for a step, its key.
        repeats: The name of the referral that this one repeats elsewhere.
    """

    at: datetime
    who: str
    does: Doing | Act
    body: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""
    repeats: str = ""


class Country:
    """What all cases share: the directory, the procedures and the keys.

    Args:
        directory: Organisations, members of staff and memberships.
        catalogue: The published procedures.
        keys: Wraps and unwraps data keys.
        key_material: Makes data keys and nonces; never the seeded source of ids.
    """

    def __init__(
        self, directory: Iterable[SQLModel], catalogue: Catalogue, keys: KeyProvider, key_material: RandomBytes
    ) -> None:
        rows = list(directory)
        self.shared = [row for row in rows if not isinstance(row, Membership)]
        self.catalogue, self.keys, self.key_material = catalogue, keys, key_material
        self._organisations = {row.id: row for row in rows if isinstance(row, Organisation)}
        subjects = {row.id: row.subject for row in rows if isinstance(row, StaffMember)}
        self._members = {subjects[row.staff_id]: row for row in rows if isinstance(row, Membership)}

    def actor(self, subject: str, now: datetime) -> Actor:
        """Return a member of staff at work."""
        member = self._members[subject]
        organisation = self._organisations[member.organisation_id]
        return Actor(member.staff_id, organisation.id, organisation.code, member.role, organisation.country, now)


class HistoryRefused(RuntimeError):
    """A rule refused what a history says: the history is wrong; the message says what and why."""


class Play:
    """One case that is being played; its records are in `ledger`."""

    def __init__(self, country: Country, ids: Identifiers) -> None:
        self.country, self.ids = country, ids
        self.ledger = Ledger(country.shared)
        self.referrals: dict[str, str] = {}
        self.present = datetime.min.replace(tzinfo=UTC)

    async def events(self, events: Iterable[Event], until: datetime) -> None:
        """Let events happen, and the clock fire what falls due between them and until the end.

        Args:
            events: In the order of their instants.
            until: The end; aware. What lies after it does not happen.

        Raises:
            HistoryRefused: a rule refuses an event.
        """
        for event in events:
            if event.at >= until:
                break
            await self.clock(event.at)
            try:
                await self.happen(event)
            except DomainError as error:
                what = f"{event.who} {event.does} {event.name} at {event.at}"
                raise HistoryRefused(f"{what}: {error.code} {error.details}") from error
            await self.clock(event.at)
        await self.clock(until)

    async def clock(self, until: datetime) -> None:
        """Fire every deadline at the instant at which it falls due."""
        while (deadline := next_due(self.ledger)) is not None and deadline.due_at <= until:
            # What was late already when it began falls due at once: time does not go back.
            work = self._work(max(deadline.due_at, self.present))
            await fire(deadline, work)
            await work.commit()

    def _work(self, now: datetime) -> WorkAlone:
        self.present = now
        shared = self.country
        return WorkAlone(
            self.ledger,
            now=now,
            ids=self.ids,
            keys=shared.keys,
            catalogue=shared.catalogue,
            key_material=shared.key_material,
        )

    async def happen(self, event: Event) -> None:
        """Let one event happen.

        Raises:
            DomainError: a rule refuses it.
        """
        actor = self.country.actor(event.who, event.at)
        work = self._work(event.at)
        may = AuthorisationInMemory(actor, self.ledger.rows(CaseAccess), self.ledger.rows(CaseWall))
        if isinstance(event.does, Act):
            await self._move(event, may, work)
        elif event.does == Doing.OPEN:
            await open_case(_read(CaseIn, event).to_command(), may.own(Permission.CASE_OPEN), work)
        else:
            permission, command = COMMANDS[event.does]
            await command(self, event, may.of(self.case, permission), work)
        await work.commit()

    async def _move(self, event: Event, may: AuthorisationInMemory, work: UnitOfWork) -> None:
        act = Act(event.does)
        reference = self.referrals[event.name]
        referral = next(one for one in self.ledger.rows(Referral) if one.reference == reference)
        permit = may.of(referral, PERMISSIONS.get(act, Permission.REFERRAL_HANDLE))
        said = dict(_read(SAID[act], event)) if act in SAID else {}
        note = said.pop("text", None)
        await move_referral(MoveReferral(act, referral.version, note=note, **said), permit, work)

    @property
    def case(self) -> Case:
        """The case."""
        return self.ledger.rows(Case)[0]

    def consent_id(self) -> UUID:
        """Return the newest consent."""
        return self.ledger.rows(Consent)[-1].consent_id


Said = TypeVar("Said", bound=In)
Command = Callable[[Play, Event, Permit, UnitOfWork], Awaitable[Any]]


def _read(model: type[Said], event: Event, **more: str) -> Said:
    """Read what an event says exactly as the route would read the request."""
    return model.model_validate_json(json.dumps({**event.body, **more}))


async def _refer(play: Play, event: Event, permit: Permit, work: UnitOfWork) -> None:
    earlier = {"earlier_referral": play.referrals[event.repeats]} if event.repeats else {}
    said = _read(ReferralIn, event, **earlier)
    referral, _ = await send_referral(said.to_command(), permit, work)
    play.referrals[event.name] = referral.reference


SAID: Mapping[Act, type[In]] = {
    Act.DECLINE: DeclineIn,
    Act.FAIL: FailureIn,
    Act.COMPLETE: CompletionIn,
    Act.ASK: NoteIn,
    Act.ANSWER: NoteIn,
}
"""What is said with an act on a referral."""

PERMISSIONS = {
    Act.ANSWER: Permission.REFERRAL_REVOKE,
    Act.WITHDRAW: Permission.REFERRAL_WITHDRAW,
    Act.REVOKE: Permission.REFERRAL_REVOKE,
}
"""The verb of each act on a referral, where it is not to handle what was received."""

COMMANDS: Mapping[Doing, tuple[Permission, Command]] = {
    Doing.RECORD_PERSON: (
        Permission.PERSON_RECORD,
        lambda play, event, permit, work: record_person(
            _read(AttributesIn, event).to_attributes(), play.case.version, permit, work
        ),
    ),
    Doing.COMPLETE_STEP: (
        Permission.CASE_WORK,
        lambda _play, event, permit, work: complete_step(event.name, permit, work),
    ),
    Doing.CONSENT: (
        Permission.CONSENT_RECORD,
        lambda _play, event, permit, work: record_consent(_read(ConsentIn, event).to_command(), permit, work),
    ),
    Doing.WITHDRAW_CONSENT: (
        Permission.CONSENT_RECORD,
        lambda play, _event, permit, work: withdraw_consent(play.consent_id(), permit, work),
    ),
    Doing.ASSESS: (
        Permission.ASSESSMENT_RECORD,
        lambda _play, event, permit, work: record_assessment(_read(AssessmentIn, event).to_command(), permit, work),
    ),
    Doing.SCREEN: (
        Permission.SCREENING_RECORD,
        lambda _play, event, permit, work: record_screening(_read(ScreeningIn, event).to_command(), permit, work),
    ),
    Doing.DECIDE: (
        Permission.DECISION_RECORD,
        lambda _play, event, permit, work: record_decision(_read(DecisionIn, event).to_command(), permit, work),
    ),
    Doing.COOPERATE: (
        Permission.COOPERATION_RECORD,
        lambda _play, event, permit, work: record_cooperation(_read(CooperationIn, event).willing, permit, work),
    ),
    Doing.CASE_WORK: (
        Permission.CASE_CLOSE,
        lambda play, event, permit, work: set_case_work(
            _read(CaseWorkIn, event).case_work, _read(CaseWorkIn, event).reason, play.case.version, permit, work
        ),
    ),
    Doing.REFER: (Permission.REFERRAL_SEND, _refer),
}
"""What each doing asks permission for, and the command that does it: as its route has it."""
