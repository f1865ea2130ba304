"""How referrals go in a generated year: whom they are sent to, who answers, what comes of it, and when."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count

from api.year.assumptions import Assumptions, Dice, Provider
from api.year.playing import Doing, Event
from domain.codes import DeclinedBy, Outcome, RefusalReason, Service
from domain.referrals.rules import Act
from domain.workflow.calendar import Calendar
from domain.workflow.sop import PriorityRule, Sop

SECOND = 30
"""Every instant of a history lies in the middle of a minute."""

HAND_OVERS = frozenset({Service.CASE_MANAGEMENT})


@dataclass(frozen=True, slots=True)
class Life:
    """How the search for one service went.

    Attributes:
        by: Who accepted, or was asked last.
        accepted_at: When; none if nobody did.
        served: Whether the service began.
        over_at: From when on nothing of it is open.
    """

    service: Service
    by: str
    accepted_at: datetime | None
    served: bool
    over_at: datetime


class Services:
    """Writes what happens to referrals into a history.

    Args:
        assumed: How often what happens.
        sop: The procedure, for when an unanswered referral expires.
        calendar: The calendar of the country.
        dice: What is drawn.
        events: The history.
    """

    def __init__(self, assumed: Assumptions, sop: Sop, calendar: Calendar, dice: Dice, events: list[Event]) -> None:
        self.assumed, self.sop, self.calendar, self.dice, self.events = assumed, sop, calendar, dice, events
        self._names = count(1)

    def later(self, at: datetime, by: timedelta) -> datetime:
        """Return a later instant, in the middle of a minute and at least a minute later."""
        return (at + by).replace(second=SECOND, microsecond=0) + timedelta(minutes=1)

    def lived(self, at: datetime, sender: str, step: str, service: Service) -> Life:
        """Ask one provider after another until somebody accepts or nobody is left to ask."""
        own = {one.organisation for one in self.assumed.providers if one.staff == sender}
        able = [one for one in self.assumed.providers if service in one.services and one.organisation not in own]
        self.dice.random.shuffle(able)
        repeats, life = "", Life(service, sender, None, served=False, over_at=at)
        for provider in able:
            name = f"{service}-{next(self._names)}"
            body = {"step": step, "service": str(service), "recipient": provider.organisation}
            self.events.append(Event(at, sender, Doing.REFER, body, name, repeats))
            life = self._answered(at, sender, service, provider, name)
            if life.accepted_at is not None or not self.dice.happens("tries_another"):
                break
            repeats, at = name, self.later(life.over_at, self.dice.lasts("refer"))
        return life

    def _rule(self, step: str) -> PriorityRule:
        opens = self.sop.by_key[step].opens
        if opens is None:
            raise ValueError(f"{step} opens no referral")
        return self.sop.priorities[opens.referral.priority]

    def _answered(self, at: datetime, sender: str, service: Service, provider: Provider, name: str) -> Life:
        step = self.events[-1].body["step"]
        expires = self._rule(step).expires_after
        limit = self.calendar.add(at, expires) if expires else datetime.max.replace(tzinfo=at.tzinfo)
        answer = self.dice.one_of("answer")
        receipt = self.later(at, self.dice.lasts("receipt"))
        turns = [self.later(receipt, self.dice.lasts("answer"))]
        turns.append(self.later(turns[0], self.dice.lasts("receipt")))
        turns.append(self.later(turns[1], self.dice.lasts("answer")))
        done = turns[2] if answer in {"ask", "waitlist"} else turns[0]
        if answer == "none" or done >= limit:
            if receipt < limit and self.dice.happens("seen_without_answer"):
                self._acts(receipt, provider.staff, Act.RECEIVE, name)
            return Life(service, provider.staff, None, served=False, over_at=limit)
        self._acts(receipt, provider.staff, Act.RECEIVE, name)
        if answer == "decline":
            reason = RefusalReason(self.dice.one_of("refusal_reason"))
            said = {"declined_by": str(DeclinedBy.PROVIDER), "reason": str(reason)}
            self._acts(done, provider.staff, Act.DECLINE, name, said)
            return Life(service, provider.staff, None, served=False, over_at=done)
        if answer == "ask":
            self._acts(turns[0], provider.staff, Act.ASK, name, {"text": "A generated question."})
            self._acts(turns[1], sender, Act.ANSWER, name, {"text": "A generated answer."})
        if answer == "waitlist":
            self._acts(turns[0], provider.staff, Act.WAITLIST, name)
        self._acts(done, provider.staff, Act.ACCEPT, name)
        if service in HAND_OVERS:
            return Life(service, provider.staff, done, served=True, over_at=done)
        return self._served(done, service, provider.staff, name)

    def _served(self, accepted: datetime, service: Service, staff: str, name: str) -> Life:
        start = self.later(accepted, self.dice.lasts("start"))
        if self.dice.happens("fails"):
            self._acts(start, staff, Act.FAIL, name, {"reason": str(RefusalReason.COULD_NOT_BE_REACHED)})
            return Life(service, staff, accepted, served=False, over_at=start)
        self._acts(start, staff, Act.START, name)
        end = self.later(start, self.dice.lasts("service"))
        if self.dice.happens("withdrawn_by_person"):
            self._acts(end, staff, Act.WITHDRAW, name)
        else:
            self._acts(end, staff, Act.COMPLETE, name, {"outcome": str(Outcome(self.dice.one_of("outcome")))})
        return Life(service, staff, accepted, served=True, over_at=end)

    def _acts(self, at: datetime, who: str, act: Act, name: str, body: dict[str, str] | None = None) -> None:
        self.events.append(Event(at, who, act, body or {}, name))
