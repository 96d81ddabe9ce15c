"""Flow control: the slots of a run that ends go to the next that waits for them, in the statement that ends it.

And fewer statements in the function that starts a run's first step.
"""

from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

# Starts what is next in the lane of the first step of a run that ends in the calling statement, with the slots that
# this has given back (``_freed``, one of each of ``groups``), and answers with it as ``workflowkit_next_turns`` does.
# Nothing, if nobody waits there, if somebody waits for one of the slots in another lane, or if the step is not plain:
# then whoever gave the slots back hints, as without it. The caller holds the lock of a run, so this waits for no lock:
# what is in somebody else's hands is left to them.
# The order is that of ``tests/fairness.py``: the comment in the function calls it ``flow.fairness``, its former place.
HAND_OVER = """
CREATE FUNCTION workflowkit_hand_over(_freed text[], _own_values jsonb)
RETURNS TABLE (step_key text, token bigint, at_ms bigint, facts text, run text, event text)
LANGUAGE plpgsql AS $$
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
    -- A limit of one keeps its order: there nobody is passed over. And others in a group may have a higher limit.
    IF (1 = ANY(_own.ceilings) AND EXISTS (
        SELECT 1 FROM queued_steps q WHERE q.lane_id = _own.lane_id
            AND (q.score_ms, q.sequence) < (_queued.score_ms, _queued.sequence)
    )) OR EXISTS (
        SELECT 1 FROM unnest(_own.groups, _own.ceilings) l (slot_group, ceiling)
        WHERE workflowkit_free_slots(l.slot_group, l.ceiling, _at_ms) <= 0
    ) THEN
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

# As before (0028), with one statement that writes.
BEGIN_TURN = """
CREATE OR REPLACE FUNCTION workflowkit_begin_turn(_own_values jsonb) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    _own record;
    _at_ms bigint;
BEGIN
    SELECT * INTO _own FROM jsonb_to_record(_own_values) AS own (run_id text, step_key text, score_ms bigint,
        sequence text, lane_id text, environment text, tenant text, parent text, queue text, wake_at_ms bigint,
        slot_groups text[], ceilings bigint[], groups text[], run_groups text[], attempt text, lease_ms bigint,
        now_ms bigint, is_told boolean);
    _at_ms := _own.now_ms;
    -- The time after the locks: what starts here starts after what has given its slots back.
    IF NOT _own.is_told THEN
        _at_ms := _at_ms + (extract(epoch FROM clock_timestamp() - statement_timestamp()) * 1000)::bigint;
    END IF;
    -- Each look at who waits is one step down an index, however many there are.
    IF (
        SELECT q.run_id FROM queued_steps q WHERE q.lane_id = _own.lane_id
            AND (q.score_ms, q.sequence) < (_own.score_ms, _own.sequence)
        ORDER BY q.score_ms, q.sequence LIMIT 1
    ) IS NOT NULL OR EXISTS (
        SELECT 1 FROM lane_groups g WHERE g.slot_group = ANY(_own.slot_groups) AND g.lane_id <> _own.lane_id AND (
            SELECT q.run_id FROM queued_steps q WHERE q.lane_id = g.lane_id
            ORDER BY q.score_ms, q.sequence LIMIT 1
        ) IS NOT NULL
    -- SAFETY: I18 - counted and taken under the locks of the groups.
    ) OR EXISTS (
        SELECT 1 FROM unnest(_own.slot_groups, _own.ceilings) l (slot_group, ceiling)
        WHERE workflowkit_free_slots(l.slot_group, l.ceiling, _at_ms) <= 0
    ) THEN
        -- The same as ``store.lanes.joining``.
        INSERT INTO lanes (id, environment, tenant, turn, wake_at_ms)
        VALUES (_own.parent, _own.environment, _own.tenant, (SELECT coalesce(max(turn), 0) FROM lanes) + 1, NULL)
        ON CONFLICT (id) DO UPDATE SET queue = excluded.queue WHERE false;
        INSERT INTO lanes (id, environment, tenant, parent, turn, queue, wake_at_ms)
        VALUES (_own.lane_id, _own.environment, _own.tenant, _own.parent, (SELECT max(turn) FROM lanes) + 1,
            _own.queue, _own.wake_at_ms)
        ON CONFLICT (id) DO UPDATE SET queue = excluded.queue WHERE false;
        INSERT INTO lane_groups (lane_id, slot_group, ceiling)
        SELECT _own.lane_id, l.slot_group, l.ceiling
        FROM unnest(_own.slot_groups, _own.ceilings) l (slot_group, ceiling)
        ON CONFLICT (lane_id, slot_group) DO NOTHING;
        INSERT INTO queued_steps (run_id, step_key, lane_id, score_ms, sequence)
        VALUES (_own.run_id, _own.step_key, _own.lane_id, _own.score_ms, _own.sequence);
        RETURN NULL;
    END IF;
    WITH taken AS (
        INSERT INTO slots (slot_group, run_id, step_key, token)
        SELECT g, _own.run_id, _own.step_key, 1 FROM unnest(_own.groups) g
        UNION ALL SELECT g, _own.run_id, '', 0 FROM unnest(_own.run_groups) g
    ), leased AS (
        UPDATE steps SET status = 'running', attempt = 1, token = 1, due_at_ms = _at_ms + _own.lease_ms,
            wake_at_ms = _at_ms + _own.lease_ms
        WHERE run_id = _own.run_id AND step_key = _own.step_key
    ), begun AS (
        UPDATE runs SET revision = revision + 1, status = 'running', started_at_ms = _at_ms WHERE id = _own.run_id
        RETURNING id, revision
    )
    -- SAFETY: I5 - the attempt is on record before its action starts.
    INSERT INTO journal (run_id, revision, ordinal, kind, step_key, attempt, data, at_ms)
    SELECT begun.id, begun.revision, 0, 'attempt', _own.step_key, 1, _own.attempt, _at_ms FROM begun;
    RETURN _at_ms;
END $$
"""


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(HAND_OVER)
        op.execute(BEGIN_TURN)
