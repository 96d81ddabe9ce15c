"""Flow control: a look at a place where nothing waits, as there is one after each run, is one step in the database."""

from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

# The same as the function of this name with more parameters, which are here the fields of one value of JSON: a driver
# takes long for many, and for lists.
NEXT_TURNS = """
CREATE FUNCTION workflowkit_next_turns(_place text, _most bigint, _now_ms bigint, _own_values text)
RETURNS TABLE (verdict text, step_key text, token bigint, at_ms bigint, queue text, facts text, run text, event text)
LANGUAGE plpgsql AS $$
DECLARE
    _own record;
BEGIN
    -- The name of a group is a list as JSON. Each look at who waits is one step down an index.
    IF NOT (CASE WHEN _place LIKE '[%' THEN EXISTS (
        SELECT 1 FROM lane_groups g WHERE g.slot_group = _place AND (
            SELECT q.run_id FROM queued_steps q WHERE q.lane_id = g.lane_id
            ORDER BY q.score_ms, q.sequence LIMIT 1
        ) IS NOT NULL
    ) ELSE EXISTS (SELECT 1 FROM queued_steps q WHERE q.lane_id = _place) END) THEN
        RETURN;
    END IF;
    SELECT * INTO _own FROM jsonb_to_record(_own_values::jsonb) AS own (queues text[], known text[], attempt text,
        lease_ms bigint, parked bigint, stamp bigint, lock_ends_at_ms bigint, is_told boolean);
    RETURN QUERY SELECT n.* FROM workflowkit_next_turns(_place, _most, _own.queues, _own.known, _own.attempt,
        _own.lease_ms, _own.parked, _own.stamp, _own.lock_ends_at_ms, _now_ms, _own.is_told) n;
END $$
"""


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(NEXT_TURNS)
