"""Flow control: slots that are held are counted by an index that passes over those which were given back.

Rows of slots come and go all the time. What has gone stays in an index until it is vacuumed; a bitmap visits it each
time, a scan of the index remembers that it is dead. A planner that knows of ten slots takes the first for the cheaper.
"""

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for method in ("enable_bitmapscan", "enable_seqscan"):
            op.execute(f"ALTER FUNCTION workflowkit_free_slots(text, bigint, bigint) SET {method} = off")
