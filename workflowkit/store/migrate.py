"""Bring a database to the schema of this version, with Alembic.

Migrations are named ``NNNN_pre_*`` (safe while the old code still runs) or ``NNNN_post_*`` (only after it is gone); see
docs/operating.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from workflowkit.assets import asset_dir
from workflowkit.store.database import Database

#: Serialises migrations of many processes starting at once (PostgreSQL advisory lock key).
_MIGRATION_LOCK = 0x776B6974


def _config(connection: sa.Connection | None = None) -> Config:
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
    """Migrate the database at ``url`` up to ``revision``. Idempotent; safe to call from several processes at once."""
    database = Database.open(url)
    try:
        with _locked(database) as connection:
            command.upgrade(_config(connection), revision)
            connection.commit()
    finally:
        database.close()


def current_revision(database: Database) -> str | None:
    """Return the revision a database is at, ``None`` for an empty one."""
    with database.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def head_revision() -> str:
    """Return the revision that this version of the package needs."""
    revision = ScriptDirectory.from_config(_config()).get_current_head()
    assert revision is not None  # noqa: S101 - the package ships at least one migration
    return revision
