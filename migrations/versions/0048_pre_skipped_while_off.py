"""What was skipped because a workflow was switched off is found among all the rest, too."""

import sqlalchemy as sa
from alembic import op

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # PostgreSQL finds what the old code looks for in them as well.
    is_skipped = sa.text("reason IN ('archived', 'disabled', 'drained', 'paused')")
    for table, columns in (("collections", ["environment", "tenant", "id"]),
                           ("decisions", ["environment", "tenant", "event_id"])):  # fmt: skip
        op.drop_index(f"ix_{table}_skipped", table)
        op.create_index(
            f"ix_{table}_skipped", table, columns, sqlite_where=is_skipped, postgresql_where=is_skipped
        )  # fmt: skip
