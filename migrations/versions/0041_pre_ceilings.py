"""Flow control: runs that wait are under the height of their limits that is published, not under what was so before.

Where a limit had been raised, new runs held more slots than the old ones could be beside, and those waited for ever.
"""

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None

# The present height of limits, of which ``_rules`` are the names.
CEILINGS = """
CREATE FUNCTION workflowkit_ceilings(_ceilings bigint[], _rules text[]) RETURNS bigint[]
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF _rules IS NULL OR NOT EXISTS (SELECT 1 FROM ceilings c WHERE c.rule = ANY(_rules)) THEN
        RETURN _ceilings;
    END IF;
    RETURN ARRAY(
        SELECT coalesce(c.ceiling, o.ceiling)
        FROM unnest(_ceilings, _rules) WITH ORDINALITY o (ceiling, rule, number)
        LEFT JOIN ceilings c ON c.rule = o.rule ORDER BY o.number
    );
END $$
"""

# Who changes ceilings waits for all who open lanes, and they for that.
CHANGE = """
CREATE FUNCTION workflowkit_change_ceilings() RETURNS void
LANGUAGE sql AS $$ SELECT pg_advisory_xact_lock(hashtextextended('ceilings', -2)) $$
"""
JOIN = """
CREATE FUNCTION workflowkit_present_ceiling() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('ceilings', -2));
    -- SAFETY: I18 - looked up after the lock: who changes it from now on sees this row.
    NEW.ceiling := coalesce((SELECT c.ceiling FROM ceilings c WHERE c.rule = NEW.rule), NEW.ceiling);
    RETURN NEW;
END $$
"""
JOIN_TRIGGER = """
CREATE TRIGGER workflowkit_present_ceiling BEFORE INSERT ON lane_groups FOR EACH ROW WHEN (NEW.rule IS NOT NULL)
EXECUTE FUNCTION workflowkit_present_ceiling()
"""
JOIN_TRIGGER_SQLITE = """
CREATE TRIGGER workflowkit_present_ceiling AFTER INSERT ON lane_groups FOR EACH ROW
WHEN EXISTS (SELECT 1 FROM ceilings WHERE rule = NEW.rule)
BEGIN
    UPDATE lane_groups SET ceiling = (SELECT ceiling FROM ceilings WHERE rule = NEW.rule)
    WHERE lane_id = NEW.lane_id AND slot_group = NEW.slot_group;
END
"""

# As before (0034), by the height of limits that is published.
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
        parked bigint, lane_throttle text, throttle jsonb, rules text[]);
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
        INSERT INTO queued_steps (run_id, step_key, lane_id, score_ms, sequence)
        VALUES (_own.run_id, _own.step_key, _own.lane_id, _own.score_ms, _own.sequence);
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

# As before (0033, and 0034 for the plan), by the limits that the lane is under.
# The order is that of ``tests/fairness.py``: the comment in the function calls it ``flow.fairness``, its former place.
HAND_OVER = """
CREATE OR REPLACE FUNCTION workflowkit_hand_over(_freed text[], _own_values jsonb)
RETURNS TABLE (step_key text, token bigint, at_ms bigint, facts text, run text, event text)
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    _own record;
    _queued queued_steps%ROWTYPE;
    _found record;
    _line record;
    _is_alone boolean;
    _at_ms bigint;
BEGIN
    SELECT * INTO _own FROM jsonb_to_record(_own_values) AS own (lane_id text, parent text, groups text[],
        ceilings bigint[], workflow_id text, version bigint, attempt text, lease_ms bigint, parked bigint,
        now_ms bigint, is_told boolean);
    IF _freed IS DISTINCT FROM _own.groups THEN RETURN; END IF;
    -- Each look at who waits is one step down an index, however many there are.
    SELECT q.* INTO _queued FROM queued_steps q
    WHERE q.lane_id = _own.lane_id AND NOT EXISTS (
        SELECT 1 FROM lane_groups g WHERE g.slot_group = ANY(_own.groups) AND g.lane_id <> _own.lane_id AND (
            SELECT o.run_id FROM queued_steps o WHERE o.lane_id = g.lane_id
            ORDER BY o.score_ms, o.sequence LIMIT 1
        ) IS NOT NULL
    )
    ORDER BY q.lane_id, q.score_ms, q.sequence LIMIT 1 FOR UPDATE OF q SKIP LOCKED;
    IF NOT FOUND THEN RETURN; END IF;
    -- What starts here starts after what has given its slots back.
    _at_ms := _own.now_ms;
    IF NOT _own.is_told THEN
        _at_ms := _at_ms + (extract(epoch FROM clock_timestamp() - statement_timestamp()) * 1000)::bigint;
    END IF;
    -- A limit of one keeps its order: there nobody is passed over. And others in a group may have a higher limit, or it
    -- may be a lower one by now.
    IF (
        SELECT count(*) FROM lane_groups g WHERE g.lane_id = _own.lane_id
            AND workflowkit_free_slots(g.slot_group, g.ceiling, _at_ms) > 0
            AND NOT (g.ceiling = 1 AND EXISTS (
                SELECT 1 FROM queued_steps q WHERE q.lane_id = _own.lane_id
                    AND (q.score_ms, q.sequence) < (_queued.score_ms, _queued.sequence)
            ))
    ) < cardinality(_own.groups) THEN
        RETURN;
    END IF;
    -- With the lock of its run, nobody else claims, cancels or freezes the step.
    SELECT r.started_at_ms, r.flow, p.token, row_to_json(e)::text AS event INTO _found
    FROM runs r JOIN steps p ON p.run_id = r.id AND p.step_key = _queued.step_key JOIN events e ON e.id = r.event_id
    WHERE r.id = _queued.run_id AND r.workflow_id = _own.workflow_id AND r.version = _own.version
        AND r.status IN ('scheduled', 'queued', 'running', 'waiting') AND r.paused_at_ms IS NULL
        AND p.status = 'ready' AND p.due_at_ms = _own.parked AND p.attempt = 0 AND p.lost_attempts = 0
        AND NOT EXISTS (SELECT 1 FROM waits w WHERE w.run_id = r.id)
        AND (r.started_at_ms IS NOT NULL OR NOT EXISTS (
            SELECT 1 FROM queued_steps o WHERE o.run_id = r.id AND o.step_key <> _queued.step_key
        ))
    FOR UPDATE OF r SKIP LOCKED;
    IF NOT FOUND THEN RETURN; END IF;
    -- The lane and its tenant go to the end of the line, the tenant first, as ``flow.fairness`` says; unless they are
    -- alone in it.
    SELECT NOT EXISTS (
        SELECT 1 FROM lanes b WHERE b.id <> _own.lane_id AND b.id <> _own.parent AND b.turn > (
            SELECT min(l.turn) FROM lanes l WHERE l.id = _own.lane_id OR l.id = _own.parent
        )
    ) INTO _is_alone;
    IF NOT _is_alone THEN
        SELECT count(*) AS locked INTO _line FROM (
            SELECT 1 FROM lanes l WHERE l.id = _own.lane_id OR l.id = _own.parent
            ORDER BY l.parent IS NOT NULL, l.id FOR UPDATE SKIP LOCKED
        ) own;
        IF _line.locked < 2 THEN RETURN; END IF;
        UPDATE lanes SET turn = line.turn + CASE WHEN lanes.parent IS NULL THEN 1 ELSE 2 END
        FROM (SELECT max(l.turn) AS turn FROM lanes l) line WHERE lanes.id = _own.lane_id OR lanes.id = _own.parent;
    END IF;
    -- SAFETY: I18 - as many slots of each group as were given back, in the same commit: no lock of the groups. Whoever
    -- counts meanwhile counts as many as before.
    RETURN QUERY WITH gone AS (
        DELETE FROM queued_steps q WHERE q.run_id = _queued.run_id AND q.step_key = _queued.step_key
    ), taken AS (
        INSERT INTO slots AS s (slot_group, run_id, step_key, token)
        SELECT g, _queued.run_id, CASE WHEN own.is_run THEN '' ELSE _queued.step_key END,
            CASE WHEN own.is_run THEN 0 ELSE _found.token + 1 END
        FROM unnest(_own.groups) g, LATERAL (
            SELECT _found.started_at_ms IS NULL AND coalesce((_found.flow::jsonb -> 'runs') ? g, false) AS is_run
        ) own
        ON CONFLICT (slot_group, run_id, step_key) DO UPDATE SET token = excluded.token
    ), leased AS (
        UPDATE steps p SET status = 'running', attempt = 1, token = p.token + 1,
            due_at_ms = _at_ms + _own.lease_ms, wake_at_ms = _at_ms + _own.lease_ms
        WHERE p.run_id = _queued.run_id AND p.step_key = _queued.step_key
    ), begun AS (
        UPDATE runs r SET revision = r.revision + 1, status = 'running',
            started_at_ms = coalesce(r.started_at_ms, _at_ms)
        WHERE r.id = _queued.run_id RETURNING r.*
    ), noted AS (
        -- SAFETY: I5 - the attempt is on record before its action starts.
        INSERT INTO journal (run_id, revision, ordinal, kind, step_key, attempt, data, at_ms)
        SELECT begun.id, begun.revision, 0, 'attempt', _queued.step_key, 1, _own.attempt, _at_ms FROM begun
    )
    SELECT _queued.step_key, _found.token + 1, _at_ms, (
        SELECT json_agg(json_build_array(j.kind, j.step_key, j.attempt, j.data, j.at_ms)
            ORDER BY j.revision, j.ordinal)::text FROM journal j WHERE j.run_id = _queued.run_id
    ), row_to_json(begun)::text, _found.event FROM begun;
END $$
"""


def upgrade() -> None:
    op.create_table(
        "ceilings",
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("ceiling", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("rule", name=op.f("pk_ceilings")),
    )
    op.add_column("lane_groups", sa.Column("rule", sa.Text(), nullable=True))
    if op.get_bind().dialect.name == "postgresql":
        for function in (CEILINGS, CHANGE, JOIN, JOIN_TRIGGER, BEGIN_TURN, HAND_OVER):
            op.execute(function)
    else:
        op.execute(JOIN_TRIGGER_SQLITE)
