"""Bring a database to the schema of this version, with Alembic.

Migrations are named ``NNNN_pre_*`` (safe while the old code still runs) or ``NNNN_post_*`` (only after it is gone); see
docs/operating.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import sqlalchemy as sa

from workflowkit.assets import asset_dir
from workflowkit.base.errors import Conflict
from workflowkit.store import versions
from workflowkit.store.database import Database

if TYPE_CHECKING:
    from alembic.config import Config

#: Serialises migrations of many processes starting at once (PostgreSQL advisory lock key).
_MIGRATION_LOCK = 0x776B6974


def _config(connection: sa.Connection) -> Config:
    from alembic.config import Config

    directory = str(asset_dir("migrations"))
    config = Config()
    config.set_main_option("script_location", directory)
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


@contextmanager
def _locked(database: Database) -> Iterator[sa.Connection]:
    with database.engine.connect() as connection:
        if database.is_postgresql:
            connection.exec_driver_sql(f"SELECT pg_advisory_lock({_MIGRATION_LOCK})")
            connection.commit()
        try:
            yield connection
        finally:
            if database.is_postgresql:
                connection.rollback()
                connection.exec_driver_sql(f"SELECT pg_advisory_unlock({_MIGRATION_LOCK})")
                connection.commit()


def upgrade(url: str, revision: str = "head") -> None:
    """Migrate the database at ``url`` up to ``revision``. Idempotent; safe to call from several processes at once.

    Raises ``Conflict`` where a newer version of this package has migrated it further.
    """
    # 0.2 s of a start-up that mostly has nothing to migrate
    from alembic import command
    from alembic.util.exc import CommandError

    database = Database.open(url)
    try:
        with database.read() as tx:
            if revision == "head" and versions.trouble(tx.connection) is None:
                return
        with _locked(database) as connection:
            versions.take_over(connection)
            connection.commit()
            command.upgrade(_config(connection), revision)
            connection.commit()
    except CommandError as error:
        raise Conflict(f"the database is at a revision that this version does not know: {error}") from error
    finally:
        database.close()


def current_revision(database: Database) -> str | None:
    """Return the revision a database is at, ``None`` for an empty one."""
    with database.read() as tx:
        return versions.current(tx.connection)


def trouble(database: Database) -> str | None:
    """Return what a database lacks for this version of the package, in words."""
    with database.read() as tx:
        return versions.trouble(tx.connection)


def head_revision() -> str:
    """Return the revision that this version of the package needs: the number of its newest migration."""
    return versions.head()
