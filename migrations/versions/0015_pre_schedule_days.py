"""The days on which a schedule fires."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("schedules", sa.Column("days", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("schedules", "days")
