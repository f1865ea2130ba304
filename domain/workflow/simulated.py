"""What became of a simulated year: how long every step waited and how often it was late, how busy every role was."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median, quantiles

from domain.codes import Role
from domain.workflow.assumed import Assumed
from domain.workflow.sop import Sop

OFFICE_HOURS = 9
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class StepFigures:
    """What became of one step.

    Attributes:
        opened: How often it was to be taken.
        done: How often it was.
        left: How often it closed without having been taken.
        still_open: How often it was open at the end.
        median: Hours from opening to done, half of them; none if none was done.
        nine_in_ten: The same for nine in ten.
        late: How often its time limit passed.
        escalations: How often somebody was told of it.
    """

    key: str
    opened: int
    done: int
    left: int
    still_open: int
    median: float | None
    nine_in_ten: float | None
    late: int
    escalations: int

    @property
    def late_share(self) -> float:
        """Of those that were opened, how many were late; from 0 to 1."""
        return self.late / self.opened if self.opened else 0.0


@dataclass(frozen=True, slots=True)
class RoleFigures:
    """How busy a role was.

    Attributes:
        steps: How many steps it took.
        hours: Hours of work.
        load: Of the hours that its people had, how many were used; more than 1 is work that runs into the next year.
        queue: Hours that nine in ten steps waited at most for somebody to be free, after they were noticed.
    """

    role: Role
    steps: int
    hours: float
    load: float
    queue: float


@dataclass(frozen=True, slots=True)
class Figures:
    """What became of a simulated year.

    Attributes:
        begun: How many began.
        ended: How many of them came to their end.
    """

    sop: str
    version: str
    begun: int
    ended: int
    steps: tuple[StepFigures, ...]
    roles: tuple[RoleFigures, ...]

    @property
    def longest(self) -> StepFigures | None:
        """The step that nine in ten wait longest for; none if nothing was done."""
        waited = [step for step in self.steps if step.nine_in_ten is not None]
        return max(waited, key=lambda step: step.nine_in_ten or 0.0, default=None)

    @property
    def mostly_late(self) -> tuple[StepFigures, ...]:
        """The steps that are late more often than not."""
        return tuple(step for step in self.steps if step.late_share > 1 / 2)


@dataclass(slots=True)
class _Step:
    opened: int = 0
    left: int = 0
    late: int = 0
    waits: list[float] = field(default_factory=list)


class Tally:
    """Counts while a simulation runs."""

    def __init__(self, sop: Sop) -> None:
        self._sop = sop
        self._steps = {step.key: _Step() for step in sop.steps}
        self._open: dict[int, Mapping[str, tuple[datetime, datetime | None]]] = {}
        self._ended: set[int] = set()
        self._hours: dict[Role, list[float]] = defaultdict(list)
        self._queues: dict[Role, list[float]] = defaultdict(list)

    def open_subject(self, number: int) -> None:
        """Something begins."""
        self._open[number] = {}

    def close_subject(self, number: int) -> None:
        """Something came to its end."""
        self._ended.add(number)

    def opened(self, key: str) -> None:
        """A step is to be taken."""
        self._steps[key].opened += 1

    def waiting(self, number: int, steps: Mapping[str, tuple[datetime, datetime | None]]) -> None:
        """Remember what is open for a subject: since when and until when."""
        self._open[number] = steps

    def closed(self, key: str, opened_at: datetime, due_at: datetime | None, at: datetime, *, done: bool) -> None:
        """A step was taken, or closed without."""
        step = self._steps[key]
        step.late += due_at is not None and at > due_at
        if done:
            step.waits.append((at - opened_at) / HOUR)
        else:
            step.left += 1

    def worked(self, role: Role, hours: float, queued: timedelta) -> None:
        """Somebody takes a step, after it waited for them."""
        self._hours[role].append(hours)
        self._queues[role].append(queued / HOUR)

    def figures(self, assumed: Assumed, begun: int, until: datetime, working_days: int, days: int) -> Figures:
        """Return what became of everything.

        Args:
            assumed: Who works.
            begun: How many began.
            until: The end.
            working_days: How many there were from the first beginning to the end.
            days: The same for all days.
        """
        still = [(key, due) for steps in self._open.values() for key, (_, due) in steps.items()]
        return Figures(
            self._sop.sop,
            self._sop.version,
            begun,
            len(self._ended),
            tuple(self._of_step(key, [due for one, due in still if one == key], until) for key in self._steps),
            tuple(self._of_role(role, assumed, working_days, days) for role in Role if self._hours[role]),
        )

    def _of_step(self, key: str, still_open: list[datetime | None], until: datetime) -> StepFigures:
        step, deadline = self._steps[key], self._sop.by_key[key].deadline
        late = step.late + sum(due is not None and due < until for due in still_open)
        waits = step.waits
        return StepFigures(
            key=key,
            opened=step.opened,
            done=len(waits),
            left=step.left,
            still_open=len(still_open),
            median=median(waits) if waits else None,
            nine_in_ten=_nine_in_ten(waits) if waits else None,
            late=late,
            escalations=late * len(deadline.on_breach) if deadline else 0,
        )

    def _of_role(self, role: Role, assumed: Assumed, working_days: int, days: int) -> RoleFigures:
        staffing, hours = assumed.roles[role], sum(self._hours[role])
        had = staffing.people * (24 * days if staffing.around_the_clock else OFFICE_HOURS * working_days)
        load = hours / had if had else 0.0
        return RoleFigures(role, len(self._hours[role]), hours, load, _nine_in_ten(self._queues[role]))


def _nine_in_ten(values: list[float]) -> float:
    return quantiles(values, n=10, method="inclusive")[-1] if len(values) > 1 else values[0]
