"""Graph semantics case by case. K, W, R and I numbers name the rules and the reference kit's failures they answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from builders import WorkflowBuilder, a_workflow, an_event
from planning import NOW_MS, failed, play

from workflowkit.base.limits import DEFAULT_LIMITS
from workflowkit.definition.model import SOURCE
from workflowkit.engine.facts import ErrorInfo, Fact, FactKind
from workflowkit.engine.outcome import Outcome, Succeeded
from workflowkit.engine.planner import Decision, begin, cancel, settle
from workflowkit.engine.progress import Finish, Progress
from workflowkit.engine.retry import DELAY_CLAMPED
from workflowkit.engine.states import EdgeState, RunStatus, StepStatus

TRUE, FALSE = Succeeded({"result": True}), Succeeded({"result": False})
RESULT = "!ref($.output.result)"
NOTHING = Decision()


def nodes(*ids: str) -> WorkflowBuilder:
    return a_workflow().actions(*ids)


def an_if(*ids: str) -> WorkflowBuilder:
    """``if`` reached from the trigger; the other nodes are there but not joined to anything."""
    return nodes("if", *ids).edge(SOURCE, "if")


# --- order and joins (W6, I8) -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("edges", "order"),
    [
        pytest.param([(SOURCE, "join"), (SOURCE, "l1"), ("l1", "l2"), ("l2", "join")], ["l1", "l2", "join"], id="K1"),
        pytest.param([(SOURCE, "a"), ("a", "b"), ("b", "c"), ("c", "j"), ("a", "j")], ["a", "b", "c", "j"], id="K2"),
        pytest.param(
            [(SOURCE, "a"), ("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")], ["a", "b", "c", "d"], id="diamond"
        ),
        pytest.param([(SOURCE, "a"), ("a", "b"), ("a", "b")], ["a", "b"], id="two plain edges between two nodes"),
    ],
)
def test_a_node_starts_once_and_after_all_its_parents(edges: list[tuple[str, str]], order: list[str]) -> None:
    workflow = nodes(*dict.fromkeys(end for edge in edges for end in edge if end != SOURCE))
    for source, target in edges:
        workflow.edge(source, target)
    run = play(workflow.build())
    assert run.ready == order
    assert run.finish.status is RunStatus.COMPLETED


def test_siblings_become_ready_together_by_rank() -> None:  # K25
    workflow = nodes("s2", "s1", "s3").edge(SOURCE, "s3").edge(SOURCE, "s1").edge(SOURCE, "s2").build()
    _, decision = begin(workflow, an_event(), NOW_MS)
    assert decision.ready == ("s2", "s1", "s3")


@pytest.mark.parametrize(
    ("join", "taken", "runs"),
    [
        ("any", "", False),
        ("any", "b", True),
        ("all", "ab", False),
        ("all", "abc", True),
        ({"n_of": 2}, "c", False),
        ({"n_of": 2}, "ac", True),
        ({"n_of": 2}, "abc", True),
    ],
)
def test_a_join_runs_if_enough_incoming_edges_are_taken(join: Any, taken: str, runs: bool) -> None:
    workflow = nodes("a", "b", "c").action("join", join=join)
    for parent in "abc":
        workflow.edge(SOURCE, parent).edge_if(parent, "join")
    run = play(workflow.build(), {parent: Succeeded(parent in taken) for parent in "abc"})
    assert run.statuses["join"] == ("completed" if runs else "skipped")
    reason = "join-not-met" if taken else "condition-false"
    assert run.reasons == ({} if runs else {"join": reason})


def test_a_join_waits_for_edges_that_cannot_change_its_mind_any_more() -> None:  # W8: any taken, wait for all settled
    workflow = nodes("fast", "slow", "join").edge(SOURCE, "fast").edge(SOURCE, "slow")
    progress, _ = begin(workflow.edge("fast", "join").edge("slow", "join").build(), an_event(), NOW_MS)
    assert succeed(progress, "fast").ready == ()
    assert succeed(progress, "slow").ready == ("join",)


# --- conditions (W7) --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("output", "taken"),
    [
        ({"result": True}, "if"),
        ({"result": False}, "else"),
        ({"result": []}, "if"),
        ({"result": "0"}, "if"),
        ({"result": 0}, "else"),
        ({"result": ""}, "else"),
        ({"result": None}, "else"),
        pytest.param({}, "else", id="K19: a missing value is falsy at run time"),
        pytest.param(None, "else", id="no output at all"),
    ],
)
def test_if_and_else_edges_follow_the_truth_of_their_reference(output: Any, taken: str) -> None:
    workflow = an_if("yes", "no").edge_if("if", "yes", RESULT).edge_else("if", "no", RESULT).build()
    run = play(workflow, {"if": Succeeded(output)})
    expected = {"if": ["if", "yes"], "else": ["if", "no"]}[taken]
    assert run.ready == expected


@pytest.mark.parametrize(
    ("output", "value", "taken"),
    [
        pytest.param({"a": 1, "b": 2}, {"b": 2, "a": 1}, True, id="K20: key order does not matter"),
        (42, 42, True),
        (42, "42", False),
        (1, 1.0, True),
        (1, True, False),
        ([1, 2], [2, 1], False),
        (None, None, True),
        ([1, {"a": None}], [1, {"a": None}], True),
    ],
)
def test_a_match_edge_compares_deeply_and_by_type(output: Any, value: Any, taken: bool) -> None:
    run = play(an_if("then").edge_match("if", "then", value).build(), {"if": Succeeded(output)})
    assert run.statuses["then"] == ("completed" if taken else "skipped")


@pytest.mark.parametrize("outcome", [TRUE, FALSE])
def test_both_branches_of_an_if_may_lead_to_one_node_which_runs_once(outcome: Succeeded) -> None:  # K5, W7
    workflow = an_if("x").edge_if("if", "x", RESULT).edge_else("if", "x", RESULT).build()
    assert play(workflow, {"if": outcome}).ready == ["if", "x"]


def test_conditions_stand_on_trigger_edges_and_read_the_event_and_earlier_steps() -> None:
    workflow = nodes("a", "b", "c")
    workflow.edge_if(SOURCE, "a", "!ref($.event.data.go)").edge_else(SOURCE, "b", "!ref($.event.data.go)")
    workflow.edge_match("a", "c", "A", "!ref($.state.a.letter)")
    run = play(workflow.build(), {"a": Succeeded({"letter": "A"})}, event=an_event({"go": True}))
    assert run.statuses == {"a": "completed", "b": "skipped", "c": "completed"}


def test_the_output_of_the_trigger_is_missing() -> None:
    run = play(nodes("a", "b").edge_if(SOURCE, "a").edge_else(SOURCE, "b").build())
    assert run.statuses == {"a": "skipped", "b": "completed"}


def test_a_recorded_edge_wins_over_what_its_condition_would_say_today() -> None:  # I8, W7
    workflow = an_if("yes", "no").edge_if("if", "yes", RESULT).edge_else("if", "no", RESULT).build()
    progress, _ = begin(workflow, an_event(), NOW_MS)
    flipped = {"if->yes#1": EdgeState.NOT_TAKEN, "if->no#2": EdgeState.TAKEN}
    progress.absorb([Fact(FactKind.COMPLETED, "if", 1, {"result": True}, edges=flipped)])
    assert progress.edges == {"$source->if#0": "taken"} | flipped
    assert progress.status["no"] is StepStatus.READY
    assert "yes" not in progress.status


@pytest.mark.parametrize("on_error", ["fail", "continue", "branch", "fallback"])
def test_a_step_whose_edge_condition_meets_a_limit_fails_and_the_run_still_ends(on_error: str) -> None:  # I4
    twice = "!ref($.output.text) and !ref($.output.text)"
    workflow = nodes().action("a", on_error=on_error).action("b").edge(SOURCE, "a").edge_if("a", "b", twice).build()
    half = DEFAULT_LIMITS.resolved_chars // 2
    run = play(workflow, {"a": Succeeded({"text": "x" * half})})
    assert run.statuses == {"a": "failed", "b": "skipped"}
    assert run.progress.outputs == {}
    assert run.finish.error == ErrorInfo(
        "LimitExceeded",
        f"edge condition: limit resolved_chars exceeded: at most {DEFAULT_LIMITS.resolved_chars}",
        "limit-exceeded",
        retryable=False,
    )


# --- skips (W8) -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("workflow", "outcomes", "statuses"),
    [
        pytest.param(
            an_if("t", "child").edge_if("if", "t", RESULT).edge("t", "child"),
            {"if": FALSE},
            {"if": "completed", "t": "skipped", "child": "skipped"},
            id="K3: the child of a skipped node is skipped",
        ),
        pytest.param(
            nodes("a", "b", "join").edge(SOURCE, "a").edge(SOURCE, "b").edge_if("a", "join").edge_if("b", "join"),
            {"a": Succeeded(False), "b": Succeeded(True)},
            {"a": "completed", "b": "completed", "join": "completed"},
            id="K4: a later taken edge runs the join",
        ),
        pytest.param(
            an_if("t", "f", "join")
            .edge_if("if", "t", RESULT)
            .edge_else("if", "f", RESULT)
            .edge("t", "join")
            .edge("f", "join"),
            {"if": FALSE},
            {"if": "completed", "t": "skipped", "f": "completed", "join": "completed"},
            id="W8: diamond after an if",
        ),
        pytest.param(
            an_if("t", "u", "join")
            .edge_if("if", "t", RESULT)
            .edge_if("if", "u", RESULT)
            .edge("t", "join")
            .edge("u", "join"),
            {"if": FALSE},
            {"if": "completed", "t": "skipped", "u": "skipped", "join": "skipped"},
            id="W8: all parents skipped",
        ),
        pytest.param(
            nodes("a", "b").edge_if(SOURCE, "a", "!ref($.event.data.never)").edge("a", "b"),
            {},
            {"a": "skipped", "b": "skipped"},
            id="nothing is reached from the trigger",
        ),
    ],
)
def test_skips_spread_unless_another_taken_edge_reaches_the_node(
    workflow: WorkflowBuilder, outcomes: Mapping[str, Outcome], statuses: dict[str, str]
) -> None:
    run = play(workflow.build(), outcomes)
    assert run.statuses == statuses
    assert run.finish.status is RunStatus.COMPLETED
    assert [step for step in statuses if statuses[step] == "completed"] == sorted(run.ready, key=list(statuses).index)


def test_a_skip_says_why_and_kills_its_edges() -> None:
    workflow = an_if("t", "child").edge_if("if", "t", RESULT).edge("t", "child").build()
    run = play(workflow, {"if": FALSE})
    assert run.reasons == {"t": "condition-false", "child": "branch-dead"}
    assert run.progress.edges == {"$source->if#0": "taken", "if->t#1": "not_taken", "t->child#2": "dead"}


def test_skips_and_ready_steps_come_by_rank() -> None:
    workflow = nodes("gate", "z", "y", "x", "w").edge(SOURCE, "gate")
    for target in "wxyz":
        (workflow.edge_if if target in "xz" else workflow.edge)("gate", target)
    run = play(workflow.build(), {"gate": Succeeded(False)})
    assert [fact.step for fact in run.decisions[1].facts] == ["gate", "z", "x"]
    assert run.decisions[1].ready == ("y", "w")


def test_a_chain_of_skips_may_be_longer_than_the_recursion_limit() -> None:
    ids = [f"n{index}" for index in range(3_000)]
    workflow = nodes(*ids).edge_if(SOURCE, ids[0], "!ref($.event.data.never)").path(*ids)
    _, decision = begin(workflow.build(), an_event(), NOW_MS)
    assert len(decision.facts) == 3_001
    assert decision.finish == Finish(RunStatus.COMPLETED, output={})


# --- failures ---------------------------------------------------------------------------------------------------------


def a_node_that_fails(on_error: str, **settings: Any) -> WorkflowBuilder:
    workflow = a_workflow().action("f", on_error=on_error, **settings).action("next").action("rescue")
    return workflow.edge(SOURCE, "f").edge("f", "next").edge_error("f", "rescue")


ERROR = {"name": "ValueError", "message": "boom", "code": "action-failed", "retryable": False}


@pytest.mark.parametrize(
    ("on_error", "settings", "edges", "state", "status"),
    [
        ("fail", {}, ("dead", "dead"), None, RunStatus.FAILED),
        ("continue", {}, ("taken", "not_taken"), {"error": ERROR}, RunStatus.COMPLETED),
        ("branch", {}, ("not_taken", "taken"), {"error": ERROR}, RunStatus.COMPLETED),
        ("fallback", {"fallback": [7]}, ("taken", "not_taken"), [7], RunStatus.COMPLETED),
    ],
)
def test_on_error_decides_what_a_failure_leads_to(
    on_error: str, settings: dict[str, Any], edges: tuple[str, str], state: Any, status: RunStatus
) -> None:  # R3
    run = play(a_node_that_fails(on_error, **settings).build(), {"f": failed()})
    progress, handled = run.progress, on_error != "fail"
    assert (progress.edges["f->next#1"], progress.edges["f->rescue#2"]) == edges
    assert progress.outputs.get("f") == state
    assert run.statuses["f"] == "failed"
    assert [fact.handled for fact in run.facts if fact.step == "f"] == [handled]
    assert list(progress.handled_failures) == (["f"] if handled else [])
    assert list(progress.failures) == ([] if handled else ["f"])
    assert run.finish.status is status


def test_an_error_edge_is_not_taken_when_its_node_completes() -> None:
    run = play(a_node_that_fails("branch").build())
    assert run.statuses == {"f": "completed", "next": "completed", "rescue": "skipped"}


def test_conditions_are_evaluated_on_what_stands_in_for_the_output_of_a_failure() -> None:
    workflow = nodes().action("f", on_error="fallback", fallback={"result": False}).action("yes").action("no")
    workflow.edge(SOURCE, "f").edge_if("f", "yes", RESULT).edge_else("f", "no", "!ref($.state.f.result)")
    assert play(workflow.build(), {"f": failed()}).ready == ["f", "no"]


def test_a_failed_run_lets_other_branches_go_on_and_reports_the_first_failure_by_rank() -> None:
    workflow = nodes("a", "b", "after_a", "c", "after_c").edge(SOURCE, "a").edge(SOURCE, "b").edge(SOURCE, "c")
    workflow.edge("a", "after_a").edge("c", "after_c")
    run = play(workflow.build(), {"a": failed("from a"), "b": failed("from b")}, choose=lambda n: n - 1)
    assert run.statuses == {
        "a": "failed",
        "b": "failed",
        "after_a": "skipped",
        "c": "completed",
        "after_c": "completed",
    }
    assert run.finish == Finish(RunStatus.FAILED, error=failed("from a").error)


def test_a_failure_with_budget_left_decides_nothing_but_when_to_try_again() -> None:  # R1
    workflow = nodes("a").edge(SOURCE, "a").build()
    progress, _ = begin(workflow, an_event(), NOW_MS)
    again = failed(retryable=True)
    first = settle(progress, "a", 1, again, retries=2, now_ms=NOW_MS, jitter=0.5)
    assert first == Decision(
        (Fact(FactKind.RETRY, "a", 1, error=again.error, retry_at_ms=NOW_MS + 30_000, at_ms=NOW_MS),)
    )
    assert progress.status["a"] is StepStatus.READY
    assert settle(progress, "a", 2, again, retries=2, now_ms=NOW_MS, jitter=0.0).facts[0].kind is FactKind.RETRY
    last = settle(progress, "a", 3, again, retries=2, now_ms=NOW_MS, jitter=0.0)
    assert [(fact.kind, fact.attempt) for fact in last.facts] == [(FactKind.FAILED, 3)]
    assert last.finish == Finish(RunStatus.FAILED, error=again.error)


def test_a_non_retriable_failure_gives_up_at_once() -> None:  # R2
    run = play(nodes("a").edge(SOURCE, "a").build(), {"a": failed(retryable=False)}, retries=5)
    assert run.attempts == {"a": 1}
    assert run.finish.status is RunStatus.FAILED


def test_a_retry_says_when_its_delay_was_clamped() -> None:  # R2
    progress, _ = begin(nodes("a").edge(SOURCE, "a").build(), an_event(), NOW_MS)
    outcome = failed(retryable=True, retry_after_seconds=30 * 86_400)
    (fact,) = settle(progress, "a", 1, outcome, retries=1, now_ms=NOW_MS, jitter=1.0).facts
    assert (fact.retry_at_ms, fact.reason) == (NOW_MS + 86_400_000, DELAY_CLAMPED)


# --- the end of a run -------------------------------------------------------------------------------------------------


def test_a_run_ends_with_the_outputs_of_its_sinks_that_have_one() -> None:
    workflow = nodes("a", "kept", "left").action("handled", on_error="fallback", fallback="instead")
    workflow.edge(SOURCE, "a").edge("a", "kept").edge_else("a", "left").edge("a", "handled")
    run = play(workflow.build(), {"handled": failed(), "kept": Succeeded(None)})
    assert run.finish == Finish(RunStatus.COMPLETED, output={"kept": None, "handled": "instead"})


def test_a_workflow_without_actions_is_over_when_it_begins() -> None:  # K6: a draft; publishing one is refused
    _, decision = begin(a_workflow().build(), an_event(), NOW_MS)
    assert decision.finish == Finish(RunStatus.COMPLETED, output={})


def test_stop_ends_the_run_with_its_output_and_cancels_all_that_is_left() -> None:
    workflow = nodes("stop", "after", "sibling", "later").edge(SOURCE, "stop").edge(SOURCE, "sibling")
    workflow.edge("stop", "after").edge("sibling", "later")
    progress, _ = begin(workflow.build(), an_event(), NOW_MS)
    decision = settle(progress, "stop", 1, Succeeded("done", stop=True), retries=0, now_ms=NOW_MS, jitter=0.0)
    assert decision.finish == Finish(RunStatus.COMPLETED, output="done")
    assert decision.ready == ()
    assert [(fact.step, fact.kind, fact.reason) for fact in decision.facts] == [
        ("stop", "completed", None),
        ("after", "cancelled", "run-stopped"),
        ("sibling", "cancelled", "run-stopped"),
        ("later", "cancelled", "run-stopped"),
    ]
    assert decision.facts[0].stop
    assert decision.facts[0].edges == {"stop->after#2": "not_taken"}
    assert succeed(progress, "sibling") == NOTHING  # I11: the late result of a step that was running


def test_stop_does_not_hide_a_failure_that_nothing_handled() -> None:
    workflow = nodes("f", "stop").edge(SOURCE, "f").edge(SOURCE, "stop").build()
    run = play(workflow, {"f": failed(), "stop": Succeeded("done", stop=True)})
    assert run.finish == Finish(RunStatus.FAILED, error=failed().error)


def test_cancel_settles_every_step_and_is_final() -> None:  # I11
    workflow = a_workflow().chain("a", "b", "c").build()
    progress, _ = begin(workflow, an_event(), NOW_MS)
    succeed(progress, "a")
    decision = cancel(progress, NOW_MS, "by user")
    assert decision == Decision(
        tuple(Fact(FactKind.CANCELLED, step, reason="by user", at_ms=NOW_MS) for step in ("b", "c")),
        finish=Finish(RunStatus.CANCELLED),
    )
    assert list(progress.edges) == ["$source->a#0", "a->b#1"]  # nothing is decided for a step that never ran
    assert cancel(progress, NOW_MS, "again") == NOTHING
    assert succeed(progress, "b") == NOTHING
    assert progress.finish == Finish(RunStatus.CANCELLED)


def test_cancel_of_a_finished_run_decides_nothing() -> None:  # I12
    run = play(nodes("a").edge(SOURCE, "a").build())
    assert cancel(run.progress, NOW_MS, "late") == NOTHING
    assert run.progress.finish == run.finish


# --- once and for all (I2, I12) and what others recorded --------------------------------------------------------------


@pytest.mark.parametrize("step", ["a", "c", "nobody", SOURCE])
def test_a_result_for_a_step_that_is_not_ready_decides_nothing(step: str) -> None:
    workflow = a_workflow().chain("a", "b", "c").build()
    progress, _ = begin(workflow, an_event(), NOW_MS)
    succeed(progress, "a")
    before = (dict(progress.status), dict(progress.edges), dict(progress.outputs))
    assert succeed(progress, step) == NOTHING
    assert settle(progress, step, 2, failed(), retries=3, now_ms=NOW_MS, jitter=0.0) == NOTHING
    assert (progress.status, progress.edges, progress.outputs) == before


def test_facts_that_settle_no_step_change_nothing() -> None:
    workflow = nodes("a").edge(SOURCE, "a").build()
    progress, _ = begin(workflow, an_event(), NOW_MS)
    progress.absorb([Fact(kind, "a", 1) for kind in FactKind if not kind.is_final])
    progress.absorb([Fact(FactKind.COMPLETED, "a/inner", 1, output="not a node")])
    assert progress.status == {SOURCE: StepStatus.COMPLETED, "a": StepStatus.READY}
    assert progress.outputs == {}


def test_the_first_final_fact_of_a_step_stands() -> None:  # I2
    workflow = nodes("a").edge(SOURCE, "a").build()
    progress, _ = begin(workflow, an_event(), NOW_MS)
    progress.absorb([Fact(FactKind.COMPLETED, "a", 1, "first"), Fact(FactKind.FAILED, "a", 2, error=failed().error)])
    assert progress.outputs == {"a": "first"}
    assert progress.finish == Finish(RunStatus.COMPLETED, output={"a": "first"})


def test_a_join_is_decided_by_the_worker_that_settles_its_last_edge() -> None:
    workflow = nodes("a", "b", "join").edge(SOURCE, "a").edge(SOURCE, "b").edge("a", "join").edge("b", "join").build()
    one, begun = begin(workflow, an_event(), NOW_MS)
    other = Progress.replay(workflow, an_event(), begun.facts)
    by_one = succeed(one, "a")
    other.absorb(by_one.facts)
    by_other = succeed(other, "b")
    assert (by_one.ready, by_other.ready) == ((), ("join",))
    one.absorb(by_other.facts)
    assert one.status["join"] is StepStatus.READY
    assert one.unfinished_count == 1
    other.absorb(succeed(one, "join").facts)
    assert other.finish == one.finish == Finish(RunStatus.COMPLETED, output={"join": {"from": "join"}})


def test_what_another_worker_stopped_or_cancelled_is_known_after_absorbing_it() -> None:
    workflow = nodes("a", "b").edge(SOURCE, "a").edge(SOURCE, "b").build()
    stopped, begun = begin(workflow, an_event(), NOW_MS)
    by_stop = settle(stopped, "a", 1, Succeeded("out", stop=True), retries=0, now_ms=NOW_MS, jitter=0.0)
    cancelled = Progress.replay(workflow, an_event(), begun.facts)
    by_cancel = cancel(cancelled, NOW_MS, "by user")
    for decision in (by_stop, by_cancel):
        progress = Progress.replay(workflow, an_event(), begun.facts)
        progress.absorb(reversed(decision.facts))
        assert progress.finish == decision.finish
        assert succeed(progress, "b") == NOTHING


def succeed(progress: Progress, step: str) -> Decision:
    return settle(progress, step, 1, Succeeded({"from": step}), retries=0, now_ms=NOW_MS, jitter=0.0)
