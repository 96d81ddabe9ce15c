"""Flow control: who goes ahead of a lane is found by single steps in an index, whatever the planner makes of it."""

from alembic import op

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None

# As before (0043), but for how it looks.
AHEAD = """
CREATE OR REPLACE FUNCTION workflowkit_ahead(_place text, _lane_id text, _now_ms bigint, OUT id text, OUT parent text,
    OUT queue text, OUT throttle jsonb, OUT environment text, OUT tenant text, OUT turn bigint, OUT groups text[],
    OUT free bigint)
LANGUAGE plpgsql STABLE SET enable_bitmapscan = off SET enable_seqscan = off SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
    _first record;
    _next record;
    _lane record;
    _seen text[] := ARRAY[_lane_id];
BEGIN
    SELECT q.line, q.head_start_ms, q.score_ms, q.sequence INTO _first FROM queued_steps q WHERE q.lane_id = _lane_id
    ORDER BY q.lane_id, q.score_ms, q.sequence LIMIT 1;
    IF _first.line IS NULL THEN RETURN; END IF;
    FOR _next IN
        WITH RECURSIVE levels (head_start_ms, number) AS (
            SELECT (
                SELECT max(q.head_start_ms) FROM queued_steps q
                WHERE q.line = _first.line AND q.head_start_ms > _first.head_start_ms
            ), 1
            UNION ALL
            SELECT (
                SELECT max(q.head_start_ms) FROM queued_steps q
                WHERE q.line = _first.line AND q.head_start_ms > _first.head_start_ms
                    AND q.head_start_ms < levels.head_start_ms
            ), levels.number + 1
            FROM levels WHERE levels.head_start_ms IS NOT NULL AND levels.number < 20
        )
        SELECT found.lane_id, found.score_ms, found.sequence FROM levels, LATERAL (
            SELECT q.lane_id, q.score_ms, q.sequence FROM queued_steps q
            WHERE q.line = _first.line AND q.head_start_ms = levels.head_start_ms
                AND (q.score_ms, q.sequence) < (_first.score_ms, _first.sequence)
            ORDER BY q.score_ms, q.sequence LIMIT 100
        ) found
        WHERE levels.head_start_ms IS NOT NULL ORDER BY found.score_ms, found.sequence
    LOOP
        CONTINUE WHEN _next.lane_id = ANY(_seen);
        _seen := _seen || _next.lane_id;
        -- A lane goes ahead for its first step only.
        CONTINUE WHEN NOT EXISTS (
            SELECT 1 FROM lane_groups g WHERE g.lane_id = _next.lane_id AND g.slot_group = _place
        ) OR (
            SELECT q.sequence FROM queued_steps q WHERE q.lane_id = _next.lane_id
            ORDER BY q.lane_id, q.score_ms, q.sequence LIMIT 1
        ) <> _next.sequence;
        SELECT * INTO _lane FROM workflowkit_lane(_next.lane_id, _now_ms);
        CONTINUE WHEN _lane.id IS NULL;
        id := _lane.id;
        parent := _lane.parent;
        queue := _lane.queue;
        throttle := _lane.throttle;
        environment := _lane.environment;
        tenant := _lane.tenant;
        turn := _lane.turn;
        groups := _lane.groups;
        free := _lane.free;
        RETURN;
    END LOOP;
END $$
"""


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(AHEAD)
