"""Spend of a budget, in the transaction that opens what it is spent on."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID, uuid5

from sqlalchemy import ARRAY, DateTime, Uuid, bindparam, func, select, text

from domain.break_glass.queries import independent_bodies
from domain.budgets.rules import BudgetExceeded
from domain.codes import BudgetKind
from domain.notifications.models import NotificationKind
from domain.organisations.queries import coordinators_of
from domain.permits import Actor
from domain.workflow.access import BudgetRule

if TYPE_CHECKING:
    from domain.unit_of_work import UnitOfWork

KNOWN = timedelta(days=30)
"""For how long what somebody works on is not counted again."""

TOLD = "told:"
"""Before the kind of budget, in place of a kind: that a warning was sent."""

SPEND = text("SELECT * FROM nrm_spend(:kind, :subjects, :since, :known_since)").bindparams(
    bindparam("subjects", type_=ARRAY(Uuid)),
    bindparam("since", type_=DateTime(timezone=True)),
    bindparam("known_since", type_=DateTime(timezone=True)),
)


@dataclass(frozen=True, slots=True)
class Used:
    """What was used of a budget in its window, with what was just spent.

    Attributes:
        fresh: How much of what was just spent was counted, since it was not known before.
        oldest: When the first of it was counted.
    """

    fresh: int
    staff: int
    organisation: int
    oldest: datetime | None

    def goes_beyond(self, rule: BudgetRule) -> bool:
        """Whether it is more than the member of staff, or the organisation, may use."""
        return self.fresh > 0 and (self.staff > rule.staff or self.organisation > rule.organisation)

    def is_used_up(self, rule: BudgetRule) -> bool:
        """Whether nothing is left."""
        return self.staff >= rule.staff or self.organisation >= rule.organisation

    def frees_up(self, rule: BudgetRule, now: datetime) -> float:
        """Return after how many seconds some of it is free again."""
        return (self.oldest + rule.window - now).total_seconds() if self.oldest is not None else 0.0


def rule_of(work: "UnitOfWork", actor: Actor, kind: BudgetKind) -> BudgetRule | None:
    """Return what the country's data say of a budget; a country without data has no cases to open."""
    rules = work.catalogue.access.get(actor.country)
    return rules.budgets[kind] if rules is not None else None


async def _used(work: "UnitOfWork", kind: BudgetKind, rule: BudgetRule, subjects: list[UUID]) -> Used:
    given = {"kind": kind.value, "subjects": subjects, "since": work.now - rule.window, "known_since": work.now - KNOWN}
    return Used(*(await work.session.execute(SPEND, given)).one())


async def open_within_budget(work: "UnitOfWork", actor: Actor, holder_id: UUID) -> None:
    """Count that somebody opens something of a case, package or contact, unless they work on it already.

    Beyond the budget what is new stays closed, but not where somebody is in danger (`nrm_is_spared`: a child, imminent
    danger, an emergency referral): there it opens, and those who watch are told.

    Raises:
        BudgetExceeded: too much that is new was opened.
    """
    rule = rule_of(work, actor, BudgetKind.OPENING)
    if rule is None:
        return
    used = await _used(work, BudgetKind.OPENING, rule, [holder_id])
    if not used.goes_beyond(rule):
        return
    if not (await work.session.execute(select(func.nrm_is_spared(holder_id)))).scalar_one():
        raise BudgetExceeded(BudgetKind.OPENING, used.frees_up(rule, work.now))
    await warn(work, actor, BudgetKind.OPENING)


async def ask_within_budget(work: "UnitOfWork", actor: Actor, reference: str) -> None:
    """Count that somebody asks for a status by its reference, before it is looked for.

    Raises:
        BudgetExceeded: too many different ones were asked for, or too many attempts were refused: then nothing is
            looked for, so that a hit and a miss are alike.
    """
    for kind, subjects in ((BudgetKind.REFUSAL, []), (BudgetKind.STATUS, [uuid5(UUID(int=0), reference)])):
        rule = rule_of(work, actor, kind)
        if rule is None:
            continue
        used = await _used(work, kind, rule, subjects)
        if used.goes_beyond(rule) or (not subjects and used.is_used_up(rule)):
            raise BudgetExceeded(kind, used.frees_up(rule, work.now))


async def refused_within_budget(work: "UnitOfWork", actor: Actor) -> BudgetExceeded | None:
    """Count a refused attempt; returns what to answer instead of the refusal once too many were refused."""
    rule = rule_of(work, actor, BudgetKind.REFUSAL)
    if rule is None:
        return None
    used = await _used(work, BudgetKind.REFUSAL, rule, [work.ids.uuid()])
    if not used.goes_beyond(rule):
        return None
    return BudgetExceeded(BudgetKind.REFUSAL, used.frees_up(rule, work.now))


async def count_search(work: "UnitOfWork", actor: Actor) -> None:
    """Count that somebody recorded who a person is, which searches for duplicates; tell those who watch of too many.

    Nothing is refused: nobody is left unrecorded because of a number, and the asker is told the same.
    """
    rule = rule_of(work, actor, BudgetKind.SEARCH)
    if rule is None:
        return
    used = await _used(work, BudgetKind.SEARCH, rule, [work.ids.uuid()])
    if used.goes_beyond(rule):
        await warn(work, actor, BudgetKind.SEARCH)


async def warn(work: "UnitOfWork", actor: Actor, kind: BudgetKind) -> None:
    """Tell coordinators and independent bodies of other organisations, once in a window, by the pseudonym alone."""
    rule = rule_of(work, actor, kind)
    if rule is None:
        return
    given: dict[str, object] = {"kind": f"{TOLD}{kind}", "subjects": [actor.staff_id]}
    given |= {"since": work.now - rule.window, "known_since": work.now - rule.window}
    if not (await work.session.execute(SPEND, given)).one().fresh:
        return
    told = {
        *await coordinators_of(work, actor.country),
        *await independent_bodies(work, actor.country, but=actor.organisation_id),
    }
    for organisation_id in sorted(told - {actor.organisation_id}):
        work.notify(organisation_id, NotificationKind.BUDGET_EXCEEDED, str(actor.staff_id), str(kind))
