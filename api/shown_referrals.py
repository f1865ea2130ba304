"""Referrals as a person reads them: in lists, by their status, and in full as far as the reader may see."""

from collections.abc import Sequence

from sqlmodel import col, select

from api.dependencies import opens
from api.schemas.base import Withheld
from api.schemas.referrals import ReferralEventOut, ReferralOut, ReferralSummary, StatusOut
from auth.authorisation import Authorisation, visible
from auth.roles import Permission
from domain.capacity.queries import question_behind
from domain.cases.models import Case
from domain.codes import Compartment, LegalBasis, Outcome, Priority, ReferralStatus, Service
from domain.permits import Actor
from domain.referrals.models import Referral
from domain.referrals.queries import answering, codes_of, events_of
from domain.referrals.rules import AFTER_ACCEPTANCE, FHIR_TASK_STATUS
from domain.referrals.waiting import positions
from domain.unit_of_work import UnitOfWork


async def summaries(work: UnitOfWork, rows: Sequence[Referral]) -> list[ReferralSummary]:
    """Return referrals as shown in lists, with two queries however many they are, and a third where somebody waits."""
    answers = await answering(work, [row.id for row in rows])
    ends = [one for row in rows for one in (row.sending_organisation_id, row.receiving_organisation_id)]
    codes = await codes_of(work, ends)
    waiting = await positions(work, rows)
    return [
        ReferralSummary(
            reference=row.reference,
            status=ReferralStatus(row.status),
            service=Service(row.service),
            priority=Priority(row.priority),
            sender=codes[row.sending_organisation_id],
            receiver=codes[row.receiving_organisation_id],
            age_band=row.age_band,
            sex=row.sex,
            languages=row.languages,
            created_at=row.created_at,
            respond_by=answers[row.id].respond_by,
            overdue=answers[row.id].overdue,
            waiting_position=waiting.get(row.id),
        )
        for row in rows
    ]


async def status_of(work: UnitOfWork, referral: Referral) -> StatusOut:
    """Return where a referral stands."""
    answers = (await answering(work, [referral.id]))[referral.id]
    return StatusOut(
        reference=referral.reference,
        status=ReferralStatus(referral.status),
        fhir_status=FHIR_TASK_STATUS[ReferralStatus(referral.status)],
        priority=Priority(referral.priority),
        since=referral.changed_at,
        respond_by=answers.respond_by,
        overdue=answers.overdue,
    )


async def shown(
    work: UnitOfWork, may: Authorisation, referral: Referral, warnings: tuple[str, ...] = ()
) -> ReferralOut:
    """Return a referral as its sender or receiver may see it."""
    await work.flush()
    summary = (await summaries(work, [referral]))[0]
    events = await events_of(work, referral.id)
    codes = await codes_of(work, [event.organisation_id for event in events])
    case = (
        await work.session.execute(
            select(Case).where(col(Case.id) == referral.case_id, visible(Case, Permission.CASE_READ, may.actor))
        )
    ).scalar_one_or_none()
    earlier = await work.session.get(Referral, referral.earlier_referral_id) if referral.earlier_referral_id else None
    may_open, withheld = _package_view(work, may.actor, referral)
    return ReferralOut(
        **summary.model_dump(),
        step=referral.step,
        basis=LegalBasis(referral.basis),
        outcome=Outcome(referral.outcome) if referral.outcome else None,
        case=case.reference if case else None,
        earlier_referral=earlier.reference if earlier else None,
        capacity_question=await question_behind(work, referral, may.actor.organisation_id),
        compartments=may_open,
        withheld=withheld,
        history=[
            ReferralEventOut(
                status=ReferralStatus(event.status),
                at=event.at,
                by=codes.get(event.organisation_id) if event.organisation_id else None,
                reason=event.reason,
                declined_by=event.declined_by,
            )
            for event in events
        ],
        warnings=list(warnings),
    )


def _package_view(work: UnitOfWork, actor: Actor, referral: Referral) -> tuple[list[Compartment], list[Withheld]]:
    """Return which compartments of the package the actor may open now, and why the others are withheld."""
    held = [Compartment(code) for code in referral.compartments]
    if actor.organisation_id != referral.receiving_organisation_id:
        return [], [Withheld(compartment=one, because="package-is-the-receivers") for one in held]
    if referral.status not in AFTER_ACCEPTANCE:
        return [], [Withheld(compartment=one, because="not-accepted") for one in held]
    by_role = opens(work, actor, "receiver").at(referral.status)
    return (
        [one for one in held if one in by_role],
        [Withheld(compartment=one, because="role") for one in held if one not in by_role],
    )
