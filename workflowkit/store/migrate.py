"""Bring a database to the schema of this version, with Alembic.

Migrations are named ``NNNN_pre_*`` (safe while the old code still runs) or ``NNNN_post_*`` (only after it is gone; they
note for whom the database is from then on, by ``migrations/env.py``); see docs/operating.md.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import sqlalchemy as sa

from workflowkit.assets import asset_dir
from workflowkit.base.errors import Conflict
from workflowkit.store import versions
from workflowkit.store.database import Database
from workflowkit.store.engines import create_migrating_engine

if TYPE_CHECKING:
    from alembic.config import Config

_log = logging.getLogger(__name__)

#: How often a process that waits for another one's migrations looks whether they are done.
LOOK_SECONDS = 0.2
#: How often a migration asks for a lock on a table, and how long it leaves the table to others in between.
LOCK_TRIES = 100
LOCK_PAUSE_SECONDS = 5.0

#: Serialises migrations of many processes starting at once (PostgreSQL advisory lock key).
_MIGRATION_LOCK = 0x776B6974
#: PostgreSQL's lock_not_available and deadlock_detected.
_LOCKED_OUT = ("55P03", "40P01")


def _config(connection: sa.Connection) -> Config:
    from alembic.config import Config

    directory = str(asset_dir("migrations"))
    config = Config()
    config.set_main_option("script_location", directory)
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


@contextmanager
def _locked(url: str, schema: str | None = None) -> Iterator[sa.Connection]:
    """Lend a connection while no other process migrates this database. Waits as long as one does."""
    engine = create_migrating_engine(sa.make_url(url), schema)
    is_postgresql = engine.dialect.name == "postgresql"
    take = _take_on_postgresql if is_postgresql else _take_on_sqlite
    try:
        with engine.connect() as connection:
            if not take(connection):
                _log.warning("waiting: another process %s this database", "migrates" if is_postgresql else "writes to")
                while not take(connection):
                    time.sleep(LOOK_SECONDS)
            # Closed, it rolls back what is open, and PostgreSQL's lock goes with its session.
            yield connection
    finally:
        engine.dispose()


def _take_on_postgresql(connection: sa.Connection) -> bool:
    # Never waited for in a statement: CREATE INDEX CONCURRENTLY, of whoever has it, waits for all those to end.
    with connection.begin():
        return bool(connection.exec_driver_sql(f"SELECT pg_try_advisory_lock({_MIGRATION_LOCK})").scalar())


def _take_on_sqlite(connection: sa.Connection) -> bool:
    # All migrations are in this transaction: SQLite has no other lock than that of whoever writes.
    try:
        connection.begin()
    except sa.exc.OperationalError as error:
        if getattr(error.orig, "sqlite_errorcode", None) != sqlite3.SQLITE_BUSY:
            raise
        return False
    return True


def upgrade(url: str, revision: str = "head", *, schema: str | None = None) -> None:
    """Migrate the database at ``url`` up to ``revision``. Idempotent.

    ``schema`` is where our tables are, on PostgreSQL; it is made if it is missing.

    Where several processes call it at once, one migrates, and the others wait until it is done, however long it takes.
    A migration that waits too long for a lock on a table (PostgreSQL) is rolled back and tried again, up to
    ``LOCK_TRIES`` times. What a newer version has migrated further is left as it is. Raises ``Conflict`` if it never
    got the lock, where this version cannot work with what the newer one has made, and where something else has the name
    of a table that is to be made; then nothing is changed.
    """
    # 0.2 s of a start-up that mostly has nothing to migrate
    from alembic.util.exc import CommandError

    if revision == "head" and _is_ready(url, schema):
        return
    try:
        with _locked(url, schema) as connection:
            _upgrade_locked(connection, revision, schema)
            connection.commit()
    except CommandError as error:
        raise Conflict(f"the database is at a revision that this version does not know: {error}") from error


def _upgrade_locked(connection: sa.Connection, revision: str, schema: str | None = None) -> None:
    from alembic import command

    tries = 0
    while True:
        try:
            if (reason := versions.outgrown(connection)) is not None:
                raise Conflict(f"the database is {reason}")
            _make_schema(connection, schema)
            versions.check_names(connection, head_revision() if revision == "head" else revision)
            versions.take_over(connection)
            if connection.dialect.name == "postgresql":
                connection.commit()  # each migration is a transaction of its own
            command.upgrade(_config(connection), revision)
        except sa.exc.OperationalError as error:
            if getattr(error.orig, "sqlstate", None) not in _LOCKED_OUT:
                raise
            tries += 1
            if tries == LOCK_TRIES:
                raise Conflict(f"a migration did not get the lock on a table that it needs: {error.orig}") from error
            connection.rollback()
            _log.warning("a migration waits for a lock on a table, and is tried again: %s", error.orig)
            time.sleep(LOCK_PAUSE_SECONDS)
        else:
            return


def _make_schema(connection: sa.Connection, schema: str | None) -> None:
    if schema is None or connection.dialect.name != "postgresql" or sa.inspect(connection).has_schema(schema):
        return  # IF NOT EXISTS would ask for the right to make schemas all the same
    connection.execute(sa.schema.CreateSchema(schema))


def _is_ready(url: str, schema: str | None) -> bool:
    database = Database.open(url, schema=schema)
    try:
        return trouble(database) is None
    finally:
        database.close()


def current_revision(database: Database) -> str | None:
    """Return the revision a database is at, ``None`` for an empty one."""
    with database.read() as tx:
        return versions.current(tx.connection)


def is_behind(database: Database) -> bool:
    """Tell whether a database lacks migrations of this version of the package."""
    with database.read() as tx:
        return versions.is_behind(tx.connection)


def outgrown(database: Database) -> str | None:
    """Return in words that this version cannot work with what a newer one has made of a database."""
    with database.read() as tx:
        return versions.outgrown(tx.connection)


def trouble(database: Database) -> str | None:
    """Return what keeps this version of the package from working with a database, in words."""
    with database.read() as tx:
        return versions.trouble(tx.connection)


def head_revision() -> str:
    """Return the revision that this version of the package needs: the number of its newest migration."""
    return versions.head()
