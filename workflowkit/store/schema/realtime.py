"""Messages that were published a short time ago."""

from __future__ import annotations

import sqlalchemy as sa

from workflowkit.store.schema.base import big, metadata, scope, text

messages = sa.Table(
    "messages",
    metadata,
    sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=True),
    *scope(),
    text("channel"),
    text("topic"),
    text("data"),
    big("at_ms"),
    text("part", nullable=True),
    sa.Index(None, "channel", "environment", "tenant", "seq"),
    sa.Index(None, "environment", "tenant", "at_ms"),
    # A number is never given twice, even if all rows are gone: subscribers say up to which one they have everything.
    sqlite_autoincrement=True,
)
"""In a channel, numbers grow in the order of the commits: whoever publishes there holds the channel's lock."""
