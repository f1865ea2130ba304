"""A ground: the proof that something about a person may leave whoever keeps it, now."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from domain.audit.chain import Detail
from domain.codes import LegalBasis
from domain.permits import Permit


class Standing(StrEnum):
    """Grounds beside the legal bases: what one opens because of where one stands, and nobody disclosed it."""

    LEAD = "lead"
    """The organisation leads the case and opens what it collected, or what was handed over to it."""
    OWN_WORDS = "own_words"
    """The organisation took the contact and opens what it wrote down itself."""
    WITHOUT_NAME = "without_name"
    """Coded attributes, or sealed bytes that nobody opens, go out; nothing tells whose they are."""


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
