"""What happens to one invented person in a generated year: decided by dice, before any rule is asked.

The history only says who tries what and when. Whether it is allowed, what it opens, shares, seals and escalates is for
the commands of the domain to say; if they refuse something here, the history is wrong and the loading stops.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from api.year.assumptions import Assumptions, Dice
from api.year.attributes import Frequencies, Invented, invented
from api.year.lives import Life, Services
from api.year.playing import Doing, Event
from domain.codes import (
    Compartment,
    ConsentDecision,
    ConsentGiver,
    Danger,
    DecisionBody,
    DecisionOutcome,
    InformedOf,
    Known,
    Purpose,
    ScreeningResult,
    Service,
)
from domain.referrals.rules import Act
from domain.workflow.calendar import Calendar
from domain.workflow.sop import Sop

STATE_STEP = "refer-for-state-identification"
BASIS_OF_DECISIONS = "guideline-1"


@dataclass(frozen=True, slots=True)
class Setting:
    """What all histories of a year share.

    Attributes:
        year: The calendar year, in the time zone of the country.
        seed: The same seed gives the same histories.
    """

    assumed: Assumptions
    frequencies: Frequencies
    sop: Sop
    calendar: Calendar
    year: int
    seed: int

    @property
    def begin(self) -> datetime:
        """The first instant of the year."""
        return self._new_year(self.year)

    @property
    def end(self) -> datetime:
        """The first instant after the year."""
        return self._new_year(self.year + 1)

    def _new_year(self, year: int) -> datetime:
        return datetime(year, 1, 1, tzinfo=ZoneInfo(self.calendar.timezone)).astimezone(UTC)

    def identity(self, number: int) -> str:
        """Return what the ids of a case are drawn from."""
        return f"{self.year}/{self.seed}/{number}/ids"


def history(setting: Setting, number: int) -> tuple[Event, ...]:
    """Return what happens in the case of this number, in the order of the instants, beyond the end of the year too."""
    return _Story(setting, number).told()


class _Story:
    """One history while it is being told."""

    def __init__(self, setting: Setting, number: int) -> None:
        self.setting, self.number = setting, number
        self.dice = Dice(setting.assumed, f"{setting.year}/{setting.seed}/{number}")
        self.person: Invented = invented(setting.frequencies, self.dice)
        self.entry = self.dice.random.choices(setting.assumed.entries, [one.weight for one in setting.assumed.entries])[
            0
        ]
        self.owner = self.entry.staff
        self.events: list[Event] = []
        self.services = Services(setting.assumed, setting.sop, setting.calendar, self.dice, self.events)
        self.lives: list[Life] = []
        self.owners: list[tuple[datetime, str]] = []

    def told(self) -> tuple[Event, ...]:
        """Tell it from the beginning."""
        at = self._opened()
        settled = self.person.age_known
        if not settled and self.dice.happens("age_established"):
            settled = True
            self._does(self._later(at, "age"), Doing.RECORD_PERSON, {"age_band": self.person.age_band})
            at = self.events[-1].at
        adult = settled and not self.person.child
        danger = self.dice.one_of("danger")
        self._does(self._later(at, "danger"), Doing.ASSESS, {"danger": danger, "needs": []})
        refuses = adult and self.dice.happens("refuses")
        at = self._asked(self.events[-1].at, adult=adult, settled=settled, refuses=refuses)
        if danger in {Danger.IMMINENT, Danger.HIGH} and (not refuses or danger == Danger.IMMINENT):
            self._lives(at, "offer-emergency-shelter", Service.SHELTER)
        if not adult:
            self._lives(at, "refer-guardian", Service.GUARDIANSHIP)
        if refuses:
            self._does(self._later(at, "decide"), Doing.COMPLETE_STEP, name="notify-anonymously")
            self._closed(self.events[-1].at, "anonymous_notification")
        else:
            self._managed(at)
            if adult and self.dice.happens("takes_consent_back"):
                self._consent_taken_back(at)
        return self._by_whom(sorted(self.events, key=lambda event: event.at))

    def _by_whom(self, events: Iterable[Event]) -> tuple[Event, ...]:
        """Let whoever leads the case by then send its referrals, and whoever sent one answer for it."""
        told: list[Event] = []
        senders: dict[str, str] = {}
        for event in events:
            if event.does == Doing.REFER:
                senders[event.name] = next((who for at, who in reversed(self.owners) if at < event.at), event.who)
            by_sender = event.does in {Doing.REFER, Act.ANSWER}
            told.append(replace(event, who=senders[event.name]) if by_sender else event)
        return tuple(told)

    def _does(self, at: datetime, doing: Doing, body: Mapping[str, Any] | None = None, name: str = "") -> None:
        self.events.append(Event(at, self.owner, doing, body or {}, name))

    def _later(self, at: datetime, delay: str) -> datetime:
        return self.services.later(at, self.dice.lasts(delay))

    def _opened(self) -> datetime:
        span = self.setting.end - self.setting.begin
        at = self.services.later(self.setting.begin, self.dice.random.random() * span)
        self.owners.append((at, self.owner))
        body = {
            "entry_channel": str(self.entry.channel),
            "person": self.person.attributes,
            "compartments": {
                "identity": {"given_name": "Generated", "family_name": f"Example-{self.number:07}"},
                "contact": {"phone": f"+996 000 {self.number:07}", "never_voicemail": True},
                "location": {"district": f"Nowhere-{self.dice.random.randrange(100)}"},
                "narrative": {"account": "A generated case. Nothing in it ever happened to anybody."},
            },
        }
        self._does(at, Doing.OPEN, body)
        self._does(self._later(at, "rights"), Doing.COMPLETE_STEP, name="inform-of-rights")
        return self.events[-1].at

    def _asked(self, at: datetime, *, adult: bool, settled: bool, refuses: bool) -> datetime:
        giver = ConsentGiver.SELF if adult else ConsentGiver.GUARDIAN
        if not settled:
            giver = ConsentGiver.BEST_INTEREST_DECISION
        body = {
            "decision": str(ConsentDecision.REFUSED if refuses else ConsentDecision.GIVEN),
            "giver": str(giver),
            "purposes": [str(Purpose.SUPPORT), str(Purpose.IDENTIFICATION)],
            "recipients": [] if refuses else ["any"],
            "compartments": [] if refuses else [str(one) for one in Compartment],
            "obtained": "oral",
            "language": self.person.attributes["languages"][0],
            "informed_of": [str(one) for one in InformedOf],
        }
        self._does(self._later(at, "consent"), Doing.CONSENT, body)
        return self.events[-1].at

    def _managed(self, at: datetime) -> None:
        """Hand the case over, take it up, screen it, and go on from there."""
        if self.owner not in self._managers():
            if not self.dice.happens("handed_over"):
                return
            asked = self.services.later(at, self.dice.lasts("hand_over"))
            life = self.services.lived(asked, self.owner, "hand-over-case-management", Service.CASE_MANAGEMENT)
            if life.accepted_at is None:
                return
            at, self.owner = life.accepted_at, life.by
            self.owners.append((at, self.owner))
        self._does(self._later(at, "take_up"), Doing.CASE_WORK, {"case_work": "active"})
        signs = "indicated_with_signs" if self.person.signs else "indicated_without_signs"
        result = ScreeningResult.INDICATED if self.dice.happens(signs) else ScreeningResult.NOT_INDICATED
        at = self._later(self.events[-1].at, "screen")
        self._does(at, Doing.SCREEN, {"hits": dict(self.person.signs), "result": str(result)})
        if result == ScreeningResult.NOT_INDICATED:
            self._closed(at, "not_a_victim")
            return
        at = self._later(at, "decide")
        identified = self.dice.happens("identified_by_ngo")
        self._does(at, Doing.DECIDE, _decision(DecisionBody.NGO, identified))
        if identified:
            self._helped(at)
        else:
            self._closed(at, "not_a_victim")

    def _managers(self) -> set[str]:
        providers = self.setting.assumed.providers
        return {one.staff for one in providers if Service.CASE_MANAGEMENT in one.services}

    def _helped(self, at: datetime) -> None:
        """Co-operation, identification by the state and support: each for itself, none waits for another."""
        if self.dice.happens("asked_to_cooperate"):
            willing = Known.YES if self.dice.happens("cooperates") else Known.NO
            self._does(self._later(at, "decide"), Doing.COOPERATE, {"willing": str(willing)})
        if self.dice.happens("referred_to_state"):
            asked = self._later(at, "refer")
            life = self.services.lived(
                asked, self.owner, "refer-for-state-identification", Service.STATE_IDENTIFICATION
            )
            if life.accepted_at is not None:
                before_it_ends = life.over_at - timedelta(minutes=1)
                decided = min(self._later(life.accepted_at, "state_decision"), before_it_ends)
                body = _decision(DecisionBody.STATE, self.dice.happens("identified_by_state"))
                self.events.append(Event(decided, life.by, Doing.DECIDE, body))
        if not self.dice.happens("referred_for_support"):
            return
        for service in self._wanted():
            step = "refer-for-shelter" if service == Service.SHELTER else "refer-for-support"
            self._lives(self._later(at, "refer"), step, service)
        self._followed_up(at)

    def _wanted(self) -> list[Service]:
        number = int(self.dice.one_of("how_many_services"))
        wanted = list(dict.fromkeys(Service(self.dice.one_of("services")) for _ in range(number)))
        sheltered = any(life.service == Service.SHELTER for life in self.lives)
        return [one for one in wanted if one != Service.SHELTER or not sheltered]

    def _lives(self, at: datetime, step: str, service: Service) -> None:
        self.lives.append(self.services.lived(at, self.owner, step, service))

    def _over(self, at: datetime) -> datetime:
        return max([at, *(life.over_at for life in self.lives)])

    def _followed_up(self, at: datetime) -> None:
        over = self._over(at)
        if not any(life.served for life in self.lives):
            return
        self._does(self._later(over, "follow_up"), Doing.CASE_WORK, {"case_work": "follow_up"})
        self._closed(self._later(self.events[-1].at, "close"), "support_completed")

    def _closed(self, at: datetime, reason: str) -> None:
        closing = self._later(self._over(at), "refer")
        self._does(closing, Doing.CASE_WORK, {"case_work": "closed", "reason": reason})

    def _consent_taken_back(self, asked: datetime) -> None:
        """The person takes the consent back: what rests on it ends at once, and nothing planned for later happens."""
        at = self._later(asked, "take_back")
        if any(
            event.does == Doing.CASE_WORK and event.body["case_work"] == "closed" and event.at <= at
            for event in self.events
        ):
            return
        self.events[:] = [event for event in self.events if event.at < at]
        self.owner = next(who for since, who in reversed(self.owners) if since < at)
        self._does(at, Doing.WITHDRAW_CONSENT)


def _decision(body: DecisionBody, positive: bool) -> dict[str, Any]:  # noqa: FBT001 - what was decided
    outcome = DecisionOutcome.ACTUAL_VICTIM if positive else DecisionOutcome.NOT_A_VICTIM
    return {"body": str(body), "outcome": str(outcome), "legal_basis": BASIS_OF_DECISIONS}


STAGES: Mapping[Doing | Act, str] = {
    Doing.OPEN: "cases",
    Doing.REFER: "sent",
    Act.RECEIVE: "received",
    Act.ACCEPT: "accepted",
    Act.START: "in_service",
    Act.COMPLETE: "completed",
}


def counted(histories: Iterable[Iterable[Event]], until: datetime) -> Counter[str]:
    """Count how far the histories get before an instant, from the events alone: the stages of the funnel."""
    counts: Counter[str] = Counter()
    for events in histories:
        happened = [event for event in events if event.at < until]
        counts.update(STAGES[event.does] for event in happened if event.does in STAGES)
        counts["presumed_or_identified"] += any(
            event.does == Doing.DECIDE and event.body["outcome"] == DecisionOutcome.ACTUAL_VICTIM for event in happened
        )
    return counts
