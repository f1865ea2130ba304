"""What changes for whom between two versions of a procedure, in words, and in how many situations."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from domain.codes import Language
from domain.workflow.catalogue import Catalogue
from domain.workflow.diagrams import EVERYTHING, NOTHING, Set, Space
from domain.workflow.facts import DONE
from domain.workflow.situations import Situations
from domain.workflow.sop import Sop, Step
from domain.workflow.wording import Wording


@dataclass(frozen=True, slots=True)
class Difference:
    """One step, or one priority, that is not as it was.

    Attributes:
        key: The key of the step, or the priority.
        title: What it is called.
        changes: What changes, each a sentence.
    """

    key: str
    title: str
    changes: tuple[str, ...]


def differences(before: Sop, after: Sop, catalogue: Catalogue, language: Language) -> tuple[Difference, ...]:
    """Compare two versions: first the steps, in the order of the new version and then those that are gone.

    Args:
        before: The older version.
        after: The newer one, or a draft; about the same subject, and well-typed like the older.
        catalogue: Where the words are.
        language: The reader's.

    Raises:
        ValueError: the two are about different subjects.
    """
    if before.subject != after.subject:
        raise ValueError(f"one is about a {before.subject}, the other about a {after.subject}")
    comparison = _Comparison(Wording(before, catalogue, language), Wording(after, catalogue, language))
    found = (*comparison.steps(), *comparison.priorities())
    return tuple(difference for difference in found if difference.changes)


def _roles(wording: Wording, step: Step) -> tuple[str, ...]:
    return tuple(wording.codes("Role", role) for role in step.responsible)


def _after(wording: Wording, step: Step) -> tuple[str, ...]:
    return tuple(wording.sop.by_key[key].title[wording.language] for key in step.after)


def _told(wording: Wording, step: Step) -> tuple[str, ...]:
    told = step.deadline.on_breach if step.deadline else ()
    return tuple(wording.codes("Role", escalation.escalate) for escalation in told)


def _starts(wording: Wording, step: Step) -> tuple[str, ...]:
    messages = wording.catalogue.messages
    starts = step.deadline.starts if step.deadline else ()
    return tuple(messages.fact(start, wording.language) if start in messages.facts else start for start in starts)


def _services(wording: Wording, step: Step) -> tuple[str, ...]:
    return tuple(wording.codes("Service", service) for service in step.services)


def _compartments(wording: Wording, step: Step) -> tuple[str, ...]:
    return tuple(wording.codes("Compartment", part) for part in (step.consent.compartments if step.consent else ()))


def _waivers(wording: Wording, step: Step) -> tuple[str, ...]:
    return tuple(wording.say(f"show_unless_{waiver}") for waiver in (step.consent.unless if step.consent else ()))


def _outcomes(wording: Wording, step: Step) -> tuple[str, ...]:
    messages, language = wording.catalogue.messages, wording.language
    return tuple(
        f"{messages.fact(one.fact, language)}: {messages.value(one.fact, value, language)}"
        for one in step.records
        for value in one.to
    )


_LISTS: Mapping[str, Callable[[Wording, Step], tuple[str, ...]]] = MappingProxyType(
    {
        "what_responsible": _roles,
        "what_after": _after,
        "what_told": _told,
        "what_services": _services,
        "what_compartments": _compartments,
        "what_waivers": _waivers,
        "what_outcomes": _outcomes,
    }
)
"""What a step has several of: what is new and what is gone is told."""


def _singles(wording: Wording, step: Step) -> dict[str, str]:
    """What a step has one of: what it was and what it is now is told."""
    nothing = wording.say("show_nothing")
    source = wording.sop.sources.get(step.source)
    return {
        "what_title": " ".join(text[wording.language] for text in (step.title, step.help) if text),
        "what_when": wording.condition(step.when) or wording.say("diff_every"),
        "what_within": wording.length(step.deadline.within) if step.deadline else nothing,
        "what_from": ", ".join(_starts(wording, step)) or nothing,
        "what_purpose": wording.codes("Purpose", step.consent.purpose) if step.consent else nothing,
        "what_priority": wording.codes("Priority", step.opens.referral.priority) if step.opens else nothing,
        "what_track": wording.say(f"track_{step.track}"),
        "what_source": source.title if source else step.source,
        "what_basis": wording.say(step.basis),
    }


class _Comparison:
    """Two versions over one space: every combination of the facts of both."""

    def __init__(self, before: Wording, after: Wording) -> None:
        self.before, self.after = before, after
        facts = {**before.sop.facts, **after.sop.facts}
        self.space = Space({name: fact.values for name, fact in facts.items()})
        self.total = f"{self.space.count(EVERYTHING):,}"
        self.was = Situations(before.sop, self.space)
        self.now = Situations(after.sop, self.space)

    def steps(self) -> Iterator[Difference]:
        old, new = self.before.sop.by_key, self.after.sop.by_key
        language = self.after.language
        for key, step in new.items():
            if key in old:
                yield Difference(key, step.title[language], tuple(self._step(old[key], step)))
            else:
                roles = ", ".join(_roles(self.after, step))
                sets = self.now.steps[key]
                opened = (self.after.say("diff_added", role=roles), *self._sets(key, NOTHING, sets.stands))
                yield Difference(key, step.title[language], opened)
        for key, step in old.items():
            if key not in new:
                roles = ", ".join(_roles(self.before, step))
                yield Difference(key, step.title[language], (self.before.say("diff_removed", role=roles),))

    def _step(self, old: Step, new: Step) -> Iterator[str]:
        for what, listed in _LISTS.items():
            was, now = listed(self.before, old), listed(self.after, new)
            label = self.after.say(what)
            if added := [text for text in now if text not in was]:
                yield self.after.say("diff_now", what=label, text=", ".join(added))
            if gone := [text for text in was if text not in now]:
                yield self.after.say("diff_no_longer", what=label, text=", ".join(gone))
        told = _singles(self.before, old)
        for what, text in _singles(self.after, new).items():
            if text != told[what]:
                yield self.after.say("diff_changed", what=self.after.say(what), before=told[what], now=text)
        yield from self._situations(new.key)

    def _situations(self, key: str) -> Iterator[str]:
        was, now = self.was.steps[key], self.now.steps[key]
        yield from self._sets(key, was.takeable, now.takeable)
        yield from self._sets(key, was.duty, now.duty, gained="diff_duty", lost="diff_no_duty")

    def _sets(
        self, key: str, was: Set, now: Set, *, gained: str = "diff_opens", lost: str = "diff_closes"
    ) -> Iterator[str]:
        for sentence, found in ((gained, self.space.minus(now, was)), (lost, self.space.minus(was, now))):
            if found != NOTHING:
                count = f"{self.space.count(found):,}"
                yield self.after.say(sentence, n=count, total=self.total, example=self._example(key, found))

    def _example(self, key: str, found: Set) -> str:
        """One of the situations, by the facts that matter, but for the step itself not being done yet."""
        messages, language = self.after.catalogue.messages, self.after.language
        first = self.space.first(found)
        matter = [fact for fact in first if self.space.depends_on(found, fact) != NOTHING]
        told = [
            f"{messages.fact(fact, language)}: {messages.value(fact, first[fact], language)}"
            if not fact.startswith(DONE)
            else self._step_told(fact.removeprefix(DONE), first[fact])
            for fact in matter
            if fact != DONE + key
        ]
        return ", ".join(told) or self.after.say("diff_every")

    def _step_told(self, key: str, value: str) -> str:
        step = self.after.sop.by_key.get(key) or self.before.sop.by_key[key]
        sentence = "step_done" if value == "yes" else "step_not_done"
        return self.after.say(sentence, step=step.title[self.after.language])

    def priorities(self) -> Iterator[Difference]:
        old, new = self.before.sop.priorities, self.after.sop.priorities
        for name in sorted({*old, *new}):
            was = self.before.priority(name, old[name]) if name in old else self.before.say("show_nothing")
            now = self.after.priority(name, new[name]) if name in new else self.after.say("show_nothing")
            if was != now:
                what = self.after.say("what_rule")
                changed = self.after.say("diff_changed", what=what, before=was, now=now)
                yield Difference(name, self.after.codes("Priority", name), (changed,))
