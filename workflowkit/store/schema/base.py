"""The metadata all tables are part of, and columns that many have."""

from __future__ import annotations

import sqlalchemy as sa

from workflowkit.base.scope import Scope

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
    }
)


def text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    """Return a column of text."""
    return sa.Column(name, sa.Text, nullable=nullable)


def big(name: str, *, nullable: bool = False, default: int | None = None) -> sa.Column[int]:
    """Return a column of whole numbers of 64 bits."""
    server_default = None if default is None else sa.text(str(default))
    return sa.Column(name, sa.BigInteger, nullable=nullable, server_default=server_default)


def scope() -> tuple[sa.Column[str], sa.Column[str]]:
    """Return the columns that say whose a row is."""
    return text("environment"), text("tenant")


def one_of(column: str, *values: str) -> sa.CheckConstraint:
    """Return the check that a column has one of some values."""
    listed = ", ".join(f"'{value}'" for value in values)
    return sa.CheckConstraint(f"{column} IN ({listed})", name=column)


def owned(table: sa.Table, scope: Scope) -> tuple[sa.ColumnElement[bool], ...]:
    """Return the conditions by which rows of a table are those of a tenant."""
    # SAFETY: S10 — what they stand in is limited to one tenant of one environment, in SQL.
    return table.c.environment == scope.environment, table.c.tenant == scope.tenant
