"""The context of a handler."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from workflowkit.base.errors import InvalidInput, LimitExceeded
from workflowkit.base.limits import Limits
from workflowkit.engine.context import ActionConfig, RunInfo, StepContext, StepInfo


def a_context(**changes: Any) -> StepContext:
    values: dict[str, Any] = {
        "event": {"id": "e1", "name": "shop/ordered", "data": {"items": [1]}, "ts": 1},
        "run": RunInfo("run-1", "workflow-1", "version-1", "default", "default"),
        "step": StepInfo("a", "a", "kind", "A"),
        "attempt": 2,
        "idempotency_key": "key-1",
        "state": {"before": {"list": [1]}, "number": 5},
        "workflow": {"name": "w", "actions": [{"id": "a"}]},
        "config": ActionConfig(),
    }
    return StepContext(**(values | changes))


def test_what_a_handler_changes_is_its_own_copy() -> None:
    event = {"id": "e1", "name": "x", "data": {"items": [1]}}
    state = {"before": {"list": [1]}}
    context = a_context(event=event, state=state)

    context.event["data"]["items"].append(2)
    context.state["before"]["list"].append(2)
    context.workflow["actions"].append("x")

    assert event["data"] == {"items": [1]}
    assert state == {"before": {"list": [1]}}
    assert context.event["data"]["items"] == [1, 2]
    assert context.state["before"]["list"] == [1, 2]


def test_the_state_reads_like_a_mapping() -> None:
    state = a_context().state

    assert list(state) == ["before", "number"]
    assert len(state) == 2
    assert state["number"] == 5
    assert state.get("later") is None


def test_the_logger_says_which_attempt_is_speaking(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="workflowkit.action"):
        a_context().logger.info("hello")

    (record,) = caplog.records
    assert (record.run_id, record.step, record.attempt) == ("run-1", "a", 2)  # type: ignore[attr-defined]


def test_a_logger_may_be_given() -> None:
    logger = logging.getLogger("own")

    assert a_context(logger=logger).logger is logger


def test_the_mail_settings_do_not_show_their_password() -> None:
    assert "s3cret" not in repr(ActionConfig(email_url="smtp://me:s3cret@host"))


@pytest.mark.parametrize(
    ("arguments", "pointer", "code"),
    [
        ({"name": "", "data": {}}, "/name", "not-text"),
        ({"name": 5, "data": {}}, "/name", "not-text"),
        ({"name": "x" * 257, "data": {}}, "/name", "too-long"),
        ({"name": "a\0b", "data": {}}, "", "nul-character"),
        ({"name": "workflow/run.finished", "data": {}}, "/name", "reserved-name"),
        ({"name": "x", "data": {}, "id": ""}, "/id", "not-text"),
        ({"name": "x", "data": {}, "id": "x" * 257}, "/id", "too-long"),
        ({"name": "x", "data": {}, "ts_ms": -1}, "/ts", "invalid-timestamp"),
        ({"name": "x", "data": {}, "ts_ms": 1.5}, "/ts", "invalid-timestamp"),
        ({"name": "x", "data": []}, "/data", "not-an-object"),
        ({"name": "x", "data": None}, "/data", "not-an-object"),
        ({"name": "x", "data": {"a": object()}}, "/a", "not-json"),
        ({"name": "x", "data": {"a": float("nan")}}, "/a", "number-out-of-range"),
    ],
)
def test_a_bad_event_is_refused_when_it_is_sent(arguments: dict[str, Any], pointer: str, code: str) -> None:
    context = a_context()

    with pytest.raises(InvalidInput) as refusal:
        context.send_event(**arguments)

    assert [(p.pointer, p.code) for p in refusal.value.problems] == [(pointer, code)]
    assert context.emitted == []


def test_events_are_limited_in_number_and_size() -> None:
    context = a_context(limits=Limits(events_per_step=1, event_bytes=20))

    with pytest.raises(LimitExceeded, match="event_bytes"):
        context.send_event("x", {"a": "x" * 20})
    context.send_event("x", {"a": "x" * 5})
    with pytest.raises(LimitExceeded, match="events_per_step"):
        context.send_event("x", {})
    assert len(context.emitted) == 1


def test_an_event_is_what_it_was_when_it_was_sent() -> None:
    context = a_context()
    data = {"items": [1]}
    context.send_event("x", data)

    data["items"].append(2)

    assert context.emitted[0].data == {"items": [1]}
