"""What can be done with services given outside a referral: by the organisation that leads the case itself."""

from dataclasses import dataclass

from domain.audit.actions import AuditAction
from domain.cases.models import Case
from domain.cases.queries import procedure
from domain.codes import Outcome, Service
from domain.deadlines.commands import ask_for_refresh, case_changed
from domain.errors import InvalidInput, StateConflict, VersionStale
from domain.organisations.models import Organisation
from domain.permits import Permit
from domain.services.models import ServiceEpisode
from domain.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class StartEpisode:
    """Begin to give a service."""

    service: Service


async def start_episode(command: StartEpisode, permit: Permit, work: UnitOfWork) -> ServiceEpisode:
    """Record that the organisation which leads the case began to give a service itself.

    Raises:
        InvalidInput: the organisation does not give this service, or it is no service of the procedure.
    """
    case = await work.lock(Case, permit.subject_id)
    organisation = await work.get(Organisation, permit.actor.organisation_id)
    offered = {service for step in procedure(work, case).steps for service in step.services}
    if command.service not in organisation.services or command.service not in offered:
        raise InvalidInput(field="service", reason="not one that the organisation gives")
    episode = ServiceEpisode(
        id=work.ids.uuid(),
        case_id=case.id,
        organisation_id=organisation.id,
        service=command.service,
        started_at=work.now,
    )
    work.add(episode)
    work.audit(AuditAction.SERVICE_STARTED, permit, stream_id=case.id, subject_id=episode.id)
    await case_changed(work, case)
    return episode


async def end_episode(outcome: Outcome, version: int, permit: Permit, work: UnitOfWork) -> ServiceEpisode:
    """Record that a service ended, and what came of it.

    Raises:
        StateConflict: it has ended, or it belongs to a referral, whose completion ends it.
        VersionStale: a colleague changed it meanwhile.
    """
    episode = await work.lock(ServiceEpisode, permit.subject_id)
    if episode.ended_at is not None:
        raise StateConflict(current="ended")
    if episode.referral_id is not None:
        raise StateConflict(current="ended-by-its-referral")
    if episode.version != version:
        raise VersionStale(current_version=episode.version)
    episode.ended_at, episode.outcome = work.now, outcome
    episode.version += 1
    work.audit(AuditAction.SERVICE_ENDED, permit, stream_id=episode.case_id, subject_id=episode.id, outcome=outcome)
    await work.flush()
    case = await work.session.get(Case, episode.case_id)
    if case is None:  # the case was handed over meanwhile: whoever gives a service still says how it ended
        ask_for_refresh(work, episode.case_id, permit.actor.organisation_id, episode.id)
    else:
        await case_changed(work, await work.lock(Case, case.id))
    return episode
