"""A procedure in words, for whoever has to agree to it: one step a paragraph, in the reader's language."""

from collections.abc import Iterator
from dataclasses import dataclass

from domain.codes import Language, Priority
from domain.workflow.calendar import Duration
from domain.workflow.catalogue import Catalogue
from domain.workflow.conditions import ALWAYS, All, AnyOf, Condition, In, Is, IsNot, Not, named_values, negated
from domain.workflow.facts import DONE
from domain.workflow.sop import Basis, PriorityRule, Sop, Step


@dataclass(frozen=True, slots=True)
class Wording:
    """How one procedure reads in one language."""

    sop: Sop
    catalogue: Catalogue
    language: Language

    def say(self, key: str, **parts: str) -> str:
        """A sentence in the reader's language."""
        return self.catalogue.messages.sentence(key, self.language, **parts)

    def codes(self, code_list: str, *codes: str) -> str:
        """What codes are called, in a row."""
        if not codes:
            return self.say("show_nothing")
        return ", ".join(self.catalogue.labels(code_list, code, self.language) for code in codes)

    def step(self, step: Step) -> Iterator[str]:
        """The step, line by line: title first."""
        yield step.title[self.language]
        if step.help:
            yield step.help[self.language]
        yield self.say("show_responsible", text=self.codes("Role", *step.responsible))
        if step.when != ALWAYS:
            yield self.say("show_when", text=self.condition(step.when))
        if step.after:
            titles = (self.sop.by_key[key].title[self.language] for key in step.after)
            yield self.say("show_after", text=", ".join(titles))
        yield from self._time(step)
        yield from self._sharing(step)
        yield self.say("show_source", text=self.sop.sources[step.source].title)
        yield self.say(step.basis)

    def _time(self, step: Step) -> Iterator[str]:
        if step.after_end:
            yield self.say("show_after_end")
        if step.optional:
            yield self.say("show_optional")
        if step.deadline:
            told = (escalation.escalate for escalation in step.deadline.on_breach)
            yield self.say("show_due", text=self.length(step.deadline.within), role=self.codes("Role", *told))

    def length(self, duration: Duration) -> str:
        """A duration in words."""
        return self.say(f"within_{duration.unit.replace(' ', '_')}", n=str(duration.quantity))

    def priority(self, priority: Priority, rule: PriorityRule) -> str:
        """How fast a referral of this priority must be answered, and what happens if it is not."""
        return self.say(
            "show_priority",
            priority=self.codes("Priority", priority),
            within=self.length(rule.respond_within),
            role=self.codes("Role", *([rule.escalate_to] if rule.escalate_to else [])),
            expires=self.length(rule.expires_after) if rule.expires_after else self.say("show_nothing"),
        )

    def _sharing(self, step: Step) -> Iterator[str]:
        if step.opens:
            terms = step.opens.referral
            priority = self.codes("Priority", terms.priority)
            yield self.say("show_services", text=self.codes("Service", *terms.services), priority=priority)
        if step.consent:
            compartments = self.codes("Compartment", *step.consent.compartments)
            purpose = self.codes("Purpose", step.consent.purpose)
            yield self.say("show_consent", purpose=purpose, compartments=compartments)
            for waiver in step.consent.unless:
                yield self.say(f"show_unless_{waiver}")

    def condition(self, condition: Condition) -> str:
        """A condition as part of a sentence."""
        match condition:
            case All(all=parts):
                return self.say("and_also").join(self._part(part) for part in parts)
            case AnyOf(any=parts):
                return self.say("or_when").join(self._part(part) for part in parts)
            case Not(not_=In(fact=fact, in_=values)):
                return self._fact(fact, values, holds=False)
            case Not(not_=inner):
                return self.condition(negated(inner))
            case IsNot(fact=fact):
                return self._fact(fact, named_values(condition), holds=False)
            case _:
                return self._fact(condition.fact, named_values(condition), holds=True)

    def _part(self, condition: Condition) -> str:
        """A condition inside a list: in brackets if it is itself a list, so that nobody can read it two ways."""
        text = self.condition(condition)
        return text if isinstance(condition, Is | IsNot | In) else f"({text})"

    def _fact(self, fact: str, values: tuple[str, ...], *, holds: bool) -> str:
        messages = self.catalogue.messages
        if fact.startswith(DONE):
            title = self.sop.by_key[fact.removeprefix(DONE)].title[self.language]
            return self.say("step_done" if ("yes" in values) == holds else "step_not_done", step=title)
        named = self.say("or_else").join(messages.value(fact, value, self.language) for value in values)
        key = "fact_is" if holds else "fact_is_not"
        return self.say(key, fact=messages.fact(fact, self.language), values=named)


def share_assumed(sop: Sop) -> str:
    """How much of a procedure is assumed, as printed wherever it is shown: nobody may take it for law."""
    assumed, rules = sop.assumed
    stated = sum(source.basis is Basis.STATED for source in sop.sources.values())
    return f"{assumed} of {rules} rules are assumed ({100 * assumed // rules} %); {stated} of its sources were read"
