"""Proofs about a procedure, over every situation there is. A file cannot opt out of any of them.

What is proved is what a person may rely on; each invariant says it in its docstring. A violation shows the shortest
walk that leads to it. A proof speaks of the procedure as written, and of the moves that `facts.py` grants to the world.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from domain.workflow import invariants, static
from domain.workflow.invariants import Proof, Rules, Violation
from domain.workflow.situations import Situations
from domain.workflow.sop import Sop

WELL_TYPED = "facts-well-typed"

INVARIANTS: dict[str, Callable[[Proof], Iterator[Violation]]] = {
    "support-independent-of-cooperation": invariants.support_independent_of_cooperation,
    "support-independent-of-state-identification": invariants.support_independent_of_state_identification,
    "emergency-before-identification": invariants.emergency_before_identification,
    "protection-independent-of-origin": invariants.protection_independent_of_origin,
    "child-never-blocked-by-consent": invariants.child_never_blocked_by_consent,
    "adult-consent-respected": invariants.adult_consent_respected,
    "no-dead-end": invariants.no_dead_end,
    "always-closable": invariants.always_closable,
    "no-endless-wait": invariants.no_endless_wait,
    "no-dead-step": invariants.no_dead_step,
    "least-disclosure": static.least_disclosure,
    "every-step-answerable": static.every_step_answerable,
}
"""Every invariant beside `facts-well-typed`, without which none of them means anything."""

OVER_RULES = frozenset({WELL_TYPED, "least-disclosure", "every-step-answerable"})
"""Invariants that look at rules, not at situations."""


@dataclass(frozen=True, slots=True)
class Result:
    """What one proof found.

    Attributes:
        invariant: Its name.
        situations_examined: How many situations it covers; 0 if it looks at rules only or could not be examined.
        rules_examined: How many steps and priorities it looked at.
        violations: What speaks against it.
    """

    invariant: str
    situations_examined: int
    rules_examined: int
    violations: tuple[Violation, ...] = field(default=())

    @property
    def holds(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.violations


def prove(sop: Sop, rules: Rules) -> tuple[Result, ...]:
    """Examine every invariant.

    Args:
        sop: The procedure, in whatever state.
        rules: What the country package says about services, languages and labels.
    """
    count = len(sop.steps) + len(sop.priorities)
    ill_typed = tuple(static.ill_typed(sop))
    first = Result(WELL_TYPED, 0, count, ill_typed)
    if ill_typed:
        unexamined = (Violation("not examined, because the facts are not well-typed"),)
        return (first, *(Result(name, 0, 0, unexamined) for name in INVARIANTS))
    proof = Proof(sop, rules, Situations(sop))
    total = proof.situations.total
    return (
        first,
        *(
            Result(name, 0 if name in OVER_RULES else total, count, tuple(examine(proof)))
            for name, examine in INVARIANTS.items()
        ),
    )
