"""Invariants that can be read off the rules, without looking at situations."""

from collections.abc import Iterator

from domain.codes import SUPPORT_SERVICES, Service
from domain.workflow.conditions import leaves, named_values
from domain.workflow.facts import DONE, REFERRAL_FACTS, consent_fact
from domain.workflow.invariants import Proof, Violation
from domain.workflow.messages import languages_missing
from domain.workflow.situations import conditions_of, facts_of
from domain.workflow.sop import Basis, Labels, Sop, Step


def ill_typed(sop: Sop) -> Iterator[Violation]:
    """Every fact, value and step that is named exists, and what a step opens is what it records."""
    if sop.calendar != sop.country.lower():
        yield Violation(f"the calendar {sop.calendar} is not that of {sop.country}")
    for step in sop.steps:
        yield from _conditions(sop, step)
        yield from _references(sop, step)
        yield from _records(sop, step)
        yield from _referral(step)


def _conditions(sop: Sop, step: Step) -> Iterator[Violation]:
    for condition in conditions_of(step):
        for leaf in leaves(condition):
            fact = sop.facts.get(leaf.fact)
            if fact is None:
                yield Violation(f"{step.key}: there is no fact {leaf.fact}")
                continue
            for value in named_values(leaf):
                if value not in fact.values:
                    yield Violation(f"{step.key}: {leaf.fact} is never {value}")


def _references(sop: Sop, step: Step) -> Iterator[Violation]:
    for key in step.after:
        if key not in sop.by_key:
            yield Violation(f"{step.key}: comes after {key}, which does not exist")
    for start in step.deadline.starts if step.deadline else ():
        if start != sop.vocabulary.start and start not in sop.facts:
            yield Violation(f"{step.key}: the time limit counts from {start}, which is neither the start nor a fact")
    if step.consent and consent_fact(step.consent.purpose) not in sop.facts:
        yield Violation(f"{step.key}: there is no fact about consent to {step.consent.purpose}")


def _records(sop: Sop, step: Step) -> Iterator[Violation]:
    named = [recorded.fact for recorded in step.records]
    if len(set(named)) != len(named):
        yield Violation(f"{step.key}: records a fact twice")
    for recorded in step.records:
        fact = sop.facts.get(recorded.fact)
        if fact is None or recorded.fact.startswith(DONE):
            yield Violation(f"{step.key}: may not record {recorded.fact}")
        elif wrong := [value for value in recorded.to if value not in fact.values]:
            yield Violation(f"{step.key}: {recorded.fact} is never {', '.join(wrong)}")


def _referral(step: Step) -> Iterator[Violation]:
    """Asking for a service and recording that it was asked for are one thing."""
    opened = {"support"} if set(step.services) & (SUPPORT_SERVICES - {Service.WITNESS_PROTECTION}) else set()
    opened |= {REFERRAL_FACTS[service] for service in step.services if service in REFERRAL_FACTS}
    recorded = {recorded.fact for recorded in step.records}
    about = {"support", *REFERRAL_FACTS.values()}
    if missing := sorted(opened - recorded):
        yield Violation(f"{step.key}: opens a referral but does not record {', '.join(missing)}")
    if surplus := sorted(recorded & about - opened):
        yield Violation(f"{step.key}: records {', '.join(surplus)} but opens no such referral")


def least_disclosure(proof: Proof) -> Iterator[Violation]:
    """A step shares no compartment that none of its services needs, and a step that opens nothing shares nothing."""
    matrix = proof.rules.matrix
    for step in proof.sop.steps:
        shared = frozenset(step.consent.compartments) if step.consent else frozenset()
        if unknown := sorted(service for service in step.services if service not in matrix):
            yield Violation(f"{step.key}: nothing is said of what {', '.join(unknown)} needs")
        needed = frozenset(part for service in step.services for part in matrix.get(service, ()))
        if surplus := sorted(shared - needed):
            what = "no service of it needs" if step.services else "it opens nothing that would need"
            yield Violation(f"{step.key}: shares {', '.join(surplus)}, which {what}")


def every_step_answerable(proof: Proof) -> Iterator[Violation]:
    """Every rule has a source and an honest basis, and every text is there in all languages of the country."""
    sop = proof.sop
    yield from _texts(proof, "the procedure", sop.title)
    for language in proof.rules.languages:
        if language not in sop.translations:
            yield Violation(f"nothing says whether the {language} texts are reviewed")
    for step in sop.steps:
        yield from _texts(proof, step.key, step.title)
        if step.help:
            yield from _texts(proof, step.key, step.help)
        yield from _source(sop, step.key, step.source, step.basis)
        yield from _fact_texts(proof, step)
    for priority, rule in sop.priorities.items():
        yield from _source(sop, f"priority {priority}", rule.source, rule.basis)


def _texts(proof: Proof, whose: str, labels: Labels) -> Iterator[Violation]:
    for language in languages_missing(labels, proof.rules.languages):
        yield Violation(f"{whose}: a text is missing in {language}")


def _source(sop: Sop, whose: str, source: str, basis: Basis) -> Iterator[Violation]:
    named = sop.sources.get(source)
    if named is None:
        yield Violation(f"{whose}: there is no source {source or '(none named)'}")
    elif basis is Basis.STATED and named.basis is Basis.ASSUMED:
        yield Violation(f"{whose}: says that {source} states it, whose text was not available")


def _fact_texts(proof: Proof, step: Step) -> Iterator[Violation]:
    for name in sorted(facts_of(step)):
        if name.startswith(DONE):
            continue
        text = proof.rules.messages.facts.get(name)
        if text is None:
            yield Violation(f"{step.key}: the fact {name} has no name for readers")
            continue
        yield from _texts(proof, f"the fact {name}", text.label)
        for value in proof.sop.facts[name].values:
            yield from _texts(proof, f"the fact {name}, {value}", text.values.get(value, {}))
