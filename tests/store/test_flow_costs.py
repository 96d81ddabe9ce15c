"""What each control costs a run of three steps on PostgreSQL: round trips, commits and messages, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from asked import statements_from_now_on
from builders import a_workflow
from runtimes import Harness, a_runtime

from workflowkit.base import failpoints
from workflowkit.base.scope import DEFAULT_SCOPE

RUNS = 10
STEPS = ("s0", "s1", "s2")
SETTINGS: dict[str, dict[str, Any]] = {
    "none": {},
    "concurrency": {"concurrency": 2},
    "a high limit": {"concurrency": 1_000},
    "concurrency of runs": {"concurrency": [{"limit": 2, "mode": "runs"}]},
    "two limits": {"concurrency": [{"limit": 2}, {"limit": 1, "key": "event.data.n % 2"}]},
    "throttle": {"throttle": {"limit": 1_000_000, "period": "1s", "burst": 1_000}},
    "rate limit": {"rate_limit": {"limit": 1_000_000, "period": "1s", "key": "event.data.n"}},
    "idempotency": {"idempotency": "event.data.n"},
    "singleton": {"singleton": {"mode": "skip", "key": "event.data.n"}},
    "singleton that cancels": {"singleton": {"mode": "cancel", "key": "event.data.n"}},
    "priority": {"priority": "event.data.n"},
}
#: For so many runs whose events come one after the other.
ONE_BY_ONE = {
    "none": 70,
    "concurrency": 80,
    "a high limit": 70,
    "concurrency of runs": 80,
    "two limits": 90,
    "throttle": 70,
    "rate limit": 80,
    "idempotency": 80,
    "singleton": 80,
    "singleton that cancels": 80,
    "priority": 70,
}
#: For so many runs whose events come in one request, so that all but the first have to queue where a limit is in reach.
TOGETHER = {
    "none": 43,
    "concurrency": 35,
    "a high limit": 43,
    "concurrency of runs": 35,
    "throttle": 43,
    "rate limit": 44,
    "idempotency": 44,
    "singleton": 44,
    "singleton that cancels": 44,
    "priority": 43,
}


@dataclass(slots=True)
class Costs:
    statements: list[str] = field(default_factory=list)
    commits: Counter[str] = field(default_factory=Counter)


@contextmanager
def _counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Costs]:
    """Count what the driver is asked, and the transactions that pass their failpoints."""
    names: list[str] = []
    with monkeypatch.context() as patch:
        costs = Costs(statements_from_now_on(patch))
        stop = failpoints.listen(names.append)
        yield costs
        stop()
    costs.commits.update(name.partition(".")[0] for name in names if name.endswith("after_commit"))


@contextmanager
def _deployed(url: str, control: str) -> Iterator[Harness]:
    builder = a_workflow()
    for step in STEPS:
        builder.action(step, kind="noop")
    with a_runtime(url) as harness:
        harness.deploy(builder.path("$source", *STEPS).trigger("a/b").settings(**SETTINGS[control]).document())
        yield harness


def _run(harness: Harness, first: int, *, together: bool) -> None:
    events = [{"name": "a/b", "data": {"n": number}} for number in range(first, first + RUNS)]
    for batch in [events] if together else [[event] for event in events]:
        harness.runtime.intake.send(DEFAULT_SCOPE, batch)
        harness.drain()


def _measure(url: str, control: str, monkeypatch: pytest.MonkeyPatch, *, together: bool) -> Costs:
    with _deployed(url, control) as harness:
        _run(harness, 0, together=together)  # what is read once is known now
        harness.dispatcher.message_count = 0
        with _counted(monkeypatch) as costs:
            _run(harness, RUNS, together=together)
        assert harness.rows("SELECT status, count(*) AS n FROM runs GROUP BY status") == [
            {"status": "completed", "n": 2 * RUNS}
        ]  # fmt: skip
        # The events' own messages, and none for steps.
        assert harness.dispatcher.message_count == (1 if together else RUNS)
    return costs


@pytest.mark.parametrize("control", ONE_BY_ONE)
def test_events_that_come_one_by_one(postgres_url: str, control: str, monkeypatch: pytest.MonkeyPatch) -> None:
    costs = _measure(postgres_url, control, monkeypatch, together=False)
    assert len(costs.statements) == ONE_BY_ONE[control], "\n".join(costs.statements)
    # Each step is one commit, as without limits; where one is in reach, whoever gives slots back looks once whether
    # anybody waits.
    in_reach = [] if control == "a high limit" else _groups(control)
    looks = {"dequeue": RUNS * len(in_reach)} if in_reach else {}
    assert costs.commits == {"intake": RUNS, "match": RUNS, "record": RUNS * len(STEPS), **looks}


@pytest.mark.parametrize("control", TOGETHER)
def test_events_that_come_together(postgres_url: str, control: str, monkeypatch: pytest.MonkeyPatch) -> None:
    costs = _measure(postgres_url, control, monkeypatch, together=True)
    assert len(costs.statements) == TOGETHER[control], "\n".join(costs.statements)
    assert "BEGIN" not in costs.statements
    assert costs.commits["match"] == 1


def _groups(control: str) -> list[Any]:
    limits = SETTINGS[control].get("concurrency", [])
    return limits if isinstance(limits, list) else [limits]


def test_a_batch_costs_less_than_the_runs_that_it_replaces(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SETTINGS, "batch", {"batch": {"max_size": RUNS, "timeout": "1m"}})
    with _deployed(postgres_url, "batch") as harness:
        _run(harness, 0, together=False)
        with _counted(monkeypatch) as costs:
            _run(harness, RUNS, together=False)
        assert harness.rows("SELECT count(*) AS n FROM runs WHERE status = 'completed'") == [{"n": 2}]
    assert len(costs.statements) < 130
