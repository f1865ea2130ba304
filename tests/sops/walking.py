"""A walk through a procedure: facts change only by steps that are open, or from outside."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from domain.workflow.calendar import Calendar
from domain.workflow.engine import OpenStep, Snapshot, open_steps, step_to_take
from domain.workflow.sop import Sop

MONDAY = datetime(2026, 11, 16, 4, tzinfo=UTC)  # 10:00 in Bishkek


@dataclass
class Walk:
    """A case whose facts change only by steps that are open, or from outside."""

    sop: Sop
    calendar: Calendar
    now: datetime = MONDAY
    facts: dict[str, str] = field(default_factory=dict)
    since: dict[str, datetime] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.since[self.sop.vocabulary.start] = self.now

    @property
    def snapshot(self) -> Snapshot:
        return Snapshot(self.facts, self.since)

    def happens(self, **facts: str) -> "Walk":
        for fact, value in facts.items():
            self.facts[fact] = value
            self.since[fact] = self.now
        return self

    def take(self, key: str, **outcome: str) -> OpenStep:
        """Complete a step with an outcome that the procedure knows."""
        step = step_to_take(self.sop, self.snapshot, self.calendar, key)
        assert set(outcome.items()) <= {
            (recorded.fact, value) for recorded in step.step.records for value in recorded.to
        }
        assert set(outcome) == {recorded.fact for recorded in step.step.records}
        self.happens(**outcome)
        self.facts[f"done:{key}"] = "yes"
        self.now += timedelta(hours=1)
        return step

    def open(self) -> set[str]:
        return {step.step.key for step in open_steps(self.sop, self.snapshot, self.calendar)}

    def duties(self) -> dict[str, OpenStep]:
        return {step.step.key: step for step in open_steps(self.sop, self.snapshot, self.calendar) if step.duty}
