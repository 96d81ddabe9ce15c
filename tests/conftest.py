"""Fixtures every test may use: clean databases on every back end, a clean Redis, and checks for leaks.

`DATABASE_URL` and `REDIS_URL` name servers to use; without them the first test that needs one starts a private server
(tests/services.py). Nothing is started for a run that needs neither. On a given server the tests work in databases of
their own and touch no other data.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sqlite3
import threading
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import services
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    import psycopg
    import redis

_LEAK_GRACE_SECONDS = 10.0
_SERVER_VARIABLES = ("DATABASE_URL", "REDIS_URL")
_started: list[services.Server] = []

# The same examples every time, and none is judged by the clock of a busy machine. To look for new ones:
# ./wk test --hypothesis-profile=search
_untimed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("search", _untimed)
settings.register_profile("gate", _untimed, derandomize=True, database=None)
settings.load_profile("gate")


def pytest_configure() -> None:
    """Keep the developer's own settings out of the tests."""
    for name in list(os.environ):
        if name.startswith("WORKFLOWKIT_") and not name.startswith("WORKFLOWKIT_TEST_"):
            del os.environ[name]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which servers the tests really used."""
    for server in _started:
        terminalreporter.write_line(f"used a private {server.program}, started in {server.start_seconds:.2f} s")


@pytest.fixture(scope="session", autouse=True)
def given_servers() -> Iterator[Mapping[str, str]]:
    """Servers named by the environment, which the tests and the processes they start then no longer see."""
    given = {name: os.environ[name] for name in _SERVER_VARIABLES if os.environ.get(name)}
    with pytest.MonkeyPatch.context() as patch:
        for name in _SERVER_VARIABLES:
            patch.delenv(name, raising=False)
        yield given


@pytest.fixture(autouse=True)
def _no_leaked_threads() -> Iterator[None]:
    """Fail a test that leaves a thread behind which would keep the process alive."""
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + _LEAK_GRACE_SECONDS
    for thread in set(threading.enumerate()) - before:
        if not thread.daemon:
            thread.join(timeout=max(0.0, deadline - time.monotonic()))
            if thread.is_alive():
                pytest.fail(f"the test left thread {thread.name!r} running")


@pytest.fixture(scope="session")
def postgres_server(given_servers: Mapping[str, str]) -> Iterator[str]:
    """URL of a PostgreSQL database from which others may be created."""
    if given := given_servers.get("DATABASE_URL"):
        yield _libpq_url(given)
        return
    server = services.start_postgres()
    _started.append(server)
    yield server.url
    server.stop()


@pytest.fixture(scope="session")
def redis_server(given_servers: Mapping[str, str]) -> Iterator[str]:
    """URL of a Redis server."""
    if given := given_servers.get("REDIS_URL"):
        yield given
        return
    server = services.start_redis()
    _started.append(server)
    yield server.url
    server.stop()


@pytest.fixture
def empty_postgres_url(postgres_server: str) -> Iterator[str]:
    """A new database without any table."""
    with _new_database(postgres_server) as (url, _):
        yield url


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> Iterator[str]:
    """Name of a migrated database to copy others from; nothing may be connected to it."""
    from workflowkit.store import migrate

    with _new_database(postgres_server) as (url, name):
        migrate.upgrade(url)
        yield name


@pytest.fixture(scope="session")
def _postgres_session(postgres_server: str, postgres_template: str) -> Iterator[tuple[str, psycopg.Connection]]:
    with _new_database(postgres_server, template=postgres_template) as (url, _), closing(_connect(url)) as connection:
        yield url, connection


@pytest.fixture
def postgres_url(_postgres_session: tuple[str, psycopg.Connection]) -> Iterator[str]:
    """A migrated PostgreSQL database without any row."""
    from workflowkit.store import engines

    url, connection = _postgres_session
    connection.execute(_cleaning_statement(connection))
    with pytest.MonkeyPatch.context() as patch:
        # A machine that stands still for some seconds ends no transaction of a test.
        patch.setattr(engines, "IDLE_IN_TRANSACTION_TIMEOUT_MS", 60_000)
        yield url
    _fail_on_open_transactions(connection)


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from workflowkit.store import migrate

    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    migrate.upgrade(f"sqlite:///{path}")
    with closing(sqlite3.connect(path)) as connection:  # all of it in the one file that is copied
        connection.execute("pragma wal_checkpoint(truncate)")
    return path


@pytest.fixture
def sqlite_url(_sqlite_template: Path, tmp_path: Path) -> str:
    """A migrated SQLite database file without any row."""
    path = tmp_path / "workflowkit.db"
    shutil.copyfile(_sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A migrated, empty database; the test runs once on each back end."""
    name = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    url: str = request.getfixturevalue(name)
    return url


@pytest.fixture(scope="session")
def _redis_session(redis_server: str) -> Iterator[tuple[str, redis.Redis]]:
    import redis

    with closing(redis.Redis.from_url(redis_server)) as probe:
        # SAFETY: what we flush between tests held no key when we came, so it is nobody else's data.
        number, held = _empty_redis_database(probe, redis_server)
    url = _with_database(redis_server, str(number))
    with closing(redis.Redis.from_url(url)) as client:
        yield url, client
    held.release()


@pytest.fixture
def redis_url(_redis_session: tuple[str, redis.Redis]) -> Iterator[str]:
    """A Redis database without any key."""
    url, client = _redis_session
    client.flushdb()
    yield url
    client.flushdb()


def _connect(url: str) -> psycopg.Connection:
    import psycopg

    return psycopg.connect(url, autocommit=True)


@contextmanager
def _new_database(server_url: str, *, template: str = "template0") -> Iterator[tuple[str, str]]:
    """Make a database and drop it afterwards; yields its URL and name."""
    name = f"workflowkit_test_{secrets.token_hex(6)}"
    with closing(_connect(server_url)) as admin:
        admin.execute(f'create database "{name}" template "{template}" encoding \'UTF8\'')
        try:
            yield _with_database(server_url, name), name
        finally:
            admin.execute(f'drop database "{name}" with (force)')


def _with_database(url: str, name: str) -> str:
    scheme, _, rest = url.partition("://")
    place, question, query = rest.partition("?")
    return f"{scheme}://{place.partition('/')[0]}/{name}{question}{query}"


def _libpq_url(url: str) -> str:
    return "postgresql://" + url.partition("://")[2]


def _cleaning_statement(connection: psycopg.Connection) -> str:
    """One batch that empties every table: 0.6-0.95 ms for 25 tables, where TRUNCATE takes 17-26 ms."""
    rows = connection.execute("select tablename from pg_tables where schemaname = current_schema()").fetchall()
    tables = [f'"{name}"' for (name,) in rows if name != "workflowkit_version"]
    if not _is_superuser(connection):  # may not switch foreign keys off
        return f"truncate {', '.join(tables)}"
    deletes = "; ".join(f"delete from {table}" for table in tables)
    # A test that has analyzed the tables leaves their statistics: of other rows, or none.
    forget = (
        "update pg_class set reltuples = -1, relpages = 0"
        " where relnamespace = current_schema()::regnamespace and relkind in ('r', 'i') and relpages > 0"
    )
    return f"set session_replication_role = replica; {deletes}; {forget}; set session_replication_role = default"


def _is_superuser(connection: psycopg.Connection) -> bool:
    row = connection.execute("select rolsuper from pg_roles where rolname = current_user").fetchone()
    return bool(row and row[0])


def _fail_on_open_transactions(connection: psycopg.Connection) -> None:
    """End and report what a test left in the middle of a transaction. A killed client's session ends by itself."""
    where = "datname = current_database() and pid <> pg_backend_pid() and state like 'idle in transaction%'"

    def left() -> list[tuple[Any, ...]]:
        return connection.execute(f"select query from pg_stat_activity where {where}").fetchall()

    if not services.wait_until(lambda: not left(), timeout_seconds=_LEAK_GRACE_SECONDS):
        queries = [row[0] for row in left()]
        connection.execute(f"select pg_terminate_backend(pid) from pg_stat_activity where {where}")
        pytest.fail(f"the test left transactions open; their last statements: {queries}")


def _empty_redis_database(probe: redis.Redis, url: str) -> tuple[int, services.Held]:
    """Return a database without a key, and what keeps other test sessions out of it."""
    import redis

    for number in reversed(range(int(probe.config_get("databases")["databases"] or 1))):
        place = _with_database(url, str(number))
        with closing(redis.Redis.from_url(place)) as client:
            if held := services.hold(f"redis-{zlib.crc32(place.encode()):08x}"):
                if client.dbsize() == 0:
                    return number, held
                held.release()
    raise services.ServerUnavailable(f"every database of {url} holds data; the tests need an empty one")
