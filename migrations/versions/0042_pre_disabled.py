"""Workflows that are switched off keep their triggers, so that each event is told why it starts nothing.

Those that are off when this is applied have theirs again once they are switched on, or published.
"""

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "workflow_triggers",
        sa.Column("enabled", sa.Boolean(create_constraint=False), nullable=False, server_default=sa.true()),
    )
