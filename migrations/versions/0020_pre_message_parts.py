"""Realtime: which part of which stream a message is, if it is one."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("messages", sa.Column("part", sa.Text(), nullable=True))
