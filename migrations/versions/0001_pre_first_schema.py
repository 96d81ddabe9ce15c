"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

#: What may never change once written (I3), and what may not even be deleted.
INSERT_ONLY = ("events", "journal", "decisions", "workflow_versions")
NEVER_DELETED = ("journal", "workflow_versions")
TERMINAL_RUN = "('completed', 'failed', 'cancelled')"


def upgrade() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("key_hash", sa.Text(), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("event_names", sa.Text(), nullable=True),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_used_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("key_hash", name=op.f("uq_api_keys_key_hash")),
    )
    op.create_index(
        op.f("ix_api_keys_environment_tenant_id"), "api_keys", ["environment", "tenant", "id"], unique=False
    )
    op.create_table(
        "decisions",
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("workflow_id", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", "workflow_id", name=op.f("pk_decisions")),
    )
    op.create_table(
        "event_ids",
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("first_id", sa.Text(), nullable=False),
        sa.Column("expires_at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("environment", "tenant", "event_id", name=op.f("pk_event_ids")),
    )
    op.create_table(
        "events",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=True),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("extra", sa.Text(), nullable=True),
        sa.Column("ts_ms", sa.BigInteger(), nullable=False),
        sa.Column("depth", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("source_run_id", sa.Text(), nullable=True),
        sa.Column("duplicate_of", sa.Text(), nullable=True),
        sa.Column("received_at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
    )
    op.create_index(
        op.f("ix_events_environment_tenant_name_id"), "events", ["environment", "tenant", "name", "id"], unique=False
    )
    op.create_table(
        "journal",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("ordinal", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("step_key", sa.Text(), nullable=False),
        sa.Column("attempt", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.Text(), nullable=True),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "revision", "ordinal", name=op.f("pk_journal")),
    )
    op.create_index(
        "uq_journal_attempt",
        "journal",
        ["run_id", "step_key", "attempt"],
        unique=True,
        sqlite_where=sa.text("kind = 'attempt'"),
        postgresql_where=sa.text("kind = 'attempt'"),
    )
    op.create_index(
        "uq_journal_final",
        "journal",
        ["run_id", "step_key"],
        unique=True,
        sqlite_where=sa.text("kind IN ('completed', 'failed', 'skipped', 'cancelled')"),
        postgresql_where=sa.text("kind IN ('completed', 'failed', 'skipped', 'cancelled')"),
    )
    op.create_table(
        "pending_events",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("wake_at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pending_events")),
    )
    op.create_index(op.f("ix_pending_events_wake_at_ms"), "pending_events", ["wake_at_ms"], unique=False)
    op.create_table(
        "runs",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("workflow_id", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("depth", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("rerun_of", sa.Text(), nullable=True),
        sa.Column("output", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("handled_failures", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("started_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("finished_at_ms", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "status IN ('scheduled', 'queued', 'running', 'waiting', 'completed', 'failed', 'cancelled')",
            name=op.f("ck_runs_status"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
    )
    op.create_index(op.f("ix_runs_environment_tenant_id"), "runs", ["environment", "tenant", "id"], unique=False)
    op.create_index(
        op.f("ix_runs_environment_tenant_workflow_id_id"),
        "runs",
        ["environment", "tenant", "workflow_id", "id"],
        unique=False,
    )
    op.create_index(op.f("ix_runs_event_id"), "runs", ["event_id"], unique=False)
    op.create_table(
        "steps",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("step_key", sa.Text(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("attempt", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("lost_attempts", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("token", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("due_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("wake_at_ms", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "status IN ('ready', 'running', 'sleeping', 'waiting', 'completed', 'failed', 'skipped', 'cancelled')",
            name=op.f("ck_steps_status"),
        ),
        sa.PrimaryKeyConstraint("run_id", "step_key", name=op.f("pk_steps")),
    )
    op.create_index(
        "ix_steps_wake_at_ms",
        "steps",
        ["wake_at_ms"],
        unique=False,
        sqlite_where=sa.text("wake_at_ms IS NOT NULL"),
        postgresql_where=sa.text("wake_at_ms IS NOT NULL"),
    )
    op.create_table(
        "workflows",
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("published_version", sa.BigInteger(), nullable=True),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("updated_at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("environment", "tenant", "id", name=op.f("pk_workflows")),
    )
    op.create_table(
        "workflow_drafts",
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("workflow_id", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("updated_at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["environment", "tenant", "workflow_id"],
            ["workflows.environment", "workflows.tenant", "workflows.id"],
            name=op.f("fk_workflow_drafts_workflows"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("environment", "tenant", "workflow_id", name=op.f("pk_workflow_drafts")),
    )
    op.create_table(
        "workflow_triggers",
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("pattern", sa.Text(), nullable=False),
        sa.Column("workflow_id", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("condition", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["environment", "tenant", "workflow_id"],
            ["workflows.environment", "workflows.tenant", "workflows.id"],
            name=op.f("fk_workflow_triggers_workflows"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "environment", "tenant", "pattern", "workflow_id", "position", name=op.f("pk_workflow_triggers")
        ),
    )
    op.create_table(
        "workflow_versions",
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("workflow_id", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["environment", "tenant", "workflow_id"],
            ["workflows.environment", "workflows.tenant", "workflows.id"],
            name=op.f("fk_workflow_versions_workflows"),
        ),
        sa.PrimaryKeyConstraint("environment", "tenant", "workflow_id", "version", name=op.f("pk_workflow_versions")),
    )
    if op.get_bind().dialect.name == "postgresql":
        _guard_facts_on_postgresql()
    else:
        _guard_facts_on_sqlite()


def _guard_facts_on_postgresql() -> None:
    op.execute(
        """
        CREATE FUNCTION workflowkit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION '% of % is refused: %', TG_OP, TG_TABLE_NAME, TG_ARGV[0]; END $$
        """
    )
    for table in INSERT_ONLY:
        events = "UPDATE OR DELETE" if table in NEVER_DELETED else "UPDATE"
        op.execute(
            f"CREATE TRIGGER {table}_are_facts BEFORE {events} ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION workflowkit_refuse('facts never change')"
        )
    # SAFETY: I12 — no transition leaves a terminal state.
    op.execute(
        "CREATE TRIGGER runs_stay_terminal BEFORE UPDATE OF status ON runs FOR EACH ROW "
        f"WHEN (OLD.status IN {TERMINAL_RUN} AND NEW.status <> OLD.status) "
        "EXECUTE FUNCTION workflowkit_refuse('the run has ended')"
    )


def _guard_facts_on_sqlite() -> None:
    for table in INSERT_ONLY:
        for event in ("UPDATE", "DELETE") if table in NEVER_DELETED else ("UPDATE",):
            op.execute(
                f"CREATE TRIGGER {table}_are_facts_{event.lower()} BEFORE {event} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{event} of {table} is refused: facts never change'); END"
            )
    # SAFETY: I12 — no transition leaves a terminal state.
    op.execute(
        "CREATE TRIGGER runs_stay_terminal BEFORE UPDATE OF status ON runs "
        f"WHEN OLD.status IN {TERMINAL_RUN} AND NEW.status <> OLD.status "
        "BEGIN SELECT RAISE(ABORT, 'UPDATE of runs is refused: the run has ended'); END"
    )
