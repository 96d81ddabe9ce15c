"""Workers that connect: the attempt of a step that waits for one, as a later attempt may wait for something else."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("worker_waits", sa.Column("generation", sa.BigInteger(), nullable=False, server_default=sa.text("0")))
