"""A ground: the proof that something about a person may leave whoever keeps it, now."""

from dataclasses import dataclass
from uuid import UUID

from domain.audit.chain import Detail
from domain.codes import LegalBasis, Standing
from domain.permits import Permit


@dataclass(frozen=True, slots=True)
class Ground:
    """Why something may be opened, sent or handed over in this transaction. Made in `grounds.py` and nowhere else.

    It is found with the case locked until the transaction ends: whatever ends a ground locks the case too, so that a
    disclosure is either committed before, or refused.

    Attributes:
        permit: What authorisation allowed; none for the clock.
        basis: Consent, another legal basis, or the standing of whoever opens its own.
        consent_id: The consent that covers it, if that is the basis.
        consent_version: Its version that spoke.
    """

    permit: Permit | None
    basis: LegalBasis | Standing
    consent_id: UUID | None = None
    consent_version: int | None = None

    def told(self) -> dict[str, Detail]:
        """Return what the audit remembers of it: enough to tell the person who saw what, and why."""
        found: dict[str, Detail] = {"basis": str(self.basis)}
        if self.permit is not None:
            found["role"] = str(self.permit.actor.role)
        if self.consent_id is not None:
            found["consent"] = str(self.consent_id)
            found["consent_version"] = self.consent_version
        return found
