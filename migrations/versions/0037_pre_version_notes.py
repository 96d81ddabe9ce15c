"""A version keeps who published it, and what they said about it. Those from before have neither."""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("workflow_versions", sa.Column("published_by", sa.Text(), nullable=True))
    op.add_column("workflow_versions", sa.Column("note", sa.Text(), nullable=True))
