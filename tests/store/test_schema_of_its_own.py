"""``database_schema``: our tables apart from the application's, in one database and in its transactions."""

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic, sleep
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from sqlalchemy.orm import Session

from workflowkit import Settings, WorkflowKit
from workflowkit.base.errors import InvalidInput
from workflowkit.cli.root import cli
from workflowkit.store import migrate
from workflowkit.store.database import Database
from workflowkit.store.schema import metadata

EVENT = {"name": "shop/order.placed", "id": "order-1", "data": {}}
HOST_TABLES = ("alembic_version", "events", "jobs", "users")
DOCUMENT = {
    "name": "Reserve",
    "trigger": {"event": "shop/*"},
    "actions": [{"id": "reserve", "kind": "set", "inputs": {"x": 1}}],
    "edges": [{"from": "$source", "to": "reserve"}],
}


@pytest.fixture
def host(empty_postgres_url: str) -> Iterator[sa.Engine]:
    """The engine of an application that has tables with names of ours."""
    engine = sa.create_engine(empty_postgres_url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        for name in HOST_TABLES:
            connection.exec_driver_sql(f"CREATE TABLE {name} (version_num VARCHAR(32) PRIMARY KEY)")
        connection.exec_driver_sql("INSERT INTO alembic_version VALUES ('0007')")
    yield engine
    engine.dispose()


def _kit(url: str, schema: str = "flows") -> WorkflowKit:
    kit = WorkflowKit("shop", database_url=url, database_schema=schema)
    kit.migrate()
    return kit


@pytest.fixture
def kit(host: sa.Engine, empty_postgres_url: str) -> Iterator[WorkflowKit]:
    made = _kit(empty_postgres_url)
    yield made
    made.stop()
    made.runtime.database.close()


def _events(kit: WorkflowKit) -> int:
    with kit.runtime.database.read() as tx:
        return int(tx.connection.exec_driver_sql("SELECT count(*) FROM events").scalar() or 0)


def _path(connection: Any) -> str:
    return str(connection.execute(sa.text("SHOW search_path")).scalar())


def test_nothing_of_the_application_is_touched(host: sa.Engine, kit: WorkflowKit) -> None:
    kit.migrate()
    found = sa.inspect(host)
    assert sorted(found.get_table_names()) == sorted(HOST_TABLES)
    assert sorted(found.get_table_names(schema="flows")) == sorted([*metadata.tables, "workflowkit_version"])
    with host.connect() as connection:
        assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").all() == [("0007",)]
        functions = connection.exec_driver_sql(
            "SELECT DISTINCT n.nspname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace "
            "WHERE p.proname LIKE 'workflowkit%%'"
        )
        assert functions.all() == [("flows",)]


def test_events_are_a_part_of_its_transactions(host: sa.Engine, kit: WorkflowKit) -> None:
    with Session(host) as session:
        before = _path(session)
        session.execute(sa.text("INSERT INTO users VALUES ('ann')"))
        kit.send(EVENT, session=session)
        assert _path(session) == before
        session.execute(sa.text("INSERT INTO events VALUES ('of the application')"))
        session.rollback()
        assert (_events(kit), _path(session)) == (0, before)
        kit.send([EVENT, {"name": "shop/order.paid", "data": {}}], session=session)
        session.execute(sa.text("INSERT INTO events VALUES ('of the application')"))
        session.commit()
        assert (_events(kit), _path(session)) == (2, before)
        assert session.execute(sa.text("SELECT * FROM events")).all() == [("of the application",)]


def test_a_search_path_of_the_application_stays(host: sa.Engine, kit: WorkflowKit) -> None:
    with host.connect() as connection:
        connection.exec_driver_sql("CREATE SCHEMA other")
        connection.exec_driver_sql("SET search_path = other, public")
        kit.send(EVENT, session=connection)
        assert _path(connection) == "other, public"
        connection.commit()
        assert _path(connection) == "other, public"
        connection.exec_driver_sql("SET LOCAL search_path = ''")
        kit.send({**EVENT, "id": "order-2"}, session=connection)
        assert _path(connection) == '""'
        connection.commit()
        assert _path(connection) == "other, public"


@pytest.mark.parametrize("fails_in_the_server", [True, False])
def test_the_search_path_is_put_back_where_something_fails(
    host: sa.Engine, kit: WorkflowKit, monkeypatch: pytest.MonkeyPatch, fails_in_the_server: bool
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        if fails_in_the_server:
            connection.exec_driver_sql("SELECT 1 / 0")
        raise ZeroDivisionError

    with host.connect() as connection:
        before = _path(connection)
        kit.send(EVENT, session=connection)
        savepoint = connection.begin_nested()
        with monkeypatch.context() as patch:
            patch.setattr("workflowkit.store.events.insert", fail)
            with pytest.raises((sa.exc.DataError, ZeroDivisionError)):
                kit.send({**EVENT, "id": "order-2"}, session=connection)
        if not fails_in_the_server:
            assert _path(connection) == before
        savepoint.rollback()
        assert _path(connection) == before
        kit.send({**EVENT, "id": "order-3"}, session=connection)
        connection.commit()
    assert _events(kit) == 2


def test_two_installations_live_in_one_database(kit: WorkflowKit, empty_postgres_url: str) -> None:
    other = _kit(empty_postgres_url, "other")
    for each in (kit, other):
        each.publish("reserve", DOCUMENT)
        each.start(concurrency=2)
    kit.send([{**EVENT, "id": f"order-{number}"} for number in range(5)])
    other.send(EVENT)
    try:
        for each, count in ((kit, 5), (other, 1)):
            assert _finished(each, count) == ["completed"] * count
    finally:
        other.stop()
        other.runtime.database.close()


def _finished(kit: WorkflowKit, count: int) -> list[str]:
    ends_at, found = monotonic() + 60, []
    while monotonic() < ends_at:
        with kit.runtime.database.read() as tx:
            found = list(tx.connection.exec_driver_sql("SELECT status FROM runs").scalars())
        if found == ["completed"] * count:
            break
        sleep(0.05)
    return found


def test_commands_take_the_schema_of_the_settings(empty_postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKFLOWKIT_DATABASE_URL", empty_postgres_url)
    monkeypatch.setenv("WORKFLOWKIT_DATABASE_SCHEMA", "flows")
    assert CliRunner().invoke(cli, ["migrate", "--check"]).exit_code == 1
    assert CliRunner().invoke(cli, ["migrate"]).exit_code == 0
    said = CliRunner().invoke(cli, ["doctor"])
    assert said.exit_code == 0, said.output
    within = Database.open(empty_postgres_url, schema="flows")
    without = Database.open(empty_postgres_url)
    assert (migrate.trouble(within), migrate.current_revision(without)) == (None, None)
    within.close()
    without.close()


@pytest.mark.parametrize("name", ["Flows", "a-b", "pg_flows", "a, b", "", "1a", "x" * 64])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="schema"):
        Database.open("postgresql://h/d", schema=name)
    if name:
        with pytest.raises(ValueError, match="WORKFLOWKIT_DATABASE_SCHEMA"):
            Settings.from_environment({"WORKFLOWKIT_DATABASE_SCHEMA": name})


def test_sqlite_has_none(sqlite_url: str) -> None:
    database = Database.open(sqlite_url, schema="flows")
    assert (database.schema, migrate.trouble(database)) == (None, None)
    database.close()
