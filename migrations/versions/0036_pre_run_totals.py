"""Ended runs are counted for ever, however long they are kept: totals, and up to when runs are in them.

Those that have ended before this migration are not counted: processes of the earlier version may be deleting them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

LAST_END = "SELECT 'runs', coalesce(max(finished_at_ms) + 1, 0) FROM runs WHERE path IS NULL"


def upgrade() -> None:
    is_whole = sa.text("path IS NULL")
    op.create_index(
        "ix_runs_finished_at_ms", "runs", ["finished_at_ms"], sqlite_where=is_whole, postgresql_where=is_whole
    )
    op.create_table(
        "run_totals",
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("workflow_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("within_ms", sa.BigInteger(), nullable=False),
        sa.Column("run_count", sa.BigInteger(), nullable=False),
        sa.Column("duration_ms", sa.BigInteger(), nullable=False),
        sa.Column("delay_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "environment", "tenant", "workflow_id", "status", "within_ms", name=op.f("pk_run_totals")
        ),
    )
    op.create_table(
        "total_marks",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_total_marks")),
    )
    op.execute(f"INSERT INTO total_marks (name, until_ms) {LAST_END}")
