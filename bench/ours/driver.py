"""The load generator for ours: an application process that embeds the engine and sends events.

Runs are awaited by reading the database, as that is where their results are: every 20 ms for a burst; for a latency
every half millisecond at first and then ever more slowly, so that looking does not slow down what is looked at.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import psycopg

from bench.ours.app import DATABASE_URL, chain, event_name, fan, wk
from bench.peers.protocol import serve
from workflowkit.base.scope import DEFAULT_SCOPE
from workflowkit.runtime.keys import Keys

_WAIT_SECONDS = 300
_BURST_POLL_SECONDS = 0.02
_LATENCY_POLL_SECONDS = 0.0005
#: The longest pause between two looks, as a part of the time so far: it bounds the error of a latency.
_LATENCY_POLL_PART = 0.05

_SETTLED = """
    SELECT (SELECT count(*) FROM events) - (SELECT count(*) FROM pending_events)
         - (SELECT count(*) FROM runs WHERE status NOT IN ('completed', 'failed', 'cancelled'))
"""
_COMPLETED = "SELECT count(*) FROM runs WHERE event_id = %s AND status = 'completed'"
_NOT_COMPLETED = "SELECT count(*) FROM runs WHERE status <> 'completed'"

_connection = psycopg.connect(DATABASE_URL, autocommit=True)


def prepare(chain_steps: list[int], fan_widths: list[int]) -> str:
    """Make the schema, publish the workflows, and return an API key that may send events."""
    wk.migrate()
    for document in [*map(chain, chain_steps), *map(fan, fan_widths)]:
        wk.publish(document["name"], document)
    _, key = Keys(wk.runtime.database).create(DEFAULT_SCOPE, "bench", ["events:send"])
    return key


def warm() -> None:
    burst(20)


def burst(runs: int) -> None:
    event = {"name": event_name(chain(3)), "data": {}}
    expected = settled() + runs
    for _ in range(runs):
        wk.send(event)
    _await(lambda: settled() >= expected, _BURST_POLL_SECONDS)
    if failed := _count(_NOT_COMPLETED):
        raise RuntimeError(f"{failed} runs did not complete")


def settled() -> int:
    """Return how many events have been matched and have no unfinished run."""
    return _count(_SETTLED)


def idle(samples: int) -> list[float]:
    return chains(3, samples)


def chains(steps: int, repeats: int) -> list[float]:
    return [_run(event_name(chain(steps))) for _ in range(repeats)]


def fans(width: int, repeats: int) -> list[float]:
    return [_run(event_name(fan(width))) for _ in range(repeats)]


def _run(name: str) -> float:
    started = time.perf_counter()
    [accepted] = wk.send({"name": name, "data": {}})
    _await(lambda: _count(_COMPLETED, accepted.id) == 1, _LATENCY_POLL_SECONDS, _LATENCY_POLL_PART)
    return time.perf_counter() - started


def _count(sql: str, *parameters: Any) -> int:
    row = _connection.execute(sql.encode(), parameters, prepare=True).fetchone()
    return int(row[0]) if row else 0


def _await(is_done: Callable[[], bool], poll_seconds: float, poll_part: float = 0.0) -> None:
    started = time.monotonic()
    while not is_done():
        waited_seconds = time.monotonic() - started
        if waited_seconds > _WAIT_SECONDS:
            raise TimeoutError("the work did not finish")
        time.sleep(max(poll_seconds, poll_part * waited_seconds))


if __name__ == "__main__":
    serve(
        {
            "prepare": prepare,
            "warm": warm,
            "burst": burst,
            "idle": idle,
            "chain": chains,
            "fan": fans,
            "settled": settled,
        }
    )
    wk.stop()
