"""Many disclosures at once, and in their middle something that ends the ground they stand on."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from itertools import cycle

import asyncpg
import httpx

Asks = Callable[[], Awaitable[httpx.Response]]

AT_ONCE = 12
"""Requests under way at any time: more than the pool has connections."""

DISCLOSING = ("package.revealed", "notes.revealed", "referral.sent", "referral.accepted")
"""What the audit calls it when something leaves its owner; beside `case.read` of others than the owner."""

AFTER = """
    SELECT e.sequence, e.action FROM audit_entries e
    JOIN cases c ON c.id = e.stream_id AND c.reference = $1
    WHERE e.sequence > $2 AND (e.action = ANY ($3::text[]) OR (
        e.action = 'case.read' AND e.organisation_id <> c.owner_organisation_id))
    ORDER BY e.sequence
"""
ENDED = """
    SELECT max(e.sequence) FROM audit_entries e JOIN cases c ON c.id = e.stream_id AND c.reference = $1
    WHERE e.action = $2
"""
OPENED = """
    SELECT count(*) FROM audit_entries e JOIN cases c ON c.id = e.stream_id AND c.reference = $1
    WHERE e.action = ANY ($2::text[])
"""


@dataclass
class Race:
    """What came of it.

    Attributes:
        answers: Of every disclosure, with whether it was asked for after the ending had been answered.
        ending: The answer to what ended the ground.
    """

    answers: list[tuple[httpx.Response, bool]] = field(default_factory=list)
    ending: httpx.Response | None = None

    @property
    def opened(self) -> int:
        """How many disclosures were made."""
        return sum(tells(answer) for answer, _ in self.answers)

    @property
    def asked_late(self) -> int:
        """How much was asked for after the ending had been answered."""
        return sum(late for _, late in self.answers)

    @property
    def told_late(self) -> int:
        """How much of it was told."""
        return sum(late and tells(answer) for answer, late in self.answers)


def tells(answer: httpx.Response) -> bool:
    """Whether an answer tells anything; an empty list of notes does not."""
    return answer.is_success and answer.json() != []


async def race(asks: Sequence[Asks], ending: Asks, times: int) -> Race:
    """Make disclosures, each of `asks` in turn, `AT_ONCE` at a time; the ending comes when half of `times` have begun.

    They go on while the ending is under way, and until `times` have been made and an eighth of them after it.
    """
    found, coming, begun, left = Race(), cycle(asks), 0, max(times // 8, AT_ONCE)

    async def one_after_another() -> None:
        nonlocal begun, left
        while begun < times or found.ending is None or left > 0:
            begun += 1
            late = found.ending is not None
            left -= late
            if begun == times // 2:
                answer = await ending()
                while answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:  # so many wait for one case
                    answer = await ending()
                found.ending = answer
            else:
                found.answers.append((await next(coming)(), late))

    await asyncio.gather(*(one_after_another() for _ in range(AT_ONCE)))
    return found


async def disclosed_after(admin: asyncpg.Connection, case: str, action: str) -> list[str]:
    """Return what the chain of the case says was disclosed after the entry of the ending: in the order of commits."""
    position = await admin.fetchval(ENDED, case, action)
    assert position is not None, action
    return [row["action"] for row in await admin.fetch(AFTER, case, position, list(DISCLOSING))]


async def disclosed(admin: asyncpg.Connection, case: str, *actions: str) -> int:
    """Return how often something was disclosed, as the chain of the case says."""
    return int(await admin.fetchval(OPENED, case, list(actions or DISCLOSING)))
