"""What an organisation has to do, in numbers: counted by the very conditions under which its lists are shown.

One statement, under row-level security. What a list does not show is not counted: nothing behind a conflict wall.
"""

from typing import Any

from sqlalchemy import BindParameter, Select, Text, and_, case, cast, exists, func, literal, select, union_all
from sqlmodel import col

from api.schemas.caseload import CaseloadOut, CasesCounted, PersonsCounted, ReferralsCounted, ServicesCounted
from auth.authorisation import visible
from auth.roles import Permission
from domain.audit.figures import record_reading
from domain.cases.models import Case, Relation
from domain.codes import CaseWork
from domain.deadlines.models import Deadline, DeadlineKind
from domain.permits import Actor, Permit
from domain.persons.models import Person
from domain.referrals.models import Referral
from domain.services.models import ServiceEpisode
from domain.unit_of_work import UnitOfWork

Counted = Select[tuple[str, str, str, int, int]]
"""What is counted; how it is divided, twice; how many; how many of them are in arrears, or still go on."""


async def own_caseload(permit: Permit, work: UnitOfWork) -> CaseloadOut:
    """Count what the actor may see in the lists of their organisation; that they looked is in the audit."""
    actor = permit.actor
    record_reading("caseload", permit, work)
    rows = await work.session.execute(union_all(*_cases(actor), *_referrals(actor), _services(actor)))
    found: dict[str, list[tuple[Any, ...]]] = {}
    for row in sorted(tuple(row) for row in rows):
        found.setdefault(str(row[0]), []).append(row[1:])
    return CaseloadOut(
        cases=[CasesCounted(relation=one, case_work=two, count=many) for one, two, many, _ in found.get("cases", ())],
        sexes=[PersonsCounted(code=one, count=many) for one, _, many, _ in found.get("sexes", ())],
        age_bands=[PersonsCounted(code=one, count=many) for one, _, many, _ in found.get("age_bands", ())],
        referrals=[
            ReferralsCounted(direction=one, status=two, count=many, overdue=late)
            for one, two, many, late in found.get("referrals", ())
        ],
        services=[
            ServicesCounted(service=one, running=running, ended=many - running)
            for one, _, many, running in found.get("services", ())
        ],
    )


def _cases(actor: Actor) -> list[Counted]:
    """Return the cases by relation and state; and, of those led and not closed, the persons."""
    led = col(Case.owner_organisation_id) == actor.organisation_id
    own = (
        select(
            case((led, Relation.OWNER.value), else_=Relation.RECEIVER.value).label("relation"),
            col(Case.case_work),
            col(Person.sex),
            col(Person.age_band),
        )
        .outerjoin(Person, col(Person.case_id) == col(Case.id))
        .where(visible(Case, Permission.CASE_READ, actor), col(Case.merged_into_id).is_(None))
        .cte("own_cases")
    )
    mine = and_(own.c.relation == Relation.OWNER.value, own.c.case_work != CaseWork.CLOSED.value)
    return [
        _counted("cases", own.c.relation, own.c.case_work),
        _counted("sexes", own.c.sex, literal("")).where(mine),
        _counted("age_bands", own.c.age_band, literal("")).where(mine),
    ]


def _referrals(actor: Actor) -> list[Counted]:
    late = exists().where(
        col(Deadline.subject_id) == col(Referral.id),
        col(Deadline.kind) == DeadlineKind.REFERRAL_RESPONSE,
        col(Deadline.settled_at).is_(None),
        col(Deadline.due_at) <= actor.now,
    )
    seen = (
        select(
            col(Referral.status),
            col(Referral.sending_organisation_id).label("sender"),
            col(Referral.receiving_organisation_id).label("receiver"),
            late.label("late"),
        )
        .where(visible(Referral, Permission.REFERRAL_READ, actor))
        .cte("own_referrals")
    )
    overdue = func.count().filter(seen.c.late)
    return [
        _counted("referrals", literal(direction), seen.c.status, overdue).where(side == actor.organisation_id)
        for direction, side in (("sent", seen.c.sender), ("received", seen.c.receiver))
    ]


def _services(actor: Actor) -> Counted:
    running = func.count().filter(col(ServiceEpisode.ended_at).is_(None))
    given = col(ServiceEpisode.organisation_id) == actor.organisation_id
    shown = visible(ServiceEpisode, Permission.EPISODE_READ, actor)
    return _counted("services", col(ServiceEpisode.service), literal(""), running).where(given, shown)


def _counted(what: str, one: Any, two: Any, beside: Any = None) -> Counted:
    divided = [column for column in (one, two) if not isinstance(column, BindParameter)]
    columns = (literal(what), cast(one, Text), cast(two, Text), func.count(), literal(0) if beside is None else beside)
    return select(*columns).group_by(*divided)
