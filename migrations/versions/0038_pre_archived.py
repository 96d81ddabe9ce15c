"""Workflows are archived: they start no runs, and everything of them is kept."""

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("workflows", "workflow_triggers"):
        op.add_column(table, sa.Column("archived_at_ms", sa.BigInteger(), nullable=True))
