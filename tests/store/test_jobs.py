"""Jobs over many runs: each run is taken up once, at the rate, and what is made later is left alone."""

from __future__ import annotations

from typing import Any

import pytest
from builders import a_workflow
from histories import Died, failing
from runtimes import Harness, a_registry, a_runtime

from workflowkit.base.errors import ExpressionError, InvalidInput, NotFound
from workflowkit.base.scope import DEFAULT_SCOPE, Scope
from workflowkit.engine.states import RunStatus
from workflowkit.runtime import jobs as module
from workflowkit.runtime.jobs import Jobs, NewJob
from workflowkit.runtime.pausing import Target
from workflowkit.store.jobs import Chosen, JobKind, JobState

OTHER = Scope("default", "other")


def _waiting(harness: Harness, count: int, *, scope: Scope = DEFAULT_SCOPE) -> None:
    """Make runs that wait for a day."""
    document = a_workflow().action("w", "builtin:wait", {"duration": "1d"}).path("$source", "w").trigger("test/wait")
    harness.deploy(document.document(), "waits", scope)
    for number in range(count):
        harness.send("test/wait", {"n": number}, scope=scope)
    harness.drain()


def _failed(harness: Harness, count: int) -> None:
    document = a_workflow().action("b", "boom", retries=0).path("$source", "b").trigger("test/boom").document()
    harness.deploy(document, "fails")
    for number in range(count):
        harness.send("test/boom", {"n": number})
    harness.drain()


def _statuses(harness: Harness, **where: Any) -> list[str]:
    return harness.column("SELECT status FROM runs ORDER BY id")


def _work_off(harness: Harness, job_id: str, *, seconds: float = 0.5) -> None:
    for _ in range(200):
        harness.skip(seconds)
        if harness.runtime.jobs.get(DEFAULT_SCOPE, job_id).state is not JobState.RUNNING:
            return
    raise AssertionError("the job does not end")


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "JOB_CHUNK", 3)


def test_a_job_about_runs_can_be_read_by_processes_that_know_of_no_others() -> None:
    old = {"statuses", "workflow_id", "created_after_ms", "created_before_ms", "condition"}
    of_runs = Chosen(("failed",), "", 0, 1)
    assert of_runs.as_json().keys() == old
    of_events = Chosen((), "", 0, 1, skipped=("drained",))
    assert [Chosen.from_json(each.as_json()) for each in (of_runs, of_events)] == [of_runs, of_events]


def test_a_bulk_cancellation_takes_the_runs_that_there_are_and_says_who_and_why(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        _waiting(harness, 8)
        _waiting(harness, 2, scope=OTHER)
        _failed(harness, 1)
        jobs = harness.runtime.jobs
        wanted = NewJob(JobKind.CANCEL, workflow_id="waits", reason="a mistake", actor="Ada")
        assert jobs.count(DEFAULT_SCOPE, wanted) == 8
        job = jobs.create(DEFAULT_SCOPE, wanted)
        harness.clock.advance(milliseconds=5)
        _waiting(harness, 1)  # made later
        _work_off(harness, job.id)
        done = jobs.get(DEFAULT_SCOPE, job.id)
        assert (done.state, done.matched_count, done.begun_count, done.done_count) == (JobState.DONE, 8, 8, 8)
        rows = harness.rows("SELECT tenant, workflow_id, status, reason, reason_detail FROM runs")
        cancelled = [row for row in rows if row["status"] == "cancelled"]
        assert len(cancelled) == 8
        assert {row["tenant"] for row in cancelled} == {"default"}
        assert all('"a mistake"' in row["reason_detail"] and '"Ada"' in row["reason_detail"] for row in cancelled)
        assert sorted(row["status"] for row in rows if row["status"] != "cancelled") == ["failed", *["waiting"] * 3]


def test_a_condition_chooses_by_the_event(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        _waiting(harness, 6)
        job = harness.runtime.jobs.create(DEFAULT_SCOPE, NewJob(JobKind.CANCEL, condition="event.data.n >= 4"))
        _work_off(harness, job.id)
        assert sorted(_statuses(harness)) == ["cancelled"] * 2 + ["waiting"] * 4


def test_replays_keep_the_rate_and_link_to_their_originals(database_url: str) -> None:
    with a_runtime(database_url, a_registry()) as harness:
        _failed(harness, 7)
        job = harness.runtime.jobs.create(DEFAULT_SCOPE, NewJob(JobKind.REPLAY, rate_per_second=2))
        _work_off(harness, job.id, seconds=0.25)
        originals = harness.rows("SELECT id FROM runs WHERE rerun_of IS NULL")
        replays = harness.rows("SELECT rerun_of, created_at_ms FROM runs WHERE rerun_of IS NOT NULL ORDER BY id")
        assert sorted(row["rerun_of"] for row in replays) == sorted(row["id"] for row in originals)
        times = sorted(row["created_at_ms"] for row in replays)
        # SAFETY: I19 — in any second at most two begin.
        assert all(later - earlier >= 1_000 for earlier, later in zip(times, times[2:], strict=False))


@pytest.mark.parametrize("after", [0.0, 0.6])
def test_a_replay_waits_while_its_workflow_is_drained_and_keeps_its_rate(database_url: str, after: float) -> None:
    """Drained before the first one, or in the middle of a chunk."""
    with a_runtime(database_url, a_registry()) as harness:
        _failed(harness, 8)
        job = harness.runtime.jobs.create(DEFAULT_SCOPE, NewJob(JobKind.REPLAY, rate_per_second=2))
        if after:
            harness.skip(after)
            harness.skip(0)
        begun = len(_statuses(harness))
        harness.runtime.pausing.drain(Target(DEFAULT_SCOPE, "fails"))
        for _ in range(20):
            harness.skip(0.7)
        assert len(_statuses(harness)) == begun
        assert harness.runtime.pausing.count_open(Target(DEFAULT_SCOPE, "fails")) == 0
        assert harness.runtime.jobs.get(DEFAULT_SCOPE, job.id).state is JobState.RUNNING
        harness.runtime.pausing.undrain(Target(DEFAULT_SCOPE, "fails"))
        _work_off(harness, job.id, seconds=0.1)
        done = harness.runtime.jobs.get(DEFAULT_SCOPE, job.id)
        assert (done.begun_count, done.done_count) == (8, 8)
        replays = harness.rows("SELECT rerun_of, created_at_ms FROM runs WHERE rerun_of IS NOT NULL ORDER BY id")
        assert len({row["rerun_of"] for row in replays}) == len(replays) == 8
        times = sorted(row["created_at_ms"] for row in replays)
        # SAFETY: I19 — in any second at most two begin, but for how often the relay looks.
        assert all(later - earlier >= 900 for earlier, later in zip(times, times[2:], strict=False))


def test_a_job_goes_on_after_its_scheduler_has_died_and_takes_no_run_twice(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        _failed(harness, 7)
        job = harness.runtime.jobs.create(DEFAULT_SCOPE, NewJob(JobKind.REPLAY, rate_per_second=100))
        for side in ("before_commit", "after_commit", "before_commit", "after_commit"):
            harness.clock.advance(seconds=0.5)
            with failing(f"timer.{side}", Died()), pytest.raises(Died):
                harness.new_process().relay.tick()
        _work_off(harness, job.id)
        replays = harness.rows("SELECT rerun_of FROM runs WHERE rerun_of IS NOT NULL")
        assert len(replays) == len({row["rerun_of"] for row in replays}) == 7


def test_a_stopped_job_does_nothing_more(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        _failed(harness, 7)
        jobs = harness.runtime.jobs
        job = jobs.create(DEFAULT_SCOPE, NewJob(JobKind.REPLAY, rate_per_second=1))
        harness.skip(1)
        assert jobs.stop(DEFAULT_SCOPE, job.id).state is JobState.STOPPED
        assert jobs.stop(DEFAULT_SCOPE, job.id).state is JobState.STOPPED
        count = len(_statuses(harness))
        harness.skip(60)
        assert len(_statuses(harness)) == count < 14
        assert [found.id for found in jobs.find(DEFAULT_SCOPE, limit=5)] == [job.id]


@pytest.mark.parametrize(
    ("wanted", "pointer"),
    [
        (NewJob(JobKind.CANCEL, statuses=(RunStatus.FAILED,)), "/statuses"),
        (NewJob(JobKind.REPLAY, statuses=(RunStatus.RUNNING,)), "/statuses"),
        (NewJob(JobKind.REPLAY, rate_per_second=0), "/rate_per_second"),
        (NewJob(JobKind.REPLAY, rate_per_second=1e-300), "/rate_per_second"),
        (NewJob(JobKind.REPLAY, rate_per_second=float("nan")), "/rate_per_second"),
        (NewJob(JobKind.REPLAY, version="newest"), "/version"),
    ],
)
def test_a_job_that_makes_no_sense_is_refused_with_its_place(database_url: str, wanted: NewJob, pointer: str) -> None:
    with a_runtime(database_url) as harness:
        jobs: Jobs = harness.runtime.jobs
        with pytest.raises(InvalidInput) as refused:
            jobs.create(DEFAULT_SCOPE, wanted)
        assert [problem.pointer for problem in refused.value.problems] == [pointer]
        with pytest.raises(ExpressionError):
            jobs.create(DEFAULT_SCOPE, NewJob(JobKind.CANCEL, condition="event."))
        assert jobs.find(DEFAULT_SCOPE, limit=5) == []


def test_jobs_of_other_tenants_are_not_found(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        job = harness.runtime.jobs.create(DEFAULT_SCOPE, NewJob(JobKind.CANCEL))
        for call in (harness.runtime.jobs.get, harness.runtime.jobs.stop):
            with pytest.raises(NotFound):
                call(OTHER, job.id)
        assert harness.runtime.jobs.find(OTHER, limit=5) == []
