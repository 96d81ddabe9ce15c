"""Schedules of workflows."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "schedules",
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("workflow_id", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("cron", sa.Text(), nullable=False),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column("jitter_ms", sa.BigInteger(), nullable=False),
        sa.Column("overlap", sa.Text(), nullable=False),
        sa.Column("catch_up", sa.BigInteger(), nullable=False),
        sa.Column("next_slot_ms", sa.BigInteger(), nullable=False),
        sa.Column("next_due_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("is_paused", sa.Boolean(), nullable=False),
        sa.Column("last_slot_ms", sa.BigInteger(), nullable=True),
        sa.Column("last_event_id", sa.Text(), nullable=True),
        sa.Column("queued", sa.Text(), nullable=True),
        sa.CheckConstraint("overlap IN ('allow', 'skip', 'queue')", name=op.f("ck_schedules_overlap")),
        sa.PrimaryKeyConstraint("environment", "tenant", "workflow_id", "position", name=op.f("pk_schedules")),
        sa.ForeignKeyConstraint(
            ["environment", "tenant", "workflow_id"],
            ["workflows.environment", "workflows.tenant", "workflows.id"],
            name=op.f("fk_schedules_workflows"), ondelete="CASCADE",
        ),
    )  # fmt: skip
