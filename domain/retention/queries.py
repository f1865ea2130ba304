"""What can be asked about erasing: the ledger as a whole, and the certificate of one erasure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from domain.retention.ledger import INSTANT, Ledger, LedgerRefused, Shredded, check
from domain.retention.models import Erasure, ShredEntry

CERTIFICATE: Final = "nrm erasure certificate 1"


@dataclass(frozen=True, slots=True)
class Certificate:
    """What was destroyed, when and why, as the ledger has it, and what remains.

    Attributes:
        remaining: Coded attributes that are still counted, as `table.column`; with them the instants of what happened.
    """

    erasure: Erasure
    organisation: str
    entries: tuple[Shredded, ...]
    remaining: tuple[str, ...]

    def written(self) -> dict[str, Any]:
        """Return the certificate as it is given away."""
        one = self.erasure
        return {
            "format": CERTIFICATE,
            "erasure": str(one.id),
            "reference": one.reference,
            "organisation": self.organisation,
            "why": str(one.why),
            "erased_at": one.erased_at.strftime(INSTANT),
            "compartments": list(one.compartments),
            "whole": one.whole,
            "destroyed": [
                {
                    "sequence": entry.sequence,
                    "holder": str(entry.holder_id),
                    "compartment": entry.compartment,
                    "hash": entry.hash.hex(),
                }
                for entry in self.entries
            ],
            "remaining": list(self.remaining),
        }


async def entries_of(session: AsyncSession, *wanted: Any) -> tuple[Shredded, ...]:
    """Return entries of the ledger in their order, none of them checked."""
    rows = await session.execute(select(ShredEntry).where(*wanted).order_by(col(ShredEntry.sequence)))
    return tuple(
        Shredded(one.sequence, one.holder_id, one.compartment, one.erasure_id, one.why, one.at, one.hash)
        for one in rows.scalars()
    )


async def ledger_of(session: AsyncSession, exported_at: datetime) -> Ledger:
    """Return the whole ledger, every link of it checked.

    Raises:
        LedgerRefused: it was changed in the database.
    """
    return Ledger(exported_at, check(await entries_of(session)))


async def certificate(
    session: AsyncSession, erasure: Erasure, organisation: str, remaining: tuple[str, ...]
) -> Certificate:
    """Return the certificate of an erasure that the transaction may see."""
    entries = await entries_of(session, col(ShredEntry.erasure_id) == erasure.id)
    return Certificate(erasure, organisation, entries, remaining if erasure.whole else ())


def confirm(written: dict[str, Any], ledger: Ledger) -> int:
    """Compare a certificate with a ledger that was kept elsewhere; returns how many lines of it confirm it.

    Raises:
        LedgerRefused: the ledger does not say what the certificate says.
    """
    try:
        told = {(one["sequence"], one["holder"], one["compartment"], one["hash"]) for one in written["destroyed"]}
        erasure, whole = written["erasure"], written["whole"]
    except (KeyError, TypeError):
        raise LedgerRefused("not a certificate") from None
    held = [one for one in ledger.entries if str(one.erasure_id) == erasure]
    if told != {(one.sequence, str(one.holder_id), one.compartment, one.hash.hex()) for one in held} or not held:
        raise LedgerRefused("the ledger does not say what the certificate says")
    if whole and not any(one.compartment == "all" for one in held):
        raise LedgerRefused("the erasure is not finished in the ledger")
    return len(held)
