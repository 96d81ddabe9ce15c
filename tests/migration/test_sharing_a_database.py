"""A database that the application uses and migrates too: its version table, and its names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from workflowkit.base.errors import Conflict
from workflowkit.cli.root import cli
from workflowkit.store import migrate, versions
from workflowkit.store.database import Database
from workflowkit.store.schema import metadata

HOST_REVISION = "3f2a1bc9d0e1"


@pytest.fixture(params=["sqlite", "postgresql"])
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database without any table of ours."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'shared.db'}"
    else:
        url = request.getfixturevalue("empty_postgres_url")
    database = Database.open(url)
    yield database
    database.close()


def _url(database: Database) -> str:
    return database.engine.url.set(drivername=database.engine.dialect.name).render_as_string(hide_password=False)


def _run(database: Database, *statements: str) -> None:
    with database.engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def _tables(database: Database) -> set[str]:
    return set(sa.inspect(database.engine).get_table_names())


def _revisions(database: Database, table: str) -> set[str]:
    with database.read() as tx:
        return set(tx.connection.scalars(sa.select(sa.table(table, sa.column("version_num")))))


def _have_host_revision(database: Database, *revisions: str) -> None:
    _run(
        database,
        "CREATE TABLE alembic_version (version_num VARCHAR(32) PRIMARY KEY)",
        *(f"INSERT INTO alembic_version VALUES ('{revision}')" for revision in revisions),
    )


def _as_before(database: Database, revision: str, *others: str) -> None:
    """Make an installation of the time when our revision stood in Alembic's default table."""
    migrate.upgrade(_url(database), revision)
    _run(database, f"DROP TABLE {versions.VERSION_TABLE}")
    _have_host_revision(database, revision, *others)


def test_what_migrations_make_is_what_the_code_has() -> None:
    made = [name for names in versions.tables_of_revisions().values() for name in names]
    assert sorted(made) == sorted(metadata.tables)


@pytest.mark.parametrize("revision", [HOST_REVISION, "0007", migrate.head_revision()])
def test_the_version_of_an_application_is_not_taken_for_ours(shared: Database, revision: str) -> None:
    _have_host_revision(shared, revision)
    _run(shared, "CREATE TABLE orders (id INTEGER PRIMARY KEY)")
    assert migrate.current_revision(shared) is None
    migrate.upgrade(_url(shared))
    migrate.upgrade(_url(shared))
    assert _revisions(shared, "alembic_version") == {revision}
    assert _revisions(shared, "workflowkit_version") == {migrate.head_revision()}
    assert migrate.trouble(shared) is None


def test_no_table_of_alembic_is_made_that_an_application_would_find(shared: Database) -> None:
    migrate.upgrade(_url(shared))
    assert "alembic_version" not in _tables(shared)


@pytest.mark.parametrize("revision", ["0040", migrate.head_revision()])
@pytest.mark.parametrize("others", [(), (HOST_REVISION,)])
def test_an_installation_of_before_is_taken_over(shared: Database, revision: str, others: tuple[str, ...]) -> None:
    _as_before(shared, revision, *others)
    assert migrate.current_revision(shared) == revision
    assert "workflowkit migrate" in str(migrate.trouble(shared))
    migrate.upgrade(_url(shared))
    migrate.upgrade(_url(shared))
    assert _revisions(shared, "workflowkit_version") == {migrate.head_revision()}
    assert migrate.trouble(shared) is None
    if others:
        assert _revisions(shared, "alembic_version") == set(others)
    else:
        assert "alembic_version" not in _tables(shared)


def test_taking_over_that_is_interrupted_is_done_again(shared: Database) -> None:
    head = migrate.head_revision()
    _as_before(shared, head)
    with shared.engine.connect() as connection:
        versions.take_over(connection)
        connection.rollback()
    assert _revisions(shared, "alembic_version") == {head}
    assert migrate.current_revision(shared) == head
    migrate.upgrade(_url(shared))
    assert _revisions(shared, "workflowkit_version") == {head}


def test_a_database_with_names_that_are_needed_is_refused_and_not_changed(
    shared: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    _have_host_revision(shared, HOST_REVISION)
    _run(
        shared,
        "CREATE TABLE users (id INTEGER PRIMARY KEY)",
        "CREATE TABLE orders (id INTEGER PRIMARY KEY)",
        "CREATE VIEW jobs AS SELECT id FROM users",
    )
    before = _tables(shared)
    with pytest.raises(Conflict, match=r"jobs, users\. Nothing is changed"):
        migrate.upgrade(_url(shared))
    monkeypatch.setenv("WORKFLOWKIT_DATABASE_URL", _url(shared))
    for command in (["migrate"], ["migrate", "--check"], ["doctor"]):
        said = CliRunner().invoke(cli, command)
        assert said.exit_code == 1
        assert isinstance(said.exception, SystemExit)
        assert "jobs, users" in " ".join(said.output.split()), said.output
    assert _tables(shared) == before
    _run(shared, "DROP VIEW jobs", "ALTER TABLE users RENAME TO people")
    migrate.upgrade(_url(shared))
    assert migrate.trouble(shared) is None


def test_names_count_for_what_is_still_to_be_made(shared: Database) -> None:
    migrate.upgrade(_url(shared), "0015")
    _run(shared, "CREATE TABLE users (id INTEGER PRIMARY KEY)")
    with pytest.raises(Conflict, match=": users"):
        migrate.upgrade(_url(shared))
    assert migrate.current_revision(shared) == "0015"
    _run(shared, "DROP TABLE users")
    migrate.upgrade(_url(shared))
    _run(shared, "CREATE TABLE orders (id INTEGER PRIMARY KEY)")
    migrate.upgrade(_url(shared))
    assert migrate.trouble(shared) is None


def test_a_type_has_the_name_of_a_table_too(empty_postgres_url: str) -> None:
    database = Database.open(empty_postgres_url)
    _run(database, "CREATE TYPE messages AS ENUM ('short', 'long')")
    with pytest.raises(Conflict, match=": messages"):
        migrate.upgrade(empty_postgres_url)
    database.close()
