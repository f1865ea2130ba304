"""May this actor do this with that record? The only maker of permits.

The order of refusals matters: first the role (the same answer whatever exists), then existence and visibility together
(what one may not see does not exist), then the rule.
"""

from collections.abc import Iterable
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, exists, false, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel, col

from auth.policies import About, Rule, rules_for
from auth.roles import Permission, may
from domain.cases.models import Case, CaseAccess, CaseWall
from domain.codes import Compartment
from domain.contacts.models import Contact, ContactCase
from domain.errors import NotFound, NotPermitted
from domain.permits import Actor, Permit
from domain.referrals.models import Referral
from domain.services.models import ServiceEpisode
from domain.webhooks.models import Webhook

Subject = TypeVar("Subject", bound=SQLModel)

ABOUT: dict[type[SQLModel], About] = {
    Referral: About.REFERRAL,
    Contact: About.CONTACT,
    ServiceEpisode: About.EPISODE,
    Webhook: About.WEBHOOK,
}
READ: dict[type[SQLModel], Permission] = {
    Case: Permission.CASE_READ,
    Referral: Permission.REFERRAL_READ,
    Contact: Permission.CONTACT_READ,
    ServiceEpisode: Permission.EPISODE_READ,
    Webhook: Permission.WEBHOOK_KEEP,
}

NOTES = frozenset({Compartment.NARRATIVE})
"""The compartment of questions and answers about a referral."""

WORDS = frozenset({Compartment.CONTACT, Compartment.NARRATIVE})
"""The compartments of a contact: how to call back, and what was said."""


def _case_column(model: type[SQLModel]) -> Any:
    """Return the column that names a record's case; contacts have none."""
    return Case.id if model is Case else getattr(model, "case_id", None)


def walled(case_id: Any, actor: Actor) -> ColumnElement[bool]:
    """Return the SQL condition that a conflict wall hides the case from the actor."""
    return exists().where(
        col(CaseWall.case_id) == case_id,
        (col(CaseWall.organisation_id) == actor.organisation_id) | (col(CaseWall.staff_id) == actor.staff_id),
    )


def opened_walled(contact_id: Any, actor: Actor) -> ColumnElement[bool]:
    """Return the SQL condition that a contact opened a case which a conflict wall hides: it would tell of the case."""
    return exists().where(col(ContactCase.contact_id) == contact_id, walled(col(ContactCase.case_id), actor))


def visible(model: type[SQLModel], permission: Permission, actor: Actor) -> ColumnElement[bool]:
    """Return the SQL condition for the records on which the actor may use a verb: the rules read on the class."""
    if not may(actor.role, permission):
        return false()
    case_id = _case_column(model)
    conditions: list[ColumnElement[bool]] = []
    if model in ABOUT:
        conditions += [rule.holds(model, actor) for rule in rules_for(permission, actor.role, ABOUT[model])]
    if case_id is not None:
        grants = [rule.holds(CaseAccess, actor) for rule in rules_for(permission, actor.role, About.GRANT)]
        conditions += [exists().where(col(CaseAccess.case_id) == case_id, grant) for grant in grants]
    found = or_(false(), *conditions)
    if model is Contact:
        return found & ~opened_walled(Contact.id, actor)
    return found if case_id is None else found & ~walled(case_id, actor)


def allowing(
    permission: Permission, actor: Actor, record: SQLModel, grants: Iterable[CaseAccess]
) -> tuple[Rule, CaseAccess | None] | None:
    """Return the first rule that allows the verb on a loaded record, with the grant it stands on, or None."""
    for rule in rules_for(permission, actor.role, About.GRANT):
        for grant in grants:
            if rule.holds(grant, actor):
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

    async def case(
        self, reference: str, permission: Permission, opens: frozenset[Compartment] = frozenset()
    ) -> tuple[Case, Permit]:
        """Find a case by reference and permit a verb on it.

        Args:
            reference: As the caller gave it.
            permission: The verb.
            opens: The compartments that the role may open at all; the permit opens those that the grant names too.

        Raises:
            NotPermitted: the role does not have the verb, or the relation does not allow it.
            NotFound: there is no such case, or the actor may not know of it.
        """
        self._role_may(permission)
        case = await self._find(Case, Case.reference == reference)
        grants = await self._grants(case.id)
        rule, grant = self._rule(permission, case, grants)
        holder = grant.holder_id if grant is not None else None
        named = frozenset(Compartment(code) for code in grant.compartments) if grant is not None else frozenset()
        return case, Permit(self.actor, permission, case.id, rule.name, opens & named, holder)

    async def referral(
        self, reference: str, permission: Permission, opens: frozenset[Compartment] = frozenset()
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
        if permission == Permission.NOTES_REVEAL:
            opens = named = NOTES
        return referral, Permit(self.actor, permission, referral.id, rule.name, opens & named, referral.id)

    async def contact(self, contact_id: Any, permission: Permission) -> tuple[Contact, Permit]:
        """Find a contact and permit a verb on it; raises as `case` does."""
        self._role_may(permission)
        contact = await self._find(Contact, Contact.id == contact_id)
        rule, _ = self._rule(permission, contact, [])
        opens = WORDS if permission == Permission.CONTACT_REVEAL else frozenset[Compartment]()
        return contact, Permit(self.actor, permission, contact.id, rule.name, opens, contact.id)

    async def episode(self, episode_id: Any, permission: Permission) -> tuple[ServiceEpisode, Permit]:
        """Find a service episode and permit a verb on it; raises as `case` does."""
        self._role_may(permission)
        episode = await self._find(ServiceEpisode, ServiceEpisode.id == episode_id)
        grants = await self._grants(episode.case_id)
        rule, _ = self._rule(permission, episode, grants)
        return episode, Permit(self.actor, permission, episode.id, rule.name)

    async def webhook(self, webhook_id: Any, permission: Permission) -> tuple[Webhook, Permit]:
        """Find a webhook and permit a verb on it; raises as `case` does."""
        self._role_may(permission)
        webhook = await self._find(Webhook, Webhook.id == webhook_id)
        rule, _ = self._rule(permission, webhook, [])
        return webhook, Permit(self.actor, permission, webhook.id, rule.name)

    def _role_may(self, permission: Permission) -> None:
        if not may(self.actor.role, permission):
            raise NotPermitted(permission=permission, rule="role")

    async def _find(self, model: type[Subject], wanted: Any, permission: Permission | None = None) -> Subject:
        condition = visible(model, permission or READ[model], self.actor)
        found = (await self.session.execute(select(model).where(wanted, condition))).scalar_one_or_none()
        if found is None:
            raise NotFound
        return found

    async def _grants(self, case_id: Any) -> list[CaseAccess]:
        rows = await self.session.execute(
            select(CaseAccess).where(
                col(CaseAccess.case_id) == case_id,
                col(CaseAccess.organisation_id) == self.actor.organisation_id,
            )
        )
        return list(rows.scalars())

    def _rule(
        self, permission: Permission, record: SQLModel, grants: list[CaseAccess]
    ) -> tuple[Rule, CaseAccess | None]:
        found = allowing(permission, self.actor, record, grants)
        if found is None:
            needed = [rule.because for rule in rules_for(permission, self.actor.role, *About)]
            raise NotPermitted(permission=permission, rule="relation", needed=list(needed))
        return found
