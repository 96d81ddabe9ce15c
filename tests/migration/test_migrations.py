"""Migrations bring any database to the schema that the code expects, on both databases."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from workflowkit.assets import asset_dir
from workflowkit.base.scope import DEFAULT_SCOPE
from workflowkit.store import migrate, totals, workflows
from workflowkit.store.database import Database
from workflowkit.store.schema import metadata


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.db'}"
    url: str = request.getfixturevalue("empty_postgres_url")
    return url


def _shape(engine: sa.Engine) -> dict[str, object]:
    """Return what an inspector sees of every table, without what differs between two equal schemas."""
    inspector = sa.inspect(engine)
    return {
        table: {
            "columns": [(c["name"], str(c["type"]), c["nullable"], c["default"]) for c in inspector.get_columns(table)],
            "key": inspector.get_pk_constraint(table)["constrained_columns"],
            "indexes": sorted(
                (i["name"] or "", tuple(i["column_names"]), i["unique"]) for i in inspector.get_indexes(table)
            ),
            "checks": sorted(c["name"] or "" for c in inspector.get_check_constraints(table)),
            "foreign": sorted(str(f["constrained_columns"]) for f in inspector.get_foreign_keys(table)),
        }
        for table in sorted(inspector.get_table_names())
        if table != "workflowkit_version"
    }


@pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression-based index:UserWarning")
def test_a_migrated_database_has_the_schema_of_the_code(empty_url: str, tmp_path: Path) -> None:
    migrate.upgrade(empty_url)
    database = Database.open(empty_url)
    with database.engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={"compare_type": True, "compare_server_default": True, "version_table": "workflowkit_version"},
        )
        assert compare_metadata(context, metadata) == []
    migrated = _shape(database.engine)
    with database.engine.begin() as connection:
        metadata.drop_all(connection)
        metadata.create_all(connection)
    assert _shape(database.engine) == migrated
    database.close()


def test_upgrading_again_changes_nothing(empty_url: str) -> None:
    migrate.upgrade(empty_url)
    database = Database.open(empty_url)
    before = _shape(database.engine)
    migrate.upgrade(empty_url)
    assert _shape(database.engine) == before
    assert migrate.current_revision(database) == migrate.head_revision()
    database.close()


def test_an_empty_database_has_no_revision(empty_url: str) -> None:
    database = Database.open(empty_url)
    assert migrate.current_revision(database) is None
    database.close()


def test_processes_that_start_together_migrate_once(empty_postgres_url: str) -> None:
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(migrate.upgrade, [empty_postgres_url] * 3))
    database = Database.open(empty_postgres_url)
    assert migrate.current_revision(database) == migrate.head_revision()
    database.close()


def test_migrations_are_named_for_when_they_may_run() -> None:
    names = [path.name for path in (asset_dir("migrations") / "versions").glob("*.py")]
    assert names
    assert all(re.fullmatch(r"\d{4}_(pre|post)_[a-z0-9_]+\.py", name) for name in names)


def test_versions_from_before_have_neither_author_nor_note(empty_url: str) -> None:
    migrate.upgrade(empty_url, "0036")
    database = Database.open(empty_url)
    with database.engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO workflows (environment, tenant, id, name, enabled, created_at_ms, updated_at_ms) "
            "VALUES ('default', 'default', 'w', 'w', true, 1, 1)"
        )
        connection.exec_driver_sql(
            "INSERT INTO workflow_versions (environment, tenant, workflow_id, version, hash, document, created_at_ms) "
            "VALUES ('default', 'default', 'w', 1, 'h', '{}', 1)"
        )
    migrate.upgrade(empty_url)
    with database.read() as tx:
        version = workflows.get_version(tx, DEFAULT_SCOPE, "w", 1)
    assert (version.created_at_ms, version.published_by, version.note) == (1, None, None)
    database.close()


def test_what_unfinished_runs_may_read_is_known_after_an_upgrade(empty_url: str) -> None:
    migrate.upgrade(empty_url, "0034")
    database = Database.open(empty_url)
    with database.engine.begin() as connection:
        for run_id, finished_at_ms, flow in (
            ("open", None, None), ("ended", 1, None), ("batch", 1, '{"score_ms":1,"collection":"c1"}'),
        ):  # fmt: skip
            connection.execute(
                sa.text(
                    "INSERT INTO runs (id, environment, tenant, workflow_id, version, event_id, status, revision, "
                    "depth, handled_failures, created_at_ms, finished_at_ms, flow) VALUES (:id, 'default', 'default', "
                    "'w', 1, 'e', 'completed', 1, 0, 0, 1, :finished_at_ms, :flow)"
                ),
                {"id": run_id, "finished_at_ms": finished_at_ms, "flow": flow},
            )
        for run_id, kind, state, result in (
            ("open", "event", "received", '"e1"'), ("open", "signal", "received", '"e2"'),
            ("open", "event", "open", None),
            ("open", "event", "received", '{"sealed":"x"}'), ("ended", "event", "received", '"e3"'),
        ):  # fmt: skip
            connection.execute(
                sa.text(
                    "INSERT INTO waits (id, run_id, wait_key, step_key, kind, environment, tenant, name, match_key, "
                    "state, result, created_at_ms) VALUES (:id, :run_id, 'k', 's', :kind, 'default', 'default', 'n', "
                    "'', :state, :result, 1)"
                ),
                {"id": f"{run_id}{kind}{result}", "run_id": run_id, "kind": kind, "state": state, "result": result},
            )
    migrate.upgrade(empty_url)
    with database.engine.begin() as connection:
        known = connection.exec_driver_sql("SELECT result, event_id FROM waits WHERE event_id IS NOT NULL").fetchall()
        batches = connection.exec_driver_sql("SELECT id, collection_id FROM runs WHERE collection_id IS NOT NULL")
        assert (known, batches.fetchall()) == ([('"e1"', "e1")], [("batch", "c1")])
    database.close()


@pytest.mark.parametrize(("ends", "mark_ms"), [((None, 5, 9, 7), 10), ((None,), 0)])
def test_runs_that_ended_before_an_upgrade_are_not_counted(
    empty_url: str, ends: tuple[int | None, ...], mark_ms: int
) -> None:
    migrate.upgrade(empty_url, "0035")
    database = Database.open(empty_url)
    with database.engine.begin() as connection:
        for number, finished_at_ms in enumerate(ends):
            connection.execute(
                sa.text(
                    "INSERT INTO runs (id, environment, tenant, workflow_id, version, event_id, status, revision, "
                    "depth, handled_failures, created_at_ms, finished_at_ms) VALUES (:id, 'default', 'default', "
                    "'w', 1, 'e', :status, 1, 0, 0, 1, :finished_at_ms)"
                ),
                {
                    "id": str(number), "finished_at_ms": finished_at_ms,
                    "status": "running" if finished_at_ms is None else "completed",
                },
            )  # fmt: skip
    migrate.upgrade(empty_url)
    with database.read() as tx:
        counted = totals.count(tx, own_tenant="default", tenants=(), most_workflows=5)
        assert totals.mark(tx) == mark_ms
    assert [(each.status, each.run_count) for each in counted] == [("running", 1)]
    database.close()


def test_who_made_a_key_is_known_from_the_audit_log(empty_url: str) -> None:
    migrate.upgrade(empty_url, "0051")
    database = Database.open(empty_url)
    with database.engine.begin() as connection:
        for key in ("a", "b"):
            connection.exec_driver_sql(
                "INSERT INTO api_keys (id, environment, tenant, name, prefix, key_hash, scopes, created_at_ms)"
                f" VALUES ('{key}', 'e', 't', 'n', 'p', '{key}', '[]', 1)"
            )
        connection.exec_driver_sql(
            "INSERT INTO audit_log (environment, tenant, seq, at_ms, actor, address, action, subject, hash)"
            " VALUES ('e', 't', 1, 1, 'user:eve', '', 'key.created', 'key:a', 'h')"
        )
    migrate.upgrade(empty_url)
    with database.engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT id, created_by FROM api_keys ORDER BY id").fetchall()
    assert [tuple(row) for row in found] == [("a", "user:eve"), ("b", None)]
    database.close()
