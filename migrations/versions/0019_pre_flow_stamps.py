"""Flow control: by which a state that was read without a lock is known to be still as it was.

Workers of the version before lock states without changing stamps. Where they run beside new ones, a limit may be passed
by one for a moment.
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("flow_states", sa.Column("stamp", sa.BigInteger(), nullable=False, server_default=sa.text("0")))
