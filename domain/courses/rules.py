"""Pure derivations of a course: the facts that its procedure reads, and when time changes one of them."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, TypeAlias

from domain.cases.rules import Facts
from domain.codes import CourseSubject
from domain.rehabilitation.rules import MOVED_HERE, tell_follow_ups, tell_plan
from domain.workflow.calendar import Calendar, Duration, Unit
from domain.workflow.facts import CASE, CRIMINAL_FACTS, Fact, Mover
from domain.workflow.situations import facts_of
from domain.workflow.sop import Sop, Step
from domain.workflow.subjects import SUBJECTS

if TYPE_CHECKING:
    from domain.courses.models import Course, CourseFact
    from domain.rehabilitation.models import CommissionRecord, FollowUp, PlanVersion

LED_WITH_CASE = frozenset({CourseSubject.PROCEEDINGS, CourseSubject.REHABILITATION})
"""Led by whoever leads the case; a stay is led by the shelter."""

OF_CASE = frozenset(fact.name for fact in CASE.facts)

TOLD_IN_STAY = frozenset({"danger", "consent_support"})
"""Facts about the person that a shelter records itself: it sees no record of the case to write them to."""

RECORDED_APART = frozenset({"length"}) | MOVED_HERE
"""Facts that nobody sets by hand: they follow from dates, or from records of their own."""

BEGIN_ANEW = {
    ("stage", None): ("stage_explained", "outcome_told"),
    ("hearing", "planned"): ("safeguards",),
}
"""A fact that gets a value (None: any) sets others back: what was explained of one stage says nothing of the next."""

NEEDS_DAY = frozenset({("hearing", "planned"), ("extension", "granted")})
"""Values that mean nothing without their day: of the hearing; until when the stay may last."""

FIRST_DAYS = Duration(14, Unit.DAY)
LAST_DAYS = 14
LONGEST_STAY = Duration(90, Unit.DAY)
"""Three months. What the procedure assumes, see the fact `length`."""


BY_PLACEMENT = frozenset({("stay", "staying"), ("stay", "left")})
"""What a placement tells where a shelter keeps places: the admission and the leaving are recorded there alone."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A fact of a stay as its placement tells it."""

    fact: str
    value: str
    recorded_at: datetime
    on_day: date | None = None


Row: TypeAlias = "CourseFact | Placed"


@dataclass(frozen=True, slots=True)
class CourseRecord:
    """All that one course has recorded, each list in the order in which it happened.

    Attributes:
        placed: What the placement of a stay tells; empty where the shelter keeps no places.
    """

    course: "Course"
    facts: list["CourseFact"] = field(default_factory=list)
    plans: list["PlanVersion"] = field(default_factory=list)
    commission: list["CommissionRecord"] = field(default_factory=list)
    follow_ups: list["FollowUp"] = field(default_factory=list)
    placed: list[Placed] = field(default_factory=list)


@dataclass(slots=True)
class CourseFacts(Facts):
    """Facts of a course under construction, and when time alone changes one of them next."""

    wakes: list[datetime] = field(default_factory=list)

    def waits_for(self, instant: datetime, now: datetime) -> bool:
        """Whether an instant is still to come; if so it is remembered."""
        if instant > now:
            self.wakes.append(instant)
            return True
        return False


def own_facts(subject: CourseSubject) -> dict[str, Fact]:
    """Return the facts that belong to the course itself and not to the case."""
    return {fact.name: fact for fact in SUBJECTS[subject].facts if fact.name not in OF_CASE}


_BROUGHT_BY_TIME = frozenset(
    fact.name for subject in CourseSubject for fact in own_facts(subject).values() if fact.mover is Mover.TIME
)

_INITIAL = {fact.name: fact.initial for subject in CourseSubject for fact in own_facts(subject).values()}


def by_hand(subject: CourseSubject) -> frozenset[str]:
    """Return the facts that a step of the course may record as they are."""
    told = TOLD_IN_STAY if subject == CourseSubject.STAY else frozenset[str]()
    return frozenset(own_facts(subject)) - RECORDED_APART | told


def from_case(subject: CourseSubject) -> frozenset[str]:
    """Return the facts of the case that a course looks at. Support and a stay look at nothing of the criminal track."""
    cut = frozenset[str]() if subject == CourseSubject.PROCEEDINGS else CRIMINAL_FACTS
    return frozenset(fact.name for fact in SUBJECTS[subject].facts if fact.name in OF_CASE) - cut


def stands_alone(sop: Sop, step: Step) -> bool:
    """Whether a step looks at nothing but the course: open to whoever serves in the case without leading it."""
    read = facts_of(step).union(*(facts_of(sop.by_key[key]) for key in step.after))
    return step.consent is None and not read & OF_CASE


def facts(record: CourseRecord, of_case: Facts | None, calendar: Calendar, now: datetime) -> CourseFacts:
    """Derive every fact of a course from what it and its case have recorded.

    Args:
        record: The course, complete.
        of_case: The facts of the case; None for whoever may not know them.
        calendar: Says when a day begins.
        now: The present.
    """
    course = record.course
    subject = CourseSubject(course.subject)
    found = CourseFacts(since={SUBJECTS[subject].start: course.opened_at})
    if of_case is not None:
        for name in from_case(subject) & of_case.values.keys():
            found.put(name, of_case.values[name], of_case.since.get(name))
    told: list[Row] = sorted([*record.facts, *record.placed], key=lambda row: _holds_from(row, calendar))
    for row in told:
        _tell(found, row, calendar, now)
    if subject == CourseSubject.STAY:
        _length(found, told, calendar, now)
    tell_plan(found, record.plans, record.commission, calendar, now)
    tell_follow_ups(found, record.follow_ups, calendar, now)
    return found


def _holds_from(row: Row, calendar: Calendar) -> datetime:
    """Return since when a recorded value holds: at once, or from the day for which time brings it."""
    if row.fact not in _BROUGHT_BY_TIME or row.on_day is None:
        return row.recorded_at
    return max(row.recorded_at, calendar.begins(row.on_day))


def _tell(found: CourseFacts, row: Row, calendar: Calendar, now: datetime) -> None:
    since = _holds_from(row, calendar)
    said_later = row.fact in OF_CASE and row.fact in found.since and since < found.since[row.fact]
    if found.waits_for(since, now) or said_later:
        return
    found.put(row.fact, row.value, since)
    for back in BEGIN_ANEW.get((row.fact, None), ()) + BEGIN_ANEW.get((row.fact, row.value), ()):
        if back in found.values:
            found.put(back, _INITIAL[back], since)


def until(told: list[Row], calendar: Calendar) -> tuple[datetime, datetime] | None:
    """Return when the running stay began, and until when it may last; None if nobody stays."""
    admitted, last = None, None
    for row in told:
        if row.fact == "stay":
            admitted, last = (row.recorded_at, None) if row.value == "staying" else (None, None)
        elif (row.fact, row.value) == ("extension", "granted") and row.on_day is not None:
            last = calendar.begins(row.on_day)
    if admitted is None:
        return None
    return admitted, max(last, admitted) if last is not None else calendar.add(admitted, LONGEST_STAY)


def _length(found: CourseFacts, told: list[Row], calendar: Calendar, now: datetime) -> None:
    span = until(told, calendar)
    if span is None:
        return
    admitted, limit = span
    settled = calendar.add(admitted, FIRST_DAYS)
    near = max(settled, calendar.add(limit, Duration(-LAST_DAYS, Unit.DAY)))
    found.put("length", "first_days", admitted)
    for value, instant in (("settled", settled), ("near_limit", near), ("at_limit", max(near, limit))):
        if not found.waits_for(instant, now):
            found.put("length", value, instant)


def may_happen(subject: CourseSubject, now: Facts, fact: str, value: str, on_day: date | None) -> bool:
    """Whether the vocabulary lets a fact of the course get this value without any step.

    What time brings may only be announced with its day; it then holds from that day on.
    """
    known = own_facts(subject).get(fact)
    if known is None or fact not in by_hand(subject):
        return False
    if known.mover is Mover.TIME:
        return on_day is not None and any(value in later for later in known.moves.values())
    return value in known.moves.get(now.values.get(fact, known.initial), ())
