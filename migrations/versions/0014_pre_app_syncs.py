"""The history of syncs, where apps are, and archiving them."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("name", "url", "sdk"):
        op.add_column("apps", sa.Column(name, sa.Text(), nullable=True))
    op.add_column("apps", sa.Column("archived_at_ms", sa.BigInteger(), nullable=True))
    op.add_column("apps", sa.Column("archived_functions", sa.Text(), nullable=True))
    op.create_table(
        "app_syncs",
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("app_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("sdk", sa.Text(), nullable=True),
        sa.Column("app_version", sa.Text(), nullable=True),
        sa.Column("function_count", sa.BigInteger(), nullable=False),
        sa.Column("published", sa.Text(), nullable=False),
        sa.Column("retired", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("status IN ('synced', 'failed')", name=op.f("ck_app_syncs_status")),
        sa.PrimaryKeyConstraint("environment", "tenant", "id", name=op.f("pk_app_syncs")),
    )
    op.create_index(
        op.f("ix_app_syncs_environment_tenant_app_id_id"),
        "app_syncs",
        ["environment", "tenant", "app_id", "id"],
    )
