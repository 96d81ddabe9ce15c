"""Events of a server as handlers of ours know them."""

from __future__ import annotations

from typing import Any

import pytest

from workflowkit.inngest.serving.names import Names
from workflowkit.inngest.serving.recollection import own_event

NAMES = Names("shop", "cap")
#: As the protocol's description shows it.
FAILED: dict[str, Any] = {
    "name": "inngest/function.failed", "id": "01M8", "ts": 5, "user": {},
    "data": {
        "_inngest": {"status": "Failed"}, "function_id": "cap-fails", "run_id": "01M9",
        "event": {"name": "go", "id": "e", "data": {"n": 1}, "ts": 1, "user": {}}, "events": [],
        "error": {"error": "NonRetriableError", "name": "NonRetriableError", "message": "nope", "stack": "..."},
        "result": {"name": "NonRetriableError"},
    },
}  # fmt: skip


def test_the_end_of_a_run_is_told_as_our_server_tells_it() -> None:
    told = own_event(FAILED, NAMES)
    assert told["name"] == "workflow/run.failed"
    assert told["data"] == {
        "run_id": "01M9", "workflow_id": "shop/fails", "version": None, "status": "failed",
        "reason": None, "output": None,
        "error": {"name": "NonRetriableError", "message": "nope", "code": "action-failed", "retryable": False},
        "event": {"id": "e", "name": "go", "data": {"n": 1}, "ts": 1},
    }  # fmt: skip


def test_a_function_of_another_app_keeps_the_name_that_the_server_has_for_it() -> None:
    other = {**FAILED, "data": {**FAILED["data"], "function_id": "till-pay"}}
    assert own_event(other, NAMES)["data"]["workflow_id"] == "till-pay"


@pytest.mark.parametrize(
    ("event", "name", "data"),
    [
        (
            {"name": "inngest/function.invoked", "data": {"q": 2, "_inngest": {"fn_id": "cap-child"}}},
            "workflow/run.invoked",
            {"q": 2},
        ),
        (
            {"name": "inngest/scheduled.timer", "data": {"cron": "* * * * *", "scheduledAt": "2026-11-22T06:08:00Z"}},
            "workflow/schedule.fired",
            {"cron": "* * * * *", "slot": "2026-11-22T06:08:00Z"},
        ),
        ({"name": "go", "data": None}, "go", {}),
    ],
)
def test_the_servers_own_events_have_our_names(event: dict[str, Any], name: str, data: dict[str, Any]) -> None:
    told = own_event(event, NAMES)
    assert (told["name"], told["data"]) == (name, data)


def test_finished_runs_have_completed_or_failed() -> None:
    finished = {"name": "inngest/function.finished", "data": {"function_id": "cap-a", "run_id": "r", "result": 4}}
    told = own_event(finished, NAMES)["data"]
    assert (told["status"], told["output"], told["error"]) == ("completed", 4, None)
