"""What can be done in an emergency: break the glass, look, and answer for it afterwards."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, bindparam, func, select, text
from sqlmodel import col

from domain.approvals.commands import demand
from domain.approvals.rules import Action
from domain.audit.actions import AuditAction
from domain.break_glass.models import BreakGlass
from domain.break_glass.queries import independent_bodies
from domain.break_glass.rules import is_independent, may_break
from domain.budgets.rules import BudgetExceeded
from domain.codes import ApprovalVerb, BreakGlassReason, BudgetKind, Compartment, ReviewOutcome
from domain.deadlines.models import Deadline, DeadlineKind
from domain.disclosures.grounds import to_look_through, to_review
from domain.errors import NotPermitted, StateConflict
from domain.notifications.models import NotificationKind
from domain.organisations.models import Organisation
from domain.organisations.queries import coordinators_of
from domain.permits import Permit
from domain.sealing.models import SealedValue
from domain.sealing.vault import Place, Sealing
from domain.unit_of_work import UnitOfWork

KIND = "break-glass"
"""The kind of sealed value that the account of an emergency is."""

OPENED = "compartment"
"""The kind of sealed value that an emergency access opens: what is said of the person, and nothing else."""

BREAK = text(
    "SELECT * FROM nrm_break_glass(:wanted, :opened, :because, :broken, :granted, :until, :review_by)"
).bindparams(bindparam("until", type_=DateTime(timezone=True)), bindparam("review_by", type_=DateTime(timezone=True)))


@dataclass(frozen=True, slots=True)
class BreakTheGlass:
    """Open one compartment of one case for an hour.

    Attributes:
        reference: The case, as it is known to whoever asks.
        account: What is happening, in their words; sealed.
    """

    reference: str
    compartment: Compartment
    reason: BreakGlassReason
    account: str


async def break_glass(command: BreakTheGlass, permit: Permit, work: UnitOfWork) -> BreakGlass:
    """Open a compartment of a case in an emergency, and tell who leads the case and the independent body.

    Where there is no such case, or a conflict wall stands before the asker, the same is recorded, told to the
    independent body, counted and to be reviewed: the answer is the same, and what opens is empty. So a guess tells
    nothing that it does not pay for.

    Raises:
        NotPermitted: the role is not named for this compartment, or an earlier access was not answered for.
        BudgetExceeded: the member of staff, or the organisation, broke the glass too often.
    """
    actor = permit.actor
    rules = work.catalogue.access.get(actor.country)
    if rules is None or not may_break(rules, actor.role, command.compartment):
        raise NotPermitted(rule="role", compartment=str(command.compartment))
    if (await work.session.execute(select(func.nrm_glass_is_shut()))).scalar_one():
        raise NotPermitted(rule="suspended")
    await _within_budget(work, actor.country)
    glass_id = work.ids.uuid()
    given: dict[str, Any] = {
        "wanted": command.reference,
        "opened": command.compartment.value,
        "because": command.reason.value,
        "broken": glass_id,
        "granted": work.ids.uuid(),
        "until": work.now + rules.break_glass.open_for,
        "review_by": work.now + rules.break_glass.review_within,
    }
    found = (await work.session.execute(BREAK, given)).first()
    sealing = Sealing(Place(glass_id, glass_id, KIND), Compartment.NARRATIVE, {"account": command.account})
    await work.vault.put_first([sealing], work.now)
    glass = await work.get(BreakGlass, glass_id)
    await _tell(glass, None if found is None else found.owner_id, permit, work)
    return glass


async def _tell(glass: BreakGlass, owner_id: UUID | None, permit: Permit, work: UnitOfWork) -> None:
    """Record the access where it belongs, tell whom it concerns, and set the time for its review."""
    said = {"compartment": str(glass.compartment), "reason": str(glass.reason)}
    for stream_id in {glass.organisation_id, glass.about_case_id or glass.organisation_id}:
        work.audit(AuditAction.GLASS_BROKEN, permit, stream_id=stream_id, subject_id=glass.id, **said)
    if owner_id is not None:
        work.notify(owner_id, NotificationKind.GLASS_BROKEN, glass.reference, glass.compartment)
    for body in await independent_bodies(work, glass.country, but=glass.organisation_id):
        work.notify(body, NotificationKind.GLASS_BROKEN, str(glass.id), glass.compartment)
    work.add(
        Deadline(
            id=work.ids.uuid(),
            subject_id=glass.id,
            organisation_id=glass.organisation_id,
            kind=DeadlineKind.GLASS_REVIEW,
            rule="review",
            anchored_at=work.now,
            due_at=glass.review_due_at,
        )
    )


async def _within_budget(work: UnitOfWork, country: str) -> None:
    budget = work.catalogue.access[country].budgets[BudgetKind.EMERGENCY]
    since = work.now - budget.window
    used = (await work.session.execute(select(text("*")).select_from(func.nrm_glass_broken(since)))).one()
    if used.staff >= budget.staff or used.organisation >= budget.organisation:
        raise BudgetExceeded(BudgetKind.EMERGENCY, (used.oldest + budget.window - work.now).total_seconds())


async def look_through(glass: BreakGlass, permit: Permit, work: UnitOfWork) -> dict[str, Any]:
    """Open what the emergency access opens; nothing where there is no such case, or nothing stands there."""
    record_id = await _opened_record(work, glass)
    if record_id is None or glass.about_case_id is None:
        work.audit(
            AuditAction.COMPARTMENT_REVEALED, permit, stream_id=glass.organisation_id, kind=OPENED, compartments=[]
        )
        return {}
    opened = await work.reveal(
        await to_look_through(work, permit, glass.about_case_id),
        action=AuditAction.COMPARTMENT_REVEALED,
        stream_id=glass.about_case_id,
        record_id=record_id,
        kind=OPENED,
    )
    return opened.get(glass.compartment, {})


async def _opened_record(work: UnitOfWork, glass: BreakGlass) -> UUID | None:
    """Return the record that the grant shows; row-level security hides it from whoever has none, or is walled off."""
    rows = await work.session.execute(
        select(col(SealedValue.record_id)).where(
            col(SealedValue.holder_id) == glass.about_case_id,
            col(SealedValue.kind) == OPENED,
            col(SealedValue.compartment) == glass.compartment,
        )
    )
    return rows.scalar_one_or_none()


async def read_account(glass: BreakGlass, permit: Permit, work: UnitOfWork) -> str:
    """Open why the glass was broken, for whoever reviews it."""
    await _is_independent(glass, permit, work)
    opened = await work.reveal(
        await to_review(work, permit, glass.id),
        action=AuditAction.ACCOUNT_REVEALED,
        stream_id=glass.organisation_id,
        record_id=glass.id,
        kind=KIND,
    )
    return str(opened[Compartment.NARRATIVE]["account"])


async def review_glass(outcome: ReviewOutcome, permit: Permit, work: UnitOfWork) -> BreakGlass:
    """Say whether an emergency access was justified. If not, whoever broke the glass breaks none again.

    Raises:
        NotPermitted: the organisation is not independent, or is the one that broke the glass.
        StateConflict: it was reviewed already.
    """
    organisation = await _is_independent(await work.get(BreakGlass, permit.subject_id), permit, work)
    glass = await work.lock(BreakGlass, permit.subject_id)
    if glass.outcome is not None:
        raise StateConflict(current=str(glass.outcome))
    glass.outcome, glass.reviewed_at = outcome, work.now
    glass.reviewer_id, glass.reviewer_organisation_id = permit.actor.staff_id, organisation.id
    work.audit(
        AuditAction.GLASS_REVIEWED, permit, stream_id=glass.organisation_id, subject_id=glass.id, outcome=outcome
    )
    told = {glass.organisation_id}
    if outcome == ReviewOutcome.UNJUSTIFIED:
        told |= set(await coordinators_of(work, glass.country))
    for one in sorted(told):
        work.notify(one, NotificationKind.GLASS_REVIEWED, str(glass.id), str(outcome))
    return glass


async def restore_right(permit: Permit, work: UnitOfWork) -> BreakGlass:
    """Give the right to break the glass back to somebody who once had no reason, if two agreed to it.

    Raises:
        NotPermitted: as for `review_glass`.
        StateConflict: nothing was taken away, or it was given back already.
        ApprovalMissing: nobody of another organisation agreed.
    """
    await _is_independent(await work.get(BreakGlass, permit.subject_id), permit, work)
    glass = await work.lock(BreakGlass, permit.subject_id)
    if glass.outcome != ReviewOutcome.UNJUSTIFIED or glass.restored_at is not None:
        raise StateConflict(current="restored" if glass.restored_at is not None else str(glass.outcome))
    approval = await demand(Action(ApprovalVerb.GLASS_RESTORE, {"break_glass": str(glass.id)}), work)
    glass.restored_at, glass.restoring_approval_id = work.now, approval.id
    work.audit(AuditAction.GLASS_RESTORED, permit, stream_id=glass.organisation_id)
    work.notify(glass.organisation_id, NotificationKind.GLASS_REVIEWED, str(glass.id), "restored")
    return glass


async def _is_independent(glass: BreakGlass, permit: Permit, work: UnitOfWork) -> Organisation:
    organisation = await work.get(Organisation, permit.actor.organisation_id)
    own = glass.organisation_id == organisation.id or glass.staff_id == permit.actor.staff_id
    if own or not is_independent(work.catalogue.access.get(permit.actor.country), organisation.nrm_roles):
        raise NotPermitted(rule="independent-body")
    return organisation
