"""Nobody waits to be matched behind the burst of another tenant, nor behind the steps that fill all threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import services
from builders import a_workflow
from runtimes import Harness, a_registry, a_runtime

from workflowkit import WorkflowKit
from workflowkit.base.scope import Scope
from workflowkit.engine.context import StepContext
from workflowkit.registry import Registry
from workflowkit.runtime.overtaking import EVENTS_PER_TENANT, LATE_MS
from workflowkit.runtime.presence import Serving
from workflowkit.runtime.timers import POSTPONED_MS
from workflowkit.store.workers import Role

EVENT = "order/placed"
LOUD, QUIET, CALM = (Scope("default", tenant) for tenant in ("loud", "quiet", "calm"))
MANY = 3 * EVENTS_PER_TENANT


def _document(steps: int = 1, **settings: Any) -> dict[str, Any]:
    builder = a_workflow()
    ids = [f"s{number}" for number in range(steps)]
    for node_id in ids:
        builder.action(node_id, kind="work")
    return builder.path("$source", *ids).trigger(EVENT).settings(**settings).document()


def _noting(noted: list[str], first: Sequence[Callable[[], object]] = ()) -> Registry:
    """Return actions that note who executes them, the first of them calls ``first``."""
    registry = a_registry()

    @registry.action("work")
    def work(ctx: StepContext) -> None:
        noted.append(f"{ctx.run.tenant} {ctx.event['data']['n']} {ctx.step.node_id}")
        for call in first if len(noted) == 1 else ():
            call()

    return registry


def _send(harness: Harness, scope: Scope, count: int) -> list[str]:
    events = [{"name": EVENT, "data": {"n": number}} for number in range(count)]
    return [each.id for each in harness.runtime.intake.send(scope, events)]


def _runs(harness: Harness) -> dict[str, int]:
    return {row["tenant"]: row["n"] for row in harness.rows("SELECT tenant, count(*) AS n FROM runs GROUP BY tenant")}


def _wait(harness: Harness, ms: int = LATE_MS + 1) -> None:
    harness.clock.advance(seconds=ms / 1000)


def test_some_events_of_each_tenant_overtake_the_rest(database_url: str) -> None:
    with a_runtime(database_url, _noting([])) as harness:
        for scope in (LOUD, QUIET, CALM):
            harness.deploy(_document(), scope=scope)
        _send(harness, LOUD, MANY)
        _send(harness, QUIET, MANY)
        _send(harness, CALM, 1)
        assert harness.runtime.overtaking.look() == 0  # nobody has waited yet

        _wait(harness)
        hinted = len(harness.dispatcher.waiting)
        assert harness.runtime.overtaking.look() == 2 * EVENTS_PER_TENANT + 1

        assert _runs(harness) == {"loud": EVENTS_PER_TENANT, "quiet": EVENTS_PER_TENANT, "calm": 1}
        assert harness.rows("SELECT 1 FROM runs WHERE status != 'queued'") == []  # for others to begin
        assert len(harness.dispatcher.waiting) == hinted + 2 * EVENTS_PER_TENANT + 1
        for tenant in ("loud", "quiet"):
            first = sorted(harness.column("SELECT id FROM events WHERE tenant = :t", t=tenant))
            rows = harness.rows("SELECT event_id FROM runs WHERE tenant = :t", t=tenant)
            assert sorted(row["event_id"] for row in rows) == first[:EVENTS_PER_TENANT]

        assert harness.runtime.overtaking.look() == 2 * EVENTS_PER_TENANT  # the next ones of the two that are left
        harness.drain()
        assert _runs(harness) == {"loud": MANY, "quiet": MANY, "calm": 1}
        assert set(harness.column("SELECT status FROM runs")) == {"completed"}


def test_whoever_has_waited_longest_is_first_among_those_that_overtake(database_url: str) -> None:
    """Its hint may stand behind steps that fill all threads, and so does whatever came first."""
    noted: list[str] = []
    with a_runtime(database_url, _noting(noted)) as harness:
        for scope in (LOUD, QUIET):
            harness.deploy(_document(), scope=scope)
        _send(harness, QUIET, 1)
        _send(harness, LOUD, MANY)
        _wait(harness)

        assert harness.runtime.overtaking.look() == EVENTS_PER_TENANT + 1
        assert _runs(harness) == {"loud": EVENTS_PER_TENANT, "quiet": 1}
        harness.drain()
        assert noted[0] == "quiet 0 s0"


def test_a_tenant_does_not_overtake_itself(database_url: str) -> None:
    with a_runtime(database_url, _noting([])) as harness:
        harness.deploy(_document(), scope=LOUD)
        _send(harness, LOUD, MANY)
        _wait(harness)

        assert harness.runtime.overtaking.look() == 0
        assert _runs(harness) == {}


def test_what_cannot_be_matched_does_not_overtake(database_url: str) -> None:
    with a_runtime(database_url, _noting([])) as harness:
        for scope in (LOUD, QUIET):
            harness.deploy(_document(), scope=scope)
        (poison,) = _send(harness, CALM, 1)
        harness.runtime.worker._matching.put_off(poison, by_ms=POSTPONED_MS)
        _send(harness, LOUD, MANY)
        _send(harness, QUIET, 1)
        _wait(harness)

        assert harness.runtime.overtaking.look() == EVENTS_PER_TENANT + 1
        assert _runs(harness) == {"loud": EVENTS_PER_TENANT, "quiet": 1}


def test_an_event_that_cannot_be_matched_overtakes_alone_and_once(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with a_runtime(database_url, _noting([])) as harness:
        for scope in (LOUD, QUIET):
            harness.deploy(_document(), scope=scope)
        _send(harness, LOUD, 1)
        (poison, _) = _send(harness, QUIET, 2)
        _wait(harness)
        matching, real = harness.runtime.worker._matching, harness.runtime.worker._matching._decide

        def decide(tx: Any, event_ids: list[str], is_for_others: bool) -> Any:
            if poison in event_ids:
                raise RuntimeError("a fault of ours")
            return real(tx, event_ids, is_for_others)

        monkeypatch.setattr(matching, "_decide", decide)

        assert harness.runtime.overtaking.look() == 3
        assert _runs(harness) == {"loud": 1, "quiet": 1}
        assert harness.runtime.overtaking.look() == 0  # put off


def test_what_overtakes_is_the_next_that_a_thread_takes_up(database_url: str) -> None:
    noted: list[str] = []
    first: list[Callable[[], object]] = []
    with a_runtime(database_url, _noting(noted, first)) as harness:
        harness.deploy(_document(3), scope=LOUD)
        harness.deploy(_document(2), scope=QUIET)
        _send(harness, LOUD, 2)
        events = harness.dispatcher.waiting.popleft()
        _send(harness, CALM, 1)  # the longest waiting, which starts nothing
        _send(harness, QUIET, 2)
        _wait(harness)
        first.append(harness.runtime.overtaking.look)  # while the first step is executed
        harness.runtime.worker.match([event_id for event_id in events if isinstance(event_id, str)])

        # The run of the loud one gives way after its step; those that overtake go on to their ends.
        assert noted[:5] == ["loud 0 s0", "quiet 0 s0", "quiet 0 s1", "quiet 1 s0", "quiet 1 s1"]
        harness.drain()
        assert sorted(noted) == sorted(
            [f"loud {n} s{step}" for n in (0, 1) for step in range(3)]
            + [f"quiet {n} s{step}" for n in (0, 1) for step in range(2)]
        )


def test_only_processes_that_run_steps_let_events_overtake(database_url: str) -> None:
    with a_runtime(database_url, _noting([])) as harness:
        threads = {role: harness.runtime.relay_thread(Serving(role, "x")) for role in Role}

        assert {role for role, thread in threads.items() if thread._overtaking is not None} == {Role.WORKER}


@pytest.mark.parametrize("settings", [{}, {"concurrency": [{"limit": 2, "key": "'all'", "scope": "environment"}]}])
def test_a_burst_that_keeps_all_threads_busy_does_not_keep_another_tenant_waiting(
    database_url: str, settings: dict[str, Any]
) -> None:
    """I23, in a process as applications run it: as many threads as slots, all of them in the hands of one tenant."""
    wk = WorkflowKit("shop", database_url=database_url)
    begun, before = threading.Event(), [0]

    @wk.action("work")
    def work(ctx: StepContext) -> None:
        if ctx.run.tenant == "quiet":
            begun.set()
        elif not begun.is_set():
            before[0] += 1
            begun.wait(0.02)  # as long as the other waits, steps take their time

    try:
        for scope in (LOUD, QUIET):
            wk.publish("flow", _document(**settings), scope=scope)
        events = [{"name": EVENT, "data": {"n": number}} for number in range(2_000)]
        wk.send(events, scope=LOUD)
        wk.start(concurrency=2)
        assert services.wait_until(lambda: before[0] > 2, timeout_seconds=60.0)
        wk.send({"name": EVENT, "data": {"n": 0}}, scope=QUIET)

        assert begun.wait(60.0)
        assert before[0] < 1_000
    finally:
        wk.stop()
