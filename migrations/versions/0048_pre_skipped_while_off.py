"""What was skipped because a workflow was switched off is found among all the rest, too."""

import sqlalchemy as sa
from alembic import op

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None

# PostgreSQL finds what the old code looks for in them as well.
IS_SKIPPED = sa.text("reason IN ('archived', 'disabled', 'drained', 'paused')")
INDEXES = {
    "ix_collections_skipped": ("collections", ["environment", "tenant", "id"]),
    "ix_decisions_skipped": ("decisions", ["environment", "tenant", "event_id"]),
}
IS_VALID = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('{name}')"


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        _replace_beside_writers()
        return
    for name, (table, columns) in INDEXES.items():
        op.drop_index(name, table)
        op.create_index(name, table, columns, sqlite_where=IS_SKIPPED)


def _replace_beside_writers() -> None:
    with op.get_context().autocommit_block():
        # What these wait for are transactions that began before them; nobody waits behind them meanwhile.
        op.execute("SET lock_timeout = 0")
        for name, (table, columns) in INDEXES.items():
            new = f"{name}_new"
            # A try that was interrupted may have left any of this behind.
            if not op.get_bind().scalar(sa.text(IS_VALID.format(name=new))):
                op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {new}")
                op.create_index(new, table, columns, postgresql_where=IS_SKIPPED, postgresql_concurrently=True)
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
        op.execute("RESET lock_timeout")
    for name in INDEXES:
        op.execute(f"ALTER INDEX {name}_new RENAME TO {name}")
