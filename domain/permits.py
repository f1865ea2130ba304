"""Who asks, and the proof that they may. Permits are made in `auth/authorisation.py` and nowhere else."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.codes import Compartment, Role


@dataclass(frozen=True, slots=True)
class Actor:
    """A member of staff acting for an organisation in one role, at one instant.

    Access follows the membership (person of staff × organisation × role), never the individual.
    """

    staff_id: UUID
    organisation_id: UUID
    organisation_code: str
    role: Role
    country: str
    now: datetime


@dataclass(frozen=True, slots=True)
class Permit:
    """Proof that an actor may do one thing with one record.

    A command takes the record from its permit, so that what was authorised and what is changed cannot differ.

    Attributes:
        permission: The verb that was allowed, such as `referral:send`.
        subject_id: The record; for acts that create one, the actor's organisation.
        rule: The name of the rule that allowed it; goes into the audit entry.
        compartments: What the permit opens; empty for most.
        holder_id: Whose keys seal those compartments: a case, or the package of a referral.
    """

    actor: Actor
    permission: str
    subject_id: UUID
    rule: str
    compartments: frozenset[Compartment] = frozenset()
    holder_id: UUID | None = None
