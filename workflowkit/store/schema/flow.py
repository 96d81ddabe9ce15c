"""Flow control: limits, collections, queues."""

from __future__ import annotations

import sqlalchemy as sa

from workflowkit.store.schema.base import big, metadata, one_of, scope, text

flow_states = sa.Table(
    "flow_states",
    metadata,
    sa.Column("environment", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("workflow_id", sa.Text, primary_key=True),
    sa.Column("control", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    text("state", nullable=True),
    big("expires_at_ms", nullable=True),
    big("stamp", default=0),
    sa.Index(
        "ix_flow_states_expires_at_ms",
        "expires_at_ms",
        sqlite_where=sa.text("expires_at_ms IS NOT NULL"),
        postgresql_where=sa.text("expires_at_ms IS NOT NULL"),
    ),
)
"""What flow control keeps of a key, as JSON, and the lock of that key: the time of a rate, an open window or batch, a
claim, who holds a singleton. A row may be deleted once it has expired. ``stamp`` grows whenever the row is locked or
changed: who has read it without a lock tells by that whether it is still as it was."""

COLLECTION_KINDS = ("batch", "debounce", "singleton")

collections = sa.Table(
    "collections",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    *scope(),
    text("workflow_id"),
    big("version"),
    text("kind"),
    text("key"),
    big("opened_at_ms"),
    big("closed_at_ms", nullable=True),
    text("run_id", nullable=True),
    text("reason", nullable=True),
    one_of("kind", *COLLECTION_KINDS),
    sa.Index(None, "environment", "tenant", "workflow_id", "id"),
    sa.Index(None, "run_id"),
    sa.Index(
        "ix_collections_open",
        "environment",
        "tenant",
        "workflow_id",
        sqlite_where=sa.text("closed_at_ms IS NULL"),
        postgresql_where=sa.text("closed_at_ms IS NULL"),
    ),
    sa.Index(
        "ix_collections_skipped",
        "environment",
        "tenant",
        "id",
        sqlite_where=sa.text("reason IN ('archived', 'disabled', 'drained', 'paused')"),
        postgresql_where=sa.text("reason IN ('archived', 'disabled', 'drained', 'paused')"),
    ),
)
"""Events of one key that start one run together: a batch, the window of a debounce, or an event that waits for the end
of a singleton's run. It is open until it has a run, or a ``reason`` why it started none."""

collected_events = sa.Table(
    "collected_events",
    metadata,
    sa.Column("event_id", sa.Text, primary_key=True),
    sa.Column("workflow_id", sa.Text, primary_key=True),
    text("collection_id"),
    big("ordinal"),
    sa.Index(None, "collection_id", "ordinal"),
)
"""Which events are in a collection. An event is in one collection of a workflow at most. Its ``ordinal`` is how many
were in it before: the order in which they joined, which need not be that of their arrival."""

lanes = sa.Table(
    "lanes",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    *scope(),
    text("parent", nullable=True),
    big("turn"),
    text("queue", nullable=True),
    text("throttle", nullable=True),
    big("not_before_ms", default=0),
    big("wake_at_ms", nullable=True),
    sa.Index(
        "ix_lanes_wake_at_ms",
        "wake_at_ms",
        sqlite_where=sa.text("wake_at_ms IS NOT NULL"),
        postgresql_where=sa.text("wake_at_ms IS NOT NULL"),
    ),
    sa.Index(None, "turn"),
    sa.Index(None, "parent", "turn", "id"),
    sa.Index(
        "ix_lanes_throttle", "parent", sa.text("hashtextextended(throttle, 0)"), "turn", "id",
        postgresql_where=sa.text("throttle IS NOT NULL"),
    ).ddl_if(dialect="postgresql"),
)  # fmt: skip
"""The order in which queued steps start: tenants (no ``parent``) take turns, and so do the lanes of a tenant, each of
which holds the steps of a workflow that are under the same limits and on the same queue. ``turn`` is the place in the
line, ``not_before_ms`` when the throttle admits the next, ``wake_at_ms`` when the relay looks at the lane."""

lane_groups = sa.Table(
    "lane_groups",
    metadata,
    sa.Column("lane_id", sa.Text, primary_key=True),
    sa.Column("slot_group", sa.Text, primary_key=True),
    big("ceiling"),
    text("rule", nullable=True),
    sa.Index(None, "slot_group", "ceiling"),
    sa.Index(None, "rule", sqlite_where=sa.text("rule IS NOT NULL"), postgresql_where=sa.text("rule IS NOT NULL")),
)
"""Under which limits the steps of a lane are: at most ``ceiling`` slots of the group may be held. A trigger sees to it
that it is the one that ``ceilings`` has for the ``rule``, if there is one."""

ceilings = sa.Table(
    "ceilings",
    metadata,
    sa.Column("rule", sa.Text, primary_key=True),
    big("ceiling"),
)
"""How high limits of workflows are that were not so in an earlier version: what runs are under that began with that."""

rates = sa.Table(
    "rates",
    metadata,
    sa.Column("environment", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("workflow_id", sa.Text, primary_key=True),
    text("rate"),
)
"""The rate of a workflow's throttle, where it was another one in an earlier version: what lanes have that open for
runs that began with that. A trigger sees to it."""

queued_steps = sa.Table(
    "queued_steps",
    metadata,
    sa.Column("run_id", sa.Text, primary_key=True),
    sa.Column("step_key", sa.Text, primary_key=True),
    text("lane_id"),
    big("score_ms"),
    text("sequence"),
    text("line", nullable=True),
    big("head_start_ms", nullable=True),
    sa.Index(None, "lane_id", "score_ms", "sequence"),
    sa.Index(
        "ix_queued_steps_line",
        "line",
        "head_start_ms",
        "score_ms",
        "sequence",
        sqlite_where=sa.text("line IS NOT NULL"),
        postgresql_where=sa.text("line IS NOT NULL"),
    ),
)
"""Steps that are due and wait for a limit. Within a lane the one with the lowest score comes first. Those of a workflow
that has priorities have its ``line``, in which who has a longer head start may go ahead of other lanes."""

slots = sa.Table(
    "slots",
    metadata,
    sa.Column("slot_group", sa.Text, primary_key=True),
    sa.Column("run_id", sa.Text, primary_key=True),
    sa.Column("step_key", sa.Text, primary_key=True),
    big("token"),
    text("kept_by", nullable=True),
    sa.Index(None, "run_id"),
    # Slots come and go all the time, and what is gone stays in an index until something else needs its place. In the
    # order of their runs, which is that of time, nothing ever would: so they are strewn, and are counted by this.
    sa.Index(
        "ix_slots_strewn", sa.text("hashtextextended(slot_group, 0)"), sa.text("hashtext(run_id)")
    ).ddl_if(dialect="postgresql"),
)  # fmt: skip
"""Who counts against a limit: a step for as long as the lease with this token lasts, or, without a step, a whole run
from its first step to its end. Never a counter. ``step_key`` is the step that took the slot, ``kept_by`` a later one of
the run that has it now."""
