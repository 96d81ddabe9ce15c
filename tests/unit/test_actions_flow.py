"""The built-in actions that steer a run: if, switch, set, log, stop, emit_event."""

from __future__ import annotations

import logging
from typing import Any

import jsonschema_rs
import pytest
from builders import a_workflow

from workflowkit.base.errors import Problem
from workflowkit.definition import validate
from workflowkit.engine.context import ActionConfig, RunInfo, StepContext, StepInfo
from workflowkit.engine.executor import execute
from workflowkit.engine.outcome import Attempted, EmittedEvent, Failed, Succeeded
from workflowkit.registry import ActionSpec, Registry, load_builtin_actions

registry = Registry()
load_builtin_actions(registry)


def the_action(kind: str) -> ActionSpec:
    spec = registry.get(kind)
    assert spec is not None
    return spec


def perform(kind: str, **inputs: Any) -> Attempted:
    spec = the_action(kind)
    jsonschema_rs.validate(dict(spec.inputs), inputs)
    context = StepContext(
        event={"id": "e1", "name": "x", "data": {}},
        run=RunInfo("run-1", "workflow-1", "version-1", "default", "default"),
        step=StepInfo("a", "a", kind, "A"),
        attempt=0,
        idempotency_key="key-1",
        state={},
        workflow={},
        config=ActionConfig(),
    )
    outcome = execute(spec, context, inputs, deadline_seconds=None)
    if isinstance(outcome, Succeeded) and spec.outputs is not None:
        jsonschema_rs.validate(dict(spec.outputs), outcome.output)
    return outcome


@pytest.mark.parametrize("written", ["3 days", "3 Tage", "three days", "3d 2h", "3D", "0s", "367d", "", 31_622_401])
@pytest.mark.parametrize(
    ("kind", "inputs", "name"),
    [
        ("builtin:wait", {}, "duration"),
        ("builtin:approval", {"title": "May it?"}, "timeout"),
        ("builtin:wait_for_event", {"event": "paid"}, "timeout"),
        ("builtin:wait_for_event", {"event": "paid", "timeout": "1d"}, "lookback"),
        ("builtin:create_callback", {}, "timeout"),
        ("builtin:run_workflow", {"workflow": "other"}, "timeout"),
    ],
)
def test_what_is_no_duration_cannot_be_published(
    kind: str, inputs: dict[str, Any], name: str, written: str | float
) -> None:
    [problem] = refused(kind, inputs | {name: written})
    assert (problem.pointer, problem.code) == (f"/actions/0/inputs/{name}", "invalid-input")
    assert "a duration of up to 366 days, such as 30s" in problem.message or written == 31_622_401


def test_each_reminder_is_a_duration() -> None:
    [problem] = refused("builtin:approval", {"title": "May it?", "reminders": ["1d", "2 days"]})
    assert problem.pointer == "/actions/0/inputs/reminders/1"


@pytest.mark.parametrize("written", ["3d", "1.5h", "2 m", 90, 0, "!ref($.event.data.pause)", "!ref($.event.data.n)d"])
def test_a_duration_may_be_text_seconds_or_a_reference(written: str | float) -> None:
    assert refused("builtin:wait", {"duration": written}) == []


def refused(kind: str, inputs: dict[str, Any]) -> list[Problem]:
    return validate(a_workflow().action("a", kind, inputs).path("$source", "a").document(), registry)


@pytest.mark.parametrize(
    ("value", "result"),
    [
        (True, True),
        (False, False),
        (None, False),
        (0, False),
        ("", False),
        ([], False),
        ("0", True),
        ({}, True),
        (2, True),
    ],
)
def test_if_decides_by_the_truth_of_json_logic(value: Any, result: bool) -> None:
    assert perform("builtin:if", condition=value) == Succeeded({"result": result})


def test_if_has_exactly_two_ways_out() -> None:
    public = the_action("builtin:if").public()

    assert public["edges"] == {
        "allowAdd": False,
        "edges": [
            {"name": "True", "conditional": {"type": "if", "ref": "!ref($.output.result)"}},
            {"name": "False", "conditional": {"type": "else", "ref": "!ref($.output.result)"}},
        ],
    }
    assert public["inputs"]["properties"]["condition"]["format"] == "json-logic"
    assert public["inputs"]["required"] == ["condition"]


@pytest.mark.parametrize("value", ["gold", 5, None, {"a": [1]}])
def test_switch_hands_its_value_to_the_edges(value: Any) -> None:
    assert perform("switch", value=value) == Succeeded({"result": value})


def test_set_gives_back_whatever_it_is_given() -> None:
    values = {"name": "Ann", "ctx": 1, "self": [2], "with space": None}

    assert perform("set", **values) == Succeeded(values)


def test_set_of_nothing_is_an_empty_object() -> None:
    assert perform("set") == Succeeded({})


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
def test_log_writes_one_line_at_the_level(level: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="workflowkit.action"):
        outcome = perform("log", message="100 % of Übung", level=level)

    assert outcome == Succeeded(None)
    assert [(r.levelname, r.getMessage()) for r in caplog.records] == [(level.upper(), "100 % of Übung")]


def test_log_keeps_a_message_on_one_line(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="workflowkit.action"):
        perform("log", message="paid\r\nERROR forged\x1b[31m\u2028")

    assert [r.getMessage() for r in caplog.records] == ["paid\\r\\nERROR forged\\x1b[31m\\u2028"]


def test_stop_ends_the_run_with_its_output() -> None:
    assert perform("stop", output={"done": True}) == Succeeded({"done": True}, (), stop=True)
    assert perform("stop") == Succeeded(None, (), stop=True)


def test_nothing_may_follow_a_stop() -> None:
    assert the_action("stop").edges.as_dict() == {"allowAdd": False, "edges": []}


def test_emit_event_sends_with_the_result() -> None:
    assert perform("emit_event", name="shop/paid", data={"total": 5}, id="p-1") == Succeeded(
        {"name": "shop/paid"}, (EmittedEvent("shop/paid", {"total": 5}, "p-1"),)
    )
    assert perform("emit_event", name="shop/paid") == Succeeded({"name": "shop/paid"}, (EmittedEvent("shop/paid", {}),))


def test_emit_event_cannot_speak_for_the_engine() -> None:
    outcome = perform("emit_event", name="workflow/run.finished", data={})

    assert isinstance(outcome, Failed)
    assert outcome.error.code == "invalid-input"
    assert not outcome.error.retryable


@pytest.mark.parametrize("kind", ["builtin:if", "switch", "set", "stop", "emit_event"])
def test_actions_that_cannot_fail_by_chance_are_not_tried_again(kind: str) -> None:
    assert the_action(kind).retries == 0


@pytest.mark.parametrize("kind", ["switch", "set", "log", "stop", "emit_event"])
def test_builtin_actions_answer_to_their_prefixed_name_too(kind: str) -> None:
    assert registry.get(f"builtin:{kind}") is the_action(kind)
