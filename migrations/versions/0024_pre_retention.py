"""Old runs may be deleted: the facts of a run once it is gone, and it once it has ended."""

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

#: Facts, and the row without which they may go.
_FACTS = (("journal", "run_id", "runs"), ("approval_decisions", "approval_id", "approvals"))
_TERMINAL = "('completed', 'failed', 'cancelled')"


def upgrade() -> None:
    op.create_index(op.f("ix_callbacks_run_id"), "callbacks", ["run_id"])
    # SAFETY: I3 — what happened in a run is not changed, and goes with the run or not at all.
    if op.get_bind().dialect.name == "postgresql":
        _guard_on_postgresql()
    else:
        _guard_on_sqlite()


def _guard_on_postgresql() -> None:
    for table, column, owner in _FACTS:
        op.execute(f"DROP TRIGGER {table}_are_facts ON {table}")
        op.execute(
            f"CREATE TRIGGER {table}_are_facts BEFORE UPDATE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION workflowkit_refuse('facts never change')"
        )
        op.execute(
            f"""
            CREATE FUNCTION workflowkit_keep_{table}() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF EXISTS (SELECT 1 FROM {owner} WHERE id = OLD.{column}) THEN
                    RAISE EXCEPTION 'DELETE of {table} is refused: facts never change';
                END IF;
                RETURN OLD;
            END $$
            """  # noqa: S608 - our own names
        )
        op.execute(
            f"CREATE TRIGGER {table}_are_kept BEFORE DELETE ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION workflowkit_keep_{table}()"
        )
    op.execute(
        "CREATE TRIGGER runs_stay_until_they_end BEFORE DELETE ON runs FOR EACH ROW "
        f"WHEN (OLD.status NOT IN {_TERMINAL}) EXECUTE FUNCTION workflowkit_refuse('the run has not ended')"
    )


def _guard_on_sqlite() -> None:
    for table, column, owner in _FACTS:
        op.execute(f"DROP TRIGGER {table}_are_facts_delete")
        is_there = f"EXISTS (SELECT 1 FROM {owner} WHERE id = OLD.{column})"  # noqa: S608
        op.execute(
            f"CREATE TRIGGER {table}_are_kept BEFORE DELETE ON {table} WHEN {is_there} "
            f"BEGIN SELECT RAISE(ABORT, 'DELETE of {table} is refused: facts never change'); END"
        )
    op.execute(
        f"CREATE TRIGGER runs_stay_until_they_end BEFORE DELETE ON runs WHEN OLD.status NOT IN {_TERMINAL} "
        "BEGIN SELECT RAISE(ABORT, 'DELETE of runs is refused: the run has not ended'); END"
    )
