"""Flow control: where a lane is full, others in a group of slots are looked at if they may still have one.

They are under fewer limits, or higher ones. Where one hint stood for several slots, the rest of these stayed free until
the relay looked.
"""

from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

# It answers with a row for each step that it has started, at most ``_most``; none, if nothing can start. ``verdict`` is
# ``taken``, with the run as it is now and what is on record of it; or it is the last row's, in which nothing was done:
# ``again`` if another lane may be able to start, ``more`` if it may and as many have started as were asked for,
# ``long`` if the step whose turn it is is not for here.
# ``_known`` are the versions that the worker can read, ``_now_ms`` is when it asks; ``_is_told`` in tests, whose time
# stands still.
# The order is that of ``tests/fairness.py``: the comment in the function calls it ``flow.fairness``, its former place.
NEXT_TURNS = """
CREATE OR REPLACE FUNCTION workflowkit_next_turns(_place text, _most bigint, _queues text[], _known text[],
    _attempt text, _lease_ms bigint, _parked bigint, _stamp bigint, _lock_ends_at_ms bigint, _now_ms bigint,
    _is_told boolean)
RETURNS TABLE (verdict text, step_key text, token bigint, at_ms bigint, queue text, facts text, run text, event text)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    _first record;
    _lane record;
    _step steps%ROWTYPE;
    _queued queued_steps%ROWTYPE;
    _run runs%ROWTYPE;
    _event events%ROWTYPE;
    _next_us bigint;
    _next_at_ms bigint;
    _is_open boolean := true;
    _arrival_us bigint;
    _slot_group text;
    _throttle jsonb;
    _is_long boolean := false;
    _is_picked boolean;
    _is_alone boolean;
    _has_run boolean := false;
BEGIN
    at_ms := _now_ms;
    SELECT * INTO _first FROM workflowkit_pick(_place, at_ms);
    IF _first.id IS NULL THEN RETURN; END IF;
    verdict := 'long';
    IF NOT _first.queue = ANY(_queues) THEN RETURN NEXT; RETURN; END IF;

    -- SAFETY: I18 I19 - counted and taken under the locks of the groups and the throttle, in the order of their keys.
    FOREACH _slot_group IN ARRAY coalesce(_first.groups, '{}') LOOP
        INSERT INTO flow_states AS f (environment, tenant, workflow_id, control, key, expires_at_ms, stamp)
        VALUES ('', '', '', 'slots', _slot_group, _lock_ends_at_ms, _stamp)
        ON CONFLICT (environment, tenant, workflow_id, control, key) DO UPDATE
            SET stamp = f.stamp + 1, expires_at_ms = excluded.expires_at_ms;
    END LOOP;
    _throttle := nullif(_first.throttle, 'null'::jsonb);
    IF _throttle IS NOT NULL THEN
        INSERT INTO flow_states AS f (environment, tenant, workflow_id, control, key, expires_at_ms, stamp)
        VALUES (_first.environment, _first.tenant, _throttle ->> 'workflow_id', 'throttle', _throttle ->> 'key',
            _lock_ends_at_ms, _stamp)
        ON CONFLICT (environment, tenant, workflow_id, control, key) DO UPDATE SET stamp = f.stamp + 1,
            expires_at_ms = CASE WHEN f.state IS NULL THEN excluded.expires_at_ms ELSE f.expires_at_ms END
        RETURNING f.state::bigint INTO _arrival_us;
    END IF;
    -- The time after the locks: what starts here starts after what has given its slots back.
    IF NOT _is_told THEN
        at_ms := _now_ms + (extract(epoch FROM clock_timestamp() - statement_timestamp()) * 1000)::bigint;
    END IF;

    -- Unless the lane was served meanwhile, its turn has not passed.
    _lane := _first;
    SELECT min(workflowkit_free_slots(g.slot_group, g.ceiling, at_ms)) INTO _lane.free
    FROM lane_groups g WHERE g.lane_id = _first.id;
    _is_picked := coalesce(_lane.free > 0, true) AND EXISTS (
        SELECT 1 FROM lanes l JOIN lanes t ON t.id = l.parent WHERE l.id = _first.id
            AND least(l.turn, t.turn) = _first.first_turn AND l.not_before_ms <= at_ms
    );
    LOOP
        IF NOT _is_picked THEN
            SELECT * INTO _lane FROM workflowkit_pick(_place, at_ms);
        END IF;
        _is_picked := false;
        IF _lane.id IS NULL THEN RETURN; END IF;
        verdict := '';
        queue := _lane.queue;
        IF _most <= 0 THEN verdict := 'more'; RETURN NEXT; RETURN; END IF;
        IF _lane.groups IS DISTINCT FROM _first.groups OR _lane.throttle IS DISTINCT FROM _first.throttle
            OR _lane.tenant <> _first.tenant OR _lane.environment <> _first.environment
            OR NOT _lane.queue = ANY(_queues) THEN
            -- Under other limits than those that are locked.
            verdict := 'again';
            RETURN NEXT;
            RETURN;
        END IF;
        IF _throttle IS NOT NULL THEN
            SELECT r.arrival_us, r.next_at_ms INTO _next_us, _next_at_ms
            FROM workflowkit_take_rate(_throttle, _arrival_us, at_ms) r;
            IF _next_us IS NULL THEN
                UPDATE lanes SET not_before_ms = _next_at_ms, wake_at_ms = _next_at_ms WHERE id = _lane.id;
                CONTINUE;
            END IF;
        END IF;

        -- Of a lane that is alone in the line as many as there are slots, and otherwise one, as others come then.
        _is_alone := NOT EXISTS (
            SELECT 1 FROM lanes b WHERE b.turn > _lane.first_turn AND b.id <> _lane.id AND b.id <> _lane.parent
        );
        LOOP
            SELECT q.* INTO _queued FROM queued_steps q WHERE q.lane_id = _lane.id
            ORDER BY q.lane_id, q.score_ms, q.sequence LIMIT 1;
            EXIT WHEN NOT FOUND;
            -- Whoever holds the lock of one run does not wait for that of another, in which somebody may wait for this.
            IF _has_run THEN
                SELECT r.* INTO _run FROM runs r WHERE r.id = _queued.run_id FOR UPDATE SKIP LOCKED;
                IF NOT FOUND THEN
                    _most := 0;
                    EXIT;
                END IF;
            ELSE
                SELECT r.* INTO _run FROM runs r WHERE r.id = _queued.run_id FOR UPDATE;
            END IF;
            _has_run := true;
            SELECT e.* INTO _event FROM events e WHERE e.id = _run.event_id;
            -- With the lock of its run, nobody else claims, cancels or freezes the step.
            SELECT p.* INTO _step FROM steps p WHERE p.run_id = _queued.run_id AND p.step_key = _queued.step_key;
            _is_long := false;
            IF _run.id IS NULL OR _event.id IS NULL OR _run.paused_at_ms IS NOT NULL
                OR _run.status NOT IN ('scheduled', 'queued', 'running', 'waiting')
                OR _step.status IS DISTINCT FROM 'ready' OR _step.due_at_ms <> _parked OR _step.attempt <> 0
                OR _step.lost_attempts <> 0 OR NOT (_run.workflow_id || '@' || _run.version) = ANY(_known)
                OR EXISTS (SELECT 1 FROM waits w WHERE w.run_id = _run.id)
                OR (_run.started_at_ms IS NULL AND EXISTS (
                    SELECT 1 FROM queued_steps o WHERE o.run_id = _run.id AND o.step_key <> _queued.step_key
                )) THEN
                _is_long := true;
                EXIT;
            END IF;
            DELETE FROM queued_steps q WHERE q.run_id = _queued.run_id AND q.step_key = _queued.step_key
                AND q.lane_id = _lane.id;
            CONTINUE WHEN NOT FOUND;

            SELECT json_agg(json_build_array(j.kind, j.step_key, j.attempt, j.data, j.at_ms)
                ORDER BY j.revision, j.ordinal)::text INTO facts FROM journal j WHERE j.run_id = _run.id;
            IF _lane.groups IS NOT NULL THEN
                INSERT INTO slots AS s (slot_group, run_id, step_key, token)
                SELECT g, _run.id, CASE WHEN own.is_run THEN '' ELSE _queued.step_key END,
                    CASE WHEN own.is_run THEN 0 ELSE _step.token + 1 END
                FROM unnest(_lane.groups) g, LATERAL (
                    SELECT _run.started_at_ms IS NULL AND coalesce((_run.flow::jsonb -> 'runs') ? g, false) AS is_run
                ) own
                ON CONFLICT (slot_group, run_id, step_key) DO UPDATE SET token = excluded.token;
            END IF;
            UPDATE runs r SET revision = r.revision + 1, status = 'running',
                started_at_ms = coalesce(r.started_at_ms, at_ms)
            WHERE r.id = _run.id RETURNING r.* INTO _run;
            UPDATE steps p SET status = 'running', attempt = p.attempt + 1, token = p.token + 1,
                due_at_ms = at_ms + _lease_ms, wake_at_ms = at_ms + _lease_ms
            WHERE p.run_id = _run.id AND p.step_key = _queued.step_key;
            -- SAFETY: I5 - the attempt is on record before its action starts.
            INSERT INTO journal (run_id, revision, ordinal, kind, step_key, attempt, data, at_ms)
            VALUES (_run.id, _run.revision, 0, 'attempt', _queued.step_key, 1, _attempt, at_ms);
            verdict := 'taken';
            step_key := _queued.step_key;
            token := _step.token + 1;
            run := row_to_json(_run)::text;
            event := row_to_json(_event)::text;
            RETURN NEXT;

            _most := _most - 1;
            _lane.free := _lane.free - 1;
            IF _throttle IS NOT NULL THEN
                _arrival_us := _next_us;
                SELECT r.arrival_us, r.next_at_ms INTO _next_us, _next_at_ms
                FROM workflowkit_take_rate(_throttle, _arrival_us, at_ms) r;
                _is_open := _next_us IS NOT NULL;
            END IF;
            EXIT WHEN _most <= 0 OR _lane.free <= 0 OR NOT _is_open OR NOT _is_alone;
        END LOOP;

        IF _arrival_us IS NOT NULL THEN
            UPDATE flow_states f SET state = _arrival_us::text, expires_at_ms = _arrival_us / 1000 + 1
            WHERE f.environment = _lane.environment AND f.tenant = _lane.tenant AND f.control = 'throttle'
                AND f.workflow_id = _throttle ->> 'workflow_id' AND f.key = _throttle ->> 'key';
        END IF;
        -- The lane and its tenant go to the end of the line, the tenant first, as ``flow.fairness`` says; unless they
        -- are alone in it.
        IF verdict = 'taken' AND NOT _is_alone THEN
            UPDATE lanes SET turn = line.turn + CASE WHEN lanes.parent IS NULL THEN 1 ELSE 2 END
            FROM (
                SELECT l.id FROM lanes l WHERE l.id = _lane.id OR l.id = _lane.parent
                ORDER BY l.parent IS NOT NULL, l.id FOR UPDATE
            ) own, (SELECT max(l.turn) AS turn FROM lanes l) line
            WHERE lanes.id = own.id;
        END IF;
        IF NOT _is_open THEN
            UPDATE lanes SET not_before_ms = _next_at_ms, wake_at_ms = _next_at_ms WHERE id = _lane.id;
        END IF;
        IF _is_long THEN
            verdict := 'long';
            RETURN NEXT;
            RETURN;
        END IF;
        -- A lane that was the only one in the line, and is empty, needs no further look; nor does a group whose last
        -- slot this was. With one limit that is what fills the lane, unless others in the group may have more of it.
        IF (_is_alone AND _queued.run_id IS NULL) OR (
            _lane.free <= 0 AND _lane.groups = ARRAY[_place]
            AND (SELECT max(g.ceiling) FROM lane_groups g WHERE g.slot_group = _place)
                = (SELECT g.ceiling FROM lane_groups g WHERE g.slot_group = _place AND g.lane_id = _lane.id)
        ) THEN
            RETURN;
        END IF;
        IF _most <= 0 AND coalesce(_lane.free, 1) > 0 AND _is_open
            AND EXISTS (SELECT 1 FROM queued_steps q WHERE q.lane_id = _lane.id) THEN
            verdict := 'more';
            RETURN NEXT;
            RETURN;
        END IF;
        -- After one lane its limits may be full, or its throttle closed: those of others are not locked.
    END LOOP;
END $$
"""


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(NEXT_TURNS)
