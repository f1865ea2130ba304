"""A simulated year in words: what became of every step and role, and what would be felt of a change of version."""

from collections.abc import Iterator
from dataclasses import dataclass

from domain.workflow.simulated import Figures, StepFigures
from domain.workflow.wording import Wording

FELT_SHARE = 0.05
"""A share of late steps, or of somebody's time, that differs by less is not told."""

FELT_RATIO = 1.25
"""A wait or a count that differs by less is not told."""

FELT_HOURS = 4.0
FELT_TIMES = 10


@dataclass(frozen=True, slots=True)
class Forecast:
    """How a simulated year reads in one language."""

    wording: Wording
    figures: Figures

    def _title(self, key: str) -> str:
        return self.wording.sop.by_key[key].title[self.wording.language]

    def lines(self) -> Iterator[str]:
        """What became of the year: first the steps, then the roles, then what stands out."""
        say, figures = self.wording.say, self.figures
        head = {"begun": str(figures.begun), "ended": str(figures.ended)}
        yield say("simulated_head", sop=figures.sop, version=figures.version, **head)
        yield say("simulated_assumed")
        for step in figures.steps:
            if step.opened:
                yield f"{self._title(step.key)} [{step.key}]"
                yield f"  {self._step(step)}"
        for role in figures.roles:
            yield say(
                "simulated_role",
                role=self.wording.codes("Role", role.role),
                steps=str(role.steps),
                hours=_number(role.hours),
                load=_percent(role.load),
                queue=_number(role.queue),
            )
        if (longest := figures.longest) is not None:
            yield say("simulated_longest", step=self._title(longest.key), most=_number(longest.nine_in_ten))
        if late := figures.mostly_late:
            yield say("simulated_mostly_late", steps=", ".join(self._title(step.key) for step in late))

    def _step(self, step: StepFigures) -> str:
        return self.wording.say(
            "simulated_step",
            opened=str(step.opened),
            done=str(step.done),
            open=str(step.still_open),
            median=_number(step.median),
            most=_number(step.nine_in_ten),
            late=_percent(step.late_share),
            escalated=str(step.escalations),
        )

    def against(self, earlier: Figures) -> Iterator[str]:
        """What would be felt, compared with an earlier version of the same procedure under the same seed."""
        say = self.wording.say
        yield say("simulated_against", version=earlier.version)
        changes = [*self._ended(earlier), *self._steps(earlier), *self._roles(earlier)]
        yield from changes or [say("simulated_same")]

    def _ended(self, earlier: Figures) -> Iterator[str]:
        before, after = earlier.ended, self.figures.ended
        if _differ(before, after, FELT_TIMES):
            yield self.wording.say("simulated_ended_changed", before=str(before), after=str(after))

    def _steps(self, earlier: Figures) -> Iterator[str]:
        known = {step.key: step for step in earlier.steps}
        for step in self.figures.steps:
            before = known.get(step.key)
            if before is None:
                continue
            title, say = self._title(step.key), self.wording.say
            if _differ(before.opened, step.opened, FELT_TIMES):
                counts = {"before": str(before.opened), "after": str(step.opened)}
                yield say("simulated_opened_changed", step=title, **counts)
            if abs(before.late_share - step.late_share) >= FELT_SHARE:
                late = {"before": _percent(before.late_share), "after": _percent(step.late_share)}
                yield say("simulated_late_changed", step=title, **late)
            if _differ(before.nine_in_ten or 0.0, step.nine_in_ten or 0.0, FELT_HOURS):
                waits = {"before": _number(before.nine_in_ten), "after": _number(step.nine_in_ten)}
                yield say("simulated_wait_changed", step=title, **waits)

    def _roles(self, earlier: Figures) -> Iterator[str]:
        known = {one.role: one.load for one in earlier.roles}
        now = {one.role: one.load for one in self.figures.roles}
        for role in sorted(known | now):
            before, after = known.get(role, 0.0), now.get(role, 0.0)
            if abs(before - after) >= FELT_SHARE:
                loads = {"before": _percent(before), "after": _percent(after)}
                yield self.wording.say("simulated_load_changed", role=self.wording.codes("Role", role), **loads)


def _differ(before: float, after: float, least: float) -> bool:
    less, more = sorted((before, after))
    return more - less >= least and more >= less * FELT_RATIO


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f}"
