"""Flow control: a priority counts between the queues of a workflow as well, and not only within one."""

import sqlalchemy as sa
from alembic import op

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None

# The lane that goes ahead of another one in a group, whose turn it is: one of the same line, that is of the same
# workflow, whose first step has a longer head start than the first one there and thereby a lower score. Of lanes
# without priorities nothing is looked at but the first step. The same as ``store.lanes``: of the 20 longest head
# starts 100 steps each.
AHEAD = """
CREATE FUNCTION workflowkit_ahead(_place text, _lane_id text, _now_ms bigint, OUT id text, OUT parent text,
    OUT queue text, OUT throttle jsonb, OUT environment text, OUT tenant text, OUT turn bigint, OUT groups text[],
    OUT free bigint)
LANGUAGE plpgsql STABLE AS $$
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
        ) OR EXISTS (
            SELECT 1 FROM queued_steps q WHERE q.lane_id = _next.lane_id
                AND (q.score_ms, q.sequence) < (_next.score_ms, _next.sequence)
        );
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

# As before (0022); a lane that goes ahead of another has no turn, so that it is looked for once more after the locks,
# and of its steps one is started.
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

# As before (0041), with the head start.
BEGIN_TURN = """
CREATE OR REPLACE FUNCTION workflowkit_begin_turn(_own_values jsonb, _room text, _at_ms bigint, _arrival_us bigint,
    OUT at_ms bigint, OUT is_near boolean)
LANGUAGE plpgsql AS $$
DECLARE
    _own record;
    _is_next boolean := _room = 'roomy';
    _free bigint;
BEGIN
    SELECT * INTO _own FROM jsonb_to_record(_own_values) AS own (run_id text, step_key text, score_ms bigint,
        sequence text, lane_id text, environment text, tenant text, parent text, queue text, wake_at_ms bigint,
        slot_groups text[], ceilings bigint[], groups text[], run_groups text[], attempt text, lease_ms bigint,
        parked bigint, lane_throttle text, throttle jsonb, rules text[], line text,
        head_start_ms bigint);
    is_near := _room IN ('few', 'full', 'early');
    IF _room = 'counted' THEN
        -- SAFETY: I18 - counted and taken under the locks of the groups.
        SELECT coalesce(min(workflowkit_free_slots(l.slot_group, l.ceiling, _at_ms)), workflowkit_tickets()) INTO _free
        FROM unnest(_own.slot_groups, workflowkit_ceilings(_own.ceilings, _own.rules)) l (slot_group, ceiling);
        is_near := _free < workflowkit_tickets();
        -- Each look at who waits is one step down an index, however many there are.
        _is_next := _free > 0 AND (
            SELECT q.run_id FROM queued_steps q WHERE q.lane_id = _own.lane_id
                AND (q.score_ms, q.sequence) < (_own.score_ms, _own.sequence)
            ORDER BY q.score_ms, q.sequence LIMIT 1
        ) IS NULL AND NOT EXISTS (
            SELECT 1 FROM lane_groups g WHERE g.slot_group = ANY(_own.slot_groups) AND g.lane_id <> _own.lane_id AND (
                SELECT q.run_id FROM queued_steps q WHERE q.lane_id = g.lane_id
                ORDER BY q.score_ms, q.sequence LIMIT 1
            ) IS NOT NULL
        );
    END IF;
    IF NOT _is_next THEN
        -- The same as ``store.lanes.joining``.
        INSERT INTO lanes (id, environment, tenant, turn, wake_at_ms)
        VALUES (_own.parent, _own.environment, _own.tenant, (SELECT coalesce(max(turn), 0) FROM lanes) + 1, NULL)
        ON CONFLICT (id) DO NOTHING;
        INSERT INTO lanes (id, environment, tenant, parent, turn, queue, throttle, wake_at_ms)
        VALUES (_own.lane_id, _own.environment, _own.tenant, _own.parent, (SELECT max(turn) FROM lanes) + 1,
            _own.queue, _own.lane_throttle, _own.wake_at_ms)
        ON CONFLICT (id) DO NOTHING;
        INSERT INTO lane_groups (lane_id, slot_group, ceiling, rule)
        SELECT _own.lane_id, l.slot_group, l.ceiling, l.rule
        FROM unnest(_own.slot_groups, _own.ceilings, _own.rules) l (slot_group, ceiling, rule)
        ON CONFLICT (lane_id, slot_group) DO NOTHING;
        INSERT INTO queued_steps (run_id, step_key, lane_id, score_ms, sequence, line, head_start_ms)
        VALUES (_own.run_id, _own.step_key, _own.lane_id, _own.score_ms, _own.sequence, _own.line,
            _own.head_start_ms);
        INSERT INTO steps (run_id, step_key, queue, status, attempt, token, due_at_ms, wake_at_ms)
        VALUES (_own.run_id, _own.step_key, _own.queue, 'ready', 0, 0, _own.parked, NULL);
        RETURN;
    END IF;
    IF _arrival_us IS NOT NULL THEN
        INSERT INTO flow_states AS f (environment, tenant, workflow_id, control, key, state, expires_at_ms, stamp)
        VALUES (_own.environment, _own.tenant, _own.throttle ->> 'workflow_id', 'throttle', _own.throttle ->> 'key',
            _arrival_us::text, _arrival_us / 1000 + 1, _at_ms * 1024)
        ON CONFLICT (environment, tenant, workflow_id, control, key) DO UPDATE
            SET state = excluded.state, expires_at_ms = excluded.expires_at_ms, stamp = f.stamp + 1;
    END IF;
    WITH taken AS (
        INSERT INTO slots (slot_group, run_id, step_key, token)
        SELECT g, _own.run_id, _own.step_key, 1 FROM unnest(_own.groups) g
        UNION ALL SELECT g, _own.run_id, '', 0 FROM unnest(_own.run_groups) g
    ), leased AS (
        INSERT INTO steps (run_id, step_key, queue, status, attempt, token, due_at_ms, wake_at_ms)
        VALUES (_own.run_id, _own.step_key, _own.queue, 'running', 1, 1, _at_ms + _own.lease_ms,
            _at_ms + _own.lease_ms)
    ), begun AS (
        UPDATE runs SET revision = revision + 1, status = 'running', started_at_ms = _at_ms WHERE id = _own.run_id
        RETURNING id, revision
    )
    -- SAFETY: I5 - the attempt is on record before its action starts.
    INSERT INTO journal (run_id, revision, ordinal, kind, step_key, attempt, data, at_ms)
    SELECT begun.id, begun.revision, 0, 'attempt', _own.step_key, 1, _own.attempt, _at_ms FROM begun;
    at_ms := _at_ms;
END $$
"""


def upgrade() -> None:
    op.add_column("queued_steps", sa.Column("line", sa.Text(), nullable=True))
    op.add_column("queued_steps", sa.Column("head_start_ms", sa.BigInteger(), nullable=True))
    in_line = sa.text("line IS NOT NULL")
    op.create_index(
        "ix_queued_steps_line", "queued_steps", ["line", "head_start_ms", "score_ms", "sequence"],
        sqlite_where=in_line, postgresql_where=in_line,
    )  # fmt: skip
    if op.get_bind().dialect.name == "postgresql":
        for function in (AHEAD, PICK, BEGIN_TURN):
            op.execute(function)
