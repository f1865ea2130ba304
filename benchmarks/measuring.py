"""Two ways to do the same, in alternating rounds: the median of their ratios, with its spread."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

CLIENTS = 4
"""Connections at once, the same for both sides."""

FEW = 10
"""Operations a second below which two digits are told of a rate."""


@dataclass(frozen=True)
class Result:
    """What one workload showed.

    Attributes:
        ours: Median rate of the service, operations a second.
        plain: Median rate of what it is divided by.
        ratios: `ours / plain` of each round.
        goal: What the ratio should reach; none where the comparison only shows the scale.
    """

    workload: str
    meaning: str
    ours: float
    plain: float
    ratios: tuple[float, ...]
    goal: float | None

    @property
    def ratio(self) -> float:
        """The median of the rounds."""
        return median(self.ratios)

    @property
    def reached(self) -> bool | None:
        """Whether the goal was reached, if there is one."""
        return None if self.goal is None else self.ratio >= self.goal

    @property
    def line(self) -> str:
        """The line that is printed."""
        spread = f"{min(self.ratios):.3g}..{max(self.ratios):.3g}"
        verdict = {True: "ok", False: "missed", None: ""}[self.reached]
        goal = "no goal" if self.goal is None else f"goal>={self.goal:.2f} {verdict}"
        rates = f"{_rate(self.ours)}/s over {_rate(self.plain)}/s"
        ratio = f"ratio={self.ratio:.3g} ({spread}) {goal}"
        return f"{self.workload} {ratio}  {self.meaning}: {rates}"

    def document(self) -> dict[str, Any]:
        """Return what is written as JSON."""
        return {**asdict(self), "ratio": self.ratio, "reached": self.reached}


def _rate(number: float) -> str:
    return f"{number:,.0f}" if number >= FEW else f"{number:.2g}"


def result(workload: str, meaning: str, pairs: Iterable[tuple[float, float]], goal: float | None) -> Result:
    """Sum up the rates of all rounds, ours and plain."""
    rounds = list(pairs)
    return Result(
        workload,
        meaning,
        median(ours for ours, _ in rounds),
        median(plain for _, plain in rounds),
        tuple(ours / plain for ours, plain in rounds),
        goal,
    )


async def rate(operation: Callable[[int], Awaitable[object]], times: int, clients: int = CLIENTS) -> float:
    """Return operations a second with some clients at once; each operation is told which client does it."""
    share = max(1, times // clients)

    async def client(number: int) -> None:
        for _ in range(share):
            await operation(number)

    start = time.perf_counter()
    await asyncio.gather(*(client(number) for number in range(clients)))
    return share * clients / (time.perf_counter() - start)


async def alternating(
    ours: Callable[[int], Awaitable[object]],
    plain: Callable[[int], Awaitable[object]],
    rounds: int,
    times: tuple[int, int],
    clients: int = CLIENTS,
) -> list[tuple[float, float]]:
    """Return the rates of both in each round; who goes first changes, so that warmth favours nobody."""
    await rate(ours, CLIENTS, clients)
    await rate(plain, CLIENTS, clients)
    found = []
    for number in range(rounds):
        if number % 2:
            slow = await rate(plain, times[1], clients)
            found.append((await rate(ours, times[0], clients), slow))
        else:
            fast = await rate(ours, times[0], clients)
            found.append((fast, await rate(plain, times[1], clients)))
    return found


def chart(results: Iterable[Result]) -> str:
    """Return bars of ratio over goal as SVG, for what has a goal; the line is the goal."""
    rows = []
    shown = [one for one in results if one.goal is not None]
    for place, one in enumerate(shown):
        y = 10 + 30 * place
        width = min(one.ratio / (one.goal or 1.0), 2.0) * 200
        colour = "#2a7" if one.reached else "#c63"
        rows.append(f'<text x="5" y="{y + 15}">{one.workload}</text>')
        rows.append(f'<rect x="170" y="{y}" width="{width:.0f}" height="20" fill="{colour}"/>')
        rows.append(f'<text x="{175 + width:.0f}" y="{y + 15}">{one.ratio:.3g}</text>')
    height = 20 + 30 * len(shown)
    goal = f'<line x1="370" y1="0" x2="370" y2="{height}" stroke="#000"/>'
    style = 'font-family="sans-serif" font-size="13"'
    size = f'width="640" height="{height}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>{"".join(rows)}{goal}</svg>\n'
