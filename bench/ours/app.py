"""The application under measurement: one action that does nothing, and the workflows of the workloads."""

from __future__ import annotations

import os
from typing import Any

from workflowkit import WorkflowKit

NOOP = "bench:noop"

wk = WorkflowKit(
    "bench",
    database_url=os.environ["BENCH_DATABASE_URL"],
    broker_url=f"{os.environ['BENCH_REDIS_URL']}/3",
)


@wk.action(NOOP, name="Do nothing")
def noop() -> int:
    return 1


def chain(steps: int) -> dict[str, Any]:
    """Return a workflow of sequential steps, started by the event ``bench/chain-<steps>``."""
    ids = [f"step-{number}" for number in range(steps)]
    edges = [{"from": source, "to": target} for source, target in zip(["$source", *ids], ids, strict=False)]
    return _workflow(f"chain-{steps}", ids, edges)


def fan(width: int) -> dict[str, Any]:
    """Return a workflow of parallel steps and a join, started by the event ``bench/fan-<width>``."""
    ids = [f"step-{number}" for number in range(width)]
    out = [{"from": "$source", "to": target} for target in ids]
    into = [{"from": source, "to": "join"} for source in ids]
    return _workflow(f"fan-{width}", [*ids, "join"], out + into)


def _workflow(name: str, ids: list[str], edges: list[dict[str, str]]) -> dict[str, Any]:
    return {
        "name": name,
        "triggers": [{"event": f"bench/{name}"}],
        "actions": [{"id": id_, "kind": NOOP, "name": "Do nothing"} for id_ in ids],
        "edges": edges,
    }
