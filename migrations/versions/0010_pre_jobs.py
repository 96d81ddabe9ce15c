"""Jobs over many runs."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("chosen", sa.Text(), nullable=False),
        sa.Column("options", sa.Text(), nullable=False),
        sa.Column("matched_count", sa.BigInteger(), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("run_cursor", sa.Text(), nullable=False),
        sa.Column("begun_count", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("done_count", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("finished_at_ms", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("kind IN ('cancel', 'replay')", name=op.f("ck_jobs_kind")),
        sa.CheckConstraint("state IN ('running', 'done', 'stopped')", name=op.f("ck_jobs_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
    )
    op.create_index(op.f("ix_jobs_environment_tenant_id"), "jobs", ["environment", "tenant", "id"])
