"""Flow control: the time of a throttle that is further ahead than its rate could have brought it holds nothing up. The
limit was raised since, or the clock set back."""

from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

# As before (0022), but for such a time: ``flow.gcra`` says why one start is admitted at once. A second is what the
# clocks of two processes may be apart.
RATE = """
CREATE OR REPLACE FUNCTION workflowkit_take_rate(_rate jsonb, _arrival_us bigint, _now_ms bigint, OUT arrival_us bigint,
    OUT next_at_ms bigint) LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    _limit bigint := (_rate ->> 'limit')::bigint;
    _interval_us bigint := ((_rate ->> 'period_ms')::bigint * 1000 + _limit - 1) / _limit;
    _ahead_us bigint := ((_rate ->> 'burst')::bigint - 1) * _interval_us;
    _end_us bigint := _now_ms * 1000 + 999;
    _stored_us bigint := greatest(coalesce(_arrival_us, 0), _now_ms * 1000);
BEGIN
    IF _stored_us > _end_us + _ahead_us + _interval_us + 1000000 THEN
        _stored_us := _end_us + _ahead_us;
    END IF;
    IF _stored_us <= _end_us + _ahead_us THEN
        arrival_us := _stored_us + _interval_us;
    END IF;
    next_at_ms := (coalesce(arrival_us, _stored_us) - _ahead_us) / 1000;
END $$
"""

# As before (0034), but for how it is found out that few starts are left.
ENTER = """
CREATE OR REPLACE FUNCTION workflowkit_enter(_groups text[], _ceilings bigint[], _throttle jsonb, _now_ms bigint,
    _is_told boolean, _is_near boolean, OUT room text, OUT at_ms bigint, OUT arrival_us bigint)
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
    ELSIF NOT _is_near AND arrival_us > _clock_ms * 1000 + 999
            + ((_throttle ->> 'burst')::bigint - workflowkit_tickets()) * (
                ((_throttle ->> 'period_ms')::bigint * 1000 + (_throttle ->> 'limit')::bigint - 1)
                    / (_throttle ->> 'limit')::bigint
            ) THEN
        -- In which order the last ones start is not for chance.
        room := 'few';
        arrival_us := NULL;
    END IF;
END $$
"""


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for function in (RATE, ENTER):
            op.execute(function)
