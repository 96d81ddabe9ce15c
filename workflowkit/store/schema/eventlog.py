"""Events, and what became of them."""

from __future__ import annotations

import sqlalchemy as sa

from workflowkit.store.schema.base import big, metadata, scope, text

webhook_deliveries = sa.Table(
    "webhook_deliveries",
    metadata,
    sa.Column("environment", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("webhook", sa.Text, primary_key=True),
    sa.Column("identity", sa.Text, primary_key=True),
    big("expires_at_ms"),
    sa.Index(None, "environment", "tenant", "webhook", "expires_at_ms"),
)
"""The signed deliveries of the last minutes: one that is sent again has no effect."""

webhook_outcomes = sa.Table(
    "webhook_outcomes",
    metadata,
    sa.Column("environment", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("webhook", sa.Text, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),
    text("status"),
    big("at_ms"),
    text("reason"),
    text("detail"),
    text("events"),
    sa.Column("once", sa.Boolean(create_constraint=False), nullable=False),
)
"""What became of the last deliveries of each webhook; nothing else of them is kept. ``events`` is the JSON of their ids
and names. Where not ``once``, the row is the last that ended in this way, and ``id`` says which way."""

webhook_samples = sa.Table(
    "webhook_samples",
    metadata,
    sa.Column("environment", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    big("wanted_until_ms"),
    big("at_ms", nullable=True),
    text("sealed", nullable=True),
)
"""The one delivery of a webhook that somebody has asked for; ``sealed`` is it, encrypted (``base.secrets``)."""

events = sa.Table(
    "events",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    *scope(),
    text("name"),
    text("event_id", nullable=True),
    text("data"),
    text("extra", nullable=True),
    big("ts_ms"),
    big("depth", default=0),
    text("source_run_id", nullable=True),
    text("duplicate_of", nullable=True),
    big("received_at_ms"),
    text("target", nullable=True),
    sa.Index(None, "environment", "tenant", "name", "id"),
)
"""``event_id`` is the sender's id, ``extra`` the JSON of optional fields (v, user, meta); ``depth`` counts how many
runs deep the event was emitted. An event with a ``target`` is addressed: it starts that workflow and no other."""

event_ids = sa.Table(
    "event_ids",
    metadata,
    sa.Column("environment", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("event_id", sa.Text, primary_key=True),
    text("first_id"),
    big("expires_at_ms"),
)
"""Which event claimed a sender's id first, within the deduplication window (E4). None, an empty text, if only keys that
are limited to event names have sent events with it: which, by name, stands among the ids of webhooks."""

webhook_event_ids = sa.Table(
    "webhook_event_ids",
    metadata,
    sa.Column("environment", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("event_id", sa.Text, primary_key=True),
    sa.Column("webhook", sa.Text, primary_key=True),
    text("first_id"),
    big("expires_at_ms"),
)
"""The same of ids that came through webhooks: each has its own, which nobody else can claim (S16)."""

request_keys = sa.Table(
    "request_keys",
    metadata,
    sa.Column("environment", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    text("fingerprint"),
    text("answer", nullable=True),
    big("expires_at_ms"),
    sa.Index(None, "environment", "tenant", "expires_at_ms"),
)
"""Requests with an ``Idempotency-Key``, within the window in which one that is sent again has no effect."""

pending_events = sa.Table(
    "pending_events",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    big("wake_at_ms"),
    sa.Index(None, "wake_at_ms"),
)
"""Accepted events that have not been matched yet: the outbox between intake and matching."""

decisions = sa.Table(
    "decisions",
    metadata,
    sa.Column("event_id", sa.Text, primary_key=True),
    sa.Column("workflow_id", sa.Text, primary_key=True),
    *scope(),
    text("reason"),
    text("detail", nullable=True),
    big("at_ms"),
    text("other_id", nullable=True),
    sa.Index(
        "ix_decisions_skipped",
        "environment",
        "tenant",
        "event_id",
        sqlite_where=sa.text("reason IN ('archived', 'disabled', 'drained', 'paused')"),
        postgresql_where=sa.text("reason IN ('archived', 'disabled', 'drained', 'paused')"),
    ),
)
"""Why an event did not start a run of a workflow (``workflow_id`` is empty where the reason is the event's own).
``other_id`` is the run or the event that is there instead."""
