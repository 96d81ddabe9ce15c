"""Pauses and drains."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "pauses",
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("workflow_id", sa.Text(), nullable=False),
        sa.Column("hold", sa.Text(), nullable=False),
        sa.Column("running", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=True),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("hold IN ('pause', 'drain')", name=op.f("ck_pauses_hold")),
        sa.CheckConstraint("running IN ('freeze', 'cancel')", name=op.f("ck_pauses_running")),
        sa.PrimaryKeyConstraint("environment", "tenant", "workflow_id", "hold", name=op.f("pk_pauses")),
    )
    op.create_index(
        "ix_runs_paused",
        "runs",
        ["environment", "id"],
        sqlite_where=sa.text("paused_at_ms IS NOT NULL"),
        postgresql_where=sa.text("paused_at_ms IS NOT NULL"),
    )
