"""Flow control: the first step of a new run starts in the statement that begins the run, if its turn has come."""

from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

# Starts a step that the calling statement has parked, of a run that it has begun, if nobody comes before it and no
# limit is full; answers when that was. Otherwise the step joins its lane, which has no throttle, and the answer is
# NULL. The caller has locked the ``slot_groups``, all groups of the lane; ``groups`` are those of which the step takes
# a slot, ``run_groups`` those of which its run does. One value of JSON: a driver takes long for many, and for lists.
BEGIN_TURN = """
CREATE FUNCTION workflowkit_begin_turn(_own_values jsonb) RETURNS bigint
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
    INSERT INTO slots (slot_group, run_id, step_key, token)
    SELECT g, _own.run_id, _own.step_key, 1 FROM unnest(_own.groups) g
    UNION ALL SELECT g, _own.run_id, '', 0 FROM unnest(_own.run_groups) g;
    UPDATE runs SET revision = revision + 1, status = 'running', started_at_ms = _at_ms WHERE id = _own.run_id;
    UPDATE steps SET status = 'running', attempt = 1, token = 1, due_at_ms = _at_ms + _own.lease_ms,
        wake_at_ms = _at_ms + _own.lease_ms
    WHERE run_id = _own.run_id AND step_key = _own.step_key;
    -- SAFETY: I5 - the attempt is on record before its action starts.
    INSERT INTO journal (run_id, revision, ordinal, kind, step_key, attempt, data, at_ms)
    SELECT r.id, r.revision, 0, 'attempt', _own.step_key, 1, _own.attempt, _at_ms FROM runs r WHERE r.id = _own.run_id;
    RETURN _at_ms;
END $$
"""


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(BEGIN_TURN)
