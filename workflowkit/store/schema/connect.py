"""Workers of apps that connect to this installation: the gateways that hold their sockets, and what they are asked."""

from __future__ import annotations

import sqlalchemy as sa

from workflowkit.store.schema.base import big, metadata, one_of, text

CONNECTION_STATUSES = ("connected", "ready", "draining", "disconnected")

gateways = sa.Table(
    "gateways",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    text("environment"),
    text("url", nullable=True),
    big("port"),
    big("started_at_ms"),
    big("seen_at_ms"),
    big("draining_at_ms", nullable=True),
    sa.Index(None, "environment"),
)
"""Processes that hold the sockets of workers, as they report themselves. Without a ``url`` they are reached at the host
that the API is reached at.
"""

connections = sa.Table(
    "connections",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    text("environment"),
    text("gateway_id"),
    text("instance_id"),
    text("status"),
    text("sdk"),
    text("machine"),
    big("max_requests"),
    big("connected_at_ms"),
    big("seen_at_ms"),
    one_of("status", *CONNECTION_STATUSES),
    sa.Index(None, "environment", "instance_id"),
    sa.Index(None, "gateway_id"),
)
"""Sockets of workers. ``instance_id`` is the process at the other end, which may come back with another socket;
``machine`` is a JSON object. One that is gone stays for some minutes, so that its worker is known when it is back.
"""

connected_apps = sa.Table(
    "connected_apps",
    metadata,
    sa.Column("connection_id", sa.Text, primary_key=True),
    sa.Column("app_id", sa.Text, primary_key=True),
    text("environment"),
    text("version", nullable=True),
    text("hash"),
    text("functions"),
    big("synced_at_ms", nullable=True),
    sa.Index(None, "environment", "app_id"),
)
"""The apps of each connection, in the version that its worker has. ``functions`` is a JSON list of what the worker
calls them, ``hash`` is that of their configuration. ``synced_at_ms`` says when that was brought into force, if it was
by this connection: the last one to do so has what is in force.
"""

worker_requests = sa.Table(
    "worker_requests",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    text("environment"),
    text("app_id"),
    text("app"),
    text("slug"),
    text("run_id"),
    text("step_key"),
    big("generation"),
    text("part"),
    text("job_id"),
    text("payload"),
    text("connection_id"),
    text("gateway_id"),
    big("placed_count"),
    big("acked_at_ms", nullable=True),
    text("lease_id"),
    big("lease_ends_at_ms"),
    big("created_at_ms"),
    big("expires_at_ms"),
    text("reply", nullable=True),
    big("replied_at_ms", nullable=True),
    sa.Index(None, "gateway_id"),
    sa.Index(None, "connection_id"),
    sa.Index(None, "run_id", "step_key"),
    sa.Index(None, "expires_at_ms"),
)
"""Calls of functions that connected workers are executing. A row exists for as long as somebody waits for its reply:
the run itself is in other tables. ``payload`` and ``reply`` are JSON, encrypted where values are. A request
whose lease ends without a reply is placed with another connection.
"""

worker_waits = sa.Table(
    "worker_waits",
    metadata,
    sa.Column("run_id", sa.Text, primary_key=True),
    sa.Column("step_key", sa.Text, primary_key=True),
    text("environment"),
    text("app_id"),
    text("slug"),
    big("since_ms"),
    big("generation", default=0),
    sa.Index(None, "environment", "app_id", "since_ms"),
)
"""Steps that no connected worker can execute now, and in which of their attempts that was. They are due again when one
can.
"""
