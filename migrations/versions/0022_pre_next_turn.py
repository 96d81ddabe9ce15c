"""Flow control: the next steps that wait for a limit are started by one call of a function. PostgreSQL only.

It locks what it decides by, decides, and writes, all on the server: so the locks of a limit are held for as long as
that and the commit take, and not for round trips. Workers of the version before take the same locks.
"""

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

# A throttle, by the algorithm of ``flow.gcra``: the time that follows from one start now, none if it is too early, and
# when one more may come.
RATE = """
CREATE FUNCTION workflowkit_take_rate(_rate jsonb, _arrival_us bigint, _now_ms bigint, OUT arrival_us bigint,
    OUT next_at_ms bigint) LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    _limit bigint := (_rate ->> 'limit')::bigint;
    _interval_us bigint := ((_rate ->> 'period_ms')::bigint * 1000 + _limit - 1) / _limit;
    _ahead_us bigint := ((_rate ->> 'burst')::bigint - 1) * _interval_us;
    _end_us bigint := _now_ms * 1000 + 999;
    _stored_us bigint := least(greatest(coalesce(_arrival_us, 0), _now_ms * 1000), _end_us + _ahead_us + _interval_us);
BEGIN
    IF _stored_us <= _end_us + _ahead_us THEN
        arrival_us := _stored_us + _interval_us;
    END IF;
    next_at_ms := (coalesce(arrival_us, _stored_us) - _ahead_us) / 1000;
END $$
"""

# How many slots of a group can be had. Those that dead workers have left behind are looked for only if all are taken.
FREE = """
CREATE FUNCTION workflowkit_free_slots(_slot_group text, _ceiling bigint, _now_ms bigint) RETURNS bigint
LANGUAGE plpgsql STABLE AS $$
DECLARE
    _taken bigint;
BEGIN
    SELECT count(*) INTO _taken FROM slots s WHERE s.slot_group = _slot_group;
    IF _taken >= _ceiling THEN
        SELECT count(*) INTO _taken FROM slots s WHERE s.slot_group = _slot_group AND (s.step_key = '' OR (
            SELECT p.token FROM steps p WHERE p.run_id = s.run_id AND p.step_key = s.step_key AND p.token = s.token
                AND p.status = 'running' AND p.due_at_ms > _now_ms LIMIT 1
        ) IS NOT NULL);
    END IF;
    RETURN _ceiling - _taken;
END $$
"""


# A lane, if its next step could start; with its groups in the order in which they are locked, and how many slots it may
# take.
LANE = """
CREATE FUNCTION workflowkit_lane(_id text, _now_ms bigint, OUT id text, OUT parent text, OUT queue text,
    OUT throttle jsonb, OUT environment text, OUT tenant text, OUT turn bigint, OUT groups text[], OUT free bigint)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    SELECT l.parent, l.queue, l.throttle::jsonb, l.environment, l.tenant, l.turn
    INTO parent, queue, throttle, environment, tenant, turn
    FROM lanes l WHERE l.id = _id AND l.not_before_ms <= _now_ms AND (
        SELECT q.run_id FROM queued_steps q WHERE q.lane_id = l.id ORDER BY q.score_ms, q.sequence LIMIT 1
    ) IS NOT NULL;
    IF NOT FOUND THEN RETURN; END IF;
    SELECT array_agg(g.slot_group ORDER BY g.slot_group COLLATE "C"),
        min(workflowkit_free_slots(g.slot_group, g.ceiling, _now_ms))
    INTO groups, free FROM lane_groups g WHERE g.lane_id = _id;
    IF free > 0 IS NOT FALSE THEN id := _id; END IF;
END $$
"""

# The lane whose next step could start at a place, which is a lane or a group of slots. The same as
# ``store.lanes.pick``.
PICK = """
CREATE FUNCTION workflowkit_pick(_place text, _now_ms bigint, OUT id text, OUT parent text, OUT queue text,
    OUT throttle jsonb, OUT environment text, OUT tenant text, OUT first_turn bigint, OUT groups text[],
    OUT free bigint)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    _tenant record;
    _lane record;
    _next record;
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
    id := _lane.id;
    IF id IS NULL THEN RETURN; END IF;
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

# It answers with a row for each step that it has started, at most ``_most``; none, if nothing can start. ``verdict`` is
# ``taken``, with the run as it is now and what is on record of it; or it is the last row's, in which nothing was done:
# ``again`` if another lane may be able to start, ``more`` if it may and as many have started as were asked for,
# ``long`` if the step whose turn it is is not for here.
# ``_known`` are the versions that the worker can read, ``_now_ms`` is when it asks; ``_is_told`` in tests, whose time
# stands still.
# The order is that of ``tests/fairness.py``: the comment in the function calls it ``flow.fairness``, its former place.
NEXT_TURNS = """
CREATE FUNCTION workflowkit_next_turns(_place text, _most bigint, _queues text[], _known text[], _attempt text,
    _lease_ms bigint, _parked bigint, _stamp bigint, _lock_ends_at_ms bigint, _now_ms bigint,
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
        -- A group whose last slot this was needs no further look, nor does a lane with more in it, nor one without
        -- that is the only one.
        IF (_lane.free <= 0 AND _place = ANY(_lane.groups)) OR (_is_alone AND _queued.run_id IS NULL) THEN
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
    op.create_index(op.f("ix_lanes_parent_turn_id"), "lanes", ["parent", "turn", "id"])
    op.drop_index(op.f("ix_lanes_parent"), "lanes")
    op.create_index(op.f("ix_lane_groups_slot_group_ceiling"), "lane_groups", ["slot_group", "ceiling"])
    op.drop_index(op.f("ix_lane_groups_slot_group"), "lane_groups")
    if op.get_bind().dialect.name == "postgresql":
        for function in (RATE, FREE, LANE, PICK, NEXT_TURNS):
            op.execute(function)
