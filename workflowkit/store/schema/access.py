"""API keys, apps, whoever may call from outside, and the processes of an installation."""

from __future__ import annotations

import sqlalchemy as sa

from workflowkit.store.schema.base import big, metadata, one_of, scope, text

api_keys = sa.Table(
    "api_keys",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    *scope(),
    text("name"),
    text("prefix"),
    text("key_hash"),
    text("scopes"),
    text("event_names", nullable=True),
    big("created_at_ms"),
    big("last_used_at_ms", nullable=True),
    big("revoked_at_ms", nullable=True),
    text("created_by", nullable=True),
    sa.UniqueConstraint("key_hash"),
    sa.Index(None, "environment", "tenant", "id"),
)

webhooks = sa.Table(
    "webhooks",
    metadata,
    sa.Column("environment", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    text("token_hash"),
    text("verification"),
    text("secrets", nullable=True),
    text("transform", nullable=True),
    text("event_names", nullable=True),
    text("cidrs", nullable=True),
    sa.Column("enabled", sa.Boolean(create_constraint=False), nullable=False),
    big("created_at_ms"),
    big("updated_at_ms"),
    big("last_received_at_ms", nullable=True),
    sa.UniqueConstraint("token_hash"),
)
"""``token_hash`` is the hash of the secret part of the URL; ``secrets`` is encrypted (``base.secrets``)."""

secrets = sa.Table(
    "secrets",
    metadata,
    sa.Column("environment", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    text("description"),
    text("sealed"),
    big("created_at_ms"),
    text("created_by"),
    big("updated_at_ms"),
    text("updated_by"),
)
"""What workflows refer to by name (``!secret(name)``); ``sealed`` is the value, encrypted (``base.secrets``)."""

apps = sa.Table(
    "apps",
    metadata,
    sa.Column("environment", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),
    text("version", nullable=True),
    text("hash"),
    text("function_ids"),
    big("synced_at_ms"),
    text("name", nullable=True),
    text("url", nullable=True),
    text("sdk", nullable=True),
    big("archived_at_ms", nullable=True),
    text("archived_functions", nullable=True),
)
"""Applications whose code functions were synced: the version of the code in force, a hash of its functions, their ids.
``name``, ``url`` and ``sdk`` are those of an app that is called over HTTP; ``archived_functions`` are the ids of those
that were switched off with it. The functions themselves are rows of ``workflows``."""

workers = sa.Table(
    "workers",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    text("role"),
    text("name"),
    text("host"),
    big("pid"),
    text("version"),
    text("queues"),
    big("concurrency"),
    big("started_at_ms"),
    big("busy_count"),
    big("seen_at_ms"),
    one_of("role", "worker", "scheduler"),
)
"""Processes that report themselves while they work (``runtime.presence``); nothing is decided by it."""

SYNC_STATUSES = ("synced", "failed")

app_syncs = sa.Table(
    "app_syncs",
    metadata,
    sa.Column("environment", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),
    text("app_id"),
    text("status"),
    text("error", nullable=True),
    text("url", nullable=True),
    text("sdk", nullable=True),
    text("app_version", nullable=True),
    big("function_count"),
    text("published"),
    text("retired"),
    big("at_ms"),
    one_of("status", *SYNC_STATUSES),
    sa.Index(None, "environment", "tenant", "app_id", "id"),
)
"""The latest syncs of applications that changed something or failed. ``app_id`` is empty where a failed one cannot be
told to be of an app; ``published`` and ``retired`` are JSON lists of function ids."""

users = sa.Table(
    "users",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    text("name"),
    text("display_name"),
    text("password_hash", nullable=True),
    text("issuer", nullable=True),
    text("subject", nullable=True),
    big("created_at_ms"),
    big("updated_at_ms"),
    big("last_login_at_ms", nullable=True),
    big("disabled_at_ms", nullable=True),
    sa.UniqueConstraint("name"),
    sa.UniqueConstraint("issuer", "subject"),
)
"""People who log in, of the whole installation. ``issuer`` and ``subject`` say who vouches for somebody, and under
which name; ``password_hash`` is ``None`` for those."""

user_roles = sa.Table(
    "user_roles",
    metadata,
    sa.Column("environment", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("user_id", sa.Text, sa.ForeignKey("users.id"), primary_key=True),
    sa.Column("role", sa.Text, primary_key=True),
    sa.Index(None, "user_id"),
)
"""What people may do, and for which tenants."""

sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    text("token_hash"),
    sa.Column("user_id", sa.Text, sa.ForeignKey("users.id"), nullable=False),
    *scope(),
    big("created_at_ms"),
    big("seen_at_ms"),
    big("expires_at_ms"),
    text("address"),
    text("agent"),
    sa.UniqueConstraint("token_hash"),
    sa.Index(None, "user_id"),
    sa.Index(None, "expires_at_ms"),
)
"""Who is logged in, from where, and for which tenant they act. ``expires_at_ms`` is the end, however busy it is."""

login_failures = sa.Table(
    "login_failures",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    big("failures"),
    big("since_ms"),
    sa.Index(None, "since_ms"),
)
"""Attempts to log in that count against a name or an address, known or not. ``key`` is a hash."""
