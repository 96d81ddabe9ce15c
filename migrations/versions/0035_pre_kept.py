"""What unfinished runs may still read is known when old rows are deleted: the events that their waits have received,
the runs that they repeat, and the batches whose events they have."""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

# An encrypted result does not begin with a quote: of such waits the event is not known here.
EVENTS_OF_WAITS = """
UPDATE waits SET event_id = substr(result, 2, length(result) - 2)
WHERE kind = 'event' AND state = 'received' AND result LIKE '"%'
    AND EXISTS (SELECT 1 FROM runs WHERE runs.id = waits.run_id AND runs.finished_at_ms IS NULL)
"""
COLLECTIONS_OF_RUNS = """
UPDATE runs SET collection_id = {collection} WHERE flow LIKE '%"collection":%'
"""
COLLECTION = {"postgresql": "flow::json ->> 'collection'", "sqlite": "json_extract(flow, '$.collection')"}


def upgrade() -> None:
    op.add_column("waits", sa.Column("event_id", sa.Text(), nullable=True))
    op.add_column("runs", sa.Column("collection_id", sa.Text(), nullable=True))
    op.execute(EVENTS_OF_WAITS)
    op.execute(COLLECTIONS_OF_RUNS.format(collection=COLLECTION[op.get_bind().dialect.name]))
    for table, column, more in (
        ("waits", "event_id", ""), ("runs", "rerun_of", " AND finished_at_ms IS NULL"), ("runs", "collection_id", ""),
    ):  # fmt: skip
        is_in = sa.text(f"{column} IS NOT NULL{more}")
        op.create_index(f"ix_{table}_{column}", table, [column], sqlite_where=is_in, postgresql_where=is_in)
