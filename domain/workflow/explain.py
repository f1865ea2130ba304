"""Why a step is open or closed, in the reader's language, with the source of the rule and what it rests on."""

from collections.abc import Iterator
from dataclasses import dataclass

from domain.codes import Language
from domain.workflow.conditions import All, AnyOf, Condition, In, IsNot, Not, evaluate, named_values, negated
from domain.workflow.engine import Snapshot, StepNotOpen, gate_of
from domain.workflow.facts import DONE, consent_fact
from domain.workflow.messages import Messages
from domain.workflow.sop import Basis, Sop, Step


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a step is open or closed now.

    Attributes:
        step: Its key.
        title: What it is called.
        open: Whether it may be taken now; a step that lacks only a consent is not open in this sense.
        because: The reasons, each a sentence.
        source: The title of the source of the rule.
        reference: Where to find the source.
        basis: Whether the source states the rule or we assume it.
        basis_note: The same as a sentence.
    """

    step: str
    title: str
    open: bool
    because: tuple[str, ...]
    source: str
    reference: str
    basis: Basis
    basis_note: str


def explain(sop: Sop, snapshot: Snapshot, key: str, language: Language, messages: Messages) -> Explanation:
    """Say why a step is open or closed.

    Args:
        sop: The procedure.
        snapshot: What is known.
        key: The step.
        language: The reader's.
        messages: The sentences of the package, `catalogue.messages`.

    Raises:
        StepNotOpen: the procedure has no such step.
    """
    step = sop.by_key.get(key)
    if step is None:
        raise StepNotOpen(step=key, sop=sop.sop, version=sop.version)
    reader = _Reader(sop, {**sop.initial, **snapshot.facts}, language, messages)
    closed = tuple(reader.closed(step))
    source = sop.sources[step.source]
    return Explanation(
        step=key,
        title=step.title[language],
        open=not closed,
        because=closed or tuple(reader.opened(step)),
        source=source.title,
        reference=source.reference,
        basis=step.basis,
        basis_note=messages.sentence(step.basis, language),
    )


@dataclass(frozen=True, slots=True)
class _Reader:
    """One reader of one situation."""

    sop: Sop
    facts: dict[str, str]
    language: Language
    messages: Messages

    def _say(self, key: str, **parts: str) -> str:
        return self.messages.sentence(key, self.language, **parts)

    def closed(self, step: Step) -> Iterator[str]:
        """Why the step cannot be taken; nothing if it can."""
        fact, end = self.sop.vocabulary.ended
        if step.after_end != (self.facts[fact] == end):
            yield self._say("not_ended" if step.after_end else "ended")
            return
        if evaluate(step.done_when, self.facts) and not step.repeatable:
            yield self._say("done")
            return
        for key in step.after:
            before = self.sop.by_key[key]
            if not evaluate(before.done_when, self.facts):
                yield self._say("after", step=before.title[self.language])
        yield from self._unmet(step.when)
        if step.consent:
            gate = gate_of(step.consent, self.facts)
            if gate.basis is None:
                purpose = self.messages.fact(consent_fact(step.consent.purpose), self.language)
                yield self._say("consent_refused" if gate.refused else "consent_missing", purpose=purpose)

    def opened(self, step: Step) -> Iterator[str]:
        """Why the step can be taken."""
        yield self._say("open_again" if evaluate(step.done_when, self.facts) else "open")
        basis = gate_of(step.consent, self.facts).basis if step.consent else None
        if basis:
            yield self._say(f"basis_{basis}")

    def _unmet(self, condition: Condition) -> Iterator[str]:
        """What of a condition does not hold, one sentence for each."""
        if evaluate(condition, self.facts):
            return
        match condition:
            case All(all=parts):
                for part in parts:
                    yield from self._unmet(part)
            case AnyOf(any=parts):
                yield " ".join([self._say("one_of"), *(one for part in parts for one in self._unmet(part))])
            case Not(not_=In(fact=fact, in_=values)):
                yield self._must_not(fact, values)
            case Not(not_=inner):
                yield from self._unmet(negated(inner))
            case IsNot(fact=fact):
                yield self._must_not(fact, named_values(condition))
            case _:
                yield self._needs(condition.fact, named_values(condition))

    def _needs(self, fact: str, values: tuple[str, ...]) -> str:
        if fact.startswith(DONE):
            return self._say("after", step=self._step_title(fact))
        wanted = self._say("or_else").join(self.messages.value(fact, value, self.language) for value in values)
        now = self.messages.value(fact, self.facts[fact], self.language)
        return self._say("needs", fact=self.messages.fact(fact, self.language), values=wanted, now=now)

    def _must_not(self, fact: str, values: tuple[str, ...]) -> str:
        if fact.startswith(DONE):
            return self._say("not_after", step=self._step_title(fact))
        named = self._say("or_else").join(self.messages.value(fact, value, self.language) for value in values)
        return self._say("needs_other", fact=self.messages.fact(fact, self.language), values=named)

    def _step_title(self, fact: str) -> str:
        return self.sop.by_key[fact.removeprefix(DONE)].title[self.language]
