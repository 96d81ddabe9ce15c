"""The load generator for ours: an application process that embeds the engine and sends events.

Runs are awaited by reading the database, as that is where their results are: every 20 ms for a burst; for a latency
every half millisecond at first and then ever more slowly, so that looking does not slow down what is looked at.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache as cached
from typing import Any

import httpx
import psycopg

from bench.ours.app import (
    CONTROLS,
    DATABASE_URL,
    SDK_EVENT,
    WAKE_EVENT,
    behind_a_limit,
    chain,
    controlled,
    event_name,
    fan,
    sleeper,
    waiter,
    wk,
)
from bench.ours.queueing import LongQueue
from bench.peers.protocol import serve
from workflowkit.base.scope import DEFAULT_SCOPE
from workflowkit.runtime.keys import Keys

_WAIT_SECONDS = 300
_BURST_POLL_SECONDS, _SLOW_POLL_SECONDS = 0.02, 0.25
_LATENCY_POLL_SECONDS = 0.0005
#: The longest pause between two looks, as a part of the time so far: it bounds the error of a latency.
_LATENCY_POLL_PART = 0.05

_SETTLED = """
    SELECT (SELECT count(*) FROM events) - (SELECT count(*) FROM pending_events)
         - (SELECT count(*) FROM runs WHERE status NOT IN ('completed', 'failed', 'cancelled'))
"""
_COMPLETED = "SELECT count(*) FROM runs WHERE event_id = %s AND status = 'completed'"
_RUNS = "SELECT count(*) FROM runs"
_NOT_COMPLETED = "SELECT count(*) FROM runs WHERE status <> 'completed'"

_WAITING = "SELECT count(*) FROM runs WHERE status = 'waiting'"
_ACTIVE = "SELECT count(*) FROM runs WHERE status IN ('queued', 'running')"
_NOW_MS = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint"
_FINISHED_SINCE = "SELECT finished_at_ms FROM runs WHERE workflow_id = 'waiter' AND finished_at_ms >= %s"
_SLEPT = "SELECT count(*) FROM runs WHERE workflow_id = 'sleeper' AND status = 'completed'"
# From when the sleep was over to when a worker took the step again.
_LATENESS = """
    SELECT woken.at_ms - (opened.data::json -> 'detail' ->> 'until_ms')::bigint
    FROM journal opened
    JOIN journal woken ON woken.run_id = opened.run_id AND woken.step_key = opened.step_key
        AND woken.kind = 'completed'
    WHERE opened.kind = 'opened' AND opened.step_key = 'sleep/wait'
"""
_EVENTS_PER_CALL = 500

_OTHERS = (waiter(), sleeper(), behind_a_limit())

_connection = psycopg.connect(DATABASE_URL, autocommit=True)
_long_queue = cached(lambda: LongQueue(_connection))


def prepare(chain_steps: list[int], fan_widths: list[int]) -> str:
    """Make the schema, publish the workflows, and return an API key that may send events."""
    wk.migrate()
    for document in [*map(chain, chain_steps), *map(fan, fan_widths), *map(controlled, CONTROLS), *_OTHERS]:
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


def under(control: str, runs: int) -> int:
    """Send so many events to the workflow under a control; return how many runs that made when all have ended."""
    name, expected, before = event_name(controlled(control)), settled() + runs, _count(_RUNS)
    for number in range(runs):
        wk.send({"name": name, "data": {"n": before + number}})  # a key of its own for each
    _await(lambda: settled() >= expected, _BURST_POLL_SECONDS)
    if failed := _count(_NOT_COMPLETED):
        raise RuntimeError(f"{failed} runs did not complete")
    return _count(_RUNS) - before


def register(url: str) -> None:
    """Let an app of an SDK register its functions."""
    answer = httpx.put(url, timeout=_WAIT_SECONDS)
    if answer.status_code != 200:
        raise RuntimeError(f"the app has not registered: {answer.status_code} {answer.text}")


def app_burst(runs: int) -> None:
    """Start so many runs of the app's function; return when all have completed."""
    expected = settled() + runs
    for start in range(0, runs, _EVENTS_PER_CALL):
        wk.send([{"name": SDK_EVENT, "data": {}}] * (min(runs, start + _EVENTS_PER_CALL) - start))
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


def wait(runs: int, groups: int) -> None:
    """Start runs that wait for the event of one of so many groups; return when all of them wait."""
    name = event_name(waiter())
    for start in range(0, runs, _EVENTS_PER_CALL):
        wk.send(
            [{"name": name, "data": {"group": n % groups}} for n in range(start, min(runs, start + _EVENTS_PER_CALL))]
        )
    _await(lambda: _count(_WAITING) == runs, _BURST_POLL_SECONDS)


def wake(group: int, runs: int) -> list[float]:
    """Send the event of a group of so many runs; return the seconds from then to the end of each that it woke."""
    started_ms, left = _count(_NOW_MS), _count(_WAITING) - runs
    wk.send({"name": WAKE_EVENT, "data": {"group": group}})
    # Seldom: the times are the database's own, and each look counts thousands of rows.
    _await(lambda: _count(_WAITING) <= left and _count(_ACTIVE) == 0, _SLOW_POLL_SECONDS)
    rows = _connection.execute(_FINISHED_SINCE.encode(), (started_ms,)).fetchall()
    return [(int(row[0]) - started_ms) / 1000 for row in rows]


def sleep(runs: int, seconds: float) -> list[float]:
    """Start runs that sleep; return by how many seconds each woke up late, by the database's clock."""
    name = event_name(sleeper())
    for start in range(0, runs, _EVENTS_PER_CALL):
        count = min(runs, start + _EVENTS_PER_CALL) - start
        wk.send([{"name": name, "data": {"seconds": seconds}}] * count)
    _await(lambda: _count(_SLEPT) == runs, _BURST_POLL_SECONDS)
    return [int(row[0]) / 1000 for row in _connection.execute(_LATENESS.encode()).fetchall()]


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
            "register": register,
            "app_burst": app_burst,
            "app_idle": lambda samples: [_run(SDK_EVENT) for _ in range(samples)],
            "wait": wait,
            "wake": wake,
            "sleep": sleep,
            "under": under,
            "queue": lambda runs: _long_queue().fill(runs),
            "start_queued": lambda runs: _long_queue().start(runs),
        }
    )
    wk.stop()
