"""Processes sync the functions of their application when they start, and come up without a database too."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import services

from workflowkit import Event, Scope, Settings, StepContext, WorkflowKit
from workflowkit.base.errors import Conflict, DefinitionError, NotFound, StoreUnavailable
from workflowkit.runtime.functions import Absent, Synced, SyncStatus
from workflowkit.runtime.syncing import StartupSync


@contextmanager
def _an_app(url: str, **options: Any) -> Iterator[WorkflowKit]:
    wk = WorkflowKit("shop", settings=Settings(database_url=url, **options))

    @wk.function("greet", trigger=Event("user/created"))
    def greet(ctx: StepContext) -> str:
        return ctx.step.run("greet", lambda: f"Hello {ctx.event['data']['name']}")

    try:
        yield wk
    finally:
        wk.stop()


def _outputs(wk: WorkflowKit) -> list[str]:
    with wk.runtime.database.read() as tx:
        found = tx.connection.exec_driver_sql("SELECT output FROM runs WHERE finished_at_ms IS NOT NULL ORDER BY id")
        return [row[0] for row in found]


def _enabled(wk: WorkflowKit) -> dict[str, bool]:
    with wk.runtime.database.read() as tx:
        found = tx.connection.exec_driver_sql("SELECT id, enabled FROM workflows WHERE tenant = '*'")
        return {row[0]: bool(row[1]) for row in found}


def _functions(wk: WorkflowKit) -> list[tuple[str, str]]:
    with wk.runtime.database.read() as tx:
        found = tx.connection.exec_driver_sql("SELECT environment, id FROM workflows WHERE tenant = '*'")
        return [(row[0], row[1]) for row in found]


def test_a_process_that_works_syncs_first_and_events_start_its_functions(sqlite_url: str) -> None:
    with _an_app(sqlite_url) as wk:
        wk.start(concurrency=1)
        wk.send({"name": "user/created", "data": {"name": "Ada"}})
        wk.invoke("shop/greet", {"name": "Bob"})
        assert services.wait_until(lambda: len(_outputs(wk)) == 2, timeout_seconds=60)
        assert sorted(_outputs(wk)) == ['"Hello Ada"', '"Hello Bob"']


def test_the_api_syncs_and_shows_the_functions(sqlite_url: str) -> None:
    with _an_app(sqlite_url) as wk:
        client = wk.api(dev_mode=True).test_client()
        assert [item["id"] for item in client.get("/api/functions").get_json()["items"]] == ["shop/greet"]


def test_functions_listen_in_the_environment_of_the_settings(sqlite_url: str) -> None:
    with _an_app(sqlite_url, environment="staging") as wk:
        wk.sync()
        assert _functions(wk) == [("staging", "shop/greet")]
        (accepted,) = wk.send({"name": "user/created", "data": {"name": "Ada"}})
        run_id = wk.invoke("shop/greet")
        with wk.runtime.database.read() as tx:
            rows = tx.connection.exec_driver_sql("SELECT environment, tenant FROM events").all()
        assert [tuple(row) for row in rows] == [("staging", "default")] * 2
        assert accepted.id != run_id
        with pytest.raises(NotFound):
            wk.invoke("shop/greet", scope=Scope("default", "default"))


def test_a_worker_comes_up_without_its_database_and_syncs_when_it_is_there(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'later.db'}"
    with _an_app(url) as wk:
        syncing = StartupSync(lambda _: wk.sync(), retry_seconds=0.01)
        syncing.start()
        wk.migrate()
        assert services.wait_until(lambda: _functions(wk) == [("default", "shop/greet")], timeout_seconds=60)
        syncing.stop()


def test_syncing_at_the_start_is_given_up_when_the_process_ends() -> None:
    tried = threading.Event()

    def fail(_: Absent) -> Synced:
        tried.set()
        raise StoreUnavailable("away")

    syncing = StartupSync(fail, retry_seconds=3600)
    syncing.start()
    assert tried.is_set()
    syncing.stop()


def test_what_a_process_does_not_have_is_switched_off_when_it_has_settled() -> None:
    asked: list[Absent] = []
    done = threading.Event()

    def sync(absent: Absent) -> Synced:
        asked.append(absent)
        if len(asked) == 2:
            raise StoreUnavailable("away")
        if len(asked) == 3:
            done.set()
        return Synced(SyncStatus.SYNCED, kept=("shop/gone",) if absent is Absent.KEPT else ())

    syncing = StartupSync(sync, retry_seconds=0, settle_seconds=0)
    syncing.start()
    assert done.wait(60)
    syncing.stop()
    assert asked == [Absent.KEPT, Absent.SETTLED, Absent.SETTLED]


def test_a_function_that_is_registered_after_the_start_was_never_switched_off(sqlite_url: str) -> None:
    with _an_app(sqlite_url) as before:
        before.sync()
    again = WorkflowKit("shop", settings=Settings(database_url=sqlite_url))
    again.function("other", trigger={"event": "user/created"})(lambda ctx: None)
    again.api(dev_mode=True)
    assert _enabled(again) == {"shop/greet": True, "shop/other": True}
    again.function("greet", trigger={"event": "user/created"})(lambda ctx: None)
    assert _enabled(again) == {"shop/greet": True, "shop/other": True}
    again.stop()


def test_a_function_that_cannot_be_published_ends_the_start() -> None:
    def refuse(_: Absent) -> Synced:
        raise DefinitionError([], "too large")

    with pytest.raises(DefinitionError):
        StartupSync(refuse).start()


def test_what_starting_a_run_directly_refuses(sqlite_url: str) -> None:
    with _an_app(sqlite_url) as wk:
        with pytest.raises(NotFound):
            wk.invoke("shop/greet")
        wk.sync()
        wk.runtime.authoring.set_enabled(Scope("default", "*"), "shop/greet", False)
        with pytest.raises(Conflict):
            wk.invoke("shop/greet")
