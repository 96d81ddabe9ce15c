"""Who did what: an audit log for each tenant, whose entries are chained by hashes."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_chains",
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("pruned_seq", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("pruned_hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("environment", "tenant", name=op.f("pk_audit_chains")),
    )
    op.create_table(
        "audit_log",
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("environment", "tenant", "seq", name=op.f("pk_audit_log")),
    )
    op.create_index(op.f("ix_audit_log_at_ms"), "audit_log", ["at_ms"])
    if op.get_bind().dialect.name == "postgresql":
        _guard_on_postgresql()
    else:
        _guard_on_sqlite()


# SAFETY: S29 — entries never change, and only those go that the chain says are gone.


def _guard_on_postgresql() -> None:
    op.execute(
        """
        CREATE FUNCTION workflowkit_keep_audit() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF EXISTS (
                SELECT 1 FROM audit_chains
                WHERE environment = OLD.environment AND tenant = OLD.tenant AND pruned_seq >= OLD.seq
            ) THEN RETURN OLD; END IF;
            RAISE EXCEPTION 'DELETE of audit_log is refused: entries are kept';
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER audit_log_are_facts BEFORE UPDATE ON audit_log "
        "FOR EACH ROW EXECUTE FUNCTION workflowkit_refuse('facts never change')"
    )
    op.execute(
        "CREATE TRIGGER audit_log_are_kept BEFORE DELETE ON audit_log "
        "FOR EACH ROW EXECUTE FUNCTION workflowkit_keep_audit()"
    )


def _guard_on_sqlite() -> None:
    op.execute(
        "CREATE TRIGGER audit_log_are_facts BEFORE UPDATE ON audit_log "
        "BEGIN SELECT RAISE(ABORT, 'UPDATE of audit_log is refused: facts never change'); END"
    )
    op.execute(
        "CREATE TRIGGER audit_log_are_kept BEFORE DELETE ON audit_log WHEN NOT EXISTS ("
        "SELECT 1 FROM audit_chains WHERE environment = OLD.environment AND tenant = OLD.tenant "
        "AND pruned_seq >= OLD.seq) "
        "BEGIN SELECT RAISE(ABORT, 'DELETE of audit_log is refused: entries are kept'); END"
    )
