"""What an operator's command does when two must agree first: it says on what, to the letter, and does nothing."""

import json
import sys

from api.bootstrap import Access
from api.database import Database
from api.runtime import Runtime
from api.settings import DatabaseRole
from auth.authentication import enter_as_clock
from domain.approvals.commands import demand_once_in_use
from domain.approvals.rules import Action, ApprovalMissing

EXIT_REFUSED = 1


def tell_missing(missing: ApprovalMissing) -> int:
    """Print what to ask for; returns the exit code."""
    wanted = {"verb": missing.details["verb"], "parameters": missing.details["parameters"]}
    print("refused: two persons of two organisations must agree to this first", file=sys.stderr)
    print(f"POST /v1/approvals {json.dumps(wanted, sort_keys=True)}", file=sys.stderr)
    return EXIT_REFUSED


async def spend(action: Action, runtime: Runtime, access: Access) -> None:
    """Spend the approval of an act in a transaction of its own, for acts that no transaction of ours can hold.

    If the act fails afterwards, its approval is gone: at most once, never twice.

    Raises:
        ApprovalMissing: nobody agreed, and the installation is in use.
    """
    database = Database(access.dsns)
    try:
        async with database.sessions(DatabaseRole.OWNER)() as session:
            work = runtime.work(session, await enter_as_clock(session, runtime.clock.shift))
            await demand_once_in_use(action, work)
            await work.commit()
    finally:
        await database.close()
