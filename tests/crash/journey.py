"""The application of the second crash matrix: one run that sleeps, waits, invokes, branches, retries and remembers.

The handler's steps append a line to the ledger before they act. ``work`` and ``send`` are what its processes do.
"""

from __future__ import annotations

import os
from typing import Any

from workflowkit import RetryAfterError, StepContext, WorkflowKit

WORKFLOW_ID = "journey"
#: What the handler's steps are, in the order in which a run without faults takes them.
STEPS = ("one", "nap", "flaky", "left", "right", "tell", "told", "call", "last")
DOCUMENT = {
    "name": "Journey",
    "triggers": [{"event": "journey/begun"}],
    "actions": [
        {"id": "handler", "kind": "travel", "inputs": {"id": "!ref($.event.data.id)"}},
        {"id": "wait", "kind": "builtin:wait", "inputs": {"duration": 0.2}},
        {
            "id": "kept",
            "kind": "effect",
            "inputs": {"name": "kept"},
            "settings": {"cache": {"key": "!ref($.event.data.id)", "ttl": "1h"}},
        },
    ],
    "edges": [
        {"from": "$source", "to": "handler"},
        {"from": "handler", "to": "wait"},
        {"from": "wait", "to": "kept"},
    ],
}
CHILD = {
    "name": "Child",
    "actions": [{"id": "answer", "kind": "effect", "inputs": {"name": "child"}}],
    "edges": [{"from": "$source", "to": "answer"}],
}
OUTPUT = {"kept": {"name": "kept"}}
HANDLER_OUTPUT = [1, ["left", "right"], "journey/told", {"answer": {"name": "child"}}, "last"]


def make_app() -> WorkflowKit:
    """Return the application; its settings come from the environment."""
    wk = WorkflowKit("journey")
    ledger = os.environ.get("CRASH_LEDGER", os.devnull)

    def note(name: str, value: Any = None) -> Any:
        descriptor = os.open(ledger, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(descriptor, f"{name} 0 {os.getpid()}\n".encode())
        os.close(descriptor)
        return name if value is None else value

    def flaky() -> str:
        note("flaky")
        with open(ledger) as lines:
            if sum(line.startswith("flaky ") for line in lines) == 1:
                raise RetryAfterError("the first attempt always fails", 1)
        return "flaky"

    @wk.action("effect")
    def effect(name: str) -> dict[str, str]:
        note(name)
        return {"name": name}

    @wk.action("travel", retries=4)
    def travel(ctx: StepContext, id: str) -> list[Any]:
        one = ctx.step.run("one", note, "one", 1)
        ctx.step.sleep("nap", 0.3)
        ctx.step.run("flaky", flaky)
        sides = ctx.group.parallel(
            (lambda: ctx.step.run("left", note, "left"), lambda: ctx.step.run("right", note, "right"))
        )
        ctx.step.send_event("tell", {"name": "journey/told", "data": {"id": id}})
        told = ctx.step.wait_for_event("told", "journey/told", match="data.id", lookback="1m", timeout="30s")
        answer = ctx.step.invoke("call", "child", {})
        last = ctx.step.run("last", note, "last")
        return [one, list(sides), told and told["name"], answer, last]

    return wk


def work() -> int:
    """Be a worker process."""
    return make_app().work(concurrency=2)


def send() -> int:
    """Send the event whose id the environment names."""
    wk = make_app()
    event_id = os.environ["CRASH_EVENT_ID"]
    wk.send({"name": "journey/begun", "data": {"id": event_id}, "id": event_id})
    wk.stop()
    return 0
