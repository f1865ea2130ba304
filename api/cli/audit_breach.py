"""`nrm audit breach`: what an account or organisation in the wrong hands reached, for notification within 72 hours."""

import argparse
import asyncio
import csv
import io
import json
import os
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, select

from api.cli.database import open_session
from domain.audit.breach import Breach, Pack, Reach, Reader, find_account, find_organisation, reach_of
from domain.audit.figures import NAMED

WITHIN: Final = timedelta(hours=72)
"""From when the breach is known. Source: Regulation (EU) 2016/679, article 33; assumed to be the measure here."""

EXIT_UNKNOWN = 1
EXIT_REFUSED = 2
REACH: Final = ("openings", "changes", "compartments", "first_at", "last_at")


def register(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the action."""
    meaning = "tell which cases an account or organisation opened in a time, and who else opened them"
    breach = actions.add_parser("breach", help=meaning, description=meaning)
    who = breach.add_mutually_exclusive_group(required=True)
    who.add_argument("--account", help="the token subject of a member of staff")
    who.add_argument("--organisation", help="the code of an organisation: everybody who acted for it")
    breach.add_argument("--from", dest="since", type=_instant, required=True, help="as 2026-11-20T08:00:00Z")
    breach.add_argument("--until", type=_instant, required=True, help="the first instant that is over")
    breach.add_argument("--known-at", type=_instant, help="when the breach became known; now unless given")
    breach.add_argument("--output", type=Path, required=True, help="a new folder; only you will read it")
    breach.set_defaults(run=run_breach)


def _instant(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def run_breach(arguments: argparse.Namespace) -> int:
    """Write the pack; returns the exit code: 0, 1 if nobody is called so, 2 if the folder cannot be made."""
    return asyncio.run(_written(arguments))


async def _written(arguments: argparse.Namespace) -> int:
    async with open_session() as session:
        account = await find_account(session, arguments.account) if arguments.account else None
        organisation = await find_organisation(session, arguments.organisation) if arguments.organisation else None
        if account is None and organisation is None:
            print("nobody in the directory is called so", file=sys.stderr)
            return EXIT_UNKNOWN
        breach = Breach(account, organisation, arguments.since, arguments.until)
        pack = await reach_of(session, breach)
        now: datetime = (await session.execute(select(func.now()))).scalar_one()
    try:
        write(arguments.output, breach, pack, arguments.known_at or now)
    except OSError as error:
        print(f"{error.filename}: cannot be made ({error.strerror})", file=sys.stderr)
        return EXIT_REFUSED
    told = {pack.codes[leader] for _, leader in pack.leading.values()}
    print(f"{arguments.output}: {len(pack.leading)} cases, {len(told)} organisations to notify; see summary.json")
    return 0


def write(folder: Path, breach: Breach, pack: Pack, known_at: datetime) -> None:
    """Write the pack to a new folder.

    Raises:
        OSError: the folder exists, or cannot be made.
    """
    folder.mkdir(mode=0o700)
    openings = [
        {"reference": pack.leading[case][0], "led_by": pack.codes[pack.leading[case][1]], **_reader(reader, pack)}
        | _reach(reach)
        for (case, reader), reach in sorted(
            pack.cases.items(), key=lambda one: (pack.leading[one[0][0]][0], one[1].first_at)
        )
    ]
    others = [
        {"reference": pack.leading[case][0], **_reader(reader, pack), **_reach(reach)}
        for (case, reader), reach in sorted(
            pack.others.items(), key=lambda one: (pack.leading[one[0][0]][0], one[1].first_at)
        )
    ]
    elsewhere = [
        {
            "at": row.at.isoformat(),
            "action": row.action,
            "subject": str(row.subject_id),
            **_reader((row.actor_id, row.organisation_id), pack),
            "figures": _figures(row.details),
        }
        for row in sorted(pack.elsewhere, key=lambda row: row.at)
    ]
    _file(folder / "cases.csv", _csv(("reference", "led_by", "staff", "organisation", *REACH), openings))
    _file(folder / "others.csv", _csv(("reference", "staff", "organisation", *REACH), others))
    _file(folder / "elsewhere.csv", _csv(("at", "action", "subject", "staff", "organisation", "figures"), elsewhere))
    _file(folder / "summary.json", json.dumps(_summary(breach, pack, known_at), indent=1) + "\n")


def _summary(breach: Breach, pack: Pack, known_at: datetime) -> dict[str, Any]:
    leaders = [pack.codes[leader] for _, leader in pack.leading.values()]
    return {
        "account": None if breach.staff_id is None else str(breach.staff_id),
        "organisation": pack.codes.get(breach.organisation_id) if breach.organisation_id else None,
        "from": breach.since.isoformat(),
        "until": breach.until.isoformat(),
        "known_at": known_at.isoformat(),
        "notify_before": (known_at + WITHIN).isoformat(),
        "cases": len(pack.leading),
        "notify": {code: leaders.count(code) for code in sorted(set(leaders))},
        "openings": sum(reach.openings for reach in pack.cases.values()),
        "changes": sum(reach.changes for reach in pack.cases.values()),
        "opened_elsewhere": len(pack.elsewhere),
        "refused": pack.refused,
    }


def _reader(reader: Reader, pack: Pack) -> dict[str, str]:
    staff, organisation = reader
    return {"staff": str(staff or ""), "organisation": _code(organisation, pack)}


def _figures(details: Mapping[str, Any]) -> str:
    """Return which exact figures an entry says were read: of what, of which period and of which indicators."""
    said = [details[name] for name in NAMED if name in details]
    return " ".join(word for one in said for word in (one if isinstance(one, list) else [one]))


def _code(organisation: UUID | None, pack: Pack) -> str:
    return pack.codes.get(organisation, "") if organisation is not None else ""


def _reach(reach: Reach) -> dict[str, str]:
    return {
        "openings": str(reach.openings),
        "changes": str(reach.changes),
        "compartments": " ".join(sorted(reach.compartments)),
        "first_at": reach.first_at.isoformat(),
        "last_at": reach.last_at.isoformat(),
    }


def _csv(columns: tuple[str, ...], rows: Iterable[Mapping[str, str]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _file(path: Path, content: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
        file.write(content)
