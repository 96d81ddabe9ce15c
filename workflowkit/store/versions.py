"""Which revision a database is at, and whose its tables are: applications share theirs with us, and migrate it too.

The revision stands in a table of our own. Alembic's default, ``alembic_version``, is the application's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import sqlalchemy as sa

from workflowkit.assets import asset_dir
from workflowkit.base.errors import Conflict

VERSION_TABLE = "workflowkit_version"
NO_TABLES = "the database has no tables of this version: run `workflowkit migrate`"
_own = sa.Table(
    VERSION_TABLE,
    sa.MetaData(),
    sa.Column("version_num", sa.String(32), nullable=False),
    sa.PrimaryKeyConstraint("version_num", name=f"{VERSION_TABLE}_pkc"),
)
#: The revision of the oldest code that can work here: a column that the first migration makes which ends older code.
_outgrowing = sa.table(VERSION_TABLE, sa.column("oldest_code", sa.String(32)))
#: Where installations of before have their revision.
_shared = sa.table("alembic_version", sa.column("version_num"))

_MADE_TABLE = re.compile(r"op\.create_table\(\s*\"(\w+)\"")


def current(connection: sa.Connection) -> str | None:
    """Return the revision a database is at, ``None`` where we have no tables."""
    if sa.inspect(connection).has_table(VERSION_TABLE):
        return connection.scalar(sa.select(_own.c.version_num))
    return _revision_of_before(connection)


def head() -> str:
    """Return the revision that this version of the package needs: the number of its newest migration."""
    return max(path.name.partition("_")[0] for path in _migrations())


def is_behind(connection: sa.Connection) -> bool:
    """Tell whether a database lacks migrations of this version of the package."""
    revision = current(connection)
    return revision is None or revision < head()


def outgrown(connection: sa.Connection) -> str | None:
    """Return in words that a newer version has migrated a database so far that this one cannot work with it any more.

    Migrations that a process does not know are good for it, but for those of the kind *post*, which leave word.
    """
    revision, needed = current(connection), head()
    if revision is None or revision <= needed:
        return None
    oldest = _oldest_code(connection)
    if oldest is None or oldest <= needed:
        return None
    return f"at {revision}, made for versions from {oldest} on, and this one is of {needed}: run a newer version"


def keep_for(connection: sa.Connection, oldest: str) -> None:
    """Note, in a migration, that older code than that of the revision ``oldest`` cannot work with it."""
    if not _says_oldest_code(connection):
        connection.exec_driver_sql(f"ALTER TABLE {VERSION_TABLE} ADD COLUMN oldest_code VARCHAR(32)")
    noted = connection.scalar(sa.select(_outgrowing.c.oldest_code)) or ""
    connection.execute(sa.update(_outgrowing).values(oldest_code=max(noted, oldest)))


def _oldest_code(connection: sa.Connection) -> str | None:
    if not _says_oldest_code(connection):
        return None
    return connection.scalar(sa.select(_outgrowing.c.oldest_code))


def _says_oldest_code(connection: sa.Connection) -> bool:
    return any(each["name"] == "oldest_code" for each in sa.inspect(connection).get_columns(VERSION_TABLE))


def unfit(connection: sa.Connection) -> str | None:
    """Return in words why this version of the package cannot work with the tables of a database as they are."""
    return trouble(connection) if is_behind(connection) else outgrown(connection)


def trouble(connection: sa.Connection) -> str | None:
    """Return what keeps this version of the package from working with a database, in words."""
    revision, needed = current(connection), head()
    if revision is not None and revision > needed:
        return outgrown(connection)
    if revision != needed:
        if names := _in_the_way(connection, needed):
            return _refusal(names)
        if revision is None:
            return NO_TABLES
        return f"at {revision}, needs {needed}: run `workflowkit migrate`"
    if not sa.inspect(connection).has_table(VERSION_TABLE):
        return f"at {revision}, which stands in {_shared.name} still: run `workflowkit migrate`"
    return None


def take_over(connection: sa.Connection) -> None:
    """Move the revision of an installation of before to our table. Idempotent; the caller has the lock, and commits.

    ``alembic_version`` goes with it, unless it holds revisions of the application.
    """
    if sa.inspect(connection).has_table(VERSION_TABLE) or (revision := _revision_of_before(connection)) is None:
        return
    _own.create(connection)
    connection.execute(sa.insert(_own).values(version_num=revision))
    connection.execute(sa.delete(_shared).where(_shared.c.version_num == revision))
    if not connection.scalar(sa.select(sa.func.count()).select_from(_shared)):
        connection.exec_driver_sql(f"DROP TABLE {_shared.name}")


def check_names(connection: sa.Connection, revision: str) -> None:
    """Raise ``Conflict`` where something has the name of a table that is to be made up to ``revision``."""
    if names := _in_the_way(connection, revision):
        raise Conflict(_refusal(names))


def _in_the_way(connection: sa.Connection, until: str) -> list[str]:
    begun = current(connection) or ""
    pending = {name for number, names in tables_of_revisions().items() if begun < number <= until for name in names}
    return sorted(_taken(connection, pending))


def _refusal(names: list[str]) -> str:
    return (
        "there is something else in the database with names of tables that are still to be made here: "
        f"{', '.join(names)}. Nothing is changed: give Workflow Kit a database or a schema (`database_schema`) of its "
        "own, or rename what is there"
    )


@cache
def tables_of_revisions() -> dict[str, frozenset[str]]:
    """Return the names of the tables that each migration makes; none has dropped one."""
    return {
        path.name.partition("_")[0]: frozenset(_MADE_TABLE.findall(path.read_text(encoding="utf-8")))
        for path in _migrations()
    }


def _migrations() -> Iterator[Path]:
    return (asset_dir("migrations") / "versions").glob("[0-9]*.py")


def _revision_of_before(connection: sa.Connection) -> str | None:
    """Return our revision out of Alembic's default table, where an installation of before is."""
    if not sa.inspect(connection).has_table(_shared.name):
        return None
    made = tables_of_revisions()
    found = [revision for (revision,) in connection.execute(sa.select(_shared)) if revision in made]
    if len(found) != 1:
        return None
    # An application may number its own migrations like ours: what tells is that all of our tables are there.
    needed = {name for number, names in made.items() if number <= found[0] for name in names}
    return found[0] if needed <= _taken(connection, needed) else None


def _taken(connection: sa.Connection, names: set[str]) -> set[str]:
    """Return which of the names something has, where we make tables: a table, a view, or a type of PostgreSQL."""
    if connection.dialect.name == "sqlite":
        rows = connection.exec_driver_sql("SELECT lower(name) FROM sqlite_master")
        return names & {name for (name,) in rows}
    found = connection.exec_driver_sql(
        "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = current_schema() "
        "UNION SELECT t.typname FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace "
        "WHERE n.nspname = current_schema()"
    )
    return names & {name for (name,) in found}
