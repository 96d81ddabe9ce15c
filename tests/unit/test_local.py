"""Runs in memory, from a document to the result, with real actions."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from builders import WorkflowBuilder, a_workflow, an_event

from workflowkit.base.clock import FakeClock
from workflowkit.base.errors import InvalidInput, NonRetriableError, RetryAfterError
from workflowkit.definition.model import SOURCE
from workflowkit.engine.local import LocalOptions, LocalResult, StepRecord, run
from workflowkit.engine.states import RunStatus, StepStatus
from workflowkit.registry import Registry
from workflowkit.testing import RunResult, in_turn
from workflowkit.testing import run as rehearsed

START_MS = 1_750_000_000_000
SENT_MS = 1_700_000_000_000


def registry() -> Registry:
    """Actions that are handy in tests; none of them does anything outside this process."""
    actions = Registry()

    @actions.action("echo")
    def echo(value: Any = None) -> Any:
        return value

    @actions.action("add")
    def add(a: int, b: int) -> dict[str, int]:
        return {"sum": a + b}

    @actions.action("fail", retries=0)
    def fail(message: str = "boom") -> None:
        raise ValueError(message)

    @actions.action("halt")
    def halt(ctx: Any, output: Any = None) -> None:
        ctx.stop(output)

    return actions


def run_it(workflow: WorkflowBuilder, data: Any = None, actions: Registry | None = None, **options: Any) -> LocalResult:
    options.setdefault("clock", FakeClock(START_MS))
    return run(workflow.build(), an_event(data), actions or registry(), **options)


def step(result: LocalResult, node_id: str) -> StepRecord:
    return next(record for record in result.steps if record.id == node_id)


def statuses(result: LocalResult) -> dict[str, str]:
    return {record.id: record.status.value for record in result.steps}


def test_the_result_shows_every_step_with_its_resolved_inputs_as_json() -> None:
    workflow = a_workflow().action("total", "add", {"a": "!ref($.event.data.a)", "b": 2})
    workflow.action("say", "echo", {"value": "sum !ref($.state.total.sum)"}).path(SOURCE, "total", "say")
    workflow.action("never", "echo").edge_if("total", "never", "!ref($.event.data.missing)")
    assert json.loads(json.dumps(run_it(workflow, {"a": 40}).as_dict())) == {
        "status": "completed",
        "output": {"say": "sum 42"},
        "error": None,
        "steps": [
            {
                "id": "total",
                "kind": "add",
                "name": "total",
                "status": "completed",
                "inputs": {"a": 40, "b": 2},
                "output": {"sum": 42},
                "error": None,
                "attempts": 1,
            },
            {
                "id": "say",
                "kind": "echo",
                "name": "say",
                "status": "completed",
                "inputs": {"value": "sum 42"},
                "output": "sum 42",
                "error": None,
                "attempts": 1,
            },
            {
                "id": "never",
                "kind": "echo",
                "name": "never",
                "status": "skipped",
                "inputs": None,
                "output": None,
                "error": None,
                "attempts": 0,
                "reason": "condition-false",
            },
        ],
        "order": ["total", "say"],
        "events": [],
    }


@pytest.mark.parametrize(
    ("edges", "order"),
    [
        pytest.param(["$source join", "$source l1", "l1 l2", "l2 join"], ["l1", "l2", "join"], id="K1"),
        pytest.param(["$source a", "a b", "b c", "c j", "a j"], ["a", "b", "c", "j"], id="K2"),
        pytest.param(
            ["$source b", "$source a", "a z", "b y"], ["b", "a", "z", "y"], id="siblings by place in the document"
        ),
    ],
)
def test_steps_run_one_at_a_time_in_one_order(edges: list[str], order: list[str]) -> None:
    pairs = [tuple(edge.split()) for edge in edges]
    workflow = a_workflow()
    for node_id in dict.fromkeys(end for pair in pairs for end in pair if end != SOURCE):
        workflow.action(node_id, "echo")
    for source, target in pairs:
        workflow.edge(source, target)
    assert list(run_it(workflow).order) == order


def test_the_child_of_a_skipped_branch_does_not_run_and_a_join_does() -> None:  # K3, K4, W8
    workflow = a_workflow().action("if", "echo", {"value": False})
    for node_id in ("yes", "child", "no", "join"):
        workflow.action(node_id, "echo", {"value": node_id})
    workflow.edge(SOURCE, "if").edge_if("if", "yes").edge_else("if", "no").path("yes", "child", "join").edge(
        "no", "join"
    )
    result = run_it(workflow)
    assert result.order == ("if", "no", "join")
    assert [(record.id, record.reason) for record in result.steps if record.status is StepStatus.SKIPPED] == [
        ("yes", "condition-false"),
        ("child", "branch-dead"),
    ]


def test_the_same_workflow_run_for_two_events_keeps_them_apart() -> None:  # K18
    workflow = (
        a_workflow().action("a", "echo", {"value": {"nested": ["!ref($.event.data.x)"]}}).edge(SOURCE, "a").build()
    )
    outputs = [run(workflow, an_event({"x": x}), registry()).output for x in (1, 2)]
    assert outputs == [{"a": {"nested": [1]}}, {"a": {"nested": [2]}}]


def test_two_nodes_of_one_kind_keep_their_results_and_keys_apart() -> None:  # W12
    actions, keys = Registry(), []

    @actions.action("once")
    def once(ctx: Any, value: int) -> int:
        keys.append((ctx.step.key, ctx.idempotency_key))
        return value

    workflow = a_workflow().action("a", "once", {"value": 1}).action("b", "once", {"value": 2}).path(SOURCE, "a", "b")
    result = run_it(workflow, actions=actions)
    assert [record.output for record in result.steps] == [1, 2]
    assert [key for key, _ in keys] == ["a", "b"]
    assert len({key for _, key in keys}) == 2


# --- failures and retries ---------------------------------------------------------------------------------------------


def rehearse(workflow: WorkflowBuilder, *answers: Any) -> RunResult:
    """Run a workflow whose ``echo`` at ``a`` answers so, one attempt after the other."""
    return rehearsed(workflow.document(), actions=registry(), stubs={"node:a": in_turn(*answers), "echo": "done"})


def one_action() -> WorkflowBuilder:
    return a_workflow().action("a", "echo").edge(SOURCE, "a")


def test_waiting_for_a_retry_is_skipped_by_the_clock() -> None:  # R1
    result = rehearse(one_action(), ValueError("not yet"), ValueError("not yet"), "done")
    assert (result.status, result.step("a").attempts, result.slept_seconds) == ("completed", 3, 15 + 30)


def test_an_action_that_keeps_failing_uses_up_its_retries() -> None:
    result = rehearse(one_action(), ValueError("never"))
    assert (result.status, result.step("a").attempts) == ("failed", 5)
    assert result.error == result.step("a").error
    assert result.error is not None
    assert (result.error.name, result.error.message) == ("ValueError", "never")


@pytest.mark.parametrize(
    ("error", "attempts", "seconds"),
    [(RetryAfterError("busy", 3_600), 2, 3_600), (NonRetriableError("hopeless"), 1, 0)],
)
def test_an_action_may_say_when_or_that_it_is_not_tried_again(error: Exception, attempts: int, seconds: int) -> None:
    result = rehearse(one_action(), error, "done")  # R2
    assert (result.step("a").attempts, result.slept_seconds) == (attempts, seconds)


def test_the_settings_of_a_node_beat_those_of_its_action() -> None:
    actions = Registry()

    @actions.action("spin", retries=9, timeout=60)
    def spin() -> None:
        while True:
            pass

    workflow = a_workflow().action("a", "spin", retries=1, timeout=0.05).edge(SOURCE, "a")
    record = step(run_it(workflow, actions=actions), "a")
    assert record.attempts == 2
    assert record.error is not None
    assert record.error.code == "action-timeout"


def test_other_steps_go_on_while_one_waits_for_its_retry() -> None:
    workflow = one_action().action("b", "echo").action("c", "echo").action("join", "echo")
    workflow.path(SOURCE, "b", "c", "join").edge("a", "join")
    assert rehearse(workflow, ValueError("not yet"), "done").path == ("b", "c", "a", "join")


def test_a_failure_without_a_handler_skips_what_follows_and_lets_siblings_end() -> None:
    workflow = a_workflow().action("f", "fail").action("after", "echo").action("sibling", "echo")
    workflow.path(SOURCE, "f", "after").edge(SOURCE, "sibling")
    result = run_it(workflow)
    assert result.status is RunStatus.FAILED
    assert statuses(result) == {"f": "failed", "after": "skipped", "sibling": "completed"}
    assert result.order == ("f", "sibling")
    assert result.output is None


def test_an_error_edge_leads_to_a_step_that_can_read_the_error() -> None:  # R3
    workflow = a_workflow().action("f", "fail", {"message": "no stock"}, on_error="branch")
    workflow.action("next", "echo").action("tell", "echo", {"value": "!ref($.state.f.error.message)"})
    result = run_it(workflow.path(SOURCE, "f", "next").edge_error("f", "tell"))
    assert result.status is RunStatus.COMPLETED
    assert statuses(result) == {"f": "failed", "next": "skipped", "tell": "completed"}
    assert result.output == {"tell": "no stock"}


def test_inputs_that_do_not_fit_fail_the_step_before_its_handler() -> None:  # K9, W11
    actions, called = Registry(), []

    @actions.action("count", retries=5)
    def count(number: int) -> None:
        called.append(number)

    workflow = a_workflow().action("a", "count", {"number": "!ref($.event.data.n)"}).edge(SOURCE, "a")
    record = step(run_it(workflow, {"n": "abc"}, actions), "a")
    assert called == []
    assert record.error is not None
    assert (record.error.code, record.attempts, record.inputs) == ("invalid-input", 1, None)
    assert "number" in record.error.message
    assert "abc" in record.error.message


def test_a_kind_that_nobody_registered_fails_its_step() -> None:
    record = step(run_it(a_workflow().action("a", "unheard_of").edge(SOURCE, "a")), "a")
    assert record.error is not None
    assert "unheard_of" in record.error.message
    assert record.attempts == 1


def test_stop_ends_the_run_with_its_output_and_cancels_the_rest() -> None:
    workflow = a_workflow().action("stop", "halt", {"output": "enough"}).action("after", "echo").action("b", "echo")
    result = run_it(workflow.path(SOURCE, "stop", "after").edge(SOURCE, "b"))
    assert (result.status, result.output) == (RunStatus.COMPLETED, "enough")
    assert statuses(result) == {"stop": "completed", "after": "cancelled", "b": "cancelled"}
    assert result.order == ("stop",)
    assert step(result, "b").reason == "run-stopped"


# --- what handlers are given and give ---------------------------------------------------------------------------------


def test_handlers_cannot_change_what_others_see() -> None:
    actions = registry()

    @actions.action("vandal")
    def vandal(ctx: Any, value: dict[str, Any]) -> dict[str, Any]:
        value["x"] = ctx.event["data"]["x"] = ctx.state["a"]["x"] = ctx.workflow["actions"][0]["id"] = "spoilt"
        return value

    workflow = a_workflow().action("a", "echo", {"value": {"x": 1}}).action("v", "vandal", {"value": "!ref($.state.a)"})
    workflow.action("look", "echo", {"value": ["!ref($.state.a.x)", "!ref($.event.data.x)"]}).path(
        SOURCE, "a", "v", "look"
    )
    result = run_it(workflow, {"x": 2}, actions)
    assert result.output == {"look": [1, 2]}
    assert step(result, "v").inputs == {"value": {"x": 1}}
    assert step(result, "v").output == {"x": "spoilt"}


def test_asynchronous_actions_run_too() -> None:
    actions = Registry()

    @actions.action("later")
    async def later(ctx: Any) -> Any:
        return ctx.run.workflow_id

    assert run_it(a_workflow("mine").action("a", "later").edge(SOURCE, "a"), actions=actions).output == {"a": "mine"}


def test_events_that_actions_send_are_collected_once_their_step_has_completed() -> None:
    actions = Registry()

    @actions.action("send", retries=1)
    def send(ctx: Any, name: str, fails: int = 0) -> None:
        ctx.send_event(name, {"attempt": ctx.attempt}, id="mine" if name == "b/sent" else None, ts_ms=SENT_MS)
        if ctx.attempt < fails:
            raise ValueError

    workflow = a_workflow().action("a", "send", {"name": "a/sent", "fails": 1}, on_error="continue")
    workflow.action("b", "send", {"name": "b/sent"}).action(
        "c", "send", {"name": "c/sent", "fails": 9}, on_error="continue"
    )
    events = run_it(workflow.path(SOURCE, "b", "a", "c"), actions=actions).events
    assert [(event["name"], event["data"], event["ts"]) for event in events] == [
        ("b/sent", {"attempt": 0}, SENT_MS),
        ("a/sent", {"attempt": 1}, SENT_MS),
    ]
    assert events[0]["id"] == "mine"
    assert events[1]["id"]


def test_progress_is_told_as_soon_as_a_step_is_settled() -> None:
    told: list[str] = []
    workflow = a_workflow().action("a", "echo").action("b", "echo").action("c", "echo")
    workflow.edge(SOURCE, "a").edge_if("a", "b").edge("a", "c")
    options = LocalOptions(on_step=lambda record: told.append(f"{record.id} {record.status.value}"))
    result = run_it(workflow, options=options)
    assert told == ["a completed", "b skipped", "c completed"]
    assert {record.id for record in result.steps} == {"a", "b", "c"}


def test_the_event_gets_what_it_lacks_and_is_left_as_it_is() -> None:
    event: dict[str, Any] = {"name": "order/paid", "data": {}, "ts": None}
    workflow = a_workflow().action("a", "echo", {"value": "!ref($.event)"}).edge(SOURCE, "a").build()
    seen = run(workflow, event, registry(), clock=FakeClock(START_MS)).output["a"]
    assert (seen["name"], seen["data"], seen["ts"]) == ("order/paid", {}, START_MS)
    assert seen["id"]
    assert event == {"name": "order/paid", "data": {}, "ts": None}
    assert run_it(a_workflow().action("a", "echo", {"value": "!ref($.event.id)"}).edge(SOURCE, "a")).output == {
        "a": "event-1"
    }


@pytest.mark.parametrize("event", [[], "order/paid", {"name": "x", "data": {"when": object()}}, {"data": float("nan")}])
def test_an_event_that_is_no_json_object_is_refused(event: Any) -> None:
    with pytest.raises(InvalidInput):
        run(a_workflow().build(), event, registry())


def test_a_run_in_memory_loads_neither_database_nor_server_nor_event_loop() -> None:
    heavy = {"sqlalchemy", "networkx", "flask", "asyncio", "httpx", "jsonschema", "celery", "kombu"}
    code = "import sys, workflowkit.engine.local; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert heavy & set(loaded) == set()
