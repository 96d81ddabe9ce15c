"""The database goes away between an action and the recording of what it did."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from builders import a_workflow
from runtimes import Harness, a_registry, a_runtime

from workflowkit.base import failpoints
from workflowkit.base.errors import StoreUnavailable
from workflowkit.definition.model import SOURCE

LEASE_SECONDS = 10.0


@contextmanager
def _away(tries: int) -> Iterator[None]:
    """Let that many transactions that would record a result fail at their commit."""
    left = tries

    def fail(name: str) -> None:
        nonlocal left
        if name == "record.before_commit" and left > 0:
            left -= 1
            raise StoreUnavailable("away")

    stop = failpoints.listen(fail)
    try:
        yield
    finally:
        stop()
    assert left == 0


@contextmanager
def _an_app(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Harness, list[str]]]:
    """A workflow of two steps whose actions note that they were called; a result is tried to record three times."""
    monkeypatch.setattr("workflowkit.runtime.worker.RECORD_PAUSES_SECONDS", (0.0, 0.0))
    registry, calls = a_registry(), []

    @registry.action("note")
    def note(ctx: Any) -> str:
        calls.append(ctx.step.key)
        return str(ctx.step.key)

    document = a_workflow().action("a", "note").action("b", "note").path(SOURCE, "a", "b").trigger("test/happened")
    with a_runtime(database_url, registry, lease_seconds=LEASE_SECONDS) as harness:
        harness.deploy(document.document())
        harness.send("test/happened")
        yield harness, calls


def test_a_result_is_recorded_as_soon_as_the_database_is_back(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with _an_app(database_url, monkeypatch) as (harness, calls):
        with _away(tries=2):
            harness.drain()
        assert harness.run()["status"] == "completed"
        assert calls == ["a", "b"]
        assert harness.journal("attempt") == [("attempt", "a"), ("attempt", "b")]


def test_a_result_that_could_not_be_recorded_is_made_again_after_the_lease(
    database_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with _an_app(database_url, monkeypatch) as (harness, calls):
        with _away(tries=3):
            harness.drain()
        assert "given up" in caplog.text
        assert harness.run()["status"] == "running"
        assert harness.journal("completed") == [("completed", SOURCE)]
        harness.skip(LEASE_SECONDS + 1)
        assert harness.run()["status"] == "completed"
        assert calls == ["a", "a", "b"]
        assert harness.journal("lost") == [("lost", "a")]


@contextmanager
def _answer_lost() -> Iterator[None]:
    """Let the first transaction that records a result of a step ``a`` commit, and its worker not hear of it (F8)."""
    is_armed = True

    def fail(name: str) -> None:
        nonlocal is_armed
        if name == "record.after_commit" and is_armed:
            is_armed = False
            raise StoreUnavailable("no answer")

    stop = failpoints.listen(fail)
    try:
        yield
    finally:
        stop()
    assert not is_armed


def test_a_commit_whose_answer_was_lost_is_found_by_reading_and_the_run_goes_on_at_once(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with _an_app(database_url, monkeypatch) as (harness, calls):
        with _answer_lost():
            harness.drain()
        assert harness.run()["status"] == "completed"
        assert calls == ["a", "b"]
        assert harness.journal("attempt") == [("attempt", "a"), ("attempt", "b")]
        assert harness.journal("ignored") == harness.journal("lost") == []


def test_the_last_result_of_a_run_is_not_taken_for_one_that_came_too_late(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workflowkit.runtime.worker.RECORD_PAUSES_SECONDS", (0.0, 0.0))
    with a_runtime(database_url) as harness:
        harness.deploy(a_workflow().chain("a").trigger("test/happened").document())
        harness.send("test/happened")
        with _answer_lost():
            harness.drain()
        assert harness.run()["status"] == "completed"
        assert harness.journal("ignored") == []
