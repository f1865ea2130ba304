"""A rule is written once and read twice, and row-level security is a third reading. The three never disagree.

Generated organisations, staff, cases, grants (running, ended, future), walls and referrals in every status. For every
verb and every record of four tables:

- by Python: the role has the verb, `allowing` finds a rule, and no conflict wall stands before the record;
- by SQL: `visible` as a condition, asked by a superuser, whom no policy holds;
- by row-level security: a plain `SELECT` as the application's role, with nothing but the context set.

Row-level security knows the organisation and its walls, not the verbs, so it is compared with what any role of the same
organisation may read. It is wider on purpose in two places: the services of a referral are there for its sender, whose
withdrawal ends them, and for whoever leads the case. The first 24 hours of a hotline, the compartments of a role and the
responsibility for a step are the first wall's alone.
"""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import literal, select, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlmodel import SQLModel, col

from api.database import Pool, dsn_as, engine_for
from api.postgres import Server
from auth.authorisation import allowing, visible
from auth.policies import RULES
from auth.roles import Permission, may
from domain.cases.models import Case, CaseAccess, CaseWall, Relation
from domain.codes import (
    CaseWork,
    Channel,
    Compartment,
    ContactOutcome,
    ContactTopic,
    EntryChannel,
    HeardOfUs,
    LegalBasis,
    OrganisationStatus,
    OrganisationType,
    Priority,
    ReferralStatus,
    Role,
    Service,
    VictimType,
)
from domain.contacts.models import Contact, ContactCase
from domain.organisations.models import Organisation, StaffMember
from domain.permits import Actor
from domain.referrals.models import Referral
from domain.sealing.models import SealedValue, SealingKey
from domain.services.models import ServiceEpisode
from tests.conftest import Databases

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
MOMENTS = [NOW + timedelta(hours=hours) for hours in (-72, -30, -23, 0, 1, 72)]
"""Before, within and after a day ago; exactly now, since a grant runs from its first instant and not at its last."""

MODELS: tuple[type[SQLModel], ...] = (Case, Referral, Contact, ServiceEpisode)
OVERSIGHT = {Role.FOCAL_POINT, Role.COORDINATOR}
VERBS = tuple(RULES)
ORGANISATIONS, STAFF, CASES, REFERRALS, CONTACTS, EPISODES = (
    [UUID(int=base * 1000 + number) for number in range(size)]
    for base, size in ((1, 4), (2, 4), (3, 3), (4, 4), (5, 3), (6, 3))
)
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
    actors: list[Actor]

    def records(self, model: type[SQLModel]) -> list[Any]:
        """Return the records of one table."""
        found: dict[type[SQLModel], list[Any]] = {
            Case: self.cases, Referral: self.referrals, Contact: self.contacts, ServiceEpisode: self.episodes,
        }  # fmt: skip
        return found[model]

    def cases_behind(self, record: Any) -> set[UUID]:
        """Return the cases that a record tells of."""
        if isinstance(record, Contact):
            return {link.case_id for link in self.links if link.contact_id == record.id}
        return {record.id if isinstance(record, Case) else record.case_id}

    def walled(self, record: Any, actor: Actor) -> bool:
        """Whether a wall stands between the actor and a record."""
        behind = self.cases_behind(record)
        return any(
            wall.case_id in behind and (wall.organisation_id == actor.organisation_id or wall.staff_id == actor.staff_id)
            for wall in self.walls
        )

    def by_python(self, verb: Permission, actor: Actor, record: Any) -> bool:
        """Read the rules on the record."""
        behind = self.cases_behind(record)
        grants = [] if isinstance(record, Contact) else [grant for grant in self.grants if grant.case_id in behind]
        allowed = may(actor.role, verb) and allowing(verb, actor, record, grants) is not None
        return allowed and not self.walled(record, actor)


some_organisation, some_case = st.sampled_from(ORGANISATIONS), st.sampled_from(CASES)


@st.composite
def countries(draw: st.DrawFn) -> Country:
    """Generate a country."""
    numbers = count(9_000)

    def fresh() -> UUID:
        return UUID(int=next(numbers))

    cases = [_case(one, number, draw(some_organisation)) for number, one in enumerate(CASES)]
    grants = [
        CaseAccess(
            id=fresh(),
            case_id=(case := draw(some_case)),
            organisation_id=draw(some_organisation),
            relation=draw(st.sampled_from(Relation)),
            holder_id=draw(st.sampled_from([case, *REFERRALS])),
            compartments=sorted(draw(st.sets(st.sampled_from(Compartment), max_size=2))),
            valid_from=draw(st.sampled_from(MOMENTS)),
            valid_until=draw(st.sampled_from(MOMENTS)),
        )
        for _ in range(draw(st.integers(0, 6)))
    ]
    of_staff = draw(st.sets(st.tuples(some_case, st.booleans(), st.integers(0, 3)), max_size=3))
    walls = [
        CaseWall(
            id=fresh(),
            case_id=case,
            organisation_id=ORGANISATIONS[number] if whole else None,
            staff_id=None if whole else STAFF[number],
            raised_at=NOW,
        )
        for case, whole, number in sorted(of_staff, key=str)
    ]
    referrals = [_referral(one, number, draw) for number, one in enumerate(REFERRALS)]
    contacts = [_contact(one, draw(some_organisation)) for one in CONTACTS]
    pairs = draw(st.sets(st.tuples(st.sampled_from(CONTACTS), some_case), max_size=4))
    episodes = [
        ServiceEpisode(
            id=one,
            case_id=draw(some_case),
            organisation_id=draw(some_organisation),
            service=Service.MEDICAL,
            started_at=NOW,
        )
        for one in EPISODES
    ]
    actors = [
        Actor(STAFF[number], ORGANISATIONS[place], "X", role, COUNTRIES[place], NOW)
        for number, place, role in draw(
            st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.sampled_from(Role)), min_size=1, max_size=3)
        )
    ]
    links = [ContactCase(contact_id=contact, case_id=case) for contact, case in sorted(pairs, key=str)]
    return Country(cases, grants, walls, referrals, contacts, links, episodes, actors)


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
