"""Requests that carry an ``Idempotency-Key``."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "request_keys",
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("expires_at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("environment", "tenant", "key", name=op.f("pk_request_keys")),
    )
    op.create_index(
        op.f("ix_request_keys_environment_tenant_expires_at_ms"),
        "request_keys",
        ["environment", "tenant", "expires_at_ms"],
    )
