"""Waiting lists: in which order, who is told which position, and who is told when a place comes free."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlmodel import col, select

from domain.codes import PlaceFamily, PlaceState, ReferralStatus, Service
from domain.notifications.models import NotificationKind
from domain.places.queries import states
from domain.places.rules import Guests
from domain.referrals.models import Referral
from domain.unit_of_work import UnitOfWork

POSITIONS = text("""
    SELECT l.referral_id, l.place_in_line FROM unnest(CAST(:receivers AS uuid[])) AS r (id), nrm_waiting_list(r.id) AS l
""")


async def positions(work: UnitOfWork, referrals: Iterable[Any]) -> dict[UUID, int]:
    """Return the position of each waitlisted referral in the list of its receiver and service, from 1.

    A position is a number and tells of nobody. What a conflict wall hides from the caller is not counted for them.

    Args:
        work: The unit of work.
        referrals: Referrals, or rows with their status and receiving organisation.
    """
    receivers = {one.receiving_organisation_id for one in referrals if one.status == ReferralStatus.WAITLISTED}
    if not receivers:
        return {}
    rows = await work.session.execute(POSITIONS, {"receivers": sorted(receivers)})
    return {row.referral_id: row.place_in_line for row in rows}


async def waiting_list(work: UnitOfWork, organisation_id: UUID) -> Sequence[Referral]:
    """Return who waits at an organisation, service by service, in order."""
    rows = await work.session.execute(
        text("SELECT referral_id FROM nrm_waiting_list(:organisation)"), {"organisation": organisation_id}
    )
    order = {row.referral_id: place for place, row in enumerate(rows)}
    found = await work.session.execute(select(Referral).where(col(Referral.id).in_(order)))
    return sorted(found.scalars(), key=lambda one: order[one.id])[:200]


async def tell_next(work: UnitOfWork, organisation_id: UUID, service: str) -> bool:
    """Tell both sides of the referral that is next for what came free; returns whether there is one.

    Where a shelter keeps places, the next is the first for whom one of a fitting type is free.
    """
    line = [one for one in await waiting_list(work, organisation_id) if one.service == service]
    if service == Service.SHELTER:
        places = await states(work, organisation_id)
        free = {(one.sex, one.family) for one, state in places if state == PlaceState.FREE}
        line = [one for one in line if not places or _fits(one, free)]
    if not line:
        return False
    for side in (line[0].sending_organisation_id, line[0].receiving_organisation_id):
        work.notify(side, NotificationKind.REFERRAL_NEXT, line[0].reference)
    return True


def _fits(referral: Referral, free: Iterable[tuple[str, str]]) -> bool:
    """Whether a free place may be for the person; whether children would come along is not known before acceptance."""
    person = Guests(referral.sex, referral.age_band)
    families = {person.family, PlaceFamily.WITH_CHILDREN}
    return any(sex in person.sexes and family in families for sex, family in free)
