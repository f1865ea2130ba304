"""May this actor do this with that record? The only maker of permits.

The order of refusals matters: first the role (the same answer whatever exists), then existence and visibility together
(what one may not see does not exist), then the rule.
"""

import functools
from collections.abc import Collection, Iterable
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, DateTime, Text, Uuid, bindparam, exists, false, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel, col

from auth.policies import About, Rule, rules_for
from auth.roles import Permission, may
from auth.walls import hidden
from domain.approvals.models import Approval
from domain.break_glass.models import BreakGlass
from domain.capacity.models import CapacityQuestion
from domain.cases.models import Case, CaseAccess, CaseWall
from domain.codes import CommissionOutcome, Compartment, Role
from domain.contacts.models import Contact
from domain.courses.models import Course
from domain.errors import NotFound, NotPermitted
from domain.escalations.models import Escalation
from domain.funding.models import Award
from domain.permits import Actor, Permit
from domain.referrals.models import Referral
from domain.rehabilitation.models import CommissionRecord
from domain.services.models import ServiceEpisode
from domain.statistics.models import ReleaseCandidate
from domain.webhooks.models import Webhook
from domain.workflow.confidentiality import NOTHING, Opening

Subject = TypeVar("Subject", bound=SQLModel)

ABOUT: dict[type[SQLModel], About] = {
    Referral: About.REFERRAL,
    Contact: About.CONTACT,
    ServiceEpisode: About.EPISODE,
    Award: About.AWARD,
    CapacityQuestion: About.QUESTION,
    Course: About.COURSE,
    CommissionRecord: About.COMMISSION,
    Escalation: About.ESCALATION,
    Webhook: About.WEBHOOK,
    BreakGlass: About.GLASS,
    Approval: About.APPROVAL,
    ReleaseCandidate: About.CANDIDATE,
}
READ: dict[type[SQLModel], Permission] = {
    Case: Permission.CASE_READ,
    Referral: Permission.REFERRAL_READ,
    Contact: Permission.CONTACT_READ,
    ServiceEpisode: Permission.EPISODE_READ,
    Award: Permission.AWARD_READ,
    CapacityQuestion: Permission.CAPACITY_READ,
    Course: Permission.COURSE_READ,
    Escalation: Permission.ESCALATION_READ,
    Webhook: Permission.WEBHOOK_KEEP,
    BreakGlass: Permission.GLASS_READ,
    Approval: Permission.APPROVAL_READ,
    ReleaseCandidate: Permission.CANDIDATE_READ,
}

NOTES = frozenset({Compartment.NARRATIVE})
"""The compartment of questions and answers about a referral."""

WORDS = frozenset({Compartment.CONTACT, Compartment.NARRATIVE})
"""The compartments of a contact: how to call back, and what was said."""

REASONS = frozenset({Compartment.LEGAL})
"""The compartment of what a commission gave as its reasons."""


def _case_column(model: type[SQLModel]) -> Any:
    """Return the column that names a record's case; contacts and questions have none."""
    return Case.id if model is Case else getattr(model, "case_id", None)


def grant_rules(permission: Permission, role: Role, model: type[SQLModel]) -> list[Rule]:
    """Return the rules about grants that may allow this verb to this role on records of this kind."""
    found = rules_for(permission, role, About.GRANT)
    return [rule for rule in found if rule.reaches is None or rule.reaches == ABOUT.get(model)]


def visible(model: type[SQLModel], permission: Permission, actor: Actor) -> ColumnElement[bool]:
    """Return the SQL condition for the records on which the actor may use a verb: the rules read on the class."""
    if not may(actor.role, permission):
        return false()
    case_id = _case_column(model)
    conditions: list[ColumnElement[bool]] = []
    if model in ABOUT:
        conditions += [rule.holds(model, actor) for rule in rules_for(permission, actor.role, ABOUT[model])]
    if case_id is not None:
        for rule in grant_rules(permission, actor.role, model):
            holds = rule.holds(CaseAccess, actor)
            if rule.reaches is not None:
                holds &= rule.leads_to(model, CaseAccess)
            conditions.append(exists().where(col(CaseAccess.case_id) == case_id, holds))
    found = or_(false(), *conditions)
    return found & ~hidden(model, case_id, actor)


STAFF, ORGANISATION, CODE, COUNTRY = (
    bindparam("actor_staff", type_=Uuid),
    bindparam("actor_organisation", type_=Uuid),
    bindparam("actor_code", type_=Text),
    bindparam("actor_country", type_=Text),
)
PRESENT = bindparam("actor_now", type_=DateTime(timezone=True))


@functools.cache
def visible_to(model: type[SQLModel], permission: Permission, role: Role) -> ColumnElement[bool]:
    """Return what `visible` returns for a role, with the actor to be filled in by `filled_in` when it is asked.

    Putting a condition together takes longer than asking the database, so each is put together once.
    """
    anybody: Any = Actor(STAFF, ORGANISATION, CODE, role, COUNTRY, PRESENT)  # type: ignore[arg-type]
    return visible(model, permission, anybody)


def filled_in(actor: Actor) -> dict[str, Any]:
    """Return the values of `visible_to` for an actor."""
    return {
        "actor_staff": actor.staff_id,
        "actor_organisation": actor.organisation_id,
        "actor_code": actor.organisation_code,
        "actor_country": actor.country,
        "actor_now": actor.now,
    }


def allowing(
    permission: Permission, actor: Actor, record: SQLModel, grants: Iterable[CaseAccess]
) -> tuple[Rule, CaseAccess | None] | None:
    """Return the first rule that allows the verb on a loaded record, with the grant it stands on, or None."""
    for rule in grant_rules(permission, actor.role, type(record)):
        for grant in grants:
            if rule.holds(grant, actor) and rule.leads_to(record, grant):
                return rule, grant
    about = ABOUT.get(type(record))
    for rule in rules_for(permission, actor.role, about) if about is not None else ():
        if rule.holds(record, actor):
            return rule, None
    return None


class Authorisation:
    """Answers for one actor in one transaction."""

    def __init__(self, session: AsyncSession, actor: Actor) -> None:
        self.session, self.actor = session, actor

    def own(self, permission: Permission) -> Permit:
        """Permit a verb that concerns the actor's own organisation or the public directory.

        Raises:
            NotPermitted: the role does not have the verb.
        """
        self._role_may(permission)
        return Permit(self.actor, permission, self.actor.organisation_id, "role")

    async def case(self, reference: str, permission: Permission, opens: Opening = NOTHING) -> tuple[Case, Permit]:
        """Find a case by reference and permit a verb on it.

        Args:
            reference: As the caller gave it.
            permission: The verb.
            opens: The compartments that the role may open, by the state of the case; the permit opens those of the
                present state that the grant names too.

        Raises:
            NotPermitted: the role does not have the verb, or the relation does not allow it.
            NotFound: there is no such case, or the actor may not know of it.
        """
        self._role_may(permission)
        case = await self._find(Case, Case.reference == reference)
        grants = await self._grants(case.id)
        rule, grant = self._rule(permission, case, grants)
        return case, self._permit(case, permission, rule, grant, opens)

    def _permit(
        self, case: Case, permission: Permission, rule: Rule, grant: CaseAccess | None, opens: Opening
    ) -> Permit:
        holder = grant.holder_id if grant is not None else None
        named = frozenset(Compartment(code) for code in grant.compartments) if grant is not None else frozenset()
        return Permit(self.actor, permission, case.id, rule.name, opens.at(case.case_work) & named, holder)

    async def cases(
        self,
        case_ids: Collection[UUID],
        permission: Permission,
        opens: Opening = NOTHING,
    ) -> list[tuple[Case, Permit]]:
        """Permit a verb on each of several cases, as `case` would, with two statements however many; oldest first.

        A case that the actor may not know of, or with which the relation does not allow the verb, is left out.

        Raises:
            NotPermitted: the role does not have the verb.
        """
        self._role_may(permission)
        rows = await self.session.execute(
            select(Case)
            .where(col(Case.id).in_(case_ids), visible(Case, READ[Case], self.actor))
            .order_by(col(Case.opened_at), col(Case.id))
        )
        found = rows.scalars().all()
        grants = await self._grants_of([case.id for case in found])
        allowed = ((case, allowing(permission, self.actor, case, grants[case.id])) for case in found)
        return [(case, self._permit(case, permission, *one, opens)) for case, one in allowed if one is not None]

    async def referral(
        self, reference: str, permission: Permission, opens: Opening = NOTHING
    ) -> tuple[Referral, Permit]:
        """Find a referral by reference and permit a verb on it; raises as `case` does.

        The package opens through the grant that acceptance wrote; without one the permit opens nothing. Questions and
        answers are the two sides' own words to each other, and open to both.
        """
        self._role_may(permission)
        read = permission if permission == Permission.REFERRAL_STATUS_READ else Permission.REFERRAL_READ
        referral = await self._find(Referral, Referral.reference == reference, read)
        grants = await self._grants(referral.case_id)
        rule, _ = self._rule(permission, referral, grants)
        package = [
            grant
            for grant in grants
            if grant.holder_id == referral.id and grant.valid_from <= self.actor.now < grant.valid_until
        ]
        named = frozenset(Compartment(code) for grant in package for code in grant.compartments)
        may_open = opens.at(referral.status) & named
        if permission == Permission.NOTES_REVEAL:
            may_open = NOTES
        return referral, Permit(self.actor, permission, referral.id, rule.name, may_open, referral.id)

    async def contact(self, contact_id: Any, permission: Permission) -> tuple[Contact, Permit]:
        """Find a contact and permit a verb on it; raises as `case` does."""
        opens = WORDS if permission == Permission.CONTACT_REVEAL else frozenset[Compartment]()
        return await self._one(Contact, Contact.id == contact_id, permission, opens)

    async def question(self, reference: str, permission: Permission) -> tuple[CapacityQuestion, Permit]:
        """Find a capacity question by reference and permit a verb on it; raises as `case` does."""
        return await self._one(CapacityQuestion, CapacityQuestion.reference == reference, permission)

    async def episode(self, episode_id: Any, permission: Permission) -> tuple[ServiceEpisode, Permit]:
        """Find a service episode and permit a verb on it; raises as `case` does."""
        return await self._one(ServiceEpisode, ServiceEpisode.id == episode_id, permission)

    async def award(self, award_id: Any, permission: Permission) -> tuple[Award, Permit]:
        """Find an award and permit a verb on it; raises as `case` does."""
        return await self._one(Award, Award.id == award_id, permission)

    async def course(self, reference: str, permission: Permission) -> tuple[Course, Permit]:
        """Find a course by reference and permit a verb on it; raises as `case` does.

        The permit names the case as its holder if the actor's organisation leads the case.
        """
        self._role_may(permission)
        course = await self._find(Course, Course.reference == reference)
        rule, grant = self._rule(permission, course, await self._grants(course.case_id))
        holder = grant.holder_id if grant is not None else None
        return course, Permit(self.actor, permission, course.id, rule.name, holder_id=holder)

    async def commission(self, request_id: Any, permission: Permission) -> tuple[CommissionRecord, Permit]:
        """Find a request to a commission and permit a verb on it; raises as `case` does."""
        self._role_may(permission)
        request = await self._find(
            CommissionRecord,
            (CommissionRecord.id == request_id) & (CommissionRecord.outcome == CommissionOutcome.ASKED),
            permission,
        )
        rule, _ = self._rule(permission, request, await self._grants(request.case_id))
        opens = REASONS if permission == Permission.COMMISSION_REASONS else frozenset[Compartment]()
        return request, Permit(self.actor, permission, request.id, rule.name, opens, request.id)

    async def escalation(self, escalation_id: Any, permission: Permission) -> tuple[Escalation, Permit]:
        """Find an escalation and permit a verb on it; raises as `case` does."""
        return await self._one(Escalation, Escalation.id == escalation_id, permission)

    async def webhook(self, webhook_id: Any, permission: Permission) -> tuple[Webhook, Permit]:
        """Find a webhook and permit a verb on it; raises as `case` does."""
        return await self._one(Webhook, Webhook.id == webhook_id, permission)

    async def approval(self, approval_id: Any, permission: Permission) -> tuple[Approval, Permit]:
        """Find an act of two and permit a verb on it; raises as `case` does."""
        return await self._one(Approval, Approval.id == approval_id, permission)

    async def candidate(self, candidate_id: Any, permission: Permission) -> tuple[ReleaseCandidate, Permit]:
        """Permit a verb on what would be published; raises as `case` does."""
        return await self._one(ReleaseCandidate, ReleaseCandidate.id == candidate_id, permission)

    async def glass(self, glass_id: Any, permission: Permission) -> tuple[BreakGlass, Permit]:
        """Find an emergency access and permit a verb on it; raises as `case` does.

        To look through it opens its one compartment of the case; to review it, the account of why it was broken.
        """
        glass, permit = await self._one(BreakGlass, BreakGlass.id == glass_id, permission)
        if permission == Permission.GLASS_OPEN:
            opens = frozenset({Compartment(glass.compartment)})
            return glass, Permit(self.actor, permission, glass.id, permit.rule, opens, glass.about_case_id)
        if permission == Permission.GLASS_REVIEW:
            return glass, Permit(self.actor, permission, glass.id, permit.rule, NOTES, glass.id)
        return glass, permit

    async def _one(
        self, model: type[Subject], wanted: Any, permission: Permission, opens: frozenset[Compartment] = frozenset()
    ) -> tuple[Subject, Permit]:
        """Find the record that is wanted and permit a verb on it; the permit opens what is sealed for the record."""
        self._role_may(permission)
        found: Any = await self._find(model, wanted)
        case_id = getattr(found, "case_id", None)
        rule, _ = self._rule(permission, found, await self._grants(case_id) if case_id is not None else [])
        return found, Permit(self.actor, permission, found.id, rule.name, opens, found.id)

    def _role_may(self, permission: Permission) -> None:
        if not may(self.actor.role, permission):
            raise NotPermitted(permission=permission, rule="role")

    async def _find(self, model: type[Subject], wanted: Any, permission: Permission | None = None) -> Subject:
        condition = visible_to(model, permission or READ[model], self.actor.role)
        rows = await self.session.execute(select(model).where(wanted, condition), filled_in(self.actor))
        found = rows.scalar_one_or_none()
        if found is None:
            raise NotFound
        return found

    async def _grants(self, case_id: UUID) -> list[CaseAccess]:
        return (await self._grants_of([case_id]))[case_id]

    async def _grants_of(self, case_ids: Collection[UUID]) -> dict[UUID, list[CaseAccess]]:
        rows = await self.session.execute(
            select(CaseAccess).where(
                col(CaseAccess.case_id).in_(case_ids),
                col(CaseAccess.organisation_id) == self.actor.organisation_id,
            )
        )
        found: dict[UUID, list[CaseAccess]] = {case_id: [] for case_id in case_ids}
        for grant in rows.scalars():
            found[grant.case_id].append(grant)
        return found

    def _rule(
        self, permission: Permission, record: SQLModel, grants: list[CaseAccess]
    ) -> tuple[Rule, CaseAccess | None]:
        found = allowing(permission, self.actor, record, grants)
        if found is None:
            needed = [rule.because for rule in rules_for(permission, self.actor.role, *About)]
            raise NotPermitted(permission=permission, rule="relation", needed=list(needed))
        return found


class AuthorisationInMemory(Authorisation):
    """Answers for one actor about records that lie in memory: the same rules, read on records instead of by SQL.

    Permits of it open no compartment.

    Args:
        actor: Who asks.
        grants: Every grant of the case.
        walls: Every conflict wall of the case.
    """

    def __init__(self, actor: Actor, grants: Iterable[CaseAccess], walls: Iterable[CaseWall]) -> None:
        self.actor = actor
        self._of_actor = [grant for grant in grants if grant.organisation_id == actor.organisation_id]
        self._walled = any(
            wall.organisation_id == actor.organisation_id or wall.staff_id == actor.staff_id for wall in walls
        )

    def of(self, record: Case | Referral, permission: Permission) -> Permit:
        """Permit a verb on a record; raises as `Authorisation.case` does."""
        self._role_may(permission)
        if self._walled or allowing(READ[type(record)], self.actor, record, self._of_actor) is None:
            raise NotFound
        rule, grant = self._rule(permission, record, self._of_actor)
        holder = grant.holder_id if grant is not None else None
        if isinstance(record, Referral):
            holder = record.id
        return Permit(self.actor, permission, record.id, rule.name, frozenset(), holder)
