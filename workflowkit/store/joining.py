"""What a transaction of the host must be for events to be a part of it: of our database, and one that it will end."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from workflowkit.base.errors import InvalidInput
from workflowkit.store.database import Database

#: The drivers whose statements are written like ours, by SQLAlchemy's name of the database.
DRIVERS = {"postgresql": ("psycopg", "psycopg2"), "sqlite": ("pysqlite",)}
_ANY = sa.text("SELECT 1 FROM events LIMIT 1")
#: The statuses of transactions that libpq tells, through both drivers.
_IDLE, _IN_TRANSACTION = 0, 2
#: Sets the search path for the transaction, and tells what it was.
_ENTER = (
    "WITH was AS MATERIALIZED (SELECT current_setting('search_path') AS path) "
    "SELECT path, set_config('search_path', %s, true) FROM was"
)
_LEAVE = "SELECT set_config('search_path', %s, true)"
_WHERE = "SELECT current_database(), to_regclass('events')::oid::bigint, current_schema()"


def check(database: Database, connection: sa.Connection) -> None:
    """Raise ``InvalidInput`` unless what is written on ``connection`` is a part of a transaction of ``database``.

    Raises ``StoreUnavailable`` without the tables of this version. Whether it is the same database is asked once for
    each pool of connections.
    """
    database.require_tables()
    if connection.engine.pool is database.engine.pool:
        return
    ours, theirs = database.engine.dialect.name, connection.dialect.name
    if ours != theirs:
        raise refused(f"it is one to {theirs}, and the events are in {ours}: it must be one to the same database")
    if connection.dialect.driver not in DRIVERS[ours]:
        known = " or ".join(f"{ours}+{driver}" for driver in DRIVERS[ours])
        raise refused(f"its driver is {connection.dialect.driver}: connect with {known}, whose statements are ours")
    _check_transaction(connection)
    # Asked once for each pool: a wrong URL is wrong each time.
    if connection.engine.pool not in database.joined:
        _check_same(database, connection)
        database.joined.add(connection.engine.pool)


@contextmanager
def in_our_schema(database: Database, connection: sa.Connection) -> Iterator[None]:
    """Let names without a schema mean our tables, in a transaction of the host; afterwards they mean what they did.

    Until the end of the transaction at most: whatever happens, the next one is as it was.
    """
    if database.schema is None:
        yield
        return
    before = connection.exec_driver_sql(_ENTER, (database.schema,)).scalar()
    try:
        yield
    finally:
        # After an error of the server nothing can be said any more, and what takes the transaction back that far,
        # wholly or to a savepoint, takes this back as well.
        if _takes_statements(connection):
            connection.exec_driver_sql(_LEAVE, (before,))


def _takes_statements(connection: sa.Connection) -> bool:
    if connection.closed or connection.invalidated:
        return False
    return _transaction_status(connection.connection.dbapi_connection) == _IN_TRANSACTION


def _transaction_status(driver: Any) -> int:
    own: Any = getattr(driver, "driver_connection", driver)  # behind SQLAlchemy's adapter for async drivers
    return int(own.info.transaction_status)


def refused(reason: str) -> InvalidInput:
    """Return the error for what was given as ``session=`` and cannot be one."""
    return InvalidInput.at("/session", "invalid-value", f"session= cannot be used: {reason}")


def _check_transaction(connection: sa.Connection) -> None:
    """Refuse a connection that commits each statement by itself: a rollback would leave the events there."""
    began = not connection.in_transaction()
    if began:
        connection.begin()
    if not _commits_each(connection.connection.dbapi_connection, is_sqlite=connection.dialect.name == "sqlite"):
        return
    if began:
        connection.rollback()
    raise refused(
        "its connection is in AUTOCOMMIT, where each statement is committed by itself, so that the events would stay "
        "after a rollback: use an isolation level with transactions, or send without session="
    )


def _commits_each(driver: Any, *, is_sqlite: bool) -> bool:
    """Tell whether a driver's connection is in no transaction, nor will be with the next statement."""
    if is_sqlite:
        by_itself = driver.isolation_level is None or getattr(driver, "autocommit", None) is True
        return by_itself and not driver.in_transaction
    if not driver.autocommit:
        return False
    # SAFETY: I1 — whoever said BEGIN on such a connection, as an engine of ours does, is in a transaction all the same.
    return _transaction_status(driver) == _IDLE


def _check_same(database: Database, connection: sa.Connection) -> None:
    with database.read() as tx:
        ours = _place(tx.connection)
        tx.connection.execute(_ANY)  # says so if there are no tables at all
    with in_our_schema(database, connection):
        theirs = _place(connection)
    if ours != theirs:
        raise refused(
            f"it is one to another database or schema ({_told(theirs)}) than that of the events ({_told(ours)}), so "
            "that they could not be in one transaction"
        )


def _place(connection: sa.Connection) -> tuple[Any, ...]:
    if connection.dialect.name == "postgresql":
        name, table, schema = connection.exec_driver_sql(_WHERE).one()
        # The table says which one is meant; the schema is for whoever reads the message.
        return (name, table) if table is not None else (name, None, schema)
    path = next((row[2] for row in connection.exec_driver_sql("PRAGMA database_list") if row[1] == "main"), "")
    return (os.path.realpath(path) if path else "",)


def _told(place: tuple[Any, ...]) -> str:
    return str(place[0] or "in memory") + (", no table of ours" if len(place) > 2 else "")
