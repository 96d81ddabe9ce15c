"""The application that the crash tests kill: a workflow of six steps with a fan-out, a join and a retry.

Actions append a line to a ledger before they act, with O_APPEND, so that the test knows what was really attempted.
``work`` and ``send`` are what its processes do.
"""

from __future__ import annotations

import os
import threading
from typing import Any

from workflowkit import WorkflowKit

WORKFLOW_ID = "orders"
STEPS = ("check", "reserve", "invoice", "notify", "ship", "report")
DOCUMENT = {
    "name": "Orders",
    "triggers": [{"event": "order/paid"}],
    "actions": [
        {"id": "check", "kind": "effect", "inputs": {"name": "check"}},
        {"id": "reserve", "kind": "effect", "inputs": {"name": "reserve"}},
        {"id": "invoice", "kind": "flaky", "inputs": {"name": "invoice"}},
        {"id": "notify", "kind": "slow", "inputs": {"name": "notify"}},
        {"id": "ship", "kind": "effect", "inputs": {"name": "ship"}},
        {"id": "report", "kind": "effect", "inputs": {"name": "!ref($.state.ship.name)"}},
    ],
    "edges": [
        {"from": "$source", "to": "check"},
        {"from": "check", "to": "reserve"},
        {"from": "check", "to": "invoice"},
        {"from": "check", "to": "notify"},
        {"from": "reserve", "to": "ship"},
        {"from": "invoice", "to": "ship"},
        {"from": "notify", "to": "ship"},
        {"from": "ship", "to": "report"},
    ],
}


def make_app() -> WorkflowKit:
    """Return the application; its settings come from the environment."""
    wk = WorkflowKit("orders")
    ledger = os.environ.get("CRASH_LEDGER", os.devnull)

    def note(name: str, attempt: int) -> None:
        descriptor = os.open(ledger, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(descriptor, f"{name} {attempt} {os.getpid()}\n".encode())
        os.close(descriptor)

    @wk.action("effect")
    def effect(ctx: Any, name: str) -> dict[str, str]:
        note(name, ctx.attempt)
        return {"name": name}

    @wk.action("flaky", retries=4)
    def flaky(ctx: Any, name: str) -> dict[str, str]:
        from workflowkit import RetryAfterError

        note(name, ctx.attempt)
        ctx.logger.info("attempt %s", ctx.attempt)
        if ctx.attempt == 0:
            raise RetryAfterError("the first attempt always fails", 1)
        return {"name": name}

    @wk.action("slow")
    def slow(ctx: Any, name: str) -> dict[str, str]:
        note(name, ctx.attempt)
        threading.Event().wait(float(os.environ.get("CRASH_SLOW_SECONDS", "0")))
        return {"name": name}

    return wk


def work() -> int:
    """Be a worker process."""
    return make_app().work(concurrency=2)


def send() -> int:
    """Send the event whose id the environment names."""
    wk = make_app()
    wk.send({"name": "order/paid", "data": {}, "id": os.environ["CRASH_EVENT_ID"]})
    wk.stop()
    return 0
