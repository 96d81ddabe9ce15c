"""Laws of the planner, on random graphs with random outcomes settled in random order.

The judge is ``expected_end``: the semantics once more, written as naively as possible and sharing nothing with the
planner. It scans all nodes until nothing changes, where the planner counts edges.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from builders import a_workflow, an_event
from hypothesis import given, settings
from hypothesis import strategies as st
from planning import NOW_MS, Play, failed, play

from workflowkit.definition.model import SOURCE, Condition, Workflow
from workflowkit.engine.facts import Fact, FactKind
from workflowkit.engine.outcome import Failed, Outcome, Succeeded
from workflowkit.engine.planner import Decision, cancel, settle
from workflowkit.engine.progress import Progress
from workflowkit.engine.states import EdgeState, StepStatus

RETRIES = 1
JOINS = ("any", "any", "all", {"n_of": 1}, {"n_of": 2}, {"n_of": 3})
ON_ERROR = ("fail", "continue", "branch", "fallback")
VALUES: tuple[Any, ...] = (None, True, False, 0, 1, "", "a", [], [1], {}, {"k": 1})


# --- random runs ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """A workflow, the event that starts it, and what each attempt of each step comes to."""

    workflow: Workflow
    event: dict[str, Any]
    outcomes: dict[str, list[Outcome]]

    def play(self, random: Random) -> Play:
        return play(self.workflow, self.outcomes, event=self.event, retries=RETRIES, choose=random.randrange)


@st.composite
def cases(draw: st.DrawFn, *, stops: bool = False) -> Case:
    ids = [f"n{index}" for index in range(draw(st.integers(1, 8)))]
    builder = a_workflow()
    for node_id in draw(st.permutations(ids)):
        fallback = {"v": draw(st.sampled_from(VALUES))}
        builder.action(
            node_id, join=draw(st.sampled_from(JOINS)), on_error=draw(st.sampled_from(ON_ERROR)), fallback=fallback
        )
    for index, node_id in enumerate(ids):
        # An edge comes from an earlier node, so there is no cycle; each node has at least one.
        for source in draw(st.lists(st.sampled_from([SOURCE, *ids[:index]]), min_size=1, max_size=4)):
            builder.edge(source, node_id, **draw(conditions(source)))
    outcomes = {node_id: draw(st.lists(an_outcome(stops=stops), min_size=1, max_size=2)) for node_id in ids}
    return Case(builder.build(), an_event({"v": draw(st.sampled_from(VALUES))}), outcomes)


@st.composite
def conditions(draw: st.DrawFn, source: str) -> dict[str, Any]:
    kind = draw(st.sampled_from(["", "", "if", "else", "match", "error"]))
    if not kind or (kind == "error" and source == SOURCE):
        return {}
    if kind == "error":
        return {"type": kind}
    places = ["event.data.v", "event.data.missing", "output.v"] + ([] if source == SOURCE else [f"state.{source}.v"])
    conditional = {"type": kind, "ref": f"!ref($.{draw(st.sampled_from(places))})"}
    return conditional | ({"value": draw(st.sampled_from(VALUES))} if kind == "match" else {})


@st.composite
def an_outcome(draw: st.DrawFn, *, stops: bool) -> Outcome:
    kind = draw(st.sampled_from(["output", "output", "output", "retryable", "fatal", *(["stop"] if stops else [])]))
    if kind in ("retryable", "fatal"):
        return failed(draw(st.sampled_from(["x", "y"])), retryable=kind == "retryable")
    return Succeeded({"v": draw(st.sampled_from(VALUES))}, stop=kind == "stop")


orders = st.randoms(use_true_random=False)


# --- the naive judge --------------------------------------------------------------------------------------------------

MISSING = object()


def expected_end(case: Case) -> dict[str, Any]:
    """Return how a run without stops must end, whatever the order of its steps."""
    workflow = case.workflow
    statuses: dict[str, str] = {}
    state: dict[str, Any] = {}
    edges = {edge.id: holds(edge.condition, case.event, state, MISSING) for edge in workflow.outgoing[SOURCE]}
    changed = True
    while changed:
        changed = False
        for node in workflow.nodes.values():
            incoming = [edge.id for edge in workflow.edges if edge.target == node.id]
            if node.id in statuses or any(edge_id not in edges for edge_id in incoming):
                continue
            changed = True
            taken = sum(edges[edge_id] == "taken" for edge_id in incoming)
            needed = {"any": 1, "all": len(incoming), "n_of": node.join_count}[node.join]
            status, output, error_edge = "skipped", MISSING, False
            if taken >= needed:
                status, output, error_edge = expected_step(node.on_error, node.fallback, case.outcomes[node.id])
            statuses[node.id] = status
            if output is not MISSING:
                state[node.id] = output
            for edge in workflow.edges:
                if edge.source == node.id and output is MISSING:
                    edges[edge.id] = "dead"
                elif edge.source == node.id and error_edge:
                    is_error = edge.condition is not None and edge.condition.type == "error"
                    edges[edge.id] = "taken" if is_error else "not_taken"
                elif edge.source == node.id:
                    edges[edge.id] = holds(edge.condition, case.event, state, output)
    unhandled = [node_id for node_id in workflow.nodes if statuses[node_id] == "failed" and node_id not in state]
    sinks = [node_id for node_id in workflow.nodes if all(edge.source != node_id for edge in workflow.edges)]
    return {
        "statuses": statuses,
        "edges": edges,
        "outputs": state,
        "run": "failed" if unhandled else "completed",
        "output": None if unhandled else {node_id: state[node_id] for node_id in sinks if node_id in state},
        "error": final_outcome(case.outcomes[unhandled[0]]).error if unhandled else None,
    }


def expected_step(on_error: str, fallback: Any, outcomes: Sequence[Outcome]) -> tuple[str, Any, bool]:
    """Return a started step's status, its output (``MISSING`` without one), and whether its error edges are taken."""
    outcome = final_outcome(outcomes)
    if isinstance(outcome, Succeeded):
        return "completed", outcome.output, False
    error = {"error": outcome.error.as_dict()}
    output = {"fail": MISSING, "continue": error, "branch": error, "fallback": fallback}[on_error]
    return "failed", output, on_error == "branch"


def final_outcome(outcomes: Sequence[Outcome]) -> Any:
    first, last = outcomes[0], outcomes[-1]
    return last if isinstance(first, Failed) and first.error.retryable else first


def holds(condition: Condition | None, event: Any, state: Mapping[str, Any], output: Any) -> str:
    if condition is None:
        return "taken"
    if condition.type == "error":
        return "not_taken"
    value = {"event": event, "state": state, "output": output}
    for name in condition.ref.removeprefix("!ref($.").removesuffix(")").split("."):
        value = value.get(name, MISSING) if isinstance(value, dict) else MISSING
    truthy = value is not MISSING and (isinstance(value, list | dict) or bool(value))
    compared = None if value is MISSING else value
    same = type(compared) is type(condition.value) and compared == condition.value
    return "taken" if {"if": truthy, "else": not truthy, "match": same}[condition.type] else "not_taken"


# --- what is compared -------------------------------------------------------------------------------------------------


def end_of(run: Play) -> dict[str, Any]:
    finish = run.finish
    return {
        "statuses": run.statuses,
        "edges": run.progress.edges,
        "outputs": run.progress.outputs,
        "run": finish.status,
        "output": finish.output,
        "error": finish.error,
    }


def snapshot(progress: Progress) -> dict[str, Any]:
    """Everything that two equal progresses agree on, the inner counters included."""
    return {name: getattr(progress, name) for name in Progress.__slots__} | {"finish": progress.finish}


# --- the laws ---------------------------------------------------------------------------------------------------------


@settings(max_examples=200)
@given(cases(), orders)
def test_a_run_ends_as_the_semantics_say_in_whatever_order_its_steps_end(case: Case, order: Random) -> None:  # I9
    assert end_of(case.play(order)) == expected_end(case)


@given(cases(stops=True), orders)
def test_a_step_becomes_ready_once_and_after_all_its_incoming_edges(case: Case, order: Random) -> None:  # I8
    run = case.play(order)
    settled_edges: set[str] = set()
    seen_ready: list[str] = []
    for decision in run.decisions:
        for fact in decision.facts:
            settled_edges |= set(fact.edges or {})
        for node_id in decision.ready:
            assert {edge.id for edge in case.workflow.incoming[node_id]} <= settled_edges
            assert node_id not in seen_ready
            seen_ready.append(node_id)
        assert list(decision.ready) == sorted(decision.ready, key=lambda node_id: case.workflow.nodes[node_id].rank)


@given(cases(), orders)
def test_a_step_is_skipped_exactly_if_its_join_rule_does_not_hold(case: Case, order: Random) -> None:
    run = case.play(order)
    for node in case.workflow.nodes.values():
        incoming = [run.progress.edges[edge.id] for edge in case.workflow.incoming[node.id]]
        needed = {"any": 1, "all": len(incoming), "n_of": node.join_count}[node.join]
        assert (run.statuses[node.id] == "skipped") is (incoming.count(EdgeState.TAKEN) < needed)
        assert (node.id in run.ready) is (run.statuses[node.id] != "skipped")
        if run.statuses[node.id] == "skipped":
            assert all(run.progress.edges[edge.id] == "dead" for edge in case.workflow.outgoing[node.id])


@given(cases(stops=True), orders)
def test_every_step_has_one_final_fact_and_the_run_ends_with_the_last(case: Case, order: Random) -> None:  # I2, I4
    run = case.play(order)
    final = [fact.step for fact in run.facts if fact.kind.is_final]
    assert sorted(final) == sorted([SOURCE, *case.workflow.nodes])
    assert [decision.finish is not None for decision in run.decisions] == [False] * (len(run.decisions) - 1) + [True]
    assert run.progress.unfinished_count == 0


@given(cases(stops=True), orders)
def test_a_replayed_run_equals_the_live_one_and_decides_nothing_twice(case: Case, order: Random) -> None:
    run = case.play(order)
    progress = Progress.replay(case.workflow, case.event, run.facts)
    assert snapshot(progress) == snapshot(run.progress)
    progress.absorb(run.facts)
    for node_id in case.workflow.nodes:
        for outcome in (Succeeded("late"), failed(retryable=True), Succeeded("late", stop=True)):
            assert _settle(progress, node_id, outcome) == Decision()
    assert cancel(progress, NOW_MS, "late") == Decision()
    assert snapshot(progress) == snapshot(run.progress)


@given(cases(stops=True), orders, orders)
def test_workers_that_absorb_each_others_facts_decide_as_one_would(case: Case, order: Random, turns: Random) -> None:
    """Two or three workers share a run. Each takes in what it missed only when its turn comes, in shuffled order."""
    alone = case.play(order)
    workers = [Progress(case.workflow, case.event) for _ in range(turns.randint(2, 3))]
    missed: list[list[Decision]] = [[alone.decisions[0]] for _ in workers]
    for decision in alone.decisions[1:]:
        fact, turn = decision.facts[0], turns.randrange(len(workers))
        for other in missed.pop(turn):
            workers[turn].absorb(turns.sample(other.facts, len(other.facts)))
        missed.insert(turn, [])
        outcomes = case.outcomes[fact.step]
        outcome = outcomes[min(fact.attempt, len(outcomes)) - 1]
        assert _settle(workers[turn], fact.step, outcome, attempt=fact.attempt) == decision
        for number, inbox in enumerate(missed):
            if number != turn:
                inbox.append(decision)
    for worker, inbox in zip(workers, missed, strict=True):
        worker.absorb([fact for decision in inbox for fact in decision.facts])
        assert snapshot(worker) == snapshot(alone.progress)


@given(cases(), orders, st.integers(0, 20))
def test_a_cancelled_run_is_settled_at_once_and_for_ever(case: Case, order: Random, after: int) -> None:  # I11
    decisions = case.play(order).decisions[: after + 1]
    recorded = [fact for decision in decisions for fact in decision.facts]
    progress = Progress.replay(case.workflow, case.event, recorded)
    finished = decisions[-1].finish is not None
    decision = cancel(progress, NOW_MS, "by user")
    assert (decision == Decision()) is finished
    assert progress.unfinished_count == 0
    assert all(fact.kind is FactKind.CANCELLED for fact in decision.facts)
    assert snapshot(Progress.replay(case.workflow, case.event, [*recorded, *decision.facts])) == snapshot(progress)
    assert all(_settle(progress, node_id, Succeeded(1)) == Decision() for node_id in case.workflow.nodes)


@given(cases(stops=True), orders)
def test_a_run_can_be_taken_up_after_any_commit(case: Case, order: Random) -> None:
    """Every prefix of the journal replays to a progress that knows the same steps to be ready."""
    run = case.play(order)
    recorded, ready = list[Fact](), set[str]()
    for decision in run.decisions:
        recorded += decision.facts
        ready = (ready | set(decision.ready)) - {fact.step for fact in decision.facts if fact.kind.is_final}
        progress = Progress.replay(case.workflow, case.event, recorded)
        assert {step for step, status in progress.status.items() if status is StepStatus.READY} == ready
        assert progress.finish == decision.finish


def _settle(progress: Progress, node_id: str, outcome: Outcome, *, attempt: int = 1) -> Decision:
    return settle(progress, node_id, attempt, outcome, retries=RETRIES, now_ms=NOW_MS + attempt, jitter=0.0)
