"""The two transactions of a step, each as one statement that commits by itself. PostgreSQL only.

A step of a chain then costs one round trip. Both are optimistic: they do something only if the run is still at the
revision that the worker knows, and nothing at all otherwise; the caller then takes the long way, which locks first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from workflowkit.base import jsonvalue
from workflowkit.engine.channels import run_channel
from workflowkit.engine.facts import ErrorInfo, Fact
from workflowkit.engine.states import RunStatus, StepStatus
from workflowkit.store import events, journal, lanes, runs, slots, steps, waits
from workflowkit.store.events import EventRecord
from workflowkit.store.flowstates import StateKey
from workflowkit.store.lanes import Lane, QueuedStep
from workflowkit.store.runs import RunRecord, output_place
from workflowkit.store.sealed import seal_text
from workflowkit.store.slots import Wanted, arrays, may_be_plenty
from workflowkit.store.statements import Sql, text_array
from workflowkit.store.steps import Lease, StepRow
from workflowkit.store.transactions import Transaction
from workflowkit.store.turns import Turn, turn_of
from workflowkit.store.waits import WaitRow

# SAFETY: I2 I13 — the fence of the long way (token, status, end of the lease) and the run's revision, in one condition.
# The row lock on the run makes the condition hold until the end: whoever claims, records or cancels bumps the revision.
_HELD = ("status = 'running'", "status = 'running' AND due_at_ms > :now_ms", "")
# SAFETY: I2 I5 — a step that nobody has taken since it was looked at is taken and done with at the same moment.
_DUE = (
    "status IN ('running', 'waiting')",
    "status IN ('sleeping', 'waiting') AND due_at_ms <= :now_ms",
    ", attempt = attempt + 1, token = token + 1",
)


def _record(guard: str = "", more: str = "", *, of: tuple[str, str, str] = _HELD, then: str = "") -> Sql:
    """Return the statement with a further condition and further parts, which take effect only with the rest.

    ``of`` says how the run and the step have to be, and what else becomes of the step. ``then`` is one more row that is
    joined, as ``next``, to the result.
    """
    run_is, step_is, also_set = of
    text = """
    WITH locked AS (
        UPDATE runs SET revision = revision + 1, status = :run_status, output = :output, error = :error,
            handled_failures = :handled_failures, finished_at_ms = :finished_at_ms
        WHERE id = :run_id AND revision = :revision AND <run_is> AND paused_at_ms IS NULL AND EXISTS (
            SELECT 1 FROM steps WHERE run_id = :run_id AND step_key = :step_key AND token = :token AND <step_is>
        ) <guard>
        RETURNING id
    ), released AS (
        UPDATE steps SET status = :step_status, due_at_ms = 0, wake_at_ms = NULL <also_set>
        FROM locked WHERE run_id = locked.id AND step_key = :step_key
        RETURNING 1
    ), also AS (
        UPDATE steps SET status = 'running', attempt = attempt + 1, token = token + 1,
            due_at_ms = :ends_at_ms, wake_at_ms = :ends_at_ms
        FROM locked
        WHERE run_id = locked.id AND step_key = :also_key AND status = 'ready' AND due_at_ms <= :now_ms
        RETURNING run_id, attempt, token, lost_attempts
    ), scheduled AS (
        INSERT INTO steps (run_id, step_key, queue, status, attempt, token, due_at_ms, wake_at_ms)
        SELECT locked.id, step_key, queue, status, attempt, token, due_at_ms, wake_at_ms
        FROM locked, json_to_recordset(:steps ::json) AS new (step_key text, queue text, status text, attempt bigint,
            token bigint, due_at_ms bigint, wake_at_ms bigint)
    ), noted AS (
        INSERT INTO journal (run_id, revision, ordinal, kind, step_key, attempt, data, at_ms)
        SELECT locked.id, new.revision, ordinal, kind, step_key, attempt, data, at_ms
        FROM locked, json_to_recordset(:facts ::json) AS new (revision bigint, ordinal bigint, kind text,
            step_key text, attempt bigint, data text, at_ms bigint)
        UNION ALL
        SELECT run_id, :revision + 1, -1, 'attempt', :also_key, attempt, :also_data, :now_ms FROM also
        RETURNING 1
    ) <more>
    SELECT also.attempt, also.token, also.lost_attempts <and_then> FROM locked LEFT JOIN also ON true <then>
    """
    parts = {
        "<guard>": guard, "<more>": more, "<run_is>": run_is, "<step_is>": step_is, "<also_set>": also_set,
        "<then>": then, "<and_then>": ", next.*" if then else "",
    }  # fmt: skip
    for mark, part in parts.items():
        text = text.replace(mark, part)
    return Sql(text)


_RECORD = _record()
_RECORD_TAKING = _record(of=_DUE)
# SAFETY: I18 — the number of slots that are held stays the same, in one statement: no lock of the groups.
_RECORD_KEEPING = _record(
    "AND NOT " + lanes.BEFORE.format(in_ids="= ANY(:groups ::text[])"),
    f"""
    , kept AS (
        UPDATE slots SET kept_by = :kept_key, token = 1 FROM locked WHERE run_id = locked.id AND {slots.IS_OF_STEP}
    )
    """,  # noqa: S608
)
_FREED = f"""
    , freed AS (
        DELETE FROM slots USING locked WHERE run_id = locked.id AND ({slots.IS_OF_STEP} OR :is_over)
        RETURNING slot_group, step_key = '' OR token = :token AS is_held
    )
"""  # noqa: S608
# SAFETY: I20 — if the lock is no longer the run's alone, its stamp becomes NULL, which the column refuses: then nothing
# is recorded here.
_UNLOCKED = """
    , unlocked AS (
        UPDATE flow_states SET state = NULL, expires_at_ms = :now_ms,
            stamp = CASE WHEN flow_states.state = :own_state THEN stamp + 1 END
        FROM locked
        WHERE environment = :environment AND tenant = :tenant AND workflow_id = :workflow_id AND control = :control
            AND key = :key
    )
"""
_RECORD_FREEING = _record(more=_FREED)
# With whether there is room at the limits. As of this statement's snapshot, in which the slots are still held: if then
# somebody who queues finds none, the last to have taken one sees that all are taken, or who waits, and looks.
_RECORD_FREEING_ROOM = _record(
    more=_FREED,
    then="""
    LEFT JOIN LATERAL (SELECT workflowkit_room(:groups ::text[], :ceilings ::bigint[]) = 'roomy') AS next ON true
    """,
)
_RECORD_UNLOCKING = _record(more=_FREED + _UNLOCKED)
# Whoever counts the rows of a part has it executed first. So all locks that may be waited for are held before the
# function, which takes some that others wait for.
_RECORD_HANDING_OVER = _record(
    more=_FREED,
    then="""
    LEFT JOIN LATERAL workflowkit_hand_over(
        CASE WHEN locked.id IS NOT NULL AND (SELECT count(*) FROM released) + (SELECT count(*) FROM noted) >= 0
        THEN (SELECT array_agg(slot_group ORDER BY slot_group COLLATE "C") FROM freed WHERE is_held) END,
        :hand_over ::jsonb
    ) AS next ON true
    """,
)


def _claim(at_ms: str = ":now_ms", first: str = "", guard: str = "", more: str = "") -> Sql:
    """Return the statement with parts before and after it, and a further condition. ``at_ms`` is when it claims.

    It waits for the lock of no run: the lease, whose end is reckoned from before, would be over the sooner.
    """
    text = """
    WITH <first> locked AS (
        UPDATE runs SET revision = revision + 1, status = 'running', started_at_ms = coalesce(started_at_ms, <at_ms>)
        WHERE id = (
            SELECT id FROM runs WHERE id = :run_id AND revision = :revision AND paused_at_ms IS NULL
                AND status IN ('scheduled', 'queued', 'running', 'waiting') <guard> {skip_locked}
        )
        RETURNING id
    ), claimed AS (
        UPDATE steps SET status = 'running', attempt = attempt + 1, token = token + 1,
            due_at_ms = <at_ms> + :lease_ms, wake_at_ms = <at_ms> + :lease_ms
        FROM locked
        WHERE run_id = locked.id AND step_key = :step_key AND status IN ('ready', 'sleeping', 'waiting')
            AND due_at_ms <= :now_ms
        RETURNING run_id, attempt, token, lost_attempts, due_at_ms
    ), noted AS (
        INSERT INTO journal (run_id, revision, ordinal, kind, step_key, attempt, data, at_ms)
        SELECT run_id, :revision + 1, 0, 'attempt', :step_key, attempt, :data, <at_ms> FROM claimed
        UNION ALL
        SELECT claimed.run_id, new.revision, new.ordinal, new.kind, new.step_key, new.attempt, new.data, new.at_ms
        FROM claimed, json_to_recordset(:facts ::json) AS new (revision bigint, ordinal bigint, kind text,
            step_key text, attempt bigint, data text, at_ms bigint)
    ) <more>
    SELECT attempt, token, lost_attempts, due_at_ms FROM claimed
    """
    for mark, part in {"<first>": first, "<guard>": guard, "<more>": more, "<at_ms>": at_ms}.items():
        text = text.replace(mark, part)
    return Sql(text)


_CLAIM = _claim()
# The groups of slots are entered before the run is locked, and by then it may be a little later.
_ENTERED = f"""
    clock AS MATERIALIZED (
        SELECT at_ms, arrival_us FROM workflowkit_enter(:groups ::text[],
            {slots.ceilings_now(":ceilings ::bigint[]", ":rules ::text[]")},
            :throttle ::jsonb, :now_ms, :is_told, false)
        WHERE room = 'roomy'
    ),
"""  # noqa: S608
# A run takes what it needs as a whole with its first step; if another one waits for that, they start together.
_MAY_TAKE = """
    AND (SELECT at_ms FROM clock) IS NOT NULL AND EXISTS (
        SELECT 1 FROM steps WHERE run_id = :run_id AND step_key = :step_key
            AND status IN ('ready', 'sleeping', 'waiting') AND due_at_ms <= :now_ms
    ) AND (started_at_ms IS NOT NULL OR NOT EXISTS (SELECT 1 FROM queued_steps WHERE run_id = :run_id))
"""
_TAKEN = """
    , taken AS (
        INSERT INTO slots AS s (slot_group, run_id, step_key, token)
        SELECT g, run_id, :step_key, token FROM claimed, unnest(:own_groups ::text[]) g
        UNION ALL
        SELECT g, run_id, '', 0 FROM claimed, unnest(:run_groups ::text[]) g
        ON CONFLICT (slot_group, run_id, step_key) DO UPDATE SET token = excluded.token, kept_by = NULL
    )
"""
_THROTTLED = """
    , throttled AS (
        INSERT INTO flow_states AS f (environment, tenant, workflow_id, control, key, state, expires_at_ms, stamp)
        SELECT t.environment, t.tenant, t.workflow_id, 'throttle', t.key, clock.arrival_us::text,
            clock.arrival_us / 1000 + 1, clock.at_ms * 1024
        FROM claimed, clock, jsonb_to_record(:throttle ::jsonb) AS t (environment text, tenant text,
            workflow_id text, key text)
        WHERE clock.arrival_us IS NOT NULL
        ON CONFLICT (environment, tenant, workflow_id, control, key) DO UPDATE
            SET state = excluded.state, expires_at_ms = excluded.expires_at_ms, stamp = f.stamp + 1
    )
"""
_CLAIM_TAKING, _CLAIM_THROTTLED = (
    _claim("(SELECT at_ms FROM clock)", _ENTERED, _MAY_TAKE, more) for more in (_TAKEN, _TAKEN + _THROTTLED)
)
#: How many columns of a record's answer are about the step that was claimed with it.
_CLAIMED = 3
_RUN, _EVENT = len(runs.COLUMNS), len(runs.COLUMNS) + len(events.COLUMNS)
# A snapshot: one statement sees the run, its facts and its step as they were at one moment.
_LOOK = Sql(
    f"""
    SELECT {", ".join(f"runs.{name}" for name in runs.COLUMNS)},
        {", ".join(f"events.{name}" for name in events.COLUMNS)},
        steps.status, steps.attempt, steps.token, steps.lost_attempts,
        (SELECT json_agg(json_build_array({", ".join(journal.READ_COLUMNS)}) ORDER BY revision, ordinal)::text
            FROM journal WHERE run_id = runs.id),
        (SELECT json_agg(json_build_array(
                json_build_array({", ".join(f"waits.{name}" for name in waits.COLUMNS)}),
                CASE WHEN came.id IS NOT NULL
                    THEN json_build_array({", ".join(f"came.{name}" for name in events.COLUMNS)}) END
            ))::text
            FROM waits LEFT JOIN events AS came ON came.id =
                CASE WHEN waits.kind = 'event' AND waits.state = 'received' THEN waits.event_id END
            WHERE waits.run_id = runs.id AND waits.step_key = :step_key AND NOT EXISTS (
                SELECT 1 FROM journal AS known WHERE known.run_id = waits.run_id AND known.step_key = waits.wait_key
                    AND known.kind IN ('completed', 'failed', 'skipped', 'cancelled')
            ))
    FROM runs JOIN events ON events.id = runs.event_id
        JOIN steps ON steps.run_id = runs.id AND steps.step_key = :step_key
    WHERE runs.id = :run_id AND steps.due_at_ms <= :now_ms
    """  # noqa: S608 - names from our own code
)


@dataclass(frozen=True, slots=True)
class Look:
    """A run at one moment, with the step that is due: nothing is locked, ``claim`` tells whether it still holds.

    ``lease`` is of the attempt that would begin now, with the token that the step still has. ``waits`` are those of the
    step, by key, that are not on record as ended; ``came`` are the events, by id, that some of them have received.
    """

    run: RunRecord
    event: EventRecord
    facts: list[Fact]
    step_status: StepStatus
    lease: Lease
    waits: dict[str, WaitRow]
    came: dict[str, EventRecord]


@dataclass(frozen=True, slots=True)
class Take:
    """The step has only been looked at: it is taken with the record, if it is still in nobody's hands."""

    statement: ClassVar[Sql] = _RECORD_TAKING

    def parameters(self) -> dict[str, Any]:
        return {}


@dataclass(frozen=True, slots=True)
class Keep:
    """The next step of the run keeps the slots, if nobody comes before its place in line."""

    lane: Lane
    step: QueuedStep

    statement: ClassVar[Sql] = _RECORD_KEEPING

    def parameters(self) -> dict[str, Any]:
        parameters = lanes.before(self.lane, self.step, by_ms=lanes.EARLIER_MS)
        return {**parameters, "groups": text_array(parameters.pop("ids")), "kept_key": self.step.step_key}


@dataclass(frozen=True, slots=True)
class Free:
    """The slots are given back, all those of the run if it ``is_over``; ``under`` are their ceilings."""

    is_over: bool
    under: Mapping[str, int]

    @property
    def statement(self) -> Sql:
        return _RECORD_FREEING_ROOM if may_be_plenty(self.under) else _RECORD_FREEING

    def parameters(self) -> dict[str, Any]:
        if not may_be_plenty(self.under):
            return {"is_over": self.is_over}
        groups, ceilings = arrays(self.under)
        return {"is_over": self.is_over, "groups": groups, "ceilings": ceilings}


@dataclass(frozen=True, slots=True)
class Unlock:
    """All slots of a run that is over are given back, and the lock of its singleton, for which nobody waits."""

    key: StateKey
    state: Any

    statement: ClassVar[Sql] = _RECORD_UNLOCKING

    def parameters(self) -> dict[str, Any]:
        return {**asdict(self.key), "own_state": jsonvalue.dumps(self.state), "is_over": True}


@dataclass(frozen=True, slots=True)
class HandOver:
    """All slots of a run that is over are given back, or go to the step that is next in its lane, and that is started.

    ``heirs`` says which (``turns.handing_over``).
    """

    heirs: str

    statement: ClassVar[Sql] = _RECORD_HANDING_OVER

    def parameters(self) -> dict[str, Any]:
        return {"is_over": True, "hand_over": self.heirs}


#: What becomes of the slots of a step that is recorded, or that the step has to be taken first.
Passing = Take | Keep | Free | Unlock | HandOver


@dataclass(frozen=True, slots=True)
class Done:
    """What a record came to besides itself: the step that was claimed with it, or one that has its slots now.

    ``has_room``: nobody waits for the slots that were given back, and there are others.
    """

    claimed: Lease | None = None
    passed: Turn | None = None
    has_room: bool = False


def record(
    tx: Transaction,
    run: RunRecord,
    lease: Lease,
    step_status: StepStatus,
    *,
    new_steps: Sequence[StepRow],
    facts: Sequence[tuple[Any, ...]],
    run_status: RunStatus,
    output: Any = None,
    error: ErrorInfo | None = None,
    handled_failures: int = 0,
    also: str | None = None,
    also_attempt: Fact,
    lease_ms: int,
    passing: Passing | None = None,
) -> Done | None:
    """Record a result and what follows from it if the run is still at ``run.revision``; ``None`` if it is not.

    ``facts`` are rows of the next revision. The ready step ``also`` is claimed with it, if it is still to be had.
    ``passing`` is what becomes of the step's slots, or that it has to be taken first. Run as the only statement of a
    transaction. Raises the driver's IntegrityError if the lock of a singleton that it gives back is no longer the run's
    alone.
    """
    ends_at_ms, sealing = tx.now_ms + lease_ms, tx.sealing
    statement, more = _RECORD if passing is None else passing.statement, {} if passing is None else passing.parameters()
    row = tx.one(
        statement,
        **more,
        run_id=run.id,
        revision=run.revision,
        run_status=run_status.value,
        output=None if output is None else seal_text(tx.sealing, jsonvalue.dumps(output), output_place(run.id)),
        error=None if error is None else jsonvalue.dumps(error.as_dict()),
        handled_failures=handled_failures,
        finished_at_ms=tx.now_ms if run_status.is_terminal else None,
        step_key=lease.step_key,
        step_status=step_status.value,
        token=lease.token,
        now_ms=tx.now_ms,
        steps=_records(steps.INSERT.columns, [steps.row_of(step) for step in new_steps]),
        facts=_records(
            journal.INSERT.columns, facts if sealing is None else [journal.seal_row(sealing, row) for row in facts]
        ),
        also_key=also or "",
        also_data=_data_of(also_attempt),
        ends_at_ms=ends_at_ms,
    )
    if row is None:
        return None
    tx.changed.add(run_channel(run.id))
    (attempt, token, lost_attempts), rest = row[:_CLAIMED], row[_CLAIMED:]
    has_heir = isinstance(passing, HandOver) and rest[0] is not None
    return Done(
        None if token is None else Lease(run.id, also_attempt.step, attempt, token, ends_at_ms, lost_attempts),
        turn_of(tx, rest, lease_ms) if has_heir else None,
        isinstance(passing, Free) and bool(rest) and rest[0],
    )


def look(tx: Transaction, run_id: str, step_key: str, *, lease_ms: int) -> Look | None:
    """Return a run as it stands, and its step, if that is due. Raises ``ValueUnreadable``."""
    row = tx.one(_LOOK, run_id=run_id, step_key=step_key, now_ms=tx.now_ms)
    if row is None:
        return None
    status, attempt, token, lost_attempts, facts, waiting = row[_EVENT:]
    seen = [(waits.from_row(wait), came) for wait, came in jsonvalue.loads(waiting or "[]")]
    return Look(
        runs.from_row(row[:_RUN]), events.from_row(row[_RUN:_EVENT]),
        [journal.from_row(tx, run_id, fact) for fact in jsonvalue.loads(facts or "[]")],
        StepStatus(status),
        Lease(run_id, step_key, attempt + 1, token, tx.now_ms + lease_ms, lost_attempts),
        {wait.wait_key: wait for wait, _ in seen},
        {wait.event_id: events.from_row(came) for wait, came in seen if wait.event_id is not None and came is not None},
    )  # fmt: skip


def claim(
    tx: Transaction, run: RunRecord, step_key: str, attempt: Fact, *, lease_ms: int, ended: Sequence[Fact] = (),
    wanted: Wanted | None = None,
) -> Lease | None:  # fmt: skip
    """Take a step that is due and in nobody's hands if the run is still at ``run.revision``.

    ``ended`` are the facts of its waits that have ended. The slots that are ``wanted`` are taken with it, or it is not
    claimed: where they are few, or somebody waits for them, it has to queue. The attempt is ``lease_ms`` old when the
    lease ends. Run as the only writing statement of a transaction.
    """
    sealing = tx.sealing
    facts = journal.rows_of(run.id, run.revision + 1, [attempt, *ended])[1:]
    if wanted is None:
        statement, more = _CLAIM, {}
    else:
        statement = _CLAIM_TAKING if wanted.throttle is None else _CLAIM_THROTTLED
        groups, ceilings, rules, throttle, _, is_told, _ = wanted.entering(tx, is_near=False)
        more = {
            "groups": groups, "ceilings": ceilings, "rules": rules, "throttle": throttle, "is_told": is_told,
            "own_groups": text_array(wanted.groups), "run_groups": text_array(wanted.run_groups),
        }  # fmt: skip
    row = tx.one(
        statement,
        **more,
        run_id=run.id,
        revision=run.revision,
        step_key=step_key,
        data=_data_of(attempt),
        facts=_records(
            journal.INSERT.columns, facts if sealing is None else [journal.seal_row(sealing, fact) for fact in facts]
        ),
        now_ms=tx.now_ms,
        lease_ms=lease_ms,
    )
    if row is None:
        return None
    tx.changed.add(run_channel(run.id))
    number, token, lost_attempts, ends_at_ms = row
    return Lease(run.id, step_key, number, token, ends_at_ms, lost_attempts)


def _data_of(fact: Fact) -> str | None:
    data: str | None
    ((*_, data, _at_ms),) = journal.rows_of("", 0, [fact])
    return data


def _records(fields: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> str:
    return jsonvalue.dumps([dict(zip(fields, row, strict=True)) for row in rows])
