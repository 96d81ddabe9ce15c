"""Flow control: far below its limits a step takes its slots beside others, and groups of slots are locked by no row.

Whoever takes slots in this way holds one of a few *tickets* of each group until the commit. So no more of them can be
under way than there are tickets, and as many slots are left free by who counts for the next: nobody waits for a commit
of somebody else. Near a limit, and where somebody waits, they are taken one by one as before.

Workers of the version before call the functions, and thereby take the locks of this one. But in their long way through
``dequeue`` they lock rows, and do not count slots that are kept by a later step: as long as they are at work beside
those of this version, a limit can be passed.
"""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

# How many tickets each group has.
TICKETS = """
CREATE FUNCTION workflowkit_tickets() RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 8'
"""

STREWN = "CREATE INDEX ix_slots_strewn ON slots (hashtextextended(slot_group, 0), hashtext(run_id))"

# As before (0022), by the index in which slots are strewn.
FREE = """
CREATE OR REPLACE FUNCTION workflowkit_free_slots(_slot_group text, _ceiling bigint, _now_ms bigint) RETURNS bigint
LANGUAGE plpgsql STABLE SET enable_bitmapscan = off SET enable_seqscan = off SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    _taken bigint;
BEGIN
    SELECT count(*) INTO _taken FROM slots s
    WHERE hashtextextended(s.slot_group, 0) = hashtextextended(_slot_group, 0) AND s.slot_group = _slot_group;
    IF _taken >= _ceiling THEN
        SELECT count(*) INTO _taken FROM slots s
        WHERE hashtextextended(s.slot_group, 0) = hashtextextended(_slot_group, 0) AND s.slot_group = _slot_group
            AND (s.step_key = '' OR (
                SELECT p.token FROM steps p
                WHERE p.run_id = s.run_id AND p.step_key = coalesce(s.kept_by, s.step_key) AND p.token = s.token
                    AND p.status = 'running' AND p.due_at_ms > _now_ms LIMIT 1
            ) IS NOT NULL);
    END IF;
    RETURN _ceiling - _taken;
END $$
"""

# The locks of groups of slots, and throttles, until the end of the transaction. In the order of their numbers, which is
# the same for everybody: two might have one number.
LOCK_GROUPS = """
CREATE FUNCTION workflowkit_lock_groups(_groups text[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    _number bigint;
BEGIN
    FOR _number IN
        SELECT DISTINCT hashtextextended(g, 0) AS number FROM unnest(_groups) g WHERE g IS NOT NULL ORDER BY number
    LOOP
        PERFORM pg_advisory_xact_lock(_number);
    END LOOP;
END $$
"""

# How groups of slots stand: ``waits`` if somebody waits for a slot of one, ``full`` if one has none left, ``few`` if
# one has fewer than there are tickets, and otherwise ``roomy``. What dead workers have left behind counts as well: who
# finds that out is whoever takes the turn. A plain scan of the index, like ``workflowkit_free_slots``.
ROOM = """
CREATE FUNCTION workflowkit_room(_groups text[], _ceilings bigint[]) RETURNS text
LANGUAGE plpgsql STABLE SET enable_bitmapscan = off SET enable_seqscan = off SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    _room text := 'roomy';
    _free bigint;
BEGIN
    FOR _number IN 1 .. cardinality(_groups) LOOP
        -- One step down an index, however many wait.
        IF EXISTS (
            SELECT 1 FROM lane_groups g WHERE g.slot_group = _groups[_number] AND (
                SELECT q.run_id FROM queued_steps q WHERE q.lane_id = g.lane_id
                ORDER BY q.score_ms, q.sequence LIMIT 1
            ) IS NOT NULL
        ) THEN
            RETURN 'waits';
        END IF;
        _free := _ceilings[_number] - (
            SELECT count(*) FROM slots s
            WHERE hashtextextended(s.slot_group, 0) = hashtextextended(_groups[_number], 0)
                AND s.slot_group = _groups[_number]
        );
        IF _free <= 0 THEN
            _room := 'full';
        ELSIF _free < workflowkit_tickets() AND _room = 'roomy' THEN
            _room := 'few';
        END IF;
    END LOOP;
    RETURN _room;
END $$
"""

# Under which name a throttle is locked, as if it were a group of slots. Should two have the same, they wait for each
# other.
THROTTLE_NAME = """
CREATE FUNCTION workflowkit_throttle_name(_environment text, _tenant text, _workflow_id text, _key text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT 'throttle ' || _environment || ' ' || _tenant || ' ' || _workflow_id || ' ' || _key
$$
"""

# Takes locks with which the caller may take a slot of each of ``_groups``: a ticket of each, if they are ``roomy``
# then, and slots may be taken without counting. Who knows that they are near their limits has the groups themselves
# locked, if there are slots: then it has to count (``counted``). With a throttle that is locked as well, and
# ``arrival_us`` is what the caller then has to store for it; or it is too ``early``. After any answer but the first two
# the caller has to queue. ``at_ms`` is the time after the locks, unless a test says what time it is: what starts then
# starts after what has given its slots back.
ENTER = """
CREATE FUNCTION workflowkit_enter(_groups text[], _ceilings bigint[], _throttle jsonb, _now_ms bigint, _is_told boolean,
    _is_near boolean, OUT room text, OUT at_ms bigint, OUT arrival_us bigint)
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    _throttle_name text;
    _stored_us bigint;
    _clock_ms bigint := _now_ms;
    _name text;
    _names text[] := _groups;
    _first integer := pg_backend_pid() % workflowkit_tickets();
    _has_ticket boolean;
BEGIN
    at_ms := _now_ms;
    IF _throttle IS NOT NULL THEN
        _throttle_name := workflowkit_throttle_name(_throttle ->> 'environment', _throttle ->> 'tenant',
            _throttle ->> 'workflow_id', _throttle ->> 'key');
    END IF;
    IF _is_near THEN
        room := workflowkit_room(_groups, _ceilings);
        IF room = 'full' OR room = 'waits' THEN RETURN; END IF;
        IF EXISTS (SELECT 1 FROM queued_steps q WHERE q.lane_id = _throttle ->> 'lane_id') THEN
            room := 'early';
            RETURN;
        END IF;
        PERFORM workflowkit_lock_groups(_groups || _throttle_name);
        room := 'counted';
    ELSE
        IF _throttle IS NOT NULL THEN
            _names := _groups || _throttle_name;
        END IF;
        IF cardinality(_names) > 1 THEN
            -- In the order of ``workflowkit_lock_groups``.
            _names := ARRAY(SELECT g FROM unnest(_names) g ORDER BY hashtextextended(g, 0), g);
        END IF;
        FOREACH _name IN ARRAY _names LOOP
            IF _name = _throttle_name THEN
                PERFORM pg_advisory_xact_lock(hashtextextended(_name, 0));
                CONTINUE;
            END IF;
            PERFORM pg_advisory_xact_lock_shared(hashtextextended(_name, 0));
            FOR _number IN _first .. _first + workflowkit_tickets() - 1 LOOP
                _has_ticket := pg_try_advisory_xact_lock(hashtextextended(_name, 1 + _number % workflowkit_tickets()));
                EXIT WHEN _has_ticket;
            END LOOP;
            IF NOT _has_ticket THEN
                PERFORM pg_advisory_xact_lock(hashtextextended(_name, 1 + _first));
            END IF;
        END LOOP;
        -- SAFETY: I18 - who has taken a slot before this look is counted, or still has one of the other tickets.
        room := workflowkit_room(_groups, _ceilings);
    END IF;
    IF NOT _is_told THEN
        at_ms := _now_ms + (extract(epoch FROM clock_timestamp() - statement_timestamp()) * 1000)::bigint;
        -- By the server's own time: the callers' may be some milliseconds apart, and starts need not be that far.
        _clock_ms := (extract(epoch FROM clock_timestamp()) * 1000)::bigint;
    END IF;
    IF _throttle IS NULL OR NOT (room = 'roomy' OR room = 'counted') THEN RETURN; END IF;
    SELECT CASE WHEN l.not_before_ms > at_ms THEN 'early' ELSE 'waits' END INTO room
    FROM lanes l WHERE l.id = _throttle ->> 'lane_id' AND (
        SELECT q.run_id FROM queued_steps q WHERE q.lane_id = l.id ORDER BY q.score_ms, q.sequence LIMIT 1
    ) IS NOT NULL;
    IF FOUND THEN RETURN; END IF;
    room := CASE WHEN _is_near THEN 'counted' ELSE 'roomy' END;
    -- SAFETY: I19 - read and changed under the throttle's lock.
    SELECT f.state::bigint INTO _stored_us FROM flow_states f
    WHERE f.environment = _throttle ->> 'environment' AND f.tenant = _throttle ->> 'tenant'
        AND f.workflow_id = _throttle ->> 'workflow_id' AND f.control = 'throttle' AND f.key = _throttle ->> 'key';
    SELECT r.arrival_us INTO arrival_us FROM workflowkit_take_rate(_throttle, _stored_us, _clock_ms) r;
    IF arrival_us IS NULL THEN
        room := 'early';
    ELSIF NOT _is_near AND (
        SELECT r.arrival_us FROM workflowkit_take_rate(_throttle, arrival_us + (workflowkit_tickets() - 1)
            * (((_throttle ->> 'period_ms')::bigint * 1000 + (_throttle ->> 'limit')::bigint - 1)
                / (_throttle ->> 'limit')::bigint), _clock_ms) r
    ) IS NULL THEN
        -- In which order the last ones start is not for chance.
        room := 'few';
        arrival_us := NULL;
    END IF;
END $$
"""

# Starts a step of a run that the calling statement has begun, after what ``workflowkit_enter`` came to, and tells when
# that was; or lets it join its lane. ``is_near``: few slots are left, or none, or the throttle is closed.
BEGIN_TURN = """
CREATE FUNCTION workflowkit_begin_turn(_own_values jsonb, _room text, _at_ms bigint, _arrival_us bigint,
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
        parked bigint, lane_throttle text, throttle jsonb);
    is_near := _room IN ('few', 'full', 'early');
    IF _room = 'counted' THEN
        -- SAFETY: I18 - counted and taken under the locks of the groups.
        SELECT coalesce(min(workflowkit_free_slots(l.slot_group, l.ceiling, _at_ms)), workflowkit_tickets()) INTO _free
        FROM unnest(_own.slot_groups, _own.ceilings) l (slot_group, ceiling);
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
        INSERT INTO lane_groups (lane_id, slot_group, ceiling)
        SELECT _own.lane_id, l.slot_group, l.ceiling
        FROM unnest(_own.slot_groups, _own.ceilings) l (slot_group, ceiling)
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

# The same for workers of the version before, who have locked rows instead.
BEGIN_TURN_BEFORE = """
CREATE OR REPLACE FUNCTION workflowkit_begin_turn(_own_values jsonb) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    _own record;
    _step steps%ROWTYPE;
BEGIN
    SELECT * INTO _own FROM jsonb_to_record(_own_values) AS own (run_id text, step_key text, slot_groups text[],
        ceilings bigint[], now_ms bigint, is_told boolean);
    DELETE FROM steps p WHERE p.run_id = _own.run_id AND p.step_key = _own.step_key RETURNING p.* INTO _step;
    RETURN (
        SELECT t.at_ms
        FROM workflowkit_enter(_own.slot_groups, _own.ceilings, NULL, _own.now_ms, _own.is_told, true) e,
            LATERAL workflowkit_begin_turn(_own_values || jsonb_build_object('parked', _step.due_at_ms), e.room,
                e.at_ms, e.arrival_us) t
    );
END $$
"""


# As before (0032), with the locks of this version.
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

    -- SAFETY: I18 I19 - counted and taken under the locks of the groups and the throttle.
    _throttle := nullif(_first.throttle, 'null'::jsonb);
    PERFORM workflowkit_lock_groups(CASE WHEN _throttle IS NULL THEN _first.groups ELSE
        _first.groups || workflowkit_throttle_name(_first.environment, _first.tenant, _throttle ->> 'workflow_id',
            _throttle ->> 'key')
    END);
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
                ON CONFLICT (slot_group, run_id, step_key) DO UPDATE SET token = excluded.token, kept_by = NULL;
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

# Whoever joins a lane keeps it open until the commit, beside others who do. It is not closed while somebody joins it,
# or with something in it: whoever wants to does not wait, and leaves it for later.
JOIN_LANE = """
CREATE FUNCTION workflowkit_join_lane() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(hashtextextended(NEW.id, -1));
    RETURN NEW;
END $$
"""
JOIN_LANE_TRIGGER = """
CREATE TRIGGER workflowkit_join_lane BEFORE INSERT ON lanes FOR EACH ROW EXECUTE FUNCTION workflowkit_join_lane()
"""
CLOSE_LANE = """
CREATE FUNCTION workflowkit_close_lane() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- SAFETY: I4 - under the lock, and looked at after it.
    IF pg_try_advisory_xact_lock(hashtextextended(OLD.id, -1))
        AND NOT EXISTS (SELECT 1 FROM queued_steps q WHERE q.lane_id = OLD.id)
        AND NOT EXISTS (SELECT 1 FROM lanes l WHERE l.parent = OLD.id) THEN
        RETURN OLD;
    END IF;
    RETURN NULL;
END $$
"""
CLOSE_LANE_TRIGGER = """
CREATE TRIGGER workflowkit_close_lane BEFORE DELETE ON lanes FOR EACH ROW EXECUTE FUNCTION workflowkit_close_lane()
"""

# As before (0029), so that its plan can be kept: there is one for a group, and one for a lane.
NEXT_TURNS_OUTER = """
CREATE OR REPLACE FUNCTION workflowkit_next_turns(_place text, _most bigint, _now_ms bigint, _own_values text)
RETURNS TABLE (verdict text, step_key text, token bigint, at_ms bigint, queue text, facts text, run text, event text)
LANGUAGE plpgsql AS $$
DECLARE
    _own record;
    _waits boolean;
BEGIN
    -- The name of a group is a list as JSON. Each look at who waits is one step down an index.
    IF _place LIKE '[%' THEN
        _waits := EXISTS (
            SELECT 1 FROM lane_groups g WHERE g.slot_group = _place AND (
                SELECT q.run_id FROM queued_steps q WHERE q.lane_id = g.lane_id
                ORDER BY q.score_ms, q.sequence LIMIT 1
            ) IS NOT NULL
        );
    ELSE
        _waits := EXISTS (SELECT 1 FROM queued_steps q WHERE q.lane_id = _place);
    END IF;
    IF NOT _waits THEN RETURN; END IF;
    SELECT * INTO _own FROM jsonb_to_record(_own_values::jsonb) AS own (queues text[], known text[], attempt text,
        lease_ms bigint, parked bigint, stamp bigint, lock_ends_at_ms bigint, is_told boolean);
    RETURN QUERY SELECT n.* FROM workflowkit_next_turns(_place, _most, _own.queues, _own.known, _own.attempt,
        _own.lease_ms, _own.parked, _own.stamp, _own.lock_ends_at_ms, _now_ms, _own.is_told) n;
END $$
"""


def upgrade() -> None:
    op.add_column("slots", sa.Column("kept_by", sa.Text, nullable=True))
    if op.get_bind().dialect.name == "postgresql":
        for function in (
            STREWN, FREE, TICKETS, LOCK_GROUPS, THROTTLE_NAME, ROOM, ENTER, BEGIN_TURN, BEGIN_TURN_BEFORE,
            NEXT_TURNS, NEXT_TURNS_OUTER, JOIN_LANE, JOIN_LANE_TRIGGER, CLOSE_LANE, CLOSE_LANE_TRIGGER,
        ):  # fmt: skip
            op.execute(function)
        # Of one limit or of ten, the plan is the same; but the planner reckons with ten where it does not know, finds
        # the plan for one cheaper, and makes it anew each time.
        op.execute("ALTER FUNCTION workflowkit_hand_over(text[], jsonb) SET plan_cache_mode = force_generic_plan")
