"""Flow control: what shares only a throttle takes turns, and a priority counts among it."""

from alembic import op

revision = "0053"
down_revision = "0052"
branch_labels = None
depends_on = None

INDEX = """
CREATE INDEX ix_lanes_throttle ON lanes (parent, hashtextextended(throttle, 0), turn, id) WHERE throttle IS NOT NULL
"""

# The lane whose turn it is among those that share the throttle of another one, which is under limits as well; nothing
# if it is the turn of that one. The same as ``store.lanes.pick``.
SHARING = """
CREATE FUNCTION workflowkit_sharing(_lane_id text, _now_ms bigint, OUT id text, OUT parent text, OUT queue text,
    OUT throttle jsonb, OUT environment text, OUT tenant text, OUT turn bigint, OUT groups text[], OUT free bigint)
LANGUAGE plpgsql STABLE SET enable_bitmapscan = off SET enable_seqscan = off SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
    _own record;
    _next record;
    _lane record;
BEGIN
    SELECT l.parent, l.throttle, l.queue, l.turn INTO _own FROM lanes l WHERE l.id = _lane_id;
    FOR _next IN
        SELECT l.id FROM lanes l
        WHERE l.parent = _own.parent AND hashtextextended(l.throttle, 0) = hashtextextended(_own.throttle, 0)
            AND l.throttle IS NOT NULL AND l.turn < _own.turn AND l.throttle = _own.throttle AND l.queue = _own.queue
        ORDER BY l.turn, l.id
    LOOP
        SELECT * INTO _lane FROM workflowkit_lane(_next.id, _now_ms);
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

# As before (0044); lanes that share a throttle are ahead of each other as those in a group are.
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
        ) AND NOT EXISTS (
            SELECT 1 FROM lanes l JOIN lanes o ON o.throttle = l.throttle AND o.queue = l.queue
            WHERE l.id = _next.lane_id AND o.id = _lane_id
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

# As before (0043); of lanes that share a throttle the one is taken whose turn it is.
PICK = """
CREATE OR REPLACE FUNCTION workflowkit_pick(_place text, _now_ms bigint, OUT id text, OUT parent text, OUT queue text,
    OUT throttle jsonb, OUT environment text, OUT tenant text, OUT first_turn bigint, OUT groups text[],
    OUT free bigint)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    _tenant record;
    _lane record;
    _next record;
    _ahead record;
    _ceiling bigint;
    _tenant_turn bigint := -1;
    _tenant_id text := '';
    _lane_turn bigint;
    _lane_id text;
BEGIN
    SELECT NULL::text AS id INTO _lane;
    -- The name of a group is a list as JSON.
    IF _place NOT LIKE '[%' THEN
        SELECT * INTO _lane FROM workflowkit_lane(_place, _now_ms);
        IF _lane.id IS NULL THEN RETURN; END IF;
        SELECT t.turn INTO first_turn FROM lanes t WHERE t.id = _lane.parent;
    ELSE
        SELECT max(g.ceiling) INTO _ceiling FROM lane_groups g WHERE g.slot_group = _place;
        IF _ceiling IS NULL OR workflowkit_free_slots(_place, _ceiling, _now_ms) <= 0 THEN RETURN; END IF;
        IF (SELECT count(*) FROM (SELECT 1 FROM lane_groups g WHERE g.slot_group = _place LIMIT 20) few) < 20 THEN
            FOR _tenant IN
                SELECT l.id, t.turn FROM lane_groups g JOIN lanes l ON l.id = g.lane_id JOIN lanes t ON t.id = l.parent
                WHERE g.slot_group = _place ORDER BY t.turn, l.turn, l.id
            LOOP
                SELECT * INTO _lane FROM workflowkit_lane(_tenant.id, _now_ms);
                first_turn := _tenant.turn;
                EXIT WHEN _lane.id IS NOT NULL;
            END LOOP;
        ELSE
            -- Down the line, as far as to the first one: by single steps in an index, without a look at the others.
            LOOP
                SELECT t.id, t.turn INTO _tenant FROM lanes t
                WHERE t.parent IS NULL AND (t.turn, t.id) > (_tenant_turn, _tenant_id) ORDER BY t.turn, t.id LIMIT 1;
                IF NOT FOUND THEN RETURN; END IF;
                _tenant_turn := _tenant.turn;
                _tenant_id := _tenant.id;
                _lane_turn := -1;
                _lane_id := '';
                LOOP
                    SELECT l.id, l.turn INTO _next FROM lanes l
                    WHERE l.parent = _tenant.id AND (l.turn, l.id) > (_lane_turn, _lane_id) AND (
                        SELECT g.lane_id FROM lane_groups g WHERE g.lane_id = l.id AND g.slot_group = _place
                    ) IS NOT NULL
                    ORDER BY l.turn, l.id LIMIT 1;
                    EXIT WHEN NOT FOUND;
                    _lane_turn := _next.turn;
                    _lane_id := _next.id;
                    SELECT * INTO _lane FROM workflowkit_lane(_next.id, _now_ms);
                    EXIT WHEN _lane.id IS NOT NULL;
                END LOOP;
                first_turn := _tenant_turn;
                EXIT WHEN _lane.id IS NOT NULL;
            END LOOP;
        END IF;
    END IF;
    IF _lane.id IS NULL THEN RETURN; END IF;
    IF _lane.groups IS NOT NULL AND _lane.throttle IS NOT NULL THEN
        SELECT * INTO _ahead FROM workflowkit_sharing(_lane.id, _now_ms);
        IF _ahead.id IS NOT NULL THEN
            _lane := _ahead;
        END IF;
    END IF;
    IF _place LIKE '[%' THEN
        SELECT * INTO _ahead FROM workflowkit_ahead(_place, _lane.id, _now_ms);
        IF _ahead.id IS NOT NULL THEN
            _lane := _ahead;
            first_turn := -1;
        END IF;
    END IF;
    id := _lane.id;
    parent := _lane.parent;
    queue := _lane.queue;
    throttle := _lane.throttle;
    environment := _lane.environment;
    tenant := _lane.tenant;
    groups := _lane.groups;
    free := _lane.free;
    first_turn := least(first_turn, _lane.turn);
END $$
"""


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for statement in (INDEX, SHARING, AHEAD, PICK):
            op.execute(statement)
