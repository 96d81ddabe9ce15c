"""Everything that is sealed with the installation's keys, whoever it belongs to: for sealing it again with another."""

from __future__ import annotations

from dataclasses import dataclass, field

from workflowkit.base.scope import Scope
from workflowkit.store.statements import Sql, whose
from workflowkit.store.transactions import Transaction


@dataclass(frozen=True, slots=True)
class SealedRow:
    """A row with something sealed: its table's primary key is its scope and its name."""

    scope: Scope
    name: str
    sealed: str = field(repr=False)


#: The tables with something sealed, and in which column.
SEALED_COLUMNS = {"secrets": "sealed", "webhooks": "secrets"}
_ROW = "environment = :environment AND tenant = :tenant AND name = :name"
_SELECT = {
    table: Sql(
        f"""
        SELECT environment, tenant, name, {column} FROM {table}
        WHERE {column} IS NOT NULL AND (environment, tenant, name) > (:environment, :tenant, :name)
        ORDER BY environment, tenant, name LIMIT :limit
        """  # noqa: S608 - our own names
    )
    for table, column in SEALED_COLUMNS.items()
}
_UPDATE = {
    table: Sql(f"UPDATE {table} SET {column} = :sealed WHERE {_ROW} AND {column} = :was")  # noqa: S608
    for table, column in SEALED_COLUMNS.items()
}


def find(tx: Transaction, table: str, *, limit: int, after: SealedRow | None) -> list[SealedRow]:
    """Return up to ``limit`` rows of a table in order, those behind ``after``."""
    place = ("", "", "") if after is None else (after.scope.environment, after.scope.tenant, after.name)
    rows = tx.rows(_SELECT[table], **dict(zip(("environment", "tenant", "name"), place, strict=True)), limit=limit)
    return [SealedRow(Scope(row[0], row[1]), row[2], row[3]) for row in rows]


def replace(tx: Transaction, table: str, row: SealedRow, sealed: str) -> bool:
    """Put something sealed in place of what is stored, unless that is no longer what ``row`` says; tell whether."""
    scope = row.scope
    changed = tx.run(_UPDATE[table], **whose(scope), name=row.name, sealed=sealed, was=row.sealed)
    return changed == 1
