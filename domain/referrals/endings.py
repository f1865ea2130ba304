"""How referrals end without an act of either side: the clock, and a consent that no longer covers them."""

from uuid import UUID

from sqlmodel import col, select

from domain.audit.actions import AuditAction
from domain.cases.models import Case
from domain.cases.queries import procedure
from domain.codes import Compartment, Outcome, ReferralStatus
from domain.consents.models import Consent
from domain.consents.rules import covering
from domain.notifications.models import NotificationKind
from domain.organisations.models import Organisation
from domain.permits import Permit
from domain.referrals.effects import close_package, close_to_receiver, end_services, move, share_no_longer_than
from domain.referrals.models import Referral
from domain.referrals.rules import BEFORE_ACCEPTANCE, OVER, Act
from domain.unit_of_work import UnitOfWork


async def expire_referral(work: UnitOfWork, referral: Referral) -> None:
    """The clock ends a referral that nobody answered, and tells the sender to find another way.

    The receiver hears of it from the breach of the deadline itself.
    """
    await move(work, None, referral, Act.EXPIRE)
    await close_to_receiver(work, None, referral)
    work.notify(referral.sending_organisation_id, NotificationKind.REFERRAL_EXPIRED, referral.reference)


async def end_sharing(work: UnitOfWork, referral: Referral) -> bool:
    """The clock ends what a referral shares, because its consent or other basis has expired; returns whether it did.

    Before acceptance the referral expires. After it nothing opens any more and the package is destroyed, but the
    service goes on: nobody loses a bed because a paper ran out. Both sides are told, so that the person is asked again.
    """
    if referral.status in OVER or referral.status == ReferralStatus.DRAFT or referral.shared_until > work.now:
        return False
    if referral.status in BEFORE_ACCEPTANCE:
        await expire_referral(work, referral)
        work.notify(referral.receiving_organisation_id, NotificationKind.REFERRAL_RECALLED, referral.reference)
        return True
    await close_package(work, None, referral)
    work.audit_clock(
        AuditAction.SHARING_ENDED,
        stream_id=referral.case_id,
        subject_id=referral.id,
        rule="clock",
        basis=referral.basis,
    )
    for organisation_id in (referral.sending_organisation_id, referral.receiving_organisation_id):
        work.notify(organisation_id, NotificationKind.SHARING_ENDED, referral.reference)
    return True


async def lock_open_referrals(work: UnitOfWork, case_id: UUID) -> None:
    """Lock what a consent of the case may end: before the case itself, as everybody does."""
    await work.session.execute(
        select(col(Referral.id))
        .where(col(Referral.case_id) == case_id, col(Referral.status).not_in(OVER))
        .order_by(col(Referral.id))
        .with_for_update(key_share=True)
    )


async def withdraw_shared_under(
    work: UnitOfWork, permit: Permit, case: Case, consent_id: UUID, *, still: Consent | None = None
) -> None:
    """End every open referral whose package rests on a consent, except what its new version still covers."""
    rows = await work.session.execute(
        select(Referral)
        .join(Consent, col(Consent.id) == col(Referral.consent_version_id))
        .where(
            col(Referral.case_id) == case.id,
            col(Consent.consent_id) == consent_id,
            col(Referral.status).not_in(OVER),
        )
        .with_for_update(of=Referral, key_share=True)
        .execution_options(populate_existing=True)
        .order_by(col(Referral.id))
    )
    for referral in rows.scalars().all():
        if still is not None and await _covers(work, case, still, referral):
            await share_no_longer_than(work, referral, still.expires_at)
            continue
        was_sent = referral.status != ReferralStatus.DRAFT
        await move(work, permit, referral, Act.WITHDRAW)
        await end_services(work, permit, referral, Outcome.DECLINED_BY_PERSON)
        await close_to_receiver(work, permit, referral)
        if was_sent:
            work.notify(referral.receiving_organisation_id, NotificationKind.REFERRAL_RECALLED, referral.reference)


async def _covers(work: UnitOfWork, case: Case, consent: Consent, referral: Referral) -> bool:
    """Whether a consent still lets the package of a referral go where it went, for the purpose of its step."""
    step = procedure(work, case).by_key[referral.step]
    recipient = await work.get(Organisation, referral.receiving_organisation_id)
    compartments = [Compartment(code) for code in referral.compartments]
    purpose = step.consent.purpose if step.consent else None
    return purpose is None or covering([consent], purpose, recipient, compartments, work.now) is not None
