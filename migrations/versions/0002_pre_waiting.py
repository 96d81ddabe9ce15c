"""Waiting: child runs, addressed events, waits and timers."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_IS_OPEN = sa.text("state = 'open'")
_IS_OPEN_SIGNAL = sa.text("kind = 'signal' AND state = 'open'")
_HAS_PARENT = sa.text("parent_run_id IS NOT NULL")


def upgrade() -> None:
    op.add_column("events", sa.Column("target", sa.Text(), nullable=True))
    for name in ("path", "input", "parent_run_id", "parent_step", "parent_wait", "reason"):
        op.add_column("runs", sa.Column(name, sa.Text(), nullable=True))
    op.add_column("runs", sa.Column("paused_at_ms", sa.BigInteger(), nullable=True))
    op.create_index(
        "ix_runs_parent_run_id", "runs", ["parent_run_id", "parent_step", "id"],
        sqlite_where=_HAS_PARENT, postgresql_where=_HAS_PARENT,
    )  # fmt: skip
    _create_waits()
    op.create_table(
        "wait_paths",
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("environment", "tenant", "name", "path", name=op.f("pk_wait_paths")),
    )
    op.create_table(
        "timers",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("data", sa.Text(), nullable=True),
        sa.Column("due_at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_timers")),
    )
    op.create_index(op.f("ix_timers_due_at_ms"), "timers", ["due_at_ms"])
    op.create_index(op.f("ix_timers_subject"), "timers", ["subject"])


def _create_waits() -> None:
    op.create_table(
        "waits",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("wait_key", sa.Text(), nullable=False),
        sa.Column("step_key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("match_key", sa.Text(), nullable=False),
        sa.Column("condition", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("deadline_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("resolved_at_ms", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("kind IN ('event', 'signal', 'run', 'cancel')", name=op.f("ck_waits_kind")),
        sa.CheckConstraint("state IN ('open', 'received', 'expired', 'cancelled')", name=op.f("ck_waits_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_waits")),
    )
    op.create_index(
        "ix_waits_open", "waits", ["environment", "tenant", "kind", "name", "match_key"],
        sqlite_where=_IS_OPEN, postgresql_where=_IS_OPEN,
    )  # fmt: skip
    op.create_index(
        "uq_waits_signal", "waits", ["environment", "tenant", "name"], unique=True,
        sqlite_where=_IS_OPEN_SIGNAL, postgresql_where=_IS_OPEN_SIGNAL,
    )  # fmt: skip
    op.create_index(op.f("ix_waits_run_id"), "waits", ["run_id"])
    op.create_index("ix_waits_name", "waits", ["environment", "tenant", "kind", "name", "created_at_ms"])
