"""Runs, their steps and their journal; what is done to many of them."""

from __future__ import annotations

import sqlalchemy as sa

from workflowkit.store.schema.base import big, metadata, one_of, scope, text

RUN_STATUSES = ("scheduled", "queued", "running", "waiting", "completed", "failed", "cancelled")
STEP_STATUSES = ("ready", "running", "sleeping", "waiting", "completed", "failed", "skipped", "cancelled")

runs = sa.Table(
    "runs",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    *scope(),
    text("workflow_id"),
    big("version"),
    text("event_id"),
    text("status"),
    big("revision"),
    big("depth", default=0),
    text("rerun_of", nullable=True),
    text("output", nullable=True),
    text("error", nullable=True),
    big("handled_failures", default=0),
    big("created_at_ms"),
    big("started_at_ms", nullable=True),
    big("finished_at_ms", nullable=True),
    text("path", nullable=True),
    text("input", nullable=True),
    text("parent_run_id", nullable=True),
    text("parent_step", nullable=True),
    text("parent_wait", nullable=True),
    text("reason", nullable=True),
    big("paused_at_ms", nullable=True),
    text("reason_detail", nullable=True),
    text("flow", nullable=True),
    text("collection_id", nullable=True),
    text("rerun_by", nullable=True),
    one_of("status", *RUN_STATUSES),
    sa.Index(
        "ix_runs_parent_run_id",
        "parent_run_id",
        "parent_step",
        "id",
        sqlite_where=sa.text("parent_run_id IS NOT NULL"),
        postgresql_where=sa.text("parent_run_id IS NOT NULL"),
    ),
    sa.Index(None, "environment", "tenant", "id"),
    sa.Index(None, "environment", "tenant", "workflow_id", "id"),
    sa.Index(None, "event_id"),
    sa.Index(
        "ix_runs_paused",
        "environment",
        "id",
        sqlite_where=sa.text("paused_at_ms IS NOT NULL"),
        postgresql_where=sa.text("paused_at_ms IS NOT NULL"),
    ),
    # By the error and not by the status, which would make every change of a run's status dearer.
    sa.Index(
        "ix_runs_failed",
        "environment",
        "tenant",
        "id",
        sqlite_where=sa.text("error IS NOT NULL"),
        postgresql_where=sa.text("error IS NOT NULL"),
    ),
    sa.Index(
        "ix_runs_ended",
        "environment",
        "tenant",
        "finished_at_ms",
        sqlite_where=sa.text("finished_at_ms IS NOT NULL AND path IS NULL"),
        postgresql_where=sa.text("finished_at_ms IS NOT NULL AND path IS NULL"),
    ),
    sa.Index(
        "ix_runs_rerun_of",
        "rerun_of",
        sqlite_where=sa.text("rerun_of IS NOT NULL AND finished_at_ms IS NULL"),
        postgresql_where=sa.text("rerun_of IS NOT NULL AND finished_at_ms IS NULL"),
    ),
    sa.Index(
        "ix_runs_collection_id",
        "collection_id",
        sqlite_where=sa.text("collection_id IS NOT NULL"),
        postgresql_where=sa.text("collection_id IS NOT NULL"),
    ),
    # Those that go on are found by it too: the ones without an end.
    sa.Index(
        "ix_runs_finished_at_ms",
        "finished_at_ms",
        sqlite_where=sa.text("path IS NULL"),
        postgresql_where=sa.text("path IS NULL"),
    ),
)
"""The one mutable projection of a run. ``revision`` counts its transactions: whoever bumps it holds the row's lock.

A child run has a parent: the run, the step and the wait of that step (``waits``) that its end resolves. ``path`` names
the part of the version's document that the run executes (absent: all of it), ``input`` holds the JSON of what it was
given besides its event. ``reason`` says why a run was cancelled, the JSON in ``reason_detail`` by whom or what. A run
with ``paused_at_ms`` starts no step. ``collection_id`` is the batch whose events it has: its own, or that of the run
that it repeats.
"""

run_totals = sa.Table(
    "run_totals",
    metadata,
    sa.Column("environment", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("workflow_id", sa.Text, primary_key=True),
    sa.Column("status", sa.Text, primary_key=True),
    sa.Column("within_ms", sa.BigInteger, primary_key=True),
    big("run_count"),
    big("duration_ms"),
    big("delay_ms"),
)
"""How many runs have ended, also those that were deleted since (``store.totals``). ``within_ms`` is the bound that
their durations kept, the sums are of these and of how long they had waited to start."""

total_marks = sa.Table(
    "total_marks",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    big("until_ms"),
)
"""Up to when what has ended is in the totals."""

steps = sa.Table(
    "steps",
    metadata,
    sa.Column("run_id", sa.Text, primary_key=True),
    sa.Column("step_key", sa.Text, primary_key=True),
    text("queue"),
    text("status"),
    big("attempt", default=0),
    big("lost_attempts", default=0),
    big("token", default=0),
    big("due_at_ms"),
    big("wake_at_ms", nullable=True),
    one_of("status", *STEP_STATUSES),
    sa.Index(
        "ix_steps_wake_at_ms",
        "wake_at_ms",
        sqlite_where=sa.text("wake_at_ms IS NOT NULL"),
        postgresql_where=sa.text("wake_at_ms IS NOT NULL"),
    ),
)
"""The schedule. ``due_at_ms`` is when a worker may claim the step: the due time of a ready one, the end of the lease
of a running one. ``wake_at_ms`` is when the relay should hint it; NULL once it is final."""

journal = sa.Table(
    "journal",
    metadata,
    sa.Column("run_id", sa.Text, primary_key=True),
    sa.Column("revision", sa.BigInteger, primary_key=True),
    sa.Column("ordinal", sa.BigInteger, primary_key=True),
    text("kind"),
    text("step_key"),
    big("attempt"),
    text("data", nullable=True),
    big("at_ms"),
    # SAFETY: I2 — the database itself refuses a second final fact of a step, and a second row for one attempt.
    sa.Index(
        "uq_journal_final",
        "run_id",
        "step_key",
        unique=True,
        sqlite_where=sa.text("kind IN ('completed', 'failed', 'skipped', 'cancelled')"),
        postgresql_where=sa.text("kind IN ('completed', 'failed', 'skipped', 'cancelled')"),
    ),
    sa.Index(
        "uq_journal_attempt",
        "run_id",
        "step_key",
        "attempt",
        unique=True,
        sqlite_where=sa.text("kind = 'attempt'"),
        postgresql_where=sa.text("kind = 'attempt'"),
    ),
)
"""The facts of a run in order (``engine.facts``). ``data`` is the JSON of the optional fields of a fact."""

log_lines = sa.Table(
    "log_lines",
    metadata,
    sa.Column("run_id", sa.Text, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),
    *scope(),
    text("step_key"),
    big("attempt"),
    big("level"),
    text("message"),
    big("size_bytes"),
    big("at_ms"),
)
"""What handlers have logged (``runtime.logs``), up to a size per run. ``message`` is JSON, so that it can be encrypted;
``size_bytes`` is its size before that."""

HOLDS, RUNNING = ("pause", "drain"), ("freeze", "cancel")

pauses = sa.Table(
    "pauses",
    metadata,
    sa.Column("environment", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("workflow_id", sa.Text, primary_key=True),
    sa.Column("hold", sa.Text, primary_key=True),
    text("running"),
    text("reason", nullable=True),
    text("actor", nullable=True),
    big("at_ms"),
    one_of("hold", *HOLDS),
    one_of("running", *RUNNING),
)
"""What starts no runs for now. ``tenant`` is ``*`` for all of the environment, ``workflow_id`` empty for all workflows.
A pause also stops the runs there are (``running`` says how), a drain does not.
"""

step_cache = sa.Table(
    "step_cache",
    metadata,
    sa.Column("environment", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("cache_key", sa.Text, primary_key=True),
    text("output"),
    big("expires_at_ms"),
)
"""Outputs of steps that other runs use again (``settings.cache``), by a hash of the action's kind and the key."""

jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    *scope(),
    text("kind"),
    text("state"),
    text("chosen"),
    text("options"),
    big("matched_count"),
    big("created_at_ms"),
    text("run_cursor"),
    big("begun_count", default=0),
    big("done_count", default=0),
    big("finished_at_ms", nullable=True),
    one_of("kind", "cancel", "replay"),
    one_of("state", "running", "done", "stopped"),
    sa.Index(None, "environment", "tenant", "id"),
)
"""Work on many runs (``runtime.jobs``). ``chosen`` and ``options`` are JSON, ``run_cursor`` is the last run seen."""

alert_rules = sa.Table(
    "alert_rules",
    metadata,
    sa.Column("environment", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),
    text("name"),
    text("workflow_id"),
    text("condition"),
    big("window_seconds"),
    big("quiet_seconds"),
    sa.Column("enabled", sa.Boolean(create_constraint=False), nullable=False),
    text("state"),
    big("since_ms"),
    big("violated_at_ms"),
    big("fired_from_ms"),
    big("transitions"),
    big("created_at_ms"),
    big("updated_at_ms"),
    one_of("state", "ok", "firing"),
)
"""When failures are to be told of, and how things stand. An empty ``workflow_id`` is all of the tenant's workflows."""
