"""The shred ledger outside the database: written to a file, and replayed into a database that was restored."""

import os
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from api.backup import owned
from api.bootstrap import Access
from api.runtime import published
from api.settings import DatabaseRole
from domain.retention.ledger import Ledger, LedgerRefused, read, written
from domain.retention.queries import ledger_of
from domain.retention.replaying import replay as replay_into


async def export(session: AsyncSession, output: Path) -> Ledger:
    """Write the whole ledger to a new file that only its owner may read, and whose name appears when it is complete.

    Raises:
        FileExistsError: there is such a file.
        LedgerRefused: the ledger was changed in the database.
    """
    exported_at = (await session.execute(text("SELECT now()"))).scalar_one()
    ledger = await ledger_of(session, exported_at)
    draft = output.with_name(output.name + ".part")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.writelines(written(ledger))
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, output)
    finally:
        draft.unlink()
    return ledger


def read_file(path: Path) -> Ledger:
    """Return the ledger of a file, every link of it checked.

    Raises:
        LedgerRefused: it cannot be read, or was changed.
    """
    try:
        return read(path.read_bytes().splitlines())
    except OSError as error:
        raise LedgerRefused(f"{path} cannot be read ({error.strerror})") from None


async def replay(access: Access, ledger: Ledger, head: str | None = None) -> str:
    """Erase again in a restored database what was erased since its backup; returns what to tell the operator.

    All of it in one transaction: a database that was interrupted here still serves nobody.

    Args:
        access: Whose database was restored; the owner must be known.
        ledger: The newest that there is: one that was cut short in the middle is intact, and knows less.
        head: Its last hash as `nrm ledger export` printed it, where that was noted.

    Raises:
        LedgerRefused: it ends elsewhere than was noted; or see `domain.retention.replaying.replay`.
    """
    if head is not None and head != ledger.head.hex():
        raise LedgerRefused("this is not the ledger whose head was noted")
    async with owned(access.dsns[DatabaseRole.OWNER]) as (session, _):
        new, erasures = await replay_into(session, ledger, published())
    return (
        f"{access.database}: replayed {new} entries of {len(ledger.entries)}, {erasures} erasures; "
        f"ledger of {ledger.exported_at.isoformat()}, head {ledger.head.hex()}\nwhat was erased after that instant is "
        "not in it: if there is a newer ledger, restore again with that one"
    )
