"""The embedded default: one process, a SQLite file, Celery on the transport inside the process."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

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


def test_applications_of_one_process_do_not_take_each_others_hints(sqlite_url: str, tmp_path: Path) -> None:
    """Each would drop what is about rows that it does not have, and the relay repeats it much later."""
    document = a_workflow().action("a", "set", {}).path(SOURCE, "a").trigger("test/happened").document()
    shutil.copyfile(tmp_path / "workflowkit.db", tmp_path / "other.db")
    urls = (sqlite_url, f"sqlite:///{tmp_path / 'other.db'}")
    kits = [WorkflowKit("test", settings=Settings(database_url=url, hint_grace_seconds=3_600)) for url in urls]
    try:
        for wk in kits:
            wk.publish("test", document)
            wk.start(concurrency=2)
        for number in range(20):
            for wk in kits:
                wk.send({"name": "test/happened", "data": {"n": number}})
        for wk in kits:
            assert services.wait_until(partial(_all_finished, wk, 20), timeout_seconds=60)
    finally:
        for wk in kits:
            wk.stop()


def _all_finished(wk: WorkflowKit, count: int) -> bool:
    return _finished(wk) == ["completed"] * count
