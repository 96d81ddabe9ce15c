"""The application under measurement: one action that does nothing, and the workflows of the workloads."""

from __future__ import annotations

import os
from typing import Any

from workflowkit import WorkflowKit

DATABASE_URL = os.environ["BENCH_DATABASE_URL"]
NOOP = "bench:noop"
WAKE_EVENT = "bench/wake"
#: Starts the function of the app of an SDK (``sdkapp``).
SDK_EVENT = "bench/sdk"
#: A queue that no worker serves: what is on it stays there until a measurement takes it.
HELD, HELD_QUEUE = "bench:held", "held"

wk = WorkflowKit("bench", database_url=DATABASE_URL, broker_url=f"{os.environ['BENCH_REDIS_URL']}/3")


@wk.action(NOOP, name="Do nothing")
def noop() -> int:
    return 1


@wk.action(HELD, name="Stay in a queue", queue=HELD_QUEUE)
def held() -> int:
    return 1


def chain(steps: int) -> dict[str, Any]:
    """Return a workflow of sequential steps."""
    ids = [f"step-{number}" for number in range(steps)]
    return _workflow(f"chain-{steps}", ids, list(zip(["$source", *ids], ids, strict=False)))


#: One workflow for each control. None of them keeps anything from starting here, so that only its cost is seen; but for
#: ``concurrency_full``, whose limit is below the number of the workers' threads: there about half of the runs queue.
CONTROLS: dict[str, dict[str, Any]] = {
    "none": {},
    "concurrency": {"concurrency": 1_000},
    "concurrency_full": {"concurrency": 10},
    "throttle": {"throttle": {"limit": 1_000_000, "period": "1s", "burst": 1_000}},
    "rate_limit": {"rate_limit": {"limit": 1_000_000, "period": "1s", "key": "event.data.n"}},
    "idempotency": {"idempotency": "event.data.n"},
    "singleton": {"singleton": {"mode": "skip", "key": "event.data.n"}},
    "batch": {"batch": {"max_size": 10, "timeout": "1m"}},
    "priority": {"priority": "event.data.n % 60"},
}


def controlled(control: str) -> dict[str, Any]:
    """Return a workflow of three sequential steps under a control."""
    ids = ["step-0", "step-1", "step-2"]
    document = _workflow(f"under-{control}", ids, list(zip(["$source", *ids], ids, strict=False)))
    return document | {"settings": CONTROLS[control]}


def fan(width: int) -> dict[str, Any]:
    """Return a workflow of parallel steps and a join."""
    ids = [f"step-{number}" for number in range(width)]
    edges = [("$source", target) for target in ids] + [(source, "join") for source in ids]
    return _workflow(f"fan-{width}", [*ids, "join"], edges)


def waiter() -> dict[str, Any]:
    """Return a workflow whose runs wait for the event of their own group, and then do one step."""
    inputs = {
        "event": WAKE_EVENT,
        "timeout": "30d",
        "equals": {"path": "data.group", "value": "!ref($.event.data.group)"},
    }
    return {
        "name": "waiter",
        "triggers": [{"event": "bench/waiter"}],
        "actions": [
            {"id": "wait", "kind": "builtin:wait_for_event", "inputs": inputs},
            {"id": "step", "kind": NOOP},
        ],
        "edges": [{"from": "$source", "to": "wait"}, {"from": "wait", "to": "step"}],
    }


def behind_a_limit() -> dict[str, Any]:
    """Return a workflow of one step, of which ten execute at a time, on a queue that no worker serves."""
    return {
        "name": "behind-a-limit",
        "triggers": [{"event": "bench/behind-a-limit"}],
        "actions": [{"id": "step", "kind": HELD}],
        "edges": [{"from": "$source", "to": "step"}],
        "settings": {"concurrency": 10},
    }


def sleeper() -> dict[str, Any]:
    """Return a workflow whose runs sleep for as long as their event says, and then do one step."""
    return {
        "name": "sleeper",
        "triggers": [{"event": "bench/sleeper"}],
        "actions": [
            {"id": "sleep", "kind": "builtin:wait", "inputs": {"duration": "!ref($.event.data.seconds)"}},
            {"id": "step", "kind": NOOP},
        ],
        "edges": [{"from": "$source", "to": "sleep"}, {"from": "sleep", "to": "step"}],
    }


def event_name(document: dict[str, Any]) -> str:
    """Return the name of the event that starts a workflow of this module."""
    name: str = document["triggers"][0]["event"]
    return name


def _workflow(name: str, ids: list[str], edges: list[tuple[str, str]]) -> dict[str, Any]:
    return {
        "name": name,
        "triggers": [{"event": f"bench/{name}"}],
        "actions": [{"id": id_, "kind": NOOP, "name": "Do nothing"} for id_ in ids],
        "edges": [{"from": source, "to": target} for source, target in edges],
    }
