"""The embedded default: one process, a SQLite file, Celery on the transport inside the process."""

from __future__ import annotations

import services
import sqlalchemy as sa
from builders import a_workflow

from workflowkit import Settings, WorkflowKit
from workflowkit.definition.model import SOURCE


def _finished(wk: WorkflowKit) -> list[str]:
    with wk.runtime.database.read() as tx:
        rows = tx.connection.execute(sa.text("SELECT status FROM runs WHERE finished_at_ms IS NOT NULL")).all()
    return [row[0] for row in rows]


def test_events_become_finished_runs_in_one_process_and_it_ends_cleanly(sqlite_url: str) -> None:
    wk = WorkflowKit("test", settings=Settings(database_url=sqlite_url))
    document = (
        a_workflow()
        .action("a", "set", {"n": "!ref($.event.data.n)"})
        .action("b", "log", {"message": "left"})
        .action("c", "log", {"message": "right"})
        .path(SOURCE, "a", "b")
        .edge("a", "c")
        .trigger("test/happened")
        .document()
    )
    wk.publish("test", document)
    wk.start(concurrency=2)
    try:
        wk.send([{"name": "test/happened", "data": {"n": n}} for n in range(20)])
        assert services.wait_until(lambda: len(_finished(wk)) == 20, timeout_seconds=60)
        assert set(_finished(wk)) == {"completed"}
    finally:
        wk.stop()


def test_starting_and_stopping_twice_is_harmless(sqlite_url: str) -> None:
    wk = WorkflowKit("test", settings=Settings(database_url=sqlite_url))
    wk.start(concurrency=1)
    wk.start(concurrency=1)
    wk.stop()
    wk.stop()
