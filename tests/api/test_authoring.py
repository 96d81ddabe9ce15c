"""Authoring by programs and by several people at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from runtimes import a_runtime
from webapi import a_document

from workflowkit.base.errors import (
    AlreadyExists,
    DefinitionError,
    InvalidInput,
    LimitExceeded,
    NotFound,
    StaleRevision,
    WorkflowKitError,
)
from workflowkit.base.scope import DEFAULT_SCOPE

THREADS = 6


def _at_once(function: Callable[[int], object]) -> list[Any]:
    """Call ``function(index)`` in several threads at the same moment; return what each returned or raised."""
    barrier = threading.Barrier(THREADS)

    def call(index: int) -> object:
        barrier.wait(timeout=60)
        try:
            return function(index)
        except WorkflowKitError as error:
            return error

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(call, range(THREADS)))


def test_of_several_who_create_one_id_one_succeeds(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        authoring = harness.runtime.authoring
        results = _at_once(lambda i: authoring.create(DEFAULT_SCOPE, a_document(f"w{i}"), workflow_id="w"))
        assert sum(isinstance(result, AlreadyExists) for result in results) == THREADS - 1
        (winner,) = [result for result in results if not isinstance(result, WorkflowKitError)]
        assert authoring.get_draft(DEFAULT_SCOPE, "w").document["name"] == winner.name


def test_of_several_edits_of_one_revision_one_is_saved(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        authoring = harness.runtime.authoring
        authoring.create(DEFAULT_SCOPE, a_document(), workflow_id="w")
        results = _at_once(lambda i: authoring.update_draft(DEFAULT_SCOPE, "w", a_document(f"w{i}"), revision=1))
        assert sum(isinstance(result, StaleRevision) for result in results) == THREADS - 1
        (winner,) = [result for result in results if not isinstance(result, WorkflowKitError)]
        draft = authoring.get_draft(DEFAULT_SCOPE, "w")
        assert (draft.revision, draft.document) == (2, winner.document)


def test_publishing_at_once_makes_one_version(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        authoring = harness.runtime.authoring
        authoring.create(DEFAULT_SCOPE, a_document(), workflow_id="w")
        results = _at_once(lambda _: authoring.publish(DEFAULT_SCOPE, "w"))
        assert sorted(result.created for result in results) == [False] * (THREADS - 1) + [True]
        assert {result.version.version for result in results} == {1}


def test_switching_and_publishing_at_once_leave_triggers_that_fit_the_row(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        authoring = harness.runtime.authoring
        authoring.deploy(DEFAULT_SCOPE, "w", a_document())

        def change(index: int) -> object:
            if index % 2:
                return authoring.set_enabled(DEFAULT_SCOPE, "w", index % 4 == 1)
            return authoring.deploy(DEFAULT_SCOPE, "w", a_document(f"w{index}"))

        _at_once(change)
        workflow = authoring.get(DEFAULT_SCOPE, "w")
        triggers = [(row["version"], bool(row["enabled"])) for row in harness.rows("SELECT * FROM workflow_triggers")]
        assert triggers == [(workflow.published_version, workflow.enabled)]


def test_deploying_creates_replaces_and_repeats(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        authoring = harness.runtime.authoring
        assert authoring.deploy(DEFAULT_SCOPE, "w", a_document()).created
        assert not authoring.deploy(DEFAULT_SCOPE, "w", a_document()).created
        assert authoring.deploy(DEFAULT_SCOPE, "w", a_document("Renamed")).version.version == 2
        with pytest.raises(DefinitionError):
            authoring.deploy(DEFAULT_SCOPE, "w", {"name": "nothing in it"})
        assert authoring.get(DEFAULT_SCOPE, "w").published_version == 2


def test_what_is_no_json_is_no_draft(sqlite_url: str) -> None:
    with a_runtime(sqlite_url) as harness:
        authoring = harness.runtime.authoring
        unfit: list[Any] = [None, [], "{}", {"name": float("nan")}, {"when": object()}, {1: 2}]
        for document in unfit:
            with pytest.raises(InvalidInput):
                authoring.create(DEFAULT_SCOPE, document)
        shared: list[Any] = ["x" * 1_000] * 100
        for _ in range(3):
            shared = [shared] * 100
        with pytest.raises(LimitExceeded, match="document_bytes"):
            authoring.create(DEFAULT_SCOPE, {"shared": shared})
        assert harness.rows("SELECT * FROM workflows") == []


def test_nothing_can_be_done_to_a_workflow_that_is_not_there(sqlite_url: str) -> None:
    with a_runtime(sqlite_url) as harness:
        authoring = harness.runtime.authoring
        for call in (
            lambda: authoring.get(DEFAULT_SCOPE, "w"),
            lambda: authoring.get_draft(DEFAULT_SCOPE, "w"),
            lambda: authoring.update_draft(DEFAULT_SCOPE, "w", {}, revision=1),
            lambda: authoring.publish(DEFAULT_SCOPE, "w"),
            lambda: authoring.set_enabled(DEFAULT_SCOPE, "w", True),
            lambda: authoring.find_versions(DEFAULT_SCOPE, "w", limit=1),
            lambda: authoring.get_version(DEFAULT_SCOPE, "w", 1),
        ):
            with pytest.raises(NotFound, match="workflow"):
                call()
