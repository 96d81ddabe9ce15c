"""Flow control: fewer expressions on the way to a slot far below a limit.

Each expression of a function is made ready once in every transaction, and that was most of what a limit cost.
"""

from alembic import op

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None

# The way to a slot of one group, with the first ticket that is tried and without a throttle. All others go the long
# way, which is as before (0040).
LONG_WAY = """
ALTER FUNCTION workflowkit_enter(text[], bigint[], jsonb, bigint, boolean, boolean) RENAME TO workflowkit_enter_any
"""
ENTER = """
CREATE FUNCTION workflowkit_enter(_groups text[], _ceilings bigint[], _throttle jsonb, _now_ms bigint,
    _is_told boolean, _is_near boolean, OUT room text, OUT at_ms bigint, OUT arrival_us bigint)
LANGUAGE plpgsql AS $$
BEGIN
    IF _is_near OR _throttle IS NOT NULL OR cardinality(_groups) <> 1
            OR pg_advisory_xact_lock_shared(hashtextextended(_groups[1], 0)) IS NULL
            OR NOT pg_try_advisory_xact_lock(
                hashtextextended(_groups[1], 1 + pg_backend_pid() % workflowkit_tickets())
            ) THEN
        SELECT e.room, e.at_ms, e.arrival_us INTO room, at_ms, arrival_us
        FROM workflowkit_enter_any(_groups, _ceilings, _throttle, _now_ms, _is_told, _is_near) e;
        RETURN;
    END IF;
    -- SAFETY: I18 - who has taken a slot before this look is counted, or still has one of the other tickets.
    room := workflowkit_room(_groups, _ceilings);
    at_ms := _now_ms + CASE WHEN _is_told THEN 0
        ELSE (extract(epoch FROM clock_timestamp() - statement_timestamp()) * 1000)::bigint END;
END $$
"""


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for statement in (LONG_WAY, ENTER):
            op.execute(statement)
