"""What was kept from starting a workflow, as by a drain or as it was off, starts it later, once, and nothing else."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from builders import a_workflow
from runtimes import Harness, a_registry, a_runtime

from workflowkit import WorkflowKit
from workflowkit.base.errors import InvalidInput
from workflowkit.base.scope import DEFAULT_SCOPE, Scope
from workflowkit.contrib.encryption import EncryptionMiddleware
from workflowkit.engine.context import StepContext
from workflowkit.engine.extensions import Extensions
from workflowkit.engine.states import RunStatus
from workflowkit.registry import Registry
from workflowkit.runtime.jobs import REPLAYABLE, NewJob
from workflowkit.runtime.pausing import Target
from workflowkit.runtime.stories import tell_event
from workflowkit.store.jobs import JobKind, JobRow, JobState
from workflowkit.store.pauses import Running

EVENT = "order/placed"
HERE = Target(DEFAULT_SCOPE, "test")
DRAINED, OFF, ALL = ("drained",), ("disabled",), ("drained", "paused", "archived", "disabled")
Seen = list[list[Any]]


def _registry(seen: Seen) -> Registry:
    registry = a_registry()

    @registry.action("see")
    def see(ctx: StepContext) -> None:
        seen.append([event["data"]["n"] for event in ctx.events])

    @registry.action("await")
    def await_one(ctx: StepContext) -> None:
        ctx.step.wait_for_event("it", EVENT, timeout="1d")
        seen.append(["woken"])

    return registry


def _document(event: str = EVENT, kind: str = "see", **settings: Any) -> dict[str, Any]:
    return a_workflow().action("s", kind=kind).path("$source", "s").trigger(event).settings(**settings).document()


def _send(harness: Harness, *numbers: int, **fields: Any) -> list[str]:
    ids = []
    for number in numbers:
        harness.clock.advance(seconds=0.01)
        ids.append(harness.send(EVENT, {"n": number}, **fields))
        harness.drain()
    return ids


def _begin(harness: Harness, reasons: tuple[str, ...] = DRAINED, **wanted: Any) -> JobRow:
    return harness.runtime.jobs.create(DEFAULT_SCOPE, NewJob(JobKind.REPLAY, skipped=reasons, **wanted))


def _replay(harness: Harness, reasons: tuple[str, ...] = DRAINED, **wanted: Any) -> JobRow:
    job = _begin(harness, reasons, **wanted)
    for _ in range(100):
        harness.skip(0.5)
        found = harness.runtime.jobs.get(DEFAULT_SCOPE, job.id)
        if found.state is not JobState.RUNNING:
            return found
    raise AssertionError("the job does not end")


def _drained(harness: Harness, *numbers: int, settings: dict[str, Any] | None = None, **fields: Any) -> list[str]:
    harness.deploy(_document(**settings or {}))
    harness.runtime.pausing.drain(HERE)
    ids = _send(harness, *numbers, **fields)
    harness.runtime.pausing.undrain(HERE)
    return ids


@pytest.mark.parametrize("settings", [{}, {"throttle": {"limit": 9, "period": "1m"}}, {"concurrency": 1}])
def test_each_starts_the_workflow_that_skipped_it_and_no_other(database_url: str, settings: dict[str, Any]) -> None:
    with a_runtime(database_url, _registry(seen := Seen())) as harness:
        harness.deploy(_document(), "other")
        harness.deploy(_document("start", "await"), "waits")
        ids = _drained(harness, 1, 2, 3, settings=settings)
        harness.send("start")
        harness.drain()
        assert seen == [[1], [2], [3]]  # of the other workflow
        wanted = NewJob(JobKind.REPLAY, skipped=DRAINED, workflow_id="test")
        assert harness.runtime.jobs.count(DEFAULT_SCOPE, wanted) == 3
        done = _replay(harness, workflow_id="test")
        for _ in range(30):
            harness.skip(1)
        assert (done.matched_count, done.begun_count, done.done_count) == (3, 3, 3)
        assert seen[3:] == [[1], [2], [3]]
        runs = harness.rows("SELECT id, workflow_id FROM runs WHERE workflow_id = 'test' ORDER BY id")
        with harness.runtime.database.read() as tx:
            told = [tell_event(tx, DEFAULT_SCOPE, each, most_runs=5) for each in ids]
        assert sorted(each.decisions[0].run_id or "" for each in told) == [row["id"] for row in runs]
        assert [each.decisions[0].reason for each in told] == ["drained"] * 3


def test_done_again_it_starts_nothing_again(database_url: str) -> None:
    with a_runtime(database_url, _registry(seen := Seen())) as harness:
        _drained(harness, 1, 2)
        first, second = _begin(harness), _begin(harness)
        for _ in range(10):
            harness.skip(0.5)
        for job in (first, second):
            assert harness.runtime.jobs.get(DEFAULT_SCOPE, job.id).state is JobState.DONE
        _replay(harness)
        assert sorted(seen) == [[1], [2]]


def test_what_is_skipped_while_it_is_replayed_is_replayed_by_the_next(database_url: str) -> None:
    with a_runtime(database_url, _registry(seen := Seen())) as harness:
        _drained(harness, 1)
        job = _begin(harness)
        harness.clock.advance(seconds=0.5)
        harness.runtime.relay.tick()  # stores it
        harness.runtime.relay.tick()
        harness.runtime.pausing.drain(HERE)
        harness.drain()
        harness.skip(5)
        assert seen == []
        harness.runtime.pausing.undrain(HERE)
        for _ in range(5):
            harness.skip(1)
        assert harness.runtime.jobs.get(DEFAULT_SCOPE, job.id).state is JobState.DONE
        _replay(harness)
        assert seen == [[1]]


def test_the_job_waits_while_there_is_a_drain_or_a_pause(database_url: str) -> None:
    with a_runtime(database_url, _registry(seen := Seen())) as harness:
        _drained(harness, 1, 2)
        pausing = harness.runtime.pausing
        pausing.drain(HERE)
        job = _begin(harness)
        for _ in range(5):
            harness.skip(2)
        pausing.pause(HERE)
        pausing.undrain(HERE)
        for _ in range(5):
            harness.skip(2)
        assert seen == []
        assert harness.runtime.jobs.get(DEFAULT_SCOPE, job.id).state is JobState.RUNNING
        pausing.resume(HERE)
        for _ in range(5):
            harness.skip(2)
        assert seen == [[1], [2]]
        assert harness.runtime.jobs.get(DEFAULT_SCOPE, job.id).state is JobState.DONE


def test_the_same_event_sent_again_and_its_replay_are_one_run(database_url: str) -> None:
    with a_runtime(database_url, _registry(seen := Seen())) as harness:
        _drained(harness, 1, id="once")
        _send(harness, 2, id="once")
        _replay(harness)
        assert seen == [[2]]
        _drained(harness, 3, id="twice")
        _replay(harness)
        _send(harness, 4, id="twice")
        assert seen == [[2], [3]]


def test_batches_and_windows_collect_what_is_replayed(database_url: str) -> None:
    with a_runtime(database_url, _registry(seen := Seen())) as harness:
        _drained(harness, 1, 2, 3, settings={"batch": {"max_size": 9, "timeout": "1m"}})
        _replay(harness)
        harness.skip(61)
        assert seen == [[1, 2, 3]]


def test_a_batch_that_a_pause_has_done_away_with_is_replayed(database_url: str) -> None:
    with a_runtime(database_url, _registry(seen := Seen())) as harness:
        harness.deploy(_document(batch={"max_size": 9, "timeout": "10s"}))
        _send(harness, 1, 2)
        harness.runtime.pausing.pause(HERE, running=Running.CANCEL)
        for _ in range(12):
            harness.skip(1)
        _send(harness, 3)
        harness.runtime.pausing.resume(HERE)
        assert _replay(harness, ("paused",)).done_count == 3
        harness.skip(11)
        assert seen == [[1, 2, 3]]


def test_what_an_archived_workflow_skipped_is_replayed_once_it_is_restored(database_url: str) -> None:
    with a_runtime(database_url, _registry(seen := Seen())) as harness:
        harness.deploy(_document())
        harness.runtime.authoring.archive(DEFAULT_SCOPE, "test")
        _send(harness, 1)
        harness.runtime.authoring.restore(DEFAULT_SCOPE, "test")
        assert _replay(harness, ("paused", "drained")).done_count == 0
        assert _replay(harness, ALL).done_count == 1
        assert seen == [[1]]


def _switch(harness: Harness, enabled: bool, workflow_id: str = "test") -> None:
    harness.runtime.authoring.set_enabled(DEFAULT_SCOPE, workflow_id, enabled)


def _replayed(harness: Harness) -> int:
    return len(harness.rows("SELECT id FROM events WHERE target IS NOT NULL"))


def test_what_came_while_it_was_off_is_replayed_once_it_is_on(database_url: str) -> None:
    with a_runtime(database_url, _registry(seen := Seen())) as harness:
        harness.deploy(_document())
        _switch(harness, False)
        first_id, *_ = _send(harness, 1, 2, id="same")
        _send(harness, 3)
        _switch(harness, True)
        assert _replay(harness, ("paused", "drained", "archived")).matched_count == 0
        assert _replay(harness, OFF).matched_count == 3
        assert sorted(seen) == [[1], [3]]
        _send(harness, 4, id="same")
        _replay(harness, ALL)
        assert sorted(seen) == [[1], [3]]
        with harness.runtime.database.read() as tx:
            (decision,) = tell_event(tx, DEFAULT_SCOPE, first_id, most_runs=5).decisions
        assert (decision.reason, decision.run_id is not None) == ("disabled", True)


@pytest.mark.parametrize(
    "settings", [{"debounce": {"period": "1m"}}, {"batch": {"max_size": 9, "timeout": "1m"}}], ids=["debounce", "batch"]
)
def test_what_was_collected_when_it_was_switched_off_is_replayed(database_url: str, settings: dict[str, Any]) -> None:
    with a_runtime(database_url, _registry(seen := Seen())) as harness:
        harness.deploy(_document(**settings))
        _send(harness, 1, 2)
        _switch(harness, False)
        harness.skip(61)
        _switch(harness, True)
        assert _replay(harness, OFF).done_count == 2
        harness.skip(61)
        assert seen == [[2] if "debounce" in settings else [1, 2]]


def test_a_job_for_a_workflow_that_is_off_waits_until_it_is_on(database_url: str) -> None:
    with a_runtime(database_url, _registry(seen := Seen())) as harness:
        harness.deploy(_document())
        _switch(harness, False)
        _send(harness, 1)
        job = _begin(harness, OFF, workflow_id="test")
        for _ in range(5):
            harness.skip(2)
        assert (harness.runtime.jobs.get(DEFAULT_SCOPE, job.id).state, _replayed(harness)) == (JobState.RUNNING, 0)
        _switch(harness, True)
        for _ in range(5):
            harness.skip(2)
        assert (harness.runtime.jobs.get(DEFAULT_SCOPE, job.id).state, seen) == (JobState.DONE, [[1]])


def test_a_job_for_all_workflows_passes_over_those_that_are_off_or_archived(database_url: str) -> None:
    with a_runtime(database_url, _registry(seen := Seen())) as harness:
        for name in ("away", "off", "test"):
            harness.deploy(_document(), name)
            _switch(harness, False, name)
        _send(harness, 1)
        harness.runtime.authoring.archive(DEFAULT_SCOPE, "away")
        _switch(harness, True)
        assert _replay(harness, OFF).done_count == 3
        assert (seen, _replayed(harness)) == ([[1]], 1)
        _switch(harness, True, "off")
        _replay(harness, OFF)
        assert seen == [[1], [1]]


def test_all_reasons_are_the_default() -> None:
    assert inspect.signature(WorkflowKit.replay_skipped).parameters["reasons"].default == REPLAYABLE
    assert sorted(REPLAYABLE) == sorted(ALL)


def test_what_is_replayed_as_the_workflow_is_switched_off_is_replayed_by_the_next(database_url: str) -> None:
    with a_runtime(database_url, _registry(seen := Seen())) as harness:
        _drained(harness, 1)
        _begin(harness)
        harness.clock.advance(seconds=0.5)
        harness.runtime.relay.tick()  # stores it
        harness.runtime.relay.tick()
        assert _replayed(harness) == 1
        _switch(harness, False)
        harness.drain()
        harness.skip(5)
        _switch(harness, True)
        _replay(harness, OFF)
        assert seen == [[1]]


def test_it_is_chosen_by_time_condition_and_tenant(database_url: str) -> None:
    other = Scope("default", "other")
    with a_runtime(database_url, _registry(seen := Seen())) as harness:
        harness.deploy(_document(), "test", other)
        harness.runtime.pausing.drain(Target(other, "test"))
        harness.send(EVENT, {"n": 9}, scope=other)
        _drained(harness, 1)
        harness.clock.advance(seconds=60)
        since_ms = harness.runtime.database.now_ms()
        _drained(harness, 2, 3)
        _replay(harness, created_after_ms=since_ms, condition="event.data.n == 3")
        assert seen == [[3]]
        _replay(harness, created_before_ms=since_ms)
        assert seen == [[3], [1]]


def test_a_trigger_by_an_event_asks_for_no_inputs(database_url: str) -> None:
    schema = {"type": "object", "properties": {"sku": {"type": "string"}}, "required": ["sku"]}
    with a_runtime(database_url, _registry(seen := Seen())) as harness:
        harness.deploy(_document() | {"inputs": schema})
        _drained(harness, 1)
        _replay(harness)
        assert seen == [[1]]


def test_replays_of_what_was_skipped_keep_the_rate(database_url: str) -> None:
    with a_runtime(database_url, _registry(Seen())) as harness:
        _drained(harness, *range(6))
        job = _begin(harness, rate_per_second=2)
        for _ in range(20):
            harness.skip(0.25)
        assert harness.runtime.jobs.get(DEFAULT_SCOPE, job.id).state is JobState.DONE
        rows = harness.rows("SELECT received_at_ms FROM events WHERE target IS NOT NULL ORDER BY received_at_ms")
        times = [row["received_at_ms"] for row in rows]
        assert len(times) == 6
        assert all(later - earlier >= 1_000 for earlier, later in zip(times, times[2:], strict=False))


@pytest.mark.parametrize(
    ("wanted", "pointer"),
    [
        ({"kind": JobKind.CANCEL}, "/skipped"),
        ({"skipped": ("rate-limited",)}, "/skipped"),
        ({"statuses": (RunStatus.FAILED,)}, "/statuses"),
        ({"version": "latest"}, "/version"),
    ],
)
def test_what_makes_no_sense_is_refused(database_url: str, wanted: dict[str, Any], pointer: str) -> None:
    with a_runtime(database_url, a_registry()) as harness, pytest.raises(InvalidInput) as refused:
        harness.runtime.jobs.create(DEFAULT_SCOPE, NewJob(**{"kind": JobKind.REPLAY, "skipped": DRAINED} | wanted))
    assert refused.value.problems[0].pointer == pointer


def _with_key(key: str) -> Extensions:
    extensions = Extensions()
    extensions.use(EncryptionMiddleware(key))
    return extensions


def test_an_event_whose_key_is_gone_is_passed_over_and_does_not_keep_the_job_from_ending(database_url: str) -> None:
    with a_runtime(database_url, _registry([]), extensions=_with_key("the key that is lost")) as harness:
        harness.deploy(_document())
        harness.runtime.pausing.drain(HERE)
        harness.send(EVENT, {"n": 1, "encrypted": {"of": "the first"}})
        harness.drain()
    seen: Seen = []
    with a_runtime(database_url, _registry(seen), extensions=_with_key("quite another passphrase")) as harness:
        harness.clock.advance(seconds=60)
        _send(harness, 2)
        harness.runtime.pausing.undrain(HERE)
        job = _replay(harness)
        assert (job.begun_count, job.done_count) == (2, 2)
        assert seen == [[2]]
