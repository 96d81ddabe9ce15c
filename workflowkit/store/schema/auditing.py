"""Who did what: logins, and what administrators do."""

from __future__ import annotations

import sqlalchemy as sa

from workflowkit.store.schema.base import big, metadata, text

audit_chains = sa.Table(
    "audit_chains",
    metadata,
    sa.Column("environment", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, primary_key=True),
    big("seq"),
    text("hash"),
    big("pruned_seq", default=0),
    text("pruned_hash"),
)
"""The ends of each tenant's audit log: number and hash of the last entry, and of the last one that was deleted. Whoever
appends holds the row's lock."""

audit_log = sa.Table(
    "audit_log",
    metadata,
    sa.Column("environment", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("seq", sa.BigInteger, primary_key=True),
    big("at_ms"),
    text("actor"),
    text("address"),
    text("action"),
    text("subject"),
    text("detail", nullable=True),
    text("hash"),
    sa.Index(None, "at_ms"),
)
"""Entries in the order of their numbers, without a gap (insert-only; deleted only from the beginning, after that was
noted in ``audit_chains``). ``hash`` covers the entry and the hash of the one before; ``detail`` is JSON."""
