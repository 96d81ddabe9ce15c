"""Workflows: drafts, versions, what starts them."""

from __future__ import annotations

import sqlalchemy as sa

from workflowkit.store.schema.base import big, metadata, one_of, text

workflows = sa.Table(
    "workflows",
    metadata,
    sa.Column("environment", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),
    text("name"),
    sa.Column("enabled", sa.Boolean(create_constraint=False), nullable=False),
    big("published_version", nullable=True),
    big("created_at_ms"),
    big("updated_at_ms"),
    big("archived_at_ms", nullable=True),
)

workflow_drafts = sa.Table(
    "workflow_drafts",
    metadata,
    sa.Column("environment", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("workflow_id", sa.Text, primary_key=True),
    big("revision"),
    text("document"),
    big("updated_at_ms"),
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
    text("hash"),
    text("document"),
    big("created_at_ms"),
    text("published_by", nullable=True),
    text("note", nullable=True),
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
    big("version"),
    text("condition", nullable=True),
    big("archived_at_ms", nullable=True),
    sa.Column("enabled", sa.Boolean(create_constraint=False), nullable=False, server_default=sa.true()),
    sa.ForeignKeyConstraint(
        ["environment", "tenant", "workflow_id"],
        ["workflows.environment", "workflows.tenant", "workflows.id"],
        ondelete="CASCADE",
    ),
)
"""One row per trigger of the published version of a workflow: what an arriving event is looked up in. ``enabled`` and
``archived_at_ms`` are those of the workflow, so that nobody has to look there. Functions that are gone have none."""

OVERLAPS = ("allow", "skip", "queue")

schedules = sa.Table(
    "schedules",
    metadata,
    sa.Column("environment", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("workflow_id", sa.Text, primary_key=True),
    sa.Column("position", sa.BigInteger, primary_key=True),
    text("cron"),
    text("timezone"),
    big("jitter_ms"),
    text("overlap"),
    big("catch_up"),
    big("next_slot_ms"),
    big("next_due_at_ms"),
    sa.Column("is_paused", sa.Boolean(create_constraint=False), nullable=False),
    big("last_slot_ms", nullable=True),
    text("last_event_id", nullable=True),
    text("queued", nullable=True),
    text("days", nullable=True),
    one_of("overlap", *OVERLAPS),
    sa.ForeignKeyConstraint(
        ["environment", "tenant", "workflow_id"],
        ["workflows.environment", "workflows.tenant", "workflows.id"],
        ondelete="CASCADE",
    ),
)
"""One row per cron trigger of a published version, changed only by whoever holds the workflow's schedule timer.
``queued`` is the JSON list of slots that wait for an earlier run to end, ``days`` says on which days it
fires; null: on all."""
