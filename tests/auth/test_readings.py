"""A rule is written once and read twice, and row-level security is a third reading. The three never disagree.

Generated organisations, staff, cases, grants (running, ended, future), walls and referrals in every status. For every
verb and every record of ten tables:

- by Python: the role has the verb, `allowing` finds a rule, and no conflict wall stands before the record;
- by SQL: `visible` as a condition, asked by a superuser, whom no policy holds;
- by row-level security: a plain `SELECT` as the application's role, with nothing but the context set.

Row-level security knows the organisation and its walls, not the verbs, so it is compared with what any role of the same
organisation may read. It is wider on purpose in two places: the services of a referral are there for both its sides,
since a withdrawal by either ends them; and who leads a case reads the awards that were asked for it. The first 24 hours
of a hotline, the compartments of a role and the responsibility for a step are the first wall's alone.
"""

from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import product
from uuid import UUID

import pytest
from hypothesis import given, settings
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlmodel import SQLModel

from api.database import dsn_as, engine_for
from api.postgres import Server
from auth.authorisation import visible
from auth.policies import RULES
from auth.roles import Permission
from domain.approvals.models import Approval
from domain.break_glass.models import BreakGlass
from domain.capacity.models import CapacityQuestion
from domain.codes import Role
from domain.contacts.models import Contact
from domain.courses.models import Course
from domain.funding.models import Award
from domain.permits import Actor
from domain.referrals.models import Referral
from domain.sealing.models import SealedValue
from domain.services.models import ServiceEpisode
from domain.statistics.models import ReleaseCandidate
from domain.webhooks.models import Webhook
from tests.auth.countries import MODELS, Country, countries
from tests.conftest import Databases
from tests.patience import patient

OVERSIGHT = {Role.FOCAL_POINT, Role.COORDINATOR}
CONTEXT = text(
    "SELECT set_config('nrm.organisation_id', :organisation, true), set_config('nrm.staff_id', :staff, true), "
    "set_config('nrm.role', :role, true), set_config('nrm.country', :country, true), set_config('nrm.now', :now, true)"
)


@pytest.fixture(scope="module")
async def ground(databases: Databases, postgres: Server) -> AsyncIterator[AsyncEngine]:
    """A clean database, seen by a superuser who can become the application's role."""
    access = await databases.new()
    dsn = dsn_as(access.url, user="nrm_admin", password=postgres.password)
    engine = engine_for(dsn, name="readings", pool=patient(1))
    yield engine
    await engine.dispose()


async def planted(session: AsyncSession, country: Country) -> None:
    """Write a generated country; foreign keys are off, since nothing but what is read here is in it."""
    await session.execute(text("SET LOCAL session_replication_role = replica"))
    session.add_all(
        [*country.cases, *country.grants, *country.walls, *country.referrals, *country.contacts, *country.links]
    )
    session.add_all([*country.episodes, *country.awards, *country.asked_for, *country.courses, *country.sealed])
    session.add_all([*country.questions, *country.askings])
    session.add_all([*country.webhooks, *country.glasses, *country.approvals, *country.candidates])
    await session.flush()
    session.expunge_all()


async def by_sql(session: AsyncSession, actor: Actor, model: type[SQLModel]) -> dict[Permission, set[UUID]]:
    """Read every rule on the class: which records may be used with which verb."""
    verbs = list(RULES)
    conditions = [visible(model, verb, actor).label(verb.name) for verb in verbs]
    rows = (await session.execute(select(model.id, *conditions))).all()  # type: ignore[attr-defined]
    return {verb: {row[0] for row in rows if row[place]} for place, verb in enumerate(verbs, start=1)}


async def by_row_security(session: AsyncSession, actor: Actor, model: type[SQLModel]) -> set[UUID]:
    """Return what a plain SELECT shows to the application in an actor's context."""
    key = model.record_id if model is SealedValue else model.id  # type: ignore[attr-defined]
    context = {
        "organisation": str(actor.organisation_id),
        "staff": str(actor.staff_id),
        "role": actor.role,
        "country": actor.country,
        "now": actor.now.isoformat(),
    }
    await session.execute(CONTEXT, context)
    await session.execute(text("SET LOCAL ROLE nrm_application"))
    found = set((await session.execute(select(key))).scalars())
    await session.execute(text("RESET ROLE"))
    return found


def may_be_read(country: Country, actor: Actor, model: type[SQLModel]) -> set[UUID]:
    """Return what any role of the actor's organisation may read; overseeing and courses need the role itself."""
    reading = {
        Referral: (Permission.REFERRAL_READ, Permission.REFERRAL_STATUS_READ),
        Contact: (Permission.CONTACT_READ,),
        ServiceEpisode: (Permission.EPISODE_READ,),
        Award: (Permission.AWARD_READ,),
        CapacityQuestion: (Permission.CAPACITY_READ,),
        Course: (Permission.COURSE_READ,),
        Webhook: (Permission.WEBHOOK_KEEP,),
        BreakGlass: (Permission.GLASS_READ,),
        Approval: (Permission.APPROVAL_READ,),
        ReleaseCandidate: (Permission.CANDIDATE_READ,),
    }.get(model, (Permission.CASE_READ,))
    watching = OVERSIGHT | ({Role.MONITORING_STAFF} if model in {BreakGlass, Approval, ReleaseCandidate} else set())
    roles = [role for role in Role if role == actor.role or (role not in watching and model is not Course)]
    return {
        record.id
        for record in country.records(model)
        if any(country.by_python(verb, replace(actor, role=role), record) for verb, role in product(reading, roles))
    }


@settings(max_examples=60)
@given(country=countries())
async def test_python_sql_and_row_security_agree_on_every_record(ground: AsyncEngine, country: Country) -> None:
    async with AsyncSession(ground) as session:
        await planted(session, country)
        for actor, model in product(country.actors, MODELS):
            found = await by_sql(session, actor, model)
            for verb in RULES:
                python = {one.id for one in country.records(model) if country.by_python(verb, actor, one)}
                assert found[verb] == python, (verb, actor.role, model.__name__)
            shown = await by_row_security(session, actor, model)
            allowed = may_be_read(country, actor, model)
            if model is ServiceEpisode:
                assert allowed <= shown
                allowed |= {one.id for one in country.episodes if country.served_for(actor, one)}
            if model is Award:
                assert allowed <= shown
                allowed |= {one.id for one in country.awards if country.of_own_case(actor, one)}
            assert shown == allowed, (actor.role, model.__name__)
        await session.rollback()


@settings(max_examples=60)
@given(country=countries())
async def test_row_security_shows_exactly_the_sealed_bytes_that_a_running_grant_names(
    ground: AsyncEngine, country: Country
) -> None:
    async with AsyncSession(ground) as session:
        await planted(session, country)
        for actor in country.actors:
            shown = await by_row_security(session, actor, SealedValue)
            assert shown == {one.record_id for one in country.sealed if country.opens(actor, one)}
        await session.rollback()


def test_the_generated_countries_reach_every_verb_both_ways() -> None:
    """Or the agreement above could be about nothing: every verb is allowed on some record and refused on some."""
    seen: dict[Permission, set[bool]] = {verb: set() for verb in RULES}

    @settings(max_examples=200, database=None)
    @given(country=countries())
    def look(country: Country) -> None:
        for actor, model, verb in product(country.actors, MODELS, RULES):
            seen[verb] |= {country.by_python(verb, actor, record) for record in country.records(model)}

    look()
    # on records that are not generated here
    elsewhere = {
        Permission.COMMISSION_READ,
        Permission.COMMISSION_DECIDE,
        Permission.COMMISSION_REASONS,
        Permission.ESCALATION_READ,
        Permission.ESCALATION_ASSIGN,
    }
    assert {verb for verb, answers in seen.items() if answers != {True, False}} == elsewhere
