"""Rules of alerts, and the ended runs of a time."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "alert_rules",
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("workflow_id", sa.Text(), nullable=False),
        sa.Column("condition", sa.Text(), nullable=False),
        sa.Column("window_seconds", sa.BigInteger(), nullable=False),
        sa.Column("quiet_seconds", sa.BigInteger(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.Column("violated_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("fired_from_ms", sa.BigInteger(), nullable=False),
        sa.Column("transitions", sa.BigInteger(), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("updated_at_ms", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("state IN ('ok', 'firing')", name=op.f("ck_alert_rules_state")),
        sa.PrimaryKeyConstraint("environment", "tenant", "id", name=op.f("pk_alert_rules")),
    )
    op.create_index(
        "ix_runs_ended",
        "runs",
        ["environment", "tenant", "finished_at_ms"],
        sqlite_where=sa.text("finished_at_ms IS NOT NULL AND path IS NULL"),
        postgresql_where=sa.text("finished_at_ms IS NOT NULL AND path IS NULL"),
    )
