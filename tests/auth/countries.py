"""Generated countries: organisations, staff, cases, grants, walls, referrals in every status, contacts and services."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from sqlmodel import SQLModel

from auth.authorisation import allowing
from auth.policies import BROKE_IT
from auth.roles import Permission, may
from domain.approvals.models import Approval
from domain.break_glass.models import BreakGlass
from domain.capacity.models import CapacityAsking, CapacityQuestion
from domain.cases.models import Case, CaseAccess, CaseWall, Relation
from domain.codes import (
    AwardGround,
    AwardStatus,
    CaseWork,
    Channel,
    Compartment,
    ContactOutcome,
    ContactTopic,
    CourseSubject,
    Currency,
    EntryChannel,
    HeardOfUs,
    LegalBasis,
    Priority,
    ReferralStatus,
    Role,
    Service,
    VictimType,
)
from domain.contacts.models import Contact, ContactCase
from domain.courses.models import Course
from domain.funding.models import Award, AwardCase
from domain.permits import Actor
from domain.referrals.models import Referral
from domain.referrals.rules import OVER
from domain.sealing.models import SealedValue
from domain.services.models import ServiceEpisode
from domain.statistics.models import ReleaseCandidate
from domain.webhooks.models import Webhook
from tests.auth.glasses import approval, candidate, glass, webhook

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
MOMENTS = [NOW + timedelta(hours=hours) for hours in (-72, -30, -23, 0, 1, 72)]
"""Before, within and after a day ago; exactly now, since a grant runs from its first instant and not at its last."""

MODELS: tuple[type[SQLModel], ...] = (
    Case,
    Referral,
    Contact,
    ServiceEpisode,
    Award,
    Course,
    CapacityQuestion,
    Webhook,
    BreakGlass,
    Approval,
    ReleaseCandidate,
)
ORGANISATIONS, STAFF, CASES, REFERRALS, CONTACTS, EPISODES, AWARDS, COURSES, QUESTIONS = (
    [UUID(int=base * 1000 + number) for number in range(size)]
    for base, size in ((1, 4), (2, 4), (3, 3), (4, 4), (5, 3), (6, 3), (7, 3), (8, 3), (9, 3))
)
KINDS = {"compartment": CASES, "package": REFERRALS, "question": REFERRALS, "notes": CONTACTS}
COUNTRIES = ("KG", "KG", "KG", "KZ")


@dataclass(frozen=True)
class Country:
    """Everything that is recorded somewhere, and who looks at it."""

    cases: list[Case]
    grants: list[CaseAccess]
    walls: list[CaseWall]
    referrals: list[Referral]
    contacts: list[Contact]
    links: list[ContactCase]
    episodes: list[ServiceEpisode]
    awards: list[Award]
    asked_for: list[AwardCase]
    courses: list[Course]
    sealed: list[SealedValue]
    questions: list[CapacityQuestion]
    askings: list[CapacityAsking]
    webhooks: list[Webhook]
    glasses: list[BreakGlass]
    approvals: list[Approval]
    candidates: list[ReleaseCandidate]
    actors: list[Actor]

    def records(self, model: type[SQLModel]) -> list[Any]:
        """Return the records of one table."""
        found: dict[type[SQLModel], list[Any]] = {
            Case: self.cases, Referral: self.referrals, Contact: self.contacts, ServiceEpisode: self.episodes,
            Award: self.awards,
            CapacityQuestion: self.questions,
            Course: self.courses,
            Webhook: self.webhooks,
            BreakGlass: self.glasses,
            Approval: self.approvals,
            ReleaseCandidate: self.candidates,
        }  # fmt: skip
        return found[model]

    def cases_behind(self, record: Any) -> set[UUID]:
        """Return the cases that a record tells of."""
        if isinstance(record, Webhook | Approval | ReleaseCandidate):
            return set()
        if isinstance(record, Contact):
            return {link.case_id for link in self.links if link.contact_id == record.id}
        if isinstance(record, Award):
            return {link.case_id for link in self.asked_for if link.award_id == record.id}
        if isinstance(record, CapacityQuestion):
            return {asking.case_id for asking in self.askings if asking.question_id == record.id}
        if isinstance(record, BreakGlass):
            return {record.about_case_id} if record.about_case_id is not None else set()
        return {record.id if isinstance(record, Case) else record.case_id}

    def walled(self, record: Any, actor: Actor) -> bool:
        """Whether a wall stands between the actor and a record."""
        if isinstance(record, BreakGlass) and BROKE_IT.holds(record, actor):
            return False  # whoever asked is told the same of every case, and of none
        behind = self.cases_behind(record)
        return any(
            wall.case_id in behind
            and (wall.organisation_id == actor.organisation_id or wall.staff_id == actor.staff_id)
            for wall in self.walls
        )

    def by_python(self, verb: Permission, actor: Actor, record: Any) -> bool:
        """Read the rules on the record."""
        behind = self.cases_behind(record)
        apart = isinstance(
            record, Contact | Award | CapacityQuestion | Webhook | BreakGlass | Approval | ReleaseCandidate
        )
        grants = [] if apart else [grant for grant in self.grants if grant.case_id in behind]
        allowed = may(actor.role, verb) and allowing(verb, actor, record, grants) is not None
        return allowed and not self.walled(record, actor)

    def served_for(self, actor: Actor, episode: ServiceEpisode) -> bool:
        """Whether an episode belongs to a referral that the actor's organisation sent or received."""
        parties = {
            party
            for referral in self.referrals
            if referral.id == episode.referral_id and not self.walled(referral, actor)
            for party in (referral.sending_organisation_id, referral.receiving_organisation_id)
        }
        return actor.organisation_id in parties and not self.walled(episode, actor)

    def of_own_case(self, actor: Actor, award: Award) -> bool:
        """Whether an award was asked for a case that the actor's organisation leads."""
        leads = any(self.leads(actor, case_id) for case_id in self.cases_behind(award))
        return leads and not self.walled(award, actor)

    def opens(self, actor: Actor, value: SealedValue) -> bool:
        """Whether a grant names the compartment, or it is a note or contact of one's own, or is to be destroyed."""
        mine = actor.organisation_id
        granted = any(
            grant.holder_id == value.holder_id
            and grant.organisation_id == mine
            and grant.valid_from <= actor.now < grant.valid_until
            and value.compartment in grant.compartments
            and grant.staff_id in {None, actor.staff_id}
            and not self.walled(grant, actor)
            for grant in self.grants
        )
        sealed_for = [one for one in self.referrals if one.id == value.holder_id and not self.walled(one, actor)]
        party = any(mine in (one.sending_organisation_id, one.receiving_organisation_id) for one in sealed_for)
        over = any(one.status in OVER for one in sealed_for)
        ends = over and (party or any(self.leads(actor, one.case_id) for one in sealed_for))
        taken = any(
            contact.id == value.holder_id and contact.organisation_id == mine and not self.walled(contact, actor)
            for contact in self.contacts
        )
        return granted or taken or ends or (party and value.kind == "question")

    def leads(self, actor: Actor, case_id: UUID) -> bool:
        """Whether the actor's organisation holds a running grant as owner of a case."""
        return any(
            grant.case_id == case_id
            and grant.organisation_id == actor.organisation_id
            and grant.relation == Relation.OWNER
            and grant.valid_from <= actor.now < grant.valid_until
            for grant in self.grants
        )


some_organisation, some_case = st.sampled_from(ORGANISATIONS), st.sampled_from(CASES)


@st.composite
def countries(draw: st.DrawFn) -> Country:
    """Generate a country."""
    numbers = count(9_000)
    pairs = draw(st.sets(st.tuples(st.sampled_from(CONTACTS), some_case), max_size=4))
    walls = draw(st.sets(st.tuples(some_case, st.booleans(), st.integers(0, 3)), max_size=3))
    askers = st.tuples(st.integers(0, 3), st.integers(0, 3), st.sampled_from(Role))
    return Country(
        cases=[_case(one, number, draw(some_organisation)) for number, one in enumerate(CASES)],
        grants=[_grant(UUID(int=next(numbers)), draw) for _ in range(draw(st.integers(0, 6)))],
        walls=[_wall(UUID(int=next(numbers)), *wall) for wall in sorted(walls, key=str)],
        referrals=[_referral(one, number, draw) for number, one in enumerate(REFERRALS)],
        contacts=[_contact(one, draw(some_organisation)) for one in CONTACTS],
        links=[ContactCase(contact_id=contact, case_id=case) for contact, case in sorted(pairs, key=str)],
        episodes=[_episode(one, draw) for one in EPISODES],
        awards=[_award(one, draw) for one in AWARDS],
        asked_for=[AwardCase(award_id=one, case_id=draw(some_case)) for one in AWARDS],
        courses=[_course(one, number, draw) for number, one in enumerate(COURSES)],
        sealed=[
            _sealed(UUID(int=next(numbers)), kind, holder, compartment)
            for kind, holders in KINDS.items()
            for holder in holders
            for compartment in (Compartment.IDENTITY, Compartment.NARRATIVE)
        ],
        questions=[_question(one, draw) for one in QUESTIONS],
        askings=[
            CapacityAsking(question_id=one, case_id=draw(some_case), organisation_id=draw(some_organisation))
            for one in QUESTIONS
        ],
        glasses=[glass(UUID(int=next(numbers)), draw, CASES, ORGANISATIONS, STAFF) for _ in range(2)],
        approvals=[approval(UUID(int=next(numbers)), draw, ORGANISATIONS, STAFF) for _ in range(2)],
        candidates=[candidate(UUID(int=next(numbers)), draw, ORGANISATIONS, STAFF) for _ in range(2)],
        webhooks=[webhook(UUID(int=next(numbers)), draw(some_organisation), STAFF[0]) for _ in range(2)],
        actors=[
            Actor(STAFF[number], ORGANISATIONS[place], "X", role, COUNTRIES[place], NOW)
            for number, place, role in draw(st.lists(askers, min_size=1, max_size=3))
        ],
    )


def _grant(one: UUID, draw: st.DrawFn) -> CaseAccess:
    case, relation = draw(some_case), draw(st.sampled_from(Relation))
    return CaseAccess(
        id=one,
        case_id=case,
        organisation_id=draw(some_organisation),
        relation=relation,
        staff_id=draw(st.sampled_from(STAFF)) if relation == Relation.BREAK_GLASS else None,
        holder_id=draw(st.sampled_from([case, *REFERRALS])),
        referral_id=draw(st.sampled_from(REFERRALS)),
        compartments=sorted(draw(st.sets(st.sampled_from(Compartment), max_size=2))),
        valid_from=draw(st.sampled_from(MOMENTS)),
        valid_until=draw(st.sampled_from(MOMENTS)),
    )


def _wall(one: UUID, case: UUID, whole: bool, number: int) -> CaseWall:  # noqa: FBT001 - drawn as it is
    return CaseWall(
        id=one,
        case_id=case,
        organisation_id=ORGANISATIONS[number] if whole else None,
        staff_id=None if whole else STAFF[number],
        raised_at=NOW,
    )


def _episode(one: UUID, draw: st.DrawFn) -> ServiceEpisode:
    return ServiceEpisode(
        id=one,
        case_id=draw(some_case),
        organisation_id=draw(some_organisation),
        referral_id=draw(st.sampled_from([None, *REFERRALS])),
        service=Service.MEDICAL,
        started_at=NOW,
    )


def _award(one: UUID, draw: st.DrawFn) -> Award:
    return Award(
        id=one,
        country="KG",
        asking_organisation_id=draw(some_organisation),
        deciding_organisation_id=draw(some_organisation),
        service=Service.MEDICAL,
        population=VictimType.TRAFFICKING,
        ground=AwardGround.DECLINED,
        currency=Currency.SOM,
        amount_asked=1,
        status=AwardStatus.ASKED,
        asked_at=NOW,
        due_at=NOW,
    )


def _course(one: UUID, number: int, draw: st.DrawFn) -> Course:
    return Course(
        id=one,
        reference=f"K-{number}",
        case_id=CASES[number],
        country="KG",
        organisation_id=draw(some_organisation),
        referral_id=draw(st.sampled_from([None, REFERRALS[number]])),
        subject=draw(st.sampled_from(CourseSubject)),
        sop="x",
        sop_version="1.0.0",
        opened_at=NOW,
    )


def _sealed(one: UUID, kind: str, holder: UUID, compartment: Compartment) -> SealedValue:
    return SealedValue(
        record_id=one,
        kind=kind,
        compartment=compartment,
        holder_id=holder,
        key_version=1,
        version=1,
        sealed=b"",
        changed_at=NOW,
    )


def _case(one: UUID, number: int, owner: UUID) -> Case:
    return Case(
        id=one,
        reference=f"C-{number}",
        country="KG",
        owner_organisation_id=owner,
        entry_channel=EntryChannel.NGO,
        victim_type=VictimType.TRAFFICKING,
        sop_versions={},
        case_work=CaseWork.OPEN,
        opened_at=NOW,
    )


def _referral(one: UUID, number: int, draw: st.DrawFn) -> Referral:
    return Referral(
        id=one,
        reference=f"R-{number}",
        case_id=draw(some_case),
        country="KG",
        step="x",
        service=draw(st.sampled_from([Service.CASE_MANAGEMENT, Service.STATE_IDENTIFICATION, Service.MEDICAL])),
        priority=Priority.NORMAL,
        sending_organisation_id=draw(some_organisation),
        receiving_organisation_id=draw(some_organisation),
        status=draw(st.sampled_from(ReferralStatus)),
        compartments=[],
        basis=LegalBasis.CONSENT,
        age_band="unknown",
        sex="unknown",
        languages=[],
        created_at=NOW,
        changed_at=NOW,
        shared_until=NOW,
    )


def _contact(one: UUID, organisation: UUID) -> Contact:
    return Contact(
        id=one,
        organisation_id=organisation,
        channel=Channel.CALL,
        made_at=NOW,
        recorded_at=NOW,
        language="ky",
        topic=ContactTopic.OTHER,
        heard_of_us=HeardOfUs.NOT_ASKED,
        anonymous=True,
        outcome=ContactOutcome.INFORMATION_GIVEN,
        sop_version="1.0.0",
    )


def _question(one: UUID, draw: st.DrawFn) -> CapacityQuestion:
    return CapacityQuestion(
        id=one,
        reference=f"Q-{one.int}",
        asking_organisation_id=draw(some_organisation),
        asked_organisation_id=draw(some_organisation),
        service=Service.MEDICAL,
        priority=Priority.NORMAL,
        age_band="unknown",
        sex="unknown",
        languages=[],
        children=0,
        wanted_from=NOW.date(),
        asked_at=NOW,
        respond_by=NOW,
        expires_at=NOW,
    )
