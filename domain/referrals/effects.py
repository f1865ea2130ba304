"""What an act does beside changing the status: events, clocks, grants, packages and service episodes."""

from datetime import UTC, datetime

from sqlalchemy import Uuid, bindparam, text
from sqlmodel import col, select

from domain.audit.actions import AuditAction
from domain.audit.chain import Detail
from domain.cases.models import Case, CaseAccess, Relation
from domain.cases.queries import procedure, running_grants
from domain.codes import Outcome, Priority, ReferralStatus, RefusalReason, Service
from domain.columns import FOREVER
from domain.deadlines.commands import settle
from domain.deadlines.models import Deadline, DeadlineKind
from domain.disclosures.models import Ground
from domain.errors import NotPermitted
from domain.permits import Permit
from domain.places.holding import call_next, free
from domain.referrals.models import Referral, ReferralEvent
from domain.referrals.rules import AFTER_ACCEPTANCE, OVER, Act, moved
from domain.requests.rules import refuse_restricted
from domain.services.models import ServiceEpisode
from domain.unit_of_work import UnitOfWork

CANCEL = text("SELECT nrm_cancel_events(:referral)").bindparams(bindparam("referral", type_=Uuid))
RESPONSES = (DeadlineKind.REFERRAL_RESPONSE, DeadlineKind.REFERRAL_EXPIRY)


async def move(
    work: UnitOfWork,
    permit: Permit | None,
    referral: Referral,
    act: Act,
    reason: str | None = None,
    declined_by: str | None = None,
    *,
    ground: Ground | None = None,
) -> None:
    """Set the new status, and write the event that is its only history. Who ends a service lets the next one in.

    `ground`: of an act that lets somebody have or open something; the audit remembers it.
    """
    transition = moved(ReferralStatus(referral.status), act)
    makes_room = referral.status in AFTER_ACCEPTANCE and transition.target in OVER
    referral.status = transition.target
    referral.version += 1
    referral.changed_at = work.now
    work.add(
        ReferralEvent(
            id=work.ids.uuid(),
            referral_id=referral.id,
            case_id=referral.case_id,
            sequence=referral.version,
            act=act,
            status=transition.target,
            at=work.now,
            organisation_id=permit.actor.organisation_id if permit else None,
            staff_id=permit.actor.staff_id if permit else None,
            reason=reason,
            declined_by=declined_by,
        )
    )
    await work.flush()
    told: dict[str, Detail] = {"status": transition.target, "reason": reason}
    if ground is not None:
        told |= {**ground.told(), "compartments": [*referral.compartments], "service": str(referral.service)}
    stream, subject = referral.case_id, referral.id
    if permit is not None:
        work.audit(transition.action, permit, stream_id=stream, subject_id=subject, **told)
    else:
        work.audit_clock(transition.action, stream_id=stream, subject_id=subject, rule="clock", **told)
    if makes_room:
        await call_next(work, referral.receiving_organisation_id, referral.service, referral.id, referral.case_id)


def start_clocks(work: UnitOfWork, case: Case, referral: Referral, *kinds: DeadlineKind) -> None:
    """Start the clocks of a referral that its priority has: by when it must be answered, and when it expires."""
    rule = procedure(work, case).priorities[Priority(referral.priority)]
    calendar = work.catalogue.calendar(case.country)
    lasting = {
        DeadlineKind.REFERRAL_RESPONSE: rule.respond_within,
        DeadlineKind.REFERRAL_EXPIRY: rule.expires_after,
    }
    for kind in kinds:
        duration = lasting[kind]
        if duration is not None:
            work.add(_clock(work, referral, kind, calendar.add(work.now, duration), escalate_to=rule.escalate_to))


def end_with_ground(work: UnitOfWork, referral: Referral) -> None:
    """Let the clock end what a referral shares when the ground that it rests on ends."""
    until = referral.shared_until
    work.add(_clock(work, referral, DeadlineKind.GROUND_END, until, rule=until.astimezone(UTC).isoformat()))


def _clock(
    work: UnitOfWork,
    referral: Referral,
    kind: DeadlineKind,
    due_at: datetime,
    *,
    rule: str | None = None,
    escalate_to: str | None = None,
) -> Deadline:
    return Deadline(
        id=work.ids.uuid(),
        case_id=referral.case_id,
        subject_id=referral.id,
        organisation_id=referral.receiving_organisation_id,
        kind=kind,
        rule=rule or referral.priority,
        escalate_to=escalate_to,
        anchored_at=work.now,
        due_at=due_at,
    )


async def note_reassignment(work: UnitOfWork, referral: Referral) -> None:
    """Write into the history that another organisation answers for a referral now; it stands where it stood."""
    referral.version += 1
    work.add(
        ReferralEvent(
            id=work.ids.uuid(),
            referral_id=referral.id,
            case_id=referral.case_id,
            sequence=referral.version,
            act="reassign",
            status=referral.status,
            at=work.now,
            reason=RefusalReason.ORGANISATION_CLOSED,
        )
    )
    await work.flush()


async def open_to_receiver(work: UnitOfWork, ground: Ground, referral: Referral) -> None:
    """Write the grant of an acceptance, on its ground. Accepting case management takes the case over.

    Raises:
        Restricted: the person wants nothing passed on any more.
    """
    if ground.permit is None or ground.permit.subject_id != referral.id:
        raise NotPermitted(rule="ground")
    takes_over = referral.service == Service.CASE_MANAGEMENT
    work.add(
        CaseAccess(
            id=work.ids.uuid(),
            case_id=referral.case_id,
            organisation_id=referral.receiving_organisation_id,
            relation=Relation.OWNER if takes_over else Relation.RECEIVER,
            holder_id=referral.case_id if takes_over else referral.id,
            referral_id=referral.id,
            compartments=list(referral.compartments),
            valid_from=work.now,
            valid_until=FOREVER if takes_over else referral.shared_until,
        )
    )
    await work.flush()
    case = await work.lock(Case, referral.case_id)  # only now may the receiver see it: a restriction is looked at here
    refuse_restricted(case)
    if not takes_over:
        return
    for grant in await running_grants(work.session, case.id, Relation.OWNER, work.now):
        if grant.organisation_id != referral.receiving_organisation_id:
            grant.valid_until = work.now
    case.owner_organisation_id = referral.receiving_organisation_id
    case.version += 1
    await work.flush()


async def start_service(work: UnitOfWork, permit: Permit, referral: Referral) -> None:
    """Open the service episode of a referral."""
    episode = ServiceEpisode(
        id=work.ids.uuid(),
        case_id=referral.case_id,
        organisation_id=permit.actor.organisation_id,
        referral_id=referral.id,
        service=referral.service,
        started_at=work.now,
    )
    work.add(episode)
    work.audit(AuditAction.SERVICE_STARTED, permit, stream_id=referral.case_id, subject_id=episode.id)


async def end_services(work: UnitOfWork, permit: Permit | None, referral: Referral, outcome: Outcome) -> None:
    """End the running service episodes of a referral with their outcome."""
    rows = await work.session.execute(
        select(ServiceEpisode).where(
            col(ServiceEpisode.referral_id) == referral.id, col(ServiceEpisode.ended_at).is_(None)
        )
    )
    for episode in rows.scalars():
        end_service(work, permit, episode, outcome)


def end_service(work: UnitOfWork, permit: Permit | None, episode: ServiceEpisode, outcome: Outcome) -> None:
    """End one running service episode; without a permit it is the clock that ends it."""
    episode.ended_at = work.now
    episode.outcome = outcome
    episode.version += 1
    case_id, action = episode.case_id, AuditAction.SERVICE_ENDED
    if permit is not None:
        work.audit(action, permit, stream_id=case_id, subject_id=episode.id, outcome=outcome)
    else:
        work.audit_clock(action, stream_id=case_id, subject_id=episode.id, rule="clock", outcome=outcome)


async def share_no_longer_than(work: UnitOfWork, referral: Referral, instant: datetime) -> None:
    """Let what a referral shares, or will share once it is accepted, end with the ground that it rests on."""
    if instant < referral.shared_until:
        referral.shared_until = instant
        if referral.status != ReferralStatus.DRAFT:
            await settle(work, referral.id, DeadlineKind.GROUND_END)
            end_with_ground(work, referral)
    rows = await work.session.execute(
        select(CaseAccess).where(col(CaseAccess.holder_id) == referral.id, col(CaseAccess.valid_until) > instant)
    )
    for grant in rows.scalars():
        grant.valid_until = instant
    await work.flush()


async def close_to_receiver(work: UnitOfWork, permit: Permit | None, referral: Referral) -> None:
    """End what a referral that is over gave its receiver: grant, places, clocks and package; see `close_package`."""
    await free(work, permit, referral)
    await settle(work, referral.id, *RESPONSES, DeadlineKind.GROUND_END)
    await close_package(work, permit, referral)


async def close_package(work: UnitOfWork, permit: Permit | None, referral: Referral) -> None:
    """End the receiver's grant, destroy the package with its keys, and cancel what was not told of the referral yet.

    Whoever calls this tells both sides after it, without content.
    """
    rows = await work.session.execute(
        select(CaseAccess).where(col(CaseAccess.holder_id) == referral.id, col(CaseAccess.valid_until) > work.now)
    )
    for grant in rows.scalars():
        grant.valid_until = work.now
    await work.vault.shred(referral.id)
    await work.flush()
    await work.session.execute(CANCEL, {"referral": referral.id})
    if permit is not None:
        work.audit(AuditAction.PACKAGE_PURGED, permit, stream_id=referral.case_id, subject_id=referral.id)
    else:
        work.audit_clock(AuditAction.PACKAGE_PURGED, stream_id=referral.case_id, subject_id=referral.id, rule="clock")
