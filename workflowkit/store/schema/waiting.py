"""What runs wait for: times, events, people."""

from __future__ import annotations

import sqlalchemy as sa

from workflowkit.store.schema.base import big, metadata, one_of, scope, text

WAIT_KINDS = ("event", "signal", "run", "cancel")

WAIT_STATES = ("open", "received", "expired", "cancelled")

waits = sa.Table(
    "waits",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    text("run_id"),
    text("wait_key"),
    text("step_key"),
    text("kind"),
    *scope(),
    text("name"),
    text("match_key"),
    text("condition", nullable=True),
    text("state"),
    text("result", nullable=True),
    big("deadline_at_ms", nullable=True),
    big("created_at_ms"),
    big("resolved_at_ms", nullable=True),
    text("event_id", nullable=True),
    one_of("kind", *WAIT_KINDS),
    one_of("state", *WAIT_STATES),
    sa.Index(
        "ix_waits_open",
        "environment",
        "tenant",
        "kind",
        "name",
        "match_key",
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    ),
    # SAFETY: I17 — a signal resumes one run: the database itself refuses a second wait for it.
    sa.Index(
        "uq_waits_signal",
        "environment",
        "tenant",
        "name",
        unique=True,
        sqlite_where=sa.text("kind = 'signal' AND state = 'open'"),
        postgresql_where=sa.text("kind = 'signal' AND state = 'open'"),
    ),
    sa.Index(None, "run_id"),
    sa.Index("ix_waits_name", "environment", "tenant", "kind", "name", "created_at_ms"),
    sa.Index(
        "ix_waits_event_id",
        "event_id",
        sqlite_where=sa.text("event_id IS NOT NULL"),
        postgresql_where=sa.text("event_id IS NOT NULL"),
    ),
)
"""What runs wait for. ``name`` is an event's name, a signal, or a child run. ``match_key`` is the index key of
the value that a matching event must have (``definition.correlation``), empty if any event of the name is to be looked
at; ``condition`` is what must be evaluated besides. ``result`` is the JSON of what was received; of an event it is our
id, which is in ``event_id`` too, where nothing is encrypted. Kind ``cancel`` is the listener of a whole run; all others
belong to the step ``step_key``.
"""

wait_paths = sa.Table(
    "wait_paths",
    metadata,
    sa.Column("environment", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("path", sa.Text, primary_key=True),
)
"""The paths whose values waits for an event name were ever matched by: what an arriving event is looked up with."""

timers = sa.Table(
    "timers",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    text("kind"),
    *scope(),
    text("subject"),
    text("data", nullable=True),
    big("due_at_ms"),
    sa.Index(None, "due_at_ms"),
    sa.Index(None, "subject"),
)
"""Things to be done at a time that no step is: time-outs of runs, propagated cancellation, jobs. ``kind`` names the
handler (``runtime.timers``); ``subject`` is what it is about, a run's id for example. Ids are deterministic: the same
thing cannot be planned twice. Fired once: whoever handles a timer deletes or moves it in the same transaction.
"""

APPROVAL_STATUSES = ("open", "approved", "rejected", "expired", "cancelled")

VERDICTS = ("approved", "rejected")

approvals = sa.Table(
    "approvals",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    *scope(),
    text("run_id"),
    text("workflow_id"),
    text("step_key"),
    text("wait_key"),
    text("title"),
    text("description"),
    text("form", nullable=True),
    text("assignees"),
    big("needed"),
    text("reject_on"),
    text("status"),
    big("created_at_ms"),
    big("expires_at_ms"),
    big("closed_at_ms", nullable=True),
    one_of("status", *APPROVAL_STATUSES),
    sa.Index(None, "environment", "tenant", "status", "id"),
    sa.Index(None, "run_id"),
)
"""What people are asked: one row per wait for decisions. ``form`` is a JSON Schema, ``assignees`` a JSON list. Only
``status`` and ``closed_at_ms`` change, once, by whoever holds the lock of the step's row.
"""

approval_assignees = sa.Table(
    "approval_assignees",
    metadata,
    sa.Column("approval_id", sa.Text, primary_key=True),
    sa.Column("assignee", sa.Text, primary_key=True),
    *scope(),
    sa.Index(None, "environment", "tenant", "assignee", "approval_id"),
)
"""Who is asked: what somebody's inbox is looked up in."""

approval_decisions = sa.Table(
    "approval_decisions",
    metadata,
    sa.Column("approval_id", sa.Text, primary_key=True),
    sa.Column("actor", sa.Text, primary_key=True),
    *scope(),
    big("position"),
    text("verdict"),
    text("comment"),
    text("data", nullable=True),
    big("at_ms"),
    one_of("verdict", *VERDICTS),
)
"""Who decided what (insert-only; deleted with the approval only). SAFETY: I17 — the key lets everybody decide once."""

callbacks = sa.Table(
    "callbacks",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    *scope(),
    text("run_id"),
    text("step_key"),
    text("token_hash"),
    text("data", nullable=True),
    big("created_at_ms"),
    big("expires_at_ms"),
    big("received_at_ms", nullable=True),
    sa.UniqueConstraint("token_hash"),
    sa.Index(None, "run_id"),
)
"""URLs that can be called once, and what was sent to them. ``token_hash`` is the hash of the secret part."""
