"""Flow control: states of keys, collections of events, lanes of queued steps, slots."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_EXPIRES = sa.text("expires_at_ms IS NOT NULL")
_WAKES = sa.text("wake_at_ms IS NOT NULL")


def upgrade() -> None:
    op.add_column("runs", sa.Column("flow", sa.Text(), nullable=True))
    op.add_column("decisions", sa.Column("other_id", sa.Text(), nullable=True))
    _create_states()
    _create_collections()
    _create_lanes()
    op.create_table(
        "slots",
        sa.Column("slot_group", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("step_key", sa.Text(), nullable=False),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("slot_group", "run_id", "step_key", name=op.f("pk_slots")),
    )
    op.create_index(op.f("ix_slots_run_id"), "slots", ["run_id"])


def _create_states() -> None:
    key = ("environment", "tenant", "workflow_id", "control", "key")
    op.create_table(
        "flow_states",
        *(sa.Column(name, sa.Text(), nullable=False) for name in key),
        sa.Column("state", sa.Text(), nullable=True),
        sa.Column("expires_at_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint(*key, name=op.f("pk_flow_states")),
    )
    op.create_index(
        "ix_flow_states_expires_at_ms", "flow_states", ["expires_at_ms"],
        sqlite_where=_EXPIRES, postgresql_where=_EXPIRES,
    )  # fmt: skip


def _create_collections() -> None:
    op.create_table(
        "collections",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("workflow_id", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("opened_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("closed_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("run_id", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint("kind IN ('batch', 'debounce', 'singleton')", name=op.f("ck_collections_kind")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_collections")),
    )
    op.create_index(
        op.f("ix_collections_environment_tenant_workflow_id_id"), "collections",
        ["environment", "tenant", "workflow_id", "id"],
    )  # fmt: skip
    op.create_index(op.f("ix_collections_run_id"), "collections", ["run_id"])
    op.create_table(
        "collected_events",
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("workflow_id", sa.Text(), nullable=False),
        sa.Column("collection_id", sa.Text(), nullable=False),
        sa.Column("ordinal", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", "workflow_id", name=op.f("pk_collected_events")),
    )
    op.create_index(
        op.f("ix_collected_events_collection_id_ordinal"), "collected_events", ["collection_id", "ordinal"]
    )  # fmt: skip


def _create_lanes() -> None:
    op.create_table(
        "lanes",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("parent", sa.Text(), nullable=True),
        sa.Column("turn", sa.BigInteger(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=True),
        sa.Column("throttle", sa.Text(), nullable=True),
        sa.Column("not_before_ms", sa.BigInteger(), nullable=False, server_default=sa.text("0")),
        sa.Column("wake_at_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lanes")),
    )
    op.create_index("ix_lanes_wake_at_ms", "lanes", ["wake_at_ms"], sqlite_where=_WAKES, postgresql_where=_WAKES)
    op.create_index(op.f("ix_lanes_turn"), "lanes", ["turn"])
    op.create_index(op.f("ix_lanes_parent"), "lanes", ["parent"])
    op.create_table(
        "lane_groups",
        sa.Column("lane_id", sa.Text(), nullable=False),
        sa.Column("slot_group", sa.Text(), nullable=False),
        sa.Column("ceiling", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("lane_id", "slot_group", name=op.f("pk_lane_groups")),
    )
    op.create_index(op.f("ix_lane_groups_slot_group"), "lane_groups", ["slot_group"])
    op.create_table(
        "queued_steps",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("step_key", sa.Text(), nullable=False),
        sa.Column("lane_id", sa.Text(), nullable=False),
        sa.Column("score_ms", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "step_key", name=op.f("pk_queued_steps")),
    )
    op.create_index(
        op.f("ix_queued_steps_lane_id_score_ms_sequence"), "queued_steps", ["lane_id", "score_ms", "sequence"]
    )  # fmt: skip
