"""What is still collected, and what a pause or drain has skipped, is found among all the rest."""

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    is_open, is_skipped = sa.text("closed_at_ms IS NULL"), sa.text("reason IN ('archived', 'drained', 'paused')")
    op.create_index(
        "ix_collections_open", "collections", ["environment", "tenant", "workflow_id"],
        sqlite_where=is_open, postgresql_where=is_open,
    )  # fmt: skip
    for table, columns in (("collections", ["environment", "tenant", "id"]),
                           ("decisions", ["environment", "tenant", "event_id"])):  # fmt: skip
        op.create_index(
            f"ix_{table}_skipped", table, columns, sqlite_where=is_skipped, postgresql_where=is_skipped
        )  # fmt: skip
