"""The application under measurement: one action that does nothing, and the workflows of the workloads."""

from __future__ import annotations

import os
from typing import Any

from workflowkit import WorkflowKit

DATABASE_URL = os.environ["BENCH_DATABASE_URL"]
NOOP = "bench:noop"

wk = WorkflowKit("bench", database_url=DATABASE_URL, broker_url=f"{os.environ['BENCH_REDIS_URL']}/3")


@wk.action(NOOP, name="Do nothing")
def noop() -> int:
    return 1


def chain(steps: int) -> dict[str, Any]:
    """Return a workflow of sequential steps."""
    ids = [f"step-{number}" for number in range(steps)]
    return _workflow(f"chain-{steps}", ids, list(zip(["$source", *ids], ids, strict=False)))


def fan(width: int) -> dict[str, Any]:
    """Return a workflow of parallel steps and a join."""
    ids = [f"step-{number}" for number in range(width)]
    edges = [("$source", target) for target in ids] + [(source, "join") for source in ids]
    return _workflow(f"fan-{width}", [*ids, "join"], edges)


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
