"""Play many subjects of a procedure through a year, before anybody adopts it. Pure: in memory, seeded, no clock.

A proof says what can happen; it knows nothing of people who are busy. Here every open step waits until somebody of a
responsible role has noticed it and is free in their working hours. The same seed gives two versions the same subjects
and the same luck, so that what differs comes from the procedures.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from heapq import heapify, heappop, heappush
from itertools import count
from random import Random
from zoneinfo import ZoneInfo

from domain.codes import Role
from domain.workflow.assumed import STAYS, Assumed, drawn
from domain.workflow.calendar import Calendar
from domain.workflow.engine import OpenStep, Snapshot, open_steps
from domain.workflow.facts import DONE
from domain.workflow.simulated import Figures, Tally
from domain.workflow.sop import Sop, Step

OPENS, CLOSES = time(9), time(18)
"""Office hours, local time."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """Something that begins: when, and what is so from its start, by fact; what is not said is drawn."""

    at: datetime
    starts: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Task:
    """A step of one subject that somebody is to take.

    Attributes:
        planned: Whether somebody was told; not while the person's consent is missing.
    """

    step: Step
    opened_at: datetime
    due_at: datetime | None
    planned: bool = False


@dataclass(slots=True)
class _Subject:
    """One case, contact, stay or the like.

    Attributes:
        tasks: What is to be done now, by step.
        moving: The number of the move from outside that is awaited, by fact.
    """

    number: int
    facts: dict[str, str]
    since: dict[str, datetime]
    lead: Role
    tasks: dict[str, _Task] = field(default_factory=dict)
    moving: dict[str, int] = field(default_factory=dict)
    draws: Counter[str] = field(default_factory=Counter)
    chosen: dict[str, bool] = field(default_factory=dict)


Happening = Callable[[datetime], None]


class Simulation:
    """One procedure that is being played.

    Args:
        sop: A well-typed procedure.
        assumed: What is assumed of people and of the world.
        calendar: The working days of the country.
        seed: The same seed plays the same.
    """

    def __init__(self, sop: Sop, assumed: Assumed, calendar: Calendar, seed: int) -> None:
        self.sop, self.assumed, self.calendar, self.seed = sop, assumed, calendar, seed
        self._ahead: list[tuple[datetime, int, Happening]] = []
        self._numbers = count()
        self._free: dict[Role, list[datetime]] = {}
        self._tally = Tally(sop)
        self._zone = ZoneInfo(calendar.timezone)

    def play(
        self, arrivals: Sequence[Arrival], until: datetime, progress: Callable[[], object] = lambda: None
    ) -> Figures:
        """Play everything that begins, and tell what became of it.

        Args:
            arrivals: In the order of their instants.
            until: The end; what is open then is counted as still open.
            progress: Called as each begins.
        """
        first = arrivals[0].at if arrivals else until
        for role, staffing in self.assumed.roles.items():
            self._free[role] = [first] * staffing.people
        for number, arrival in enumerate(arrivals):
            self._later(arrival.at, lambda at, number=number, arrival=arrival: self._begin(number, arrival, at))  # type: ignore[misc]
        subjects = len(arrivals)
        begun = 0
        while self._ahead and self._ahead[0][0] < until:
            at, number, happening = heappop(self._ahead)
            happening(at)
            if number < subjects:
                begun += 1
                progress()
        days = sum(
            self.calendar.is_working_day((first + timedelta(days=day)).astimezone(self._zone).date())
            for day in range((until - first).days)
        )
        return self._tally.figures(self.assumed, begun, until, days, (until - first).days)

    def _later(self, at: datetime, happening: Happening) -> None:
        heappush(self._ahead, (at, next(self._numbers), happening))

    def _dice(self, subject: _Subject, what: str) -> Random:
        """Return dice for one question about one subject: alike in every version of the procedure."""
        subject.draws[what] += 1
        return Random(f"{self.seed}/{subject.number}/{what}/{subject.draws[what]}")  # noqa: S311 - no secret

    def _begin(self, number: int, arrival: Arrival, at: datetime) -> None:
        subject = _Subject(number, dict(self.sop.initial), {self.sop.vocabulary.start: at}, Role.NGO_CASEWORKER)
        subject.lead = Role(drawn(self._dice(subject, "lead"), {str(k): v for k, v in self.assumed.leads.items()}))
        for fact, weights in self.assumed.starts.items():
            if fact in subject.facts:
                subject.facts[fact] = drawn(self._dice(subject, fact), weights)
        subject.facts.update({fact: value for fact, value in arrival.starts.items() if fact in subject.facts})
        for fact, value in list(subject.facts.items()):
            if value != self.sop.initial[fact]:
                subject.since[fact] = at
            self._await_move(subject, fact, at)
        self._tally.open_subject(subject.number)
        self._look(subject, at)

    def _set(self, subject: _Subject, fact: str, value: str, at: datetime) -> None:
        if subject.facts[fact] == value:
            return
        subject.facts[fact] = value
        subject.since[fact] = at
        if (role := self.assumed.hands_over.get(fact, {}).get(value)) is not None:
            subject.lead = role
        self._await_move(subject, fact, at)

    def _await_move(self, subject: _Subject, fact: str, at: datetime) -> None:
        """Draw what will happen to a fact from outside, if anything."""
        subject.moving.pop(fact, None)
        move = self.assumed.moves.get(fact, {}).get(subject.facts[fact])
        if move is None:
            return
        dice = self._dice(subject, f"{fact}={subject.facts[fact]}")
        value, after = drawn(dice, move.to), timedelta(hours=move.after.drawn(dice))
        if value == STAYS:
            return
        token = next(self._numbers)
        subject.moving[fact] = token
        self._later(at + after, lambda then: self._moved(subject, fact, value, token, then))

    def _moved(self, subject: _Subject, fact: str, value: str, token: int, at: datetime) -> None:
        if subject.moving.get(fact) != token or self._over(subject):
            return
        del subject.moving[fact]
        self._set(subject, fact, value, at)
        self._look(subject, at)

    def _over(self, subject: _Subject) -> bool:
        fact, end = self.sop.vocabulary.ended
        return subject.facts[fact] == end

    def _look(self, subject: _Subject, at: datetime) -> None:
        """Compare what is open now with what somebody is at."""
        found = open_steps(self.sop, Snapshot(subject.facts, subject.since), self.calendar)
        wanted = {one.step.key: one for one in found if not self._over(subject) and self._wanted(subject, one)}
        for key in [key for key in subject.tasks if key not in wanted]:
            task = subject.tasks.pop(key)
            self._tally.closed(key, task.opened_at, task.due_at, at, done=False)
        if not wanted and not subject.moving and not self._over(subject):
            wanted = {one.step.key: one for one in found if self._ends(one.step)}
        for key, one in wanted.items():
            if key not in subject.tasks:
                subject.tasks[key] = _Task(one.step, at, one.due_at)
                self._tally.opened(key)
            task = subject.tasks[key]
            task.due_at = one.due_at
            if not task.planned and not one.missing:
                task.planned = True
                self._notice(subject, task, at)
        self._tally.waiting(subject.number, {key: (task.opened_at, task.due_at) for key, task in subject.tasks.items()})

    def _wanted(self, subject: _Subject, one: OpenStep) -> bool:
        """Whether somebody is to take an open step: every duty, and some of what is only possible."""
        step = one.step
        if one.duty or step.key in subject.tasks:
            return not self._done(subject, step)
        if not step.optional or self._ends(step) or self._done(subject, step):
            return False
        if step.key not in subject.chosen:
            share = self.assumed.taken.get(step.key, self.assumed.optional)
            subject.chosen[step.key] = self._dice(subject, f"take {step.key}").random() < share
        return subject.chosen[step.key]

    def _done(self, subject: _Subject, step: Step) -> bool:
        return next(one for one in self.sop.compiled if one.step is step).done(subject.facts)

    def _ends(self, step: Step) -> bool:
        fact, end = self.sop.vocabulary.ended
        return any(recorded.fact == fact and end in recorded.to for recorded in step.records)

    def _notice(self, subject: _Subject, task: _Task, at: datetime) -> None:
        able = [role for role in task.step.responsible if role in self.assumed.roles]
        role = subject.lead if subject.lead in able else able[0]
        notices = self.assumed.roles[role].notices.drawn(self._dice(subject, f"notice {task.step.key}"))
        self._later(at + timedelta(hours=notices), lambda then: self._noticed(subject, task, role, then))

    def _noticed(self, subject: _Subject, task: _Task, role: Role, at: datetime) -> None:
        if subject.tasks.get(task.step.key) is not task:
            return
        staffing, free = self.assumed.roles[role], self._free[role]
        heapify(free)
        start = max(at, heappop(free))
        start = start if staffing.around_the_clock else self._in_office(start)
        end = start + timedelta(hours=staffing.hours_per_step)
        heappush(free, end)
        self._tally.worked(role, staffing.hours_per_step, start - at)
        self._later(end, lambda then: self._finish(subject, task, then))

    def _in_office(self, at: datetime) -> datetime:
        """Return the first instant of office hours from an instant on."""
        local = at.astimezone(self._zone)
        day = local.date()
        if self.calendar.is_working_day(day) and local.time() < CLOSES:
            return max(at, datetime.combine(day, OPENS, self._zone)).astimezone(at.tzinfo)
        day += timedelta(days=1)
        while not self.calendar.is_working_day(day):
            day += timedelta(days=1)
        return datetime.combine(day, OPENS, self._zone).astimezone(at.tzinfo)

    def _finish(self, subject: _Subject, task: _Task, at: datetime) -> None:
        """Complete a step, if it is still to be taken, with outcomes that are drawn."""
        step = task.step
        if subject.tasks.get(step.key) is not task:
            return
        del subject.tasks[step.key]
        self._tally.closed(step.key, task.opened_at, task.due_at, at, done=True)
        if step.done is None:
            self._set(subject, DONE + step.key, "yes", at)
        subject.chosen[step.key] = False  # a possibility that was used is not used again by itself
        for recorded in step.records:
            known = self.assumed.outcomes.get(recorded.fact, {})
            weights = {value: known.get(value, 0) for value in recorded.to}
            even = dict.fromkeys(recorded.to, 1)
            value = drawn(self._dice(subject, recorded.fact), weights if any(weights.values()) else even)
            self._set(subject, recorded.fact, value, at)
        if self._over(subject):
            self._tally.close_subject(subject.number)
        self._look(subject, at)
