"""SQLAlchemy's engines for SQLite and PostgreSQL: how they connect, how long they wait, and how they begin."""

from __future__ import annotations

import select
import sqlite3
import time
from typing import Any

import sqlalchemy as sa

from workflowkit.base.errors import InvalidInput
from workflowkit.base.settings import is_schema_name

#: How long a statement may wait for SQLite's write lock, or for a PostgreSQL lock.
LOCK_TIMEOUT_MS = 15_000
STATEMENT_TIMEOUT_MS = 60_000
#: A worker that stops between two statements gives its locks back after this. Nothing but our own code runs there.
IDLE_IN_TRANSACTION_TIMEOUT_MS = 5_000
CONNECT_TIMEOUT_SECONDS = 5
TCP_USER_TIMEOUT_MS = 10_000
#: How long a migration waits for a lock on a table: whoever comes to the table meanwhile waits behind it.
MIGRATION_LOCK_TIMEOUT_MS = 2_000

_RETRY_SECONDS = 0.01

#: The option of an engine whose connections do not begin transactions.
READ_ONLY = "workflowkit_read_only"
#: By whether it is PostgreSQL. SQLite's writers take the lock at once: one that reads first and writes later could not
#: be retried.
BEGIN = {True: "BEGIN", False: "BEGIN IMMEDIATE"}


def create_engine(url: sa.URL, pool_size: int, schema: str | None = None) -> sa.Engine:
    """Return the engine for a database; nothing is connected until first used.

    ``schema`` is where our tables are, on PostgreSQL.
    """
    if _is_sqlite(url):
        return _create_sqlite_engine(url, pool_size, LOCK_TIMEOUT_MS)
    engine = sa.create_engine(
        _with_driver(url),
        isolation_level="AUTOCOMMIT",
        pool_size=pool_size,
        max_overflow=pool_size,
        # The connection used last has the statements prepared, and its server process is warm.
        pool_use_lifo=True,
        pool_recycle=1800,
        connect_args=_postgresql_arguments(
            url, schema, statement_timeout=STATEMENT_TIMEOUT_MS, lock_timeout=LOCK_TIMEOUT_MS
        ),
    )
    sa.event.listen(engine, "checkout", _leave_what_is_gone)
    _begin_by_ourselves(engine)
    return engine


def create_migrating_engine(url: sa.URL, schema: str | None = None) -> sa.Engine:
    """Return the engine for migrations of a database: statements take as long as they take, but wait for no table long.

    Transactions are the driver's, so that a migration may step out of them (``autocommit_block``).
    """
    if _is_sqlite(url):
        return _create_sqlite_engine(url, 1, MIGRATION_LOCK_TIMEOUT_MS)
    return sa.create_engine(
        _with_driver(url),
        poolclass=sa.pool.NullPool,
        connect_args=_postgresql_arguments(
            url,
            schema,
            statement_timeout=0,
            lock_timeout=MIGRATION_LOCK_TIMEOUT_MS,
            # Others wait for this process without an end: the server shall notice that its machine is gone.
            tcp_keepalives_idle=10,
            tcp_keepalives_interval=5,
            tcp_keepalives_count=3,
        ),
    )


def _leave_what_is_gone(connection: Any, _record: Any, _fairy: Any) -> None:
    """Take no connection out of the pool that the server has closed while it lay there: the pool makes a new one.

    Nobody but the server writes to it meanwhile, and it does so to say farewell. So mostly nothing is asked.
    """
    socket = select.poll()
    socket.register(connection.fileno(), select.POLLIN)
    if not socket.poll(0):
        return
    try:
        connection.execute("SELECT 1")
    except Exception as error:
        raise sa.exc.DisconnectionError("the server has closed the connection") from error


def _is_sqlite(url: sa.URL) -> bool:
    """Tell which of the two databases a URL names. Raises ``InvalidInput`` for any other."""
    name = url.get_backend_name()
    if name not in ("sqlite", "postgresql", "postgres"):
        raise InvalidInput.at(
            "/database_url", "invalid-value", f"must begin with postgresql:// or sqlite:///, got {name}://"
        )
    return name == "sqlite"


def _with_driver(url: sa.URL) -> sa.URL:
    return url.set(drivername="postgresql+psycopg")


def _postgresql_arguments(url: sa.URL, schema: str | None, **options: int) -> dict[str, Any]:
    settings: dict[str, object] = {
        "idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION_TIMEOUT_MS,
        # To compile a statement takes longer than any of ours; where estimates are high the server would.
        "jit": "off",
        **options,
    }
    if schema is not None:
        if not is_schema_name(schema):
            raise InvalidInput.at("/database_schema", "invalid-value", f"{schema!r} cannot be the name of a schema")
        settings["search_path"] = schema
    return {
        "connect_timeout": CONNECT_TIMEOUT_SECONDS,
        "prepare_threshold": 1,
        "tcp_user_timeout": TCP_USER_TIMEOUT_MS,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        # What the URL says comes first: of two that say the same, PostgreSQL takes the last.
        "options": " ".join((*_options(url), *(f"-c {name}={value}" for name, value in settings.items()))),
    }


def _options(url: sa.URL) -> tuple[str, ...]:
    said = url.query.get("options", ())
    return (said,) if isinstance(said, str) else said


def _create_sqlite_engine(url: sa.URL, pool_size: int, lock_timeout_ms: int) -> sa.Engine:
    engine = sa.create_engine(
        url, pool_size=pool_size, max_overflow=pool_size, poolclass=sa.pool.QueuePool,
        connect_args={"timeout": lock_timeout_ms / 1000, "check_same_thread": False},
    )  # fmt: skip

    @sa.event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        _use_wal(connection)
        # NORMAL survives a killed process; a power cut may lose the last commits (docs/guarantees.md).
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")

    _begin_by_ourselves(engine)
    return engine


def _use_wal(connection: sqlite3.Connection) -> None:
    for _ in range(int(LOCK_TIMEOUT_MS / 1000 / _RETRY_SECONDS)):
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
            # Others open the new file at the same moment. Here SQLite waits for nobody, whatever its time-out.
            time.sleep(_RETRY_SECONDS)
        else:
            return
    connection.execute("PRAGMA journal_mode = WAL")


def _begin_by_ourselves(engine: sa.Engine) -> None:
    begin = BEGIN[engine.dialect.name == "postgresql"]

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        # The drivers commit each statement by themselves unless BEGIN was said, by us.
        if not connection.get_execution_options().get(READ_ONLY):
            connection.exec_driver_sql(begin)
