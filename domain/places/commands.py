"""What a shelter does with its places: record them, take them out of order, reserve them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func
from sqlmodel import col, select

from domain.audit.actions import AuditAction
from domain.cases.models import Case
from domain.cases.queries import procedure
from domain.codes import PlaceFamily, PlacementStatus, PlaceSex, Priority, ReferralStatus, Service
from domain.columns import FOREVER
from domain.deadlines.models import Deadline, DeadlineKind
from domain.errors import InvalidInput, NotFound, StateConflict, VersionStale
from domain.organisations.models import Organisation
from domain.permits import Permit
from domain.places.holding import call_next, end, running_placement
from domain.places.models import HeldPlace, Place, Placement
from domain.places.queries import held_places
from domain.places.rules import Guests, chosen, status_of
from domain.referrals.models import Referral
from domain.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class RecordPlaces:
    """Add places of one type.

    Attributes:
        count: How many.
        offered_from: From when the shelter has them; now if left out.
        offered_until: Until when; without end if left out.
    """

    sex: PlaceSex
    family: PlaceFamily
    count: int
    offered_from: datetime | None = None
    offered_until: datetime | None = None


async def record_places(command: RecordPlaces, permit: Permit, work: UnitOfWork) -> list[Place]:
    """Add places to the actor's own shelter.

    Raises:
        InvalidInput: the organisation is no shelter, or the places would end before they begin.
    """
    organisation = await work.get(Organisation, permit.actor.organisation_id)
    if Service.SHELTER not in organisation.services:
        raise InvalidInput(field="count", reason="the organisation gives no shelter")
    begins, ends = command.offered_from or work.now, command.offered_until or FOREVER
    if ends <= begins:
        raise InvalidInput(field="offered_until", reason="before it begins")
    await _locked(work, organisation.id)
    last = await work.session.scalar(
        select(func.coalesce(func.max(Place.number), 0)).where(col(Place.organisation_id) == organisation.id)
    )
    places = [
        Place(
            id=work.ids.uuid(),
            organisation_id=organisation.id,
            number=(last or 0) + step,
            sex=command.sex,
            family=command.family,
            offered_from=begins,
            offered_until=ends,
        )
        for step in range(1, command.count + 1)
    ]
    work.add(*places)
    await work.flush()
    for place in places:
        work.audit(AuditAction.PLACE_RECORDED, permit, stream_id=organisation.id, subject_id=place.id)
    await call_next(work, organisation.id, Service.SHELTER, places[0].id)
    return places


@dataclass(frozen=True, slots=True)
class ChangePlace:
    """Take a place out of order or back, or say until when the shelter has it; who is in it is not put out."""

    version: int
    out_of_order: bool | None = None
    offered_until: datetime | None = None


async def change_place(place_id: UUID, command: ChangePlace, permit: Permit, work: UnitOfWork) -> Place:
    """Change a place of the actor's own shelter.

    Raises:
        NotFound: the shelter has no such place.
        VersionStale: a colleague changed it meanwhile.
        InvalidInput: it would end before it begins.
    """
    place = await work.lock(Place, place_id)
    if place.organisation_id != permit.actor.organisation_id:
        raise NotFound
    if place.version != command.version:
        raise VersionStale(current_version=place.version)
    if command.out_of_order is not None:
        place.out_of_order_since = (place.out_of_order_since or work.now) if command.out_of_order else None
    if command.offered_until is not None:
        if command.offered_until <= place.offered_from:
            raise InvalidInput(field="offered_until", reason="before it begins")
        place.offered_until = command.offered_until
    place.version += 1
    await work.flush()
    work.audit(
        AuditAction.PLACE_RECORDED,
        permit,
        stream_id=place.organisation_id,
        subject_id=place.id,
        out_of_order=place.out_of_order_since is not None,
    )
    if place.out_of_order_since is None:
        await call_next(work, place.organisation_id, Service.SHELTER, place.id)
    return place


async def _locked(work: UnitOfWork, organisation_id: UUID) -> Sequence[Place]:
    """Return the places of a shelter, locked in one order: two that reserve at once come one after the other."""
    rows = await work.session.execute(
        select(Place)
        .where(col(Place.organisation_id) == organisation_id)
        .order_by(col(Place.number))
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return rows.scalars().all()


async def reserve(children: int, permit: Permit, work: UnitOfWork) -> Placement:
    """Reserve places for the person of an accepted shelter referral and the children with them: all or none.

    The reservation holds for as long as the referral's priority lets a receiver think, and then ends by itself.

    Raises:
        StateConflict: the referral is not accepted, is not for a shelter, or holds places already.
        NoFreePlace: too few places are free that fit.
    """
    referral = await work.lock(Referral, permit.subject_id)
    if referral.service != Service.SHELTER:
        raise StateConflict(current="not-for-a-shelter")
    if referral.status != ReferralStatus.ACCEPTED:
        raise StateConflict(current=str(referral.status))
    before = await running_placement(work, referral.id)
    if before is not None:
        if status_of(before, work.now) == PlacementStatus.RESERVED:
            raise StateConflict(current=str(PlacementStatus.RESERVED))
        await end(work, before)
    guests = Guests(referral.sex, referral.age_band, children)
    places = await _locked(work, referral.receiving_organisation_id)
    held = await held_places(work, referral.receiving_organisation_id)
    return await _reserved(work, permit, referral, chosen(guests, places, held, work.now))


async def _reserved(work: UnitOfWork, permit: Permit, referral: Referral, places: Sequence[Place]) -> Placement:
    case = await work.get(Case, referral.case_id)
    rule = procedure(work, case).priorities[Priority(referral.priority)]
    until = work.catalogue.calendar(case.country).add(work.now, rule.respond_within)
    placement = Placement(
        id=work.ids.uuid(),
        organisation_id=referral.receiving_organisation_id,
        referral_id=referral.id,
        case_id=referral.case_id,
        reserved_at=work.now,
        reserved_until=until,
    )
    work.add(placement)
    await work.flush()
    work.add(
        *(
            HeldPlace(placement_id=placement.id, place_id=one.id, held_from=work.now, held_until=until)
            for one in places
        ),
        Deadline(
            id=work.ids.uuid(),
            case_id=referral.case_id,
            subject_id=placement.id,
            organisation_id=referral.receiving_organisation_id,
            kind=DeadlineKind.RESERVATION_EXPIRY,
            rule=referral.priority,
            anchored_at=work.now,
            due_at=until,
        ),
    )
    await work.flush()
    work.audit(
        AuditAction.PLACEMENT_RESERVED,
        permit,
        stream_id=referral.case_id,
        subject_id=placement.id,
        places=[str(one.id) for one in places],
    )
    return placement
