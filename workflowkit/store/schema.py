"""Every table, as SQLAlchemy metadata. ``migrations/`` brings a database to this shape; a test compares the two.

Conventions: times are whole milliseconds UTC (``*_at_ms``); JSON is text, written by ``base.jsonvalue`` and never
parsed by the database; every tenant-owned row carries ``environment`` and ``tenant``. Tables of facts (``events``,
``journal``, ``decisions``, ``workflow_versions``) are insert-only: triggers made by the migrations refuse changes (I3).

The hot tables (``runs``, ``steps``, ``journal``) have no foreign keys: each check would cost a look-up and a row lock
per step, and their rows are only ever written together in one transaction.
"""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
    }
)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=nullable)


def _big(name: str, *, nullable: bool = False, default: int | None = None) -> sa.Column[int]:
    server_default = None if default is None else sa.text(str(default))
    return sa.Column(name, sa.BigInteger, nullable=nullable, server_default=server_default)


def _scope() -> tuple[sa.Column[str], sa.Column[str]]:
    return _text("environment"), _text("tenant")


def _one_of(column: str, *values: str) -> sa.CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return sa.CheckConstraint(f"{column} IN ({listed})", name=column)


RUN_STATUSES = ("scheduled", "queued", "running", "waiting", "completed", "failed", "cancelled")
STEP_STATUSES = ("ready", "running", "sleeping", "waiting", "completed", "failed", "skipped", "cancelled")

api_keys = sa.Table(
    "api_keys",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    *_scope(),
    _text("name"),
    _text("prefix"),
    _text("key_hash"),
    _text("scopes"),
    _text("event_names", nullable=True),
    _big("created_at_ms"),
    _big("last_used_at_ms", nullable=True),
    _big("revoked_at_ms", nullable=True),
    sa.UniqueConstraint("key_hash"),
    sa.Index(None, "environment", "tenant", "id"),
)

webhooks = sa.Table(
    "webhooks",
    metadata,
    sa.Column("environment", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    _text("token_hash"),
    _text("verification"),
    _text("secrets", nullable=True),
    _text("transform", nullable=True),
    _text("event_names", nullable=True),
    _text("cidrs", nullable=True),
    sa.Column("enabled", sa.Boolean(create_constraint=False), nullable=False),
    _big("created_at_ms"),
    _big("updated_at_ms"),
    _big("last_received_at_ms", nullable=True),
    sa.UniqueConstraint("token_hash"),
)
"""``token_hash`` is the hash of the secret part of the URL; ``secrets`` is encrypted (``base.secrets``)."""

webhook_deliveries = sa.Table(
    "webhook_deliveries",
    metadata,
    sa.Column("environment", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("webhook", sa.Text, primary_key=True),
    sa.Column("identity", sa.Text, primary_key=True),
    _big("expires_at_ms"),
    sa.Index(None, "environment", "tenant", "webhook", "expires_at_ms"),
)
"""The signed deliveries of the last minutes: one that is sent again has no effect."""

workflows = sa.Table(
    "workflows",
    metadata,
    sa.Column("environment", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),
    _text("name"),
    sa.Column("enabled", sa.Boolean(create_constraint=False), nullable=False),
    _big("published_version", nullable=True),
    _big("created_at_ms"),
    _big("updated_at_ms"),
)

workflow_drafts = sa.Table(
    "workflow_drafts",
    metadata,
    sa.Column("environment", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("workflow_id", sa.Text, primary_key=True),
    _big("revision"),
    _text("document"),
    _big("updated_at_ms"),
    sa.ForeignKeyConstraint(
        ["environment", "tenant", "workflow_id"],
        ["workflows.environment", "workflows.tenant", "workflows.id"],
        ondelete="CASCADE",
    ),
)

workflow_versions = sa.Table(
    "workflow_versions",
    metadata,
    sa.Column("environment", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("workflow_id", sa.Text, primary_key=True),
    sa.Column("version", sa.BigInteger, primary_key=True),
    _text("hash"),
    _text("document"),
    _big("created_at_ms"),
    sa.ForeignKeyConstraint(
        ["environment", "tenant", "workflow_id"],
        ["workflows.environment", "workflows.tenant", "workflows.id"],
    ),
)

workflow_triggers = sa.Table(
    "workflow_triggers",
    metadata,
    sa.Column("environment", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("pattern", sa.Text, primary_key=True),
    sa.Column("workflow_id", sa.Text, primary_key=True),
    sa.Column("position", sa.BigInteger, primary_key=True),
    _big("version"),
    _text("condition", nullable=True),
    sa.ForeignKeyConstraint(
        ["environment", "tenant", "workflow_id"],
        ["workflows.environment", "workflows.tenant", "workflows.id"],
        ondelete="CASCADE",
    ),
)
"""One row per trigger of the published version of an enabled workflow: what an arriving event is looked up in."""

events = sa.Table(
    "events",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    *_scope(),
    _text("name"),
    _text("event_id", nullable=True),
    _text("data"),
    _text("extra", nullable=True),
    _big("ts_ms"),
    _big("depth", default=0),
    _text("source_run_id", nullable=True),
    _text("duplicate_of", nullable=True),
    _big("received_at_ms"),
    _text("target", nullable=True),
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
    _text("first_id"),
    _big("expires_at_ms"),
)
"""Which event claimed a sender's id first, within the deduplication window (E4)."""

pending_events = sa.Table(
    "pending_events",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    _big("wake_at_ms"),
    sa.Index(None, "wake_at_ms"),
)
"""Accepted events that have not been matched yet: the outbox between intake and matching."""

decisions = sa.Table(
    "decisions",
    metadata,
    sa.Column("event_id", sa.Text, primary_key=True),
    sa.Column("workflow_id", sa.Text, primary_key=True),
    *_scope(),
    _text("reason"),
    _text("detail", nullable=True),
    _big("at_ms"),
    _text("other_id", nullable=True),
)
"""Why an event did not start a run of a workflow (``workflow_id`` is empty where the reason is the event's own).
``other_id`` is the run or the event that is there instead."""

runs = sa.Table(
    "runs",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    *_scope(),
    _text("workflow_id"),
    _big("version"),
    _text("event_id"),
    _text("status"),
    _big("revision"),
    _big("depth", default=0),
    _text("rerun_of", nullable=True),
    _text("output", nullable=True),
    _text("error", nullable=True),
    _big("handled_failures", default=0),
    _big("created_at_ms"),
    _big("started_at_ms", nullable=True),
    _big("finished_at_ms", nullable=True),
    _text("path", nullable=True),
    _text("input", nullable=True),
    _text("parent_run_id", nullable=True),
    _text("parent_step", nullable=True),
    _text("parent_wait", nullable=True),
    _text("reason", nullable=True),
    _big("paused_at_ms", nullable=True),
    _text("reason_detail", nullable=True),
    _text("flow", nullable=True),
    _one_of("status", *RUN_STATUSES),
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
    sa.Index(
        "ix_runs_ended",
        "environment",
        "tenant",
        "finished_at_ms",
        sqlite_where=sa.text("finished_at_ms IS NOT NULL AND path IS NULL"),
        postgresql_where=sa.text("finished_at_ms IS NOT NULL AND path IS NULL"),
    ),
)
"""The one mutable projection of a run. ``revision`` counts its transactions: whoever bumps it holds the row's lock.

A child run has a parent: the run, the step and the wait of that step (``waits``) that its end resolves. ``path`` names
the part of the version's document that the run executes (absent: all of it), ``input`` holds the JSON of what it was
given besides its event. ``reason`` says why a run was cancelled, the JSON in ``reason_detail`` by whom or what. A run
with ``paused_at_ms`` starts no step.
"""

steps = sa.Table(
    "steps",
    metadata,
    sa.Column("run_id", sa.Text, primary_key=True),
    sa.Column("step_key", sa.Text, primary_key=True),
    _text("queue"),
    _text("status"),
    _big("attempt", default=0),
    _big("lost_attempts", default=0),
    _big("token", default=0),
    _big("due_at_ms"),
    _big("wake_at_ms", nullable=True),
    _one_of("status", *STEP_STATUSES),
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
    _text("kind"),
    _text("step_key"),
    _big("attempt"),
    _text("data", nullable=True),
    _big("at_ms"),
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

WAIT_KINDS = ("event", "signal", "run", "cancel")
WAIT_STATES = ("open", "received", "expired", "cancelled")

waits = sa.Table(
    "waits",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    _text("run_id"),
    _text("wait_key"),
    _text("step_key"),
    _text("kind"),
    *_scope(),
    _text("name"),
    _text("match_key"),
    _text("condition", nullable=True),
    _text("state"),
    _text("result", nullable=True),
    _big("deadline_at_ms", nullable=True),
    _big("created_at_ms"),
    _big("resolved_at_ms", nullable=True),
    _one_of("kind", *WAIT_KINDS),
    _one_of("state", *WAIT_STATES),
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
)
"""What runs wait for. ``name`` is an event's name, a signal, or a child run. ``match_key`` is the index key of
the value that a matching event must have (``definition.correlation``), empty if any event of the name is to be looked
at; ``condition`` is what must be evaluated besides. ``result`` is the JSON of what was received. Kind ``cancel`` is the
listener of a whole run; all others belong to the step ``step_key``.
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
    _text("kind"),
    *_scope(),
    _text("subject"),
    _text("data", nullable=True),
    _big("due_at_ms"),
    sa.Index(None, "due_at_ms"),
    sa.Index(None, "subject"),
)
"""Things to be done at a time that no step is: time-outs of runs, propagated cancellation, jobs. ``kind`` names the
handler (``runtime.timers``); ``subject`` is what it is about, a run's id for example. Ids are deterministic: the same
thing cannot be planned twice. Fired once: whoever handles a timer deletes or moves it in the same transaction.
"""

HOLDS, RUNNING = ("pause", "drain"), ("freeze", "cancel")

pauses = sa.Table(
    "pauses",
    metadata,
    sa.Column("environment", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("workflow_id", sa.Text, primary_key=True),
    sa.Column("hold", sa.Text, primary_key=True),
    _text("running"),
    _text("reason", nullable=True),
    _text("actor", nullable=True),
    _big("at_ms"),
    _one_of("hold", *HOLDS),
    _one_of("running", *RUNNING),
)
"""What starts no runs for now. ``tenant`` is ``*`` for all of the environment, ``workflow_id`` empty for all workflows.
A pause also stops the runs there are (``running`` says how), a drain does not.
"""

OVERLAPS = ("allow", "skip", "queue")

schedules = sa.Table(
    "schedules",
    metadata,
    sa.Column("environment", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("workflow_id", sa.Text, primary_key=True),
    sa.Column("position", sa.BigInteger, primary_key=True),
    _text("cron"),
    _text("timezone"),
    _big("jitter_ms"),
    _text("overlap"),
    _big("catch_up"),
    _big("next_slot_ms"),
    _big("next_due_at_ms"),
    sa.Column("is_paused", sa.Boolean(create_constraint=False), nullable=False),
    _big("last_slot_ms", nullable=True),
    _text("last_event_id", nullable=True),
    _text("queued", nullable=True),
    _one_of("overlap", *OVERLAPS),
    sa.ForeignKeyConstraint(
        ["environment", "tenant", "workflow_id"],
        ["workflows.environment", "workflows.tenant", "workflows.id"],
        ondelete="CASCADE",
    ),
)
"""One row per cron trigger of a published version, changed only by whoever holds the workflow's schedule timer.
``queued`` is the JSON list of slots that wait for an earlier run to end."""

step_cache = sa.Table(
    "step_cache",
    metadata,
    sa.Column("environment", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("cache_key", sa.Text, primary_key=True),
    _text("output"),
    _big("expires_at_ms"),
)
"""Outputs of steps that other runs use again (``settings.cache``), by a hash of the action's kind and the key."""

apps = sa.Table(
    "apps",
    metadata,
    sa.Column("environment", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),
    _text("version", nullable=True),
    _text("hash"),
    _text("function_ids"),
    _big("synced_at_ms"),
)
"""Applications whose code functions were synced: the version of the code in force, a hash of its functions, their ids.
The functions themselves are rows of ``workflows``."""

APPROVAL_STATUSES = ("open", "approved", "rejected", "expired", "cancelled")
VERDICTS = ("approved", "rejected")

approvals = sa.Table(
    "approvals",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    *_scope(),
    _text("run_id"),
    _text("workflow_id"),
    _text("step_key"),
    _text("wait_key"),
    _text("title"),
    _text("description"),
    _text("form", nullable=True),
    _text("assignees"),
    _big("needed"),
    _text("reject_on"),
    _text("status"),
    _big("created_at_ms"),
    _big("expires_at_ms"),
    _big("closed_at_ms", nullable=True),
    _one_of("status", *APPROVAL_STATUSES),
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
    *_scope(),
    sa.Index(None, "environment", "tenant", "assignee", "approval_id"),
)
"""Who is asked: what somebody's inbox is looked up in."""

approval_decisions = sa.Table(
    "approval_decisions",
    metadata,
    sa.Column("approval_id", sa.Text, primary_key=True),
    sa.Column("actor", sa.Text, primary_key=True),
    *_scope(),
    _big("position"),
    _text("verdict"),
    _text("comment"),
    _text("data", nullable=True),
    _big("at_ms"),
    _one_of("verdict", *VERDICTS),
)
"""Who decided what (insert-only, never deleted). SAFETY: I17 — the key lets everybody decide once."""

callbacks = sa.Table(
    "callbacks",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    *_scope(),
    _text("run_id"),
    _text("step_key"),
    _text("token_hash"),
    _text("data", nullable=True),
    _big("created_at_ms"),
    _big("expires_at_ms"),
    _big("received_at_ms", nullable=True),
    sa.UniqueConstraint("token_hash"),
)
"""URLs that can be called once, and what was sent to them. ``token_hash`` is the hash of the secret part."""

jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    *_scope(),
    _text("kind"),
    _text("state"),
    _text("chosen"),
    _text("options"),
    _big("matched_count"),
    _big("created_at_ms"),
    _text("run_cursor"),
    _big("begun_count", default=0),
    _big("done_count", default=0),
    _big("finished_at_ms", nullable=True),
    _one_of("kind", "cancel", "replay"),
    _one_of("state", "running", "done", "stopped"),
    sa.Index(None, "environment", "tenant", "id"),
)
"""Work on many runs (``runtime.jobs``). ``chosen`` and ``options`` are JSON, ``run_cursor`` is the last run seen."""

flow_states = sa.Table(
    "flow_states",
    metadata,
    sa.Column("environment", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("workflow_id", sa.Text, primary_key=True),
    sa.Column("control", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    _text("state", nullable=True),
    _big("expires_at_ms", nullable=True),
    sa.Index(
        "ix_flow_states_expires_at_ms",
        "expires_at_ms",
        sqlite_where=sa.text("expires_at_ms IS NOT NULL"),
        postgresql_where=sa.text("expires_at_ms IS NOT NULL"),
    ),
)
"""What flow control keeps of a key, as JSON, and the lock of that key: the time of a rate, an open window or batch, a
claim, who holds a singleton. The row of a group of slots (``slots``) has no state and is only locked; it belongs to
no tenant, as the group may span several. A row may be deleted once it has expired."""

COLLECTION_KINDS = ("batch", "debounce", "singleton")

collections = sa.Table(
    "collections",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    *_scope(),
    _text("workflow_id"),
    _big("version"),
    _text("kind"),
    _text("key"),
    _big("opened_at_ms"),
    _big("closed_at_ms", nullable=True),
    _text("run_id", nullable=True),
    _text("reason", nullable=True),
    _one_of("kind", *COLLECTION_KINDS),
    sa.Index(None, "environment", "tenant", "workflow_id", "id"),
    sa.Index(None, "run_id"),
)
"""Events of one key that start one run together: a batch, the window of a debounce, or an event that waits for the end
of a singleton's run. It is open until it has a run, or a ``reason`` why it started none."""

collected_events = sa.Table(
    "collected_events",
    metadata,
    sa.Column("event_id", sa.Text, primary_key=True),
    sa.Column("workflow_id", sa.Text, primary_key=True),
    _text("collection_id"),
    _big("ordinal"),
    sa.Index(None, "collection_id", "ordinal"),
)
"""Which events are in a collection, in order of arrival. An event is in one collection of a workflow at most."""

lanes = sa.Table(
    "lanes",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    *_scope(),
    _text("parent", nullable=True),
    _big("turn"),
    _text("queue", nullable=True),
    _text("throttle", nullable=True),
    _big("not_before_ms", default=0),
    _big("wake_at_ms", nullable=True),
    sa.Index(
        "ix_lanes_wake_at_ms",
        "wake_at_ms",
        sqlite_where=sa.text("wake_at_ms IS NOT NULL"),
        postgresql_where=sa.text("wake_at_ms IS NOT NULL"),
    ),
    sa.Index(None, "turn"),
    sa.Index(None, "parent"),
)
"""The order in which queued steps start: tenants (no ``parent``) take turns, and so do the lanes of a tenant, each of
which holds the steps of a workflow that are under the same limits and on the same queue. ``turn`` is the place in the
line, ``not_before_ms`` when the throttle admits the next, ``wake_at_ms`` when the relay looks at the lane."""

lane_groups = sa.Table(
    "lane_groups",
    metadata,
    sa.Column("lane_id", sa.Text, primary_key=True),
    sa.Column("slot_group", sa.Text, primary_key=True),
    _big("ceiling"),
    sa.Index(None, "slot_group"),
)
"""Under which limits the steps of a lane are: at most ``ceiling`` slots of the group may be held."""

queued_steps = sa.Table(
    "queued_steps",
    metadata,
    sa.Column("run_id", sa.Text, primary_key=True),
    sa.Column("step_key", sa.Text, primary_key=True),
    _text("lane_id"),
    _big("score_ms"),
    _text("sequence"),
    sa.Index(None, "lane_id", "score_ms", "sequence"),
)
"""Steps that are due and wait for a limit. Within a lane the one with the lowest score comes first."""

slots = sa.Table(
    "slots",
    metadata,
    sa.Column("slot_group", sa.Text, primary_key=True),
    sa.Column("run_id", sa.Text, primary_key=True),
    sa.Column("step_key", sa.Text, primary_key=True),
    _big("token"),
    sa.Index(None, "run_id"),
)
"""Who counts against a limit: a step for as long as the lease with this token lasts, or, without a step, a whole run
from its first step to its end. Never a counter."""

alert_rules = sa.Table(
    "alert_rules",
    metadata,
    sa.Column("environment", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),
    _text("name"),
    _text("workflow_id"),
    _text("condition"),
    _big("window_seconds"),
    _big("quiet_seconds"),
    sa.Column("enabled", sa.Boolean(create_constraint=False), nullable=False),
    _text("state"),
    _big("since_ms"),
    _big("violated_at_ms"),
    _big("fired_from_ms"),
    _big("transitions"),
    _big("created_at_ms"),
    _big("updated_at_ms"),
    _one_of("state", "ok", "firing"),
)
"""When failures are to be told of, and how things stand. An empty ``workflow_id`` is all of the tenant's workflows."""
