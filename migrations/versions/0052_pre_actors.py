"""Who has repeated a run, and who has made a key. Of keys that there are, the audit log knows it."""

import sqlalchemy as sa
from alembic import op

revision = "0052"
down_revision = "0051"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("runs", sa.Column("rerun_by", sa.Text(), nullable=True))
    op.add_column("api_keys", sa.Column("created_by", sa.Text(), nullable=True))
    op.execute(
        """
        UPDATE api_keys SET created_by = (
            SELECT min(a.actor) FROM audit_log a
            WHERE a.environment = api_keys.environment AND a.tenant = api_keys.tenant AND a.action = 'key.created'
                AND a.subject = 'key:' || api_keys.id
        )
        """
    )
