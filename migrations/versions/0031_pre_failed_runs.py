"""Failed runs are found among millions of others."""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    has_error = sa.text("error IS NOT NULL")
    op.create_index(
        "ix_runs_failed", "runs", ["environment", "tenant", "id"],
        sqlite_where=has_error, postgresql_where=has_error,
    )  # fmt: skip
