"""W12: one decision of the Kyrgyz procedure, which steps are open now, over other engines given the same conditions.

Every engine gets our compiled conditions, one trigger for each step; none of the others reckons deadlines or consents.
"""

import importlib.util
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from api.runtime import published
from benchmarks.measuring import Result, result
from domain.workflow.engine import Snapshot, open_steps
from domain.workflow.sop import CompiledStep, Sop

SOP = "kg-identification-and-referral"
START = datetime(2026, 11, 2, 9, tzinfo=UTC)
Decide = Callable[[], object]


def may(one: CompiledStep, facts: dict[str, str]) -> bool:
    """Tell whether a step's own conditions hold."""
    return (one.step.repeatable or not one.done(facts)) and one.when(facts) and all(test(facts) for test in one.after)


def table(sop: Sop, facts: dict[str, str]) -> Decide:
    """The least there can be: a list of conditions."""
    return lambda: [one.step.key for one in sop.compiled if may(one, facts)]


def transitions(sop: Sop, facts: dict[str, str]) -> Decide:
    """The library `transitions`: a machine in one state, which triggers it may take."""
    from transitions import Machine  # noqa: PLC0415 - may be absent

    machine = Machine(states=["open"], initial="open", auto_transitions=False)
    triggers = [f"step_{number}" for number in range(len(sop.compiled))]
    for trigger, one in zip(triggers, sop.compiled, strict=True):
        machine.add_transition(trigger, "open", "open", conditions=lambda one=one: may(one, facts))
    return lambda: [trigger for trigger in triggers if machine.may_trigger(trigger)]


def statemachine(sop: Sop, facts: dict[str, str]) -> Decide:
    """The library `python-statemachine`: its enabled events."""
    from statemachine import State, StateMachine  # noqa: PLC0415 - may be absent

    here = State("open", initial=True)
    body: dict[str, Any] = {"here": here}
    for number, one in enumerate(sop.compiled):
        body[f"may_{number}"] = lambda _self, one=one: may(one, facts)
        body[f"step_{number}"] = here.to.itself(cond=f"may_{number}")
    machine = type("Procedure", (StateMachine,), body)()
    enabled: Decide = machine.enabled_events
    return enabled


def spiffworkflow(sop: Sop, facts: dict[str, str]) -> Decide:
    """The library `SpiffWorkflow`: a new workflow, one multiple choice, which tasks become ready."""
    from SpiffWorkflow.operators import Operator  # noqa: PLC0415 - may be absent
    from SpiffWorkflow.specs import MultiChoice, Simple, WorkflowSpec  # noqa: PLC0415
    from SpiffWorkflow.util.task import TaskState  # noqa: PLC0415
    from SpiffWorkflow.workflow import Workflow  # noqa: PLC0415

    class May(Operator):  # type: ignore[misc]
        def _matches(self, _task: object) -> bool:
            return may(self.args[0], facts)

    spec = WorkflowSpec(name="procedure", addstart=True)
    choice = MultiChoice(spec, "choice")
    spec.start.connect(choice)
    for one in sop.compiled:
        choice.connect_if(May(one), Simple(spec, one.step.key, manual=True))

    def decide() -> object:
        workflow = Workflow(spec)
        workflow.run_next()
        workflow.run_next()
        return workflow.get_tasks(state=TaskState.READY)

    return decide


PEERS: dict[str, tuple[str, Callable[[Sop, dict[str, str]], Decide]]] = {
    "python-statemachine": ("statemachine", statemachine),
    "transitions": ("transitions", transitions),
    "SpiffWorkflow": ("SpiffWorkflow", spiffworkflow),
}


def decision(rounds: int, times: int) -> tuple[list[Result], list[str]]:
    """Return the results against each library that is there and a bare table, and which libraries are missing."""
    catalogue = published()
    sop = catalogue.sop(SOP, catalogue.current("KG")[SOP])
    facts = {name: fact.initial for name, fact in sop.facts.items()}
    calendar = catalogue.calendar("KG")
    snapshot = Snapshot(facts, {f"{sop.vocabulary.key}.opened": START})

    def ours() -> object:
        return open_steps(sop, snapshot, calendar)

    results, missing = [], []
    for name, (module, make) in PEERS.items():
        if importlib.util.find_spec(module) is None:
            missing.append(name)
            continue
        pairs = [(_rate(ours, times), _rate(make(sop, facts), times)) for _ in range(rounds)]
        results.append(result(f"W12 {name}", "one decision, ours over this library", pairs, 1.0))
    pairs = [(_rate(ours, times), _rate(table(sop, facts), times)) for _ in range(rounds)]
    # A list of conditions knows no deadline, consent or waiver: shown for scale, without a goal.
    results.append(result("W12 bare table", "one decision, ours over a bare list of conditions", pairs, None))
    return results, missing


def _rate(decide: Decide, times: int) -> float:
    decide()
    start = time.perf_counter()
    for _ in range(times):
        decide()
    return times / (time.perf_counter() - start)
