"""An archived workflow starts nothing, its runs end, nobody changes it, and it comes back as it was."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from builders import a_workflow
from runtimes import Harness, a_registry, a_runtime

from workflowkit.base.errors import Conflict, NotFound, WorkflowArchived
from workflowkit.base.scope import DEFAULT_SCOPE, Scope
from workflowkit.engine.context import StepContext
from workflowkit.registry import Registry
from workflowkit.runtime import eventtypes
from workflowkit.runtime.jobs import NewJob
from workflowkit.runtime.pausing import Target
from workflowkit.store import subscriptions
from workflowkit.store.jobs import JobKind
from workflowkit.store.statements import Sql

OTHER = Scope(DEFAULT_SCOPE.environment, "other")


def _document(kind: str = "noop", **settings: Any) -> dict[str, Any]:
    document = a_workflow("Away").action("a", kind=kind).path("$source", "a").trigger("test/happened").document()
    return document | ({"settings": settings} if settings else {})


def _registry() -> Registry:
    registry = a_registry()

    @registry.action("nap")
    def nap(ctx: StepContext) -> None:
        ctx.step.sleep("nap", "1h")

    return registry


def _reasons(harness: Harness) -> list[str]:
    return harness.column("SELECT reason FROM decisions ORDER BY at_ms, workflow_id")


def _statuses(harness: Harness) -> list[str]:
    return harness.column("SELECT status FROM runs ORDER BY id")


def test_events_start_nothing_of_an_archived_workflow_and_its_runs_end(database_url: str) -> None:
    with a_runtime(database_url, _registry()) as harness:
        authoring = harness.runtime.authoring
        harness.deploy(_document("nap"))
        harness.send("test/happened")
        harness.drain()
        archived = authoring.archive(DEFAULT_SCOPE, "test")
        assert (archived.archived_at_ms, archived.enabled) == (harness.clock.now_ms(), True)
        harness.send("test/happened")
        harness.drain()
        assert (_reasons(harness), _statuses(harness)) == (["archived"], ["waiting"])
        harness.skip(2 * 3600)
        assert _statuses(harness) == ["completed"]
        restored = authoring.restore(DEFAULT_SCOPE, "test")
        assert (restored.archived_at_ms, restored.enabled, restored.published_version) == (None, True, 1)
        harness.send("test/happened")
        harness.drain()
        assert _statuses(harness) == ["completed", "waiting"]


def test_matching_asks_no_more_for_archived_workflows(sqlite_url: str) -> None:
    with a_runtime(sqlite_url) as harness:
        harness.deploy(_document())
        harness.deploy(_document(), "other")
        harness.runtime.authoring.archive(DEFAULT_SCOPE, "other")
        statements: list[str] = []

        def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
            statements.append(statement)

        with harness.runtime.database.read() as tx:
            sa.event.listen(harness.runtime.database.engine, "before_cursor_execute", note)
            found = subscriptions.load(tx, DEFAULT_SCOPE, ["test/happened"])
            sa.event.remove(harness.runtime.database.engine, "before_cursor_execute", note)
        assert len(statements) == 1
        assert [row.workflow_id for row in found.triggers] == ["other", "test"]
        assert {name: sorted(holds) for name, holds in found.holds.items()} == {"other": ["archive"]}


def test_being_archived_is_the_reason_before_a_pause_and_a_drain(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        harness.deploy(_document())
        harness.runtime.pausing.pause(Target(DEFAULT_SCOPE))
        harness.runtime.pausing.drain(Target(DEFAULT_SCOPE, "test"))
        harness.runtime.authoring.archive(DEFAULT_SCOPE, "test")
        harness.send("test/happened")
        harness.drain()
        assert _reasons(harness) == ["archived"]
        harness.runtime.authoring.restore(DEFAULT_SCOPE, "test")
        harness.send("test/happened")
        harness.drain()
        assert sorted(_reasons(harness)) == ["archived", "paused"]


@pytest.mark.parametrize(
    "settings",
    [{"debounce": {"period": "1m"}}, {"batch": {"max_size": 9, "timeout": "1m"}}, {"concurrency": 1}],
    ids=["debounce", "batch", "concurrency"],
)
def test_what_was_collected_before_starts_nothing_after(database_url: str, settings: dict[str, Any]) -> None:
    with a_runtime(database_url) as harness:
        harness.deploy(_document(**settings))
        if "concurrency" not in settings:
            harness.send("test/happened")
            harness.drain()
        harness.runtime.authoring.archive(DEFAULT_SCOPE, "test")
        if "concurrency" in settings:
            harness.send("test/happened")
        harness.skip(120)
        collected = harness.column("SELECT reason FROM collections")
        assert (_statuses(harness), _reasons(harness) + collected) == ([], ["archived"])


def test_nothing_else_starts_an_archived_workflow(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        harness.deploy(_document())
        harness.send("test/happened")
        harness.drain()
        run_id = harness.run()["id"]
        harness.runtime.authoring.archive(DEFAULT_SCOPE, "test")
        with pytest.raises(WorkflowArchived):
            harness.runtime.invoking.invoke(DEFAULT_SCOPE, "test")
        with pytest.raises(WorkflowArchived):
            harness.runtime.rerunning.rerun(DEFAULT_SCOPE, run_id)
        assert harness.run()["id"] == run_id
        harness.runtime.authoring.restore(DEFAULT_SCOPE, "test")
        harness.runtime.rerunning.rerun(DEFAULT_SCOPE, run_id)
        harness.drain()
        assert len(_statuses(harness)) == 2


def test_nobody_changes_an_archived_workflow(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        authoring = harness.runtime.authoring
        harness.deploy(_document())
        draft = authoring.get_draft(DEFAULT_SCOPE, "test")
        authoring.archive(DEFAULT_SCOPE, "test")
        assert authoring.update_draft(DEFAULT_SCOPE, "test", draft.document, revision=1) == draft
        assert authoring.deploy(DEFAULT_SCOPE, "test", draft.document).created is False
        changed = {**draft.document, "name": "Changed"}
        for change in (
            lambda: authoring.update_draft(DEFAULT_SCOPE, "test", changed, revision=draft.revision),
            lambda: authoring.deploy(DEFAULT_SCOPE, "test", changed),
            lambda: authoring.publish(DEFAULT_SCOPE, "test"),
            lambda: authoring.set_enabled(DEFAULT_SCOPE, "test", False),
        ):
            with pytest.raises(WorkflowArchived, match="'test' is archived: restore it first"):
                change()
        assert authoring.get_draft(DEFAULT_SCOPE, "test") == draft
        assert len(harness.rows("SELECT 1 FROM workflow_versions")) == 1
        assert authoring.duplicate(DEFAULT_SCOPE, "test", new_id="copy").archived_at_ms is None
        authoring.restore(DEFAULT_SCOPE, "test")
        assert authoring.deploy(DEFAULT_SCOPE, "test", changed).created is True


def test_a_program_may_publish_again_what_is_published_and_leaves_the_draft_alone(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        authoring = harness.runtime.authoring
        harness.deploy(_document())
        edited = {**_document(), "name": "Edited"}
        authoring.update_draft(DEFAULT_SCOPE, "test", edited, revision=1)
        authoring.archive(DEFAULT_SCOPE, "test")
        assert authoring.deploy(DEFAULT_SCOPE, "test", _document()).created is False
        with pytest.raises(WorkflowArchived):
            authoring.deploy(DEFAULT_SCOPE, "test", edited)
        assert authoring.get_draft(DEFAULT_SCOPE, "test").document == edited


def test_a_job_that_repeats_runs_passes_over_those_of_an_archived_workflow(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        for workflow_id in ("test", "other"):
            harness.deploy(_document("boom", retries=0), workflow_id)
        harness.send("test/happened")
        harness.skip(3_600)
        harness.skip(3_600)
        harness.skip(3_600)
        harness.skip(3_600)
        assert _statuses(harness) == ["failed", "failed"]
        harness.runtime.authoring.archive(DEFAULT_SCOPE, "test")
        harness.runtime.jobs.create(DEFAULT_SCOPE, NewJob(JobKind.REPLAY))
        for _ in range(9):
            harness.skip(1)
        repeated = harness.rows("SELECT workflow_id FROM runs WHERE rerun_of IS NOT NULL")
        assert repeated == [{"workflow_id": "other"}]
        (job,) = harness.rows("SELECT state, begun_count, done_count FROM jobs")
        assert job == {"state": "done", "begun_count": 2, "done_count": 2}


def test_a_disabled_workflow_comes_back_disabled(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        authoring = harness.runtime.authoring
        harness.deploy(_document())
        authoring.set_enabled(DEFAULT_SCOPE, "test", False)
        for archived in (authoring.archive, authoring.archive, authoring.restore, authoring.restore):
            assert archived(DEFAULT_SCOPE, "test").enabled is False
            harness.send("test/happened")
            harness.drain()
        assert (_reasons(harness), _statuses(harness)) == ([*["archived"] * 2, *["disabled"] * 2], [])
        acts = harness.rows("SELECT action, actor FROM audit_log WHERE action IN (:a, :b) ORDER BY seq",
                            a="workflow.archived", b="workflow.restored")  # fmt: skip
        assert acts == [
            {"action": "workflow.archived", "actor": "program"}, {"action": "workflow.restored", "actor": "program"},
        ]  # fmt: skip


def test_a_draft_is_archived_too_and_other_tenants_and_functions_are_out_of_reach(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        authoring = harness.runtime.authoring
        authoring.create(DEFAULT_SCOPE, _document(), workflow_id="draft")
        authoring.archive(DEFAULT_SCOPE, "draft")
        assert authoring.find(DEFAULT_SCOPE, limit=9) == []
        assert [each.id for each in authoring.find(DEFAULT_SCOPE, limit=9, archived=True)] == ["draft"]
        assert [each.id for each in authoring.find(DEFAULT_SCOPE, limit=9, archived=None)] == ["draft"]
        for scope in (OTHER, DEFAULT_SCOPE):
            with pytest.raises(NotFound):
                authoring.archive(scope, "draft" if scope == OTHER else "app/function")
        with pytest.raises(NotFound):
            authoring.restore(OTHER, "draft")


def test_another_tenants_workflow_of_the_same_id_is_not_archived_with_it(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        for scope in (DEFAULT_SCOPE, OTHER):
            harness.deploy(_document(), scope=scope)
        harness.runtime.authoring.archive(OTHER, "test")
        harness.send("test/happened")
        harness.send("test/happened", scope=OTHER)
        harness.drain()
        assert (_statuses(harness), _reasons(harness)) == (["completed"], ["archived"])


def test_names_of_events_are_not_said_to_start_what_is_archived(sqlite_url: str) -> None:
    with a_runtime(sqlite_url) as harness:
        harness.deploy(_document())
        harness.deploy(_document(), "away")
        harness.runtime.authoring.archive(DEFAULT_SCOPE, "away")
        harness.send("test/happened")
        limits = harness.runtime.settings.limits
        found = eventtypes.look(
            harness.runtime.database,
            DEFAULT_SCOPE,
            eventtypes.SPANS["1h"],
            limit=9,
            name="test/happened",
            limits=limits,
        )
        assert [each.workflow_ids for each in found.types] == [("test",)]


def test_what_is_refused_is_a_conflict() -> None:
    assert issubclass(WorkflowArchived, Conflict)


def test_triggers_that_an_older_process_wrote_of_an_archived_workflow_start_nothing_once_it_is_corrected(
    database_url: str,
) -> None:
    with a_runtime(database_url, _registry()) as harness:
        authoring = harness.runtime.authoring
        harness.deploy(_document())
        authoring.archive(DEFAULT_SCOPE, "test")
        for correct in (
            lambda: harness.deploy(_document()),
            lambda: authoring.archive(DEFAULT_SCOPE, "test"),
        ):
            with harness.runtime.database.transaction("test") as tx:
                tx.run(Sql("UPDATE workflow_triggers SET archived_at_ms = NULL"))
            correct()
            harness.send("test/happened")
            harness.drain()
        assert (_reasons(harness), _statuses(harness)) == (["archived"] * 2, [])
