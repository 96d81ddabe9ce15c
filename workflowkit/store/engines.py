"""SQLAlchemy's engines for SQLite and PostgreSQL: how they connect, how long they wait, and how they begin."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

#: How long a statement may wait for SQLite's write lock, or for a PostgreSQL lock.
LOCK_TIMEOUT_MS = 15_000
STATEMENT_TIMEOUT_MS = 60_000
#: A worker that stops between two statements gives its locks back after this. Nothing but our own code runs there.
IDLE_IN_TRANSACTION_TIMEOUT_MS = 5_000
CONNECT_TIMEOUT_SECONDS = 5
TCP_USER_TIMEOUT_MS = 10_000

#: The option of an engine whose connections do not begin transactions.
READ_ONLY = "workflowkit_read_only"
#: By whether it is PostgreSQL. SQLite's writers take the lock at once: one that reads first and writes later could not
#: be retried.
BEGIN = {True: "BEGIN", False: "BEGIN IMMEDIATE"}


def create_engine(url: sa.URL, pool_size: int) -> sa.Engine:
    """Return the engine for a database; nothing is connected until first used."""
    is_sqlite = url.get_backend_name() == "sqlite"
    engine = _create_sqlite_engine(url, pool_size) if is_sqlite else _create_postgresql_engine(url, pool_size)

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        # The drivers commit each statement by themselves unless BEGIN was said, by us.
        if not connection.get_execution_options().get(READ_ONLY):
            connection.exec_driver_sql(BEGIN[not is_sqlite])

    return engine


def _create_postgresql_engine(url: sa.URL, pool_size: int) -> sa.Engine:
    options = {
        "statement_timeout": STATEMENT_TIMEOUT_MS,
        "lock_timeout": LOCK_TIMEOUT_MS,
        "idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION_TIMEOUT_MS,
        # To compile a statement takes longer than any of ours; where estimates are high the server would.
        "jit": "off",
    }
    return sa.create_engine(
        url.set(drivername="postgresql+psycopg"),
        isolation_level="AUTOCOMMIT",
        pool_size=pool_size,
        max_overflow=pool_size,
        # The connection used last has the statements prepared, and its server process is warm.
        pool_use_lifo=True,
        pool_recycle=1800,
        connect_args={
            "connect_timeout": CONNECT_TIMEOUT_SECONDS,
            "prepare_threshold": 1,
            "tcp_user_timeout": TCP_USER_TIMEOUT_MS,
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "options": " ".join(f"-c {name}={value}" for name, value in options.items()),
        },
    )


def _create_sqlite_engine(url: sa.URL, pool_size: int) -> sa.Engine:
    engine = sa.create_engine(
        url, pool_size=pool_size, max_overflow=pool_size, poolclass=sa.pool.QueuePool,
        connect_args={"timeout": LOCK_TIMEOUT_MS / 1000, "check_same_thread": False},
    )  # fmt: skip

    @sa.event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode = WAL")
        # NORMAL survives a killed process; a power cut may lose the last commits (docs/guarantees.md).
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")

    return engine
