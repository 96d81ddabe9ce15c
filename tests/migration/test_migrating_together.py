"""Migrations of several processes, of large tables, and beside processes that work."""

from __future__ import annotations

import logging
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest
import services

from workflowkit.base.errors import Conflict
from workflowkit.store import engines, migrate
from workflowkit.store.database import Database

UPGRADE = "import sys; from workflowkit.store import migrate; sys.stdin.read(1); migrate.upgrade(sys.argv[1])"

BUILDING = (
    "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' "
    "AND query LIKE 'CREATE INDEX CONCURRENTLY%'"
)


def _revision(url: str) -> str | None:
    database = Database.open(url)
    try:
        return migrate.current_revision(database)
    finally:
        database.close()


def _when_it_waits(monkeypatch: pytest.MonkeyPatch, *happens: Callable[[], object]) -> list[float]:
    """Have the waits of a migration take no time: one thing happens in each, the last in all that follow."""
    left, waits = list(happens), []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        (left.pop(0) if len(left) > 1 else left[0])()

    monkeypatch.setattr(migrate, "time", SimpleNamespace(sleep=sleep))
    return waits


@pytest.fixture
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits for locks that end at once: of a migration, and of all else."""
    monkeypatch.setattr(engines, "MIGRATION_LOCK_TIMEOUT_MS", 50)
    monkeypatch.setattr(engines, "LOCK_TIMEOUT_MS", 50)


@pytest.mark.usefixtures("short_waits")
def test_a_process_waits_for_the_migrations_of_another_on_postgresql(
    empty_postgres_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with migrate._locked(empty_postgres_url) as other:
        waits = _when_it_waits(monkeypatch, lambda: None, lambda: None, other.close)
        migrate.upgrade(empty_postgres_url)
    assert waits[:3] == [migrate.LOOK_SECONDS] * 3  # and more, as long as the server has not noticed that it has gone
    assert _revision(empty_postgres_url) == migrate.head_revision()
    assert [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING] == [
        "waiting: another process migrates this database"
    ]


@pytest.mark.usefixtures("short_waits")
def test_a_process_waits_for_the_migrations_of_another_on_sqlite(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path / 'new.db'}"
    with migrate._locked(url) as other:

        def finish() -> None:
            migrate._upgrade_locked(other, "head")
            other.commit()

        waits = _when_it_waits(monkeypatch, lambda: None, finish)
        migrate.upgrade(url)
    assert waits == [migrate.LOOK_SECONDS] * 2
    assert _revision(url) == migrate.head_revision()


def test_a_migration_that_fails_leaves_a_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{tmp_path / 'new.db'}"
    migrate.upgrade(url, "0045")
    with closing(sqlite3.connect(tmp_path / "new.db")) as connection:
        connection.execute("DROP INDEX ix_decisions_skipped")  # which 0048 makes anew, after others
    with pytest.raises(Exception, match="no such index: ix_decisions_skipped"):
        migrate.upgrade(url)
    assert _revision(url) == "0045"


def test_processes_that_start_together_migrate_a_new_file_once(tmp_path: Path) -> None:
    for number in range(3):
        url = f"sqlite:///{tmp_path / f'{number}.db'}"
        processes = [
            subprocess.Popen([sys.executable, "-c", UPGRADE, url], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
            for _ in range(3)
        ]
        for process in processes:
            assert process.stdin is not None
            process.stdin.write(b"\n")
            process.stdin.flush()
        assert [process.communicate()[1].decode() for process in processes if process.wait()] == []
        for process in processes:
            process.communicate()
        assert _revision(url) == migrate.head_revision()


def test_a_new_file_is_opened_by_many_at_once(tmp_path: Path) -> None:
    for number in range(20):
        start = threading.Barrier(4)
        failed: list[Exception] = []

        def open_it(path: Path, start: threading.Barrier = start, failed: list[Exception] = failed) -> None:
            database = Database.open(f"sqlite:///{path}")
            start.wait()
            try:
                with database.transaction("key"):
                    pass
            except Exception as error:
                failed.append(error)
            database.close()

        threads = [threading.Thread(target=open_it, args=(tmp_path / f"{number}.db",)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failed == []


def test_statements_of_migrations_take_as_long_as_they_take(
    empty_postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "STATEMENT_TIMEOUT_MS", 1)
    migrate.upgrade(empty_postgres_url, migrate.head_revision())
    monkeypatch.undo()
    assert _revision(empty_postgres_url) == migrate.head_revision()


@pytest.mark.usefixtures("short_waits")
def test_a_migration_that_gets_no_lock_on_a_table_leaves_it_to_others_and_tries_again(
    empty_postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate.upgrade(empty_postgres_url, "0034")
    with closing(psycopg.connect(empty_postgres_url)) as busy, closing(psycopg.connect(empty_postgres_url)) as another:
        busy.execute("SELECT count(*) FROM waits")  # 0035 adds a column to it

        def look() -> None:
            with another.transaction():
                another.execute("SET LOCAL lock_timeout = 50")
                another.execute("SELECT count(*) FROM waits")

        waits = _when_it_waits(monkeypatch, look, look, busy.rollback)
        migrate.upgrade(empty_postgres_url, "0035")
        assert waits == [migrate.LOCK_PAUSE_SECONDS] * 3
    assert _revision(empty_postgres_url) == "0035"


@pytest.mark.usefixtures("short_waits")
def test_a_migration_gives_up_on_a_lock_that_it_never_gets(
    empty_postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate.upgrade(empty_postgres_url, "0033")
    waits = _when_it_waits(monkeypatch, lambda: None)
    monkeypatch.setattr(migrate, "LOCK_TRIES", 3)
    with closing(psycopg.connect(empty_postgres_url)) as busy:
        busy.execute("SELECT count(*) FROM waits")
        with pytest.raises(Conflict, match="lock timeout"):
            migrate.upgrade(empty_postgres_url, "0035")
    assert len(waits) == 2
    assert _revision(empty_postgres_url) == "0034"


def test_an_index_is_built_beside_writers_and_an_interrupted_one_is_built_anew(empty_postgres_url: str) -> None:
    migrate.upgrade(empty_postgres_url, "0047")
    indexes = (
        "SELECT c.relname, i.indisvalid, pg_get_indexdef(c.oid) LIKE '%disabled%' FROM pg_index i "
        "JOIN pg_class c ON c.oid = i.indexrelid WHERE c.relname LIKE '%skipped%' ORDER BY 1"
    )
    failed: list[Exception] = []

    def upgrade() -> None:
        try:
            migrate.upgrade(empty_postgres_url, "0048")
        except Exception as error:
            failed.append(error)

    with (
        closing(psycopg.connect(empty_postgres_url)) as old,
        psycopg.connect(empty_postgres_url, autocommit=True) as now,
    ):
        old.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        old.execute("SELECT count(*) FROM decisions")
        thread = threading.Thread(target=upgrade)
        thread.start()
        assert services.wait_until(lambda: bool(now.execute(BUILDING).fetchone()), timeout_seconds=30)
        now.execute("SET lock_timeout = 1000")
        for table in ("collections", "decisions"):
            now.execute(f"UPDATE {table} SET reason = reason")
        now.execute("SELECT pg_terminate_backend(%s)", now.execute(BUILDING).fetchone())
        thread.join()
        assert failed
        assert ("ix_collections_skipped_new", False, True) in now.execute(indexes).fetchall()
        old.rollback()
        migrate.upgrade(empty_postgres_url)
        assert now.execute(indexes).fetchall() == [
            ("ix_collections_skipped", True, True), ("ix_decisions_skipped", True, True),
        ]  # fmt: skip


def test_a_process_that_waits_does_not_hold_up_an_index_that_is_built(
    empty_postgres_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    migrate.upgrade(empty_postgres_url, "0047")
    with (
        closing(psycopg.connect(empty_postgres_url)) as old,
        psycopg.connect(empty_postgres_url, autocommit=True) as now,
        ThreadPoolExecutor(2) as pool,
    ):
        old.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        old.execute("SELECT count(*) FROM decisions")
        found = [pool.submit(migrate.upgrade, empty_postgres_url) for _ in range(2)]
        assert services.wait_until(
            lambda: bool(now.execute(BUILDING).fetchone()) and "another process migrates" in caplog.text,
            timeout_seconds=30,
        )
        old.rollback()
        assert [each.result(timeout=60) for each in found] == [None, None]
    assert _revision(empty_postgres_url) == migrate.head_revision()
