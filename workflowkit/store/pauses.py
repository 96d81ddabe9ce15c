"""What is paused or drained, and the runs that this concerns.

A pause or drain is of one workflow or of all (``EVERYTHING``), for one tenant or for all (``APP_TENANT``). Who freezes
runs never waits for the lock of one, since the end of a run waits for the step of its parent: runs that somebody is at
are left for the next look.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from workflowkit.base.scope import APP_TENANT, Scope
from workflowkit.store.statements import Sql, whose
from workflowkit.store.steps import PARKED
from workflowkit.store.transactions import Transaction

#: Stands for every workflow.
EVERYTHING = ""


class Hold(StrEnum):
    """``PAUSE``: no run begins, and none goes on. ``DRAIN``: no run begins. ``ARCHIVE`` and ``DISABLE``: the same, of a
    workflow that is put away or switched off; these are columns of the workflow, and no rows here. Which comes first is
    the reason that is given."""

    ARCHIVE = "archive"
    DISABLE = "disable"
    PAUSE = "pause"
    DRAIN = "drain"


class Running(StrEnum):
    """What a pause does to the runs there are."""

    FREEZE = "freeze"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class PauseRow:
    """A pause or drain. ``workflow_id`` is ``EVERYTHING`` for all workflows; ``text`` says why, ``actor`` who."""

    scope: Scope
    workflow_id: str
    hold: Hold
    running: Running
    text: str | None
    actor: str | None
    at_ms: int


_COLUMNS = "environment, tenant, workflow_id, hold, running, reason, actor, at_ms"
_OWN = "environment = :environment AND tenant = :tenant AND workflow_id = :workflow_id"
_INSERT = Sql(
    f"""
    INSERT INTO pauses ({_COLUMNS})
    VALUES (:environment, :tenant, :workflow_id, :hold, :running, :reason, :actor, :at_ms)
    ON CONFLICT (environment, tenant, workflow_id, hold) DO UPDATE SET running = excluded.running,
        reason = excluded.reason, actor = excluded.actor
    """  # noqa: S608 - names from our own code
)
_DELETE = Sql(f"DELETE FROM pauses WHERE {_OWN} AND hold = :hold")  # noqa: S608
_GET = Sql(f"SELECT {_COLUMNS} FROM pauses WHERE {_OWN} AND hold = :hold")  # noqa: S608
_FIND = Sql(
    f"""
    SELECT {_COLUMNS} FROM pauses WHERE environment = :environment AND tenant IN (:tenant, :app_tenant)
    ORDER BY workflow_id, tenant, hold
    """  # noqa: S608
)
_HOLDS_OF = Sql(
    """
    SELECT hold FROM pauses WHERE environment = :environment AND tenant IN (:tenant, :app_tenant)
        AND workflow_id IN ('', :workflow_id)
    UNION ALL
    SELECT 'archive' FROM workflows WHERE environment = :environment AND tenant IN (:tenant, :app_tenant)
        AND id = :workflow_id AND archived_at_ms IS NOT NULL
    UNION ALL
    SELECT 'disable' FROM workflows WHERE environment = :environment AND tenant IN (:tenant, :app_tenant)
        AND id = :workflow_id AND NOT enabled
    """
)
_PAUSES_OF = Sql(
    """
    SELECT running FROM pauses WHERE environment = :environment AND tenant IN (:tenant, :app_tenant)
        AND workflow_id IN ('', :workflow_id) AND hold = 'pause'
    """
)
_IN_TARGET = """
    r.environment = :environment AND (:tenant = :app_tenant OR r.tenant = :tenant)
    AND (:workflow_id = '' OR r.workflow_id = :workflow_id)
    AND r.status NOT IN ('completed', 'failed', 'cancelled')
"""
_IS_PAUSED = """
    EXISTS (
        SELECT 1 FROM pauses p WHERE p.hold = 'pause' AND p.environment = r.environment
            AND p.tenant IN (r.tenant, :app_tenant) AND p.workflow_id IN ('', r.workflow_id)
    )
"""
# What follows the end of a run is not frozen: nobody resumes a run that has ended. It has a path with a ``$`` in it.
_GOES_ON = "(r.path IS NULL OR (substr(r.path, 1, 1) <> '$' AND replace(r.path, '/$', '') = r.path))"
# Runs that have not ended and are not frozen have a step to be hinted: few, and an index of them is there anyway. But
# for items of a loop whose turn has not come.
_FREEZE = Sql(
    f"""
    UPDATE runs SET paused_at_ms = :now_ms, revision = revision + 1 WHERE id IN (
        SELECT r.id FROM runs r WHERE {_IN_TARGET} AND r.paused_at_ms IS NULL AND {_GOES_ON} AND {_IS_PAUSED}
            AND r.id IN (
                SELECT run_id FROM steps WHERE wake_at_ms IS NOT NULL
                UNION SELECT run_id FROM queued_steps
                UNION SELECT part.id FROM runs part JOIN runs whole ON part.parent_run_id = whole.id
                WHERE whole.environment = :environment AND whole.paused_at_ms IS NOT NULL AND part.path IS NOT NULL
            )
        LIMIT :limit {{skip_locked}}
    )
    RETURNING id
    """  # noqa: S608
)
_QUIET = Sql(
    """
    UPDATE steps SET wake_at_ms = NULL WHERE (run_id, step_key) IN (
        SELECT run_id, step_key FROM steps WHERE run_id {in_ids} AND status IN ('ready', 'sleeping', 'waiting')
        ORDER BY run_id, step_key {for_update}
    )
    """
)
# Between two of its steps, and not in a loop, whose items are runs of their own: nothing of the run executes.
_IS_AT_REST = """
    NOT EXISTS (SELECT 1 FROM steps p WHERE p.run_id = r.id AND p.status = 'running' AND p.due_at_ms > :now_ms)
    AND NOT EXISTS (
        SELECT 1 FROM runs part WHERE part.parent_run_id = r.id AND part.path IS NOT NULL
            AND part.status NOT IN ('completed', 'failed', 'cancelled')
    )
"""
_HAS_SLOTS = "EXISTS (SELECT 1 FROM slots s WHERE s.run_id = r.id AND s.step_key = '')"
_AT_REST = Sql(
    f"""
    SELECT r.id FROM runs r WHERE {_IN_TARGET} AND r.paused_at_ms IS NOT NULL AND {_IS_PAUSED} AND {_HAS_SLOTS}
        AND {_IS_AT_REST} LIMIT :limit {{skip_locked}}
    """  # noqa: S608
)
_FREE = Sql("DELETE FROM slots WHERE run_id {in_ids} AND step_key = '' RETURNING slot_group")
_ANY_BUSY = Sql(
    f"""
    SELECT 1 FROM runs r WHERE {_IN_TARGET} AND r.paused_at_ms IS NOT NULL AND {_IS_PAUSED} AND {_HAS_SLOTS}
        AND EXISTS (SELECT 1 FROM steps p WHERE p.run_id = r.id AND p.status = 'running' AND p.due_at_ms > :now_ms)
    LIMIT 1
    """  # noqa: S608
)
_TO_THAW = Sql(
    f"""
    SELECT r.id FROM runs r WHERE {_IN_TARGET} AND r.paused_at_ms IS NOT NULL AND NOT {_IS_PAUSED}
        AND NOT EXISTS (SELECT 1 FROM queued_steps q WHERE q.run_id = r.id AND q.step_key = '')
    LIMIT :limit {{skip_locked}}
    """  # noqa: S608
)
# The flow control of a run is JSON as we write it: no key of a user's can look like this name.
_WITH_RUNS = '%"runs":%'
_LACKING = Sql(
    f"""
    SELECT r.id FROM runs r WHERE r.id {{in_ids}} AND r.started_at_ms IS NOT NULL AND r.flow LIKE :with_runs
        AND NOT {_HAS_SLOTS}
    """  # noqa: S608
)
_THAW = Sql("UPDATE runs SET paused_at_ms = NULL, revision = revision + 1 WHERE id {in_ids}")
_AWAKE = Sql(
    """
    UPDATE steps SET wake_at_ms = CASE WHEN due_at_ms > :wake_at_ms THEN due_at_ms ELSE :wake_at_ms END
    WHERE (run_id, step_key) IN (
        SELECT run_id, step_key FROM steps
        WHERE run_id {in_ids} AND status IN ('ready', 'running', 'sleeping', 'waiting') AND wake_at_ms IS NULL
            AND due_at_ms < :never
        ORDER BY run_id, step_key {for_update}
    )
    RETURNING run_id, step_key, queue, due_at_ms
    """
)
_QUIET_RUN = Sql(
    """
    UPDATE steps SET wake_at_ms = NULL
    WHERE run_id = :run_id AND status IN ('ready', 'running', 'sleeping', 'waiting') AND due_at_ms <= :now_ms
    """
)
_FROZEN = Sql(
    f"""
    SELECT r.id, r.environment, r.tenant FROM runs r
    WHERE {_IN_TARGET} AND r.paused_at_ms IS NOT NULL AND r.paused_at_ms <= :before_ms AND r.id > :after
    ORDER BY r.id LIMIT :limit
    """  # noqa: S608
)
# What was collected before becomes runs, too.
_COUNT_OPEN = Sql(
    f"""
    SELECT (
        SELECT count(*) FROM collections c
        WHERE c.environment = :environment AND (:tenant = :app_tenant OR c.tenant = :tenant)
            AND (:workflow_id = '' OR c.workflow_id = :workflow_id) AND c.closed_at_ms IS NULL
    ) + count(*) FROM (
        SELECT r.id FROM runs r WHERE {_IN_TARGET} AND r.path IS NULL
            AND r.id IN (SELECT run_id FROM steps WHERE wake_at_ms IS NOT NULL UNION SELECT run_id FROM queued_steps)
        UNION SELECT r.id FROM runs r WHERE {_IN_TARGET} AND r.path IS NULL AND r.paused_at_ms IS NOT NULL
    ) AS open_runs
    """  # noqa: S608
)


def put(tx: Transaction, scope: Scope, row: PauseRow) -> None:
    """Pause or drain; what is so already takes over what is said now."""
    tx.run(
        _INSERT, **_own(scope, row.workflow_id), hold=row.hold.value, running=row.running.value, reason=row.text,
        actor=row.actor, at_ms=row.at_ms,
    )  # fmt: skip


def delete(tx: Transaction, scope: Scope, workflow_id: str, hold: Hold) -> bool:
    """Lift a pause or drain; tell whether there was one."""
    return tx.run(_DELETE, **_own(scope, workflow_id), hold=hold.value) == 1


def get(tx: Transaction, scope: Scope, workflow_id: str, hold: Hold) -> PauseRow | None:
    """Return the pause or drain of exactly this workflow and tenant."""
    row = tx.one(_GET, **_own(scope, workflow_id), hold=hold.value)
    return None if row is None else _from_row(row)


def find(tx: Transaction, scope: Scope) -> list[PauseRow]:
    """Return every pause and drain that concerns a tenant."""
    where = {**whose(scope), "app_tenant": APP_TENANT}
    return [_from_row(row) for row in tx.rows(_FIND, **where)]


def holds_of(tx: Transaction, scope: Scope, workflow_id: str) -> frozenset[Hold]:
    """Return what holds a workflow of a tenant."""
    rows = tx.rows(_HOLDS_OF, **_own(scope, workflow_id), app_tenant=APP_TENANT)
    return frozenset(Hold(row[0]) for row in rows)


def pauses_of(tx: Transaction, scope: Scope, workflow_id: str) -> frozenset[Running]:
    """Return what the pauses that concern a workflow of a tenant do to its runs; nothing where there is none."""
    rows = tx.rows(_PAUSES_OF, **_own(scope, workflow_id), app_tenant=APP_TENANT)
    return frozenset(Running(row[0]) for row in rows)


def freeze(tx: Transaction, scope: Scope, workflow_id: str, *, limit: int) -> int:
    """Freeze up to ``limit`` runs that a pause concerns and nobody has locked; return how many that were."""
    ids = [row[0] for row in tx.rows(_FREEZE, **_target(scope, workflow_id), now_ms=tx.now_ms, limit=limit)]
    if ids:
        tx.run(_QUIET, ids=ids)
    return len(ids)


def free_slots(tx: Transaction, scope: Scope, workflow_id: str, *, limit: int) -> list[str]:
    """Give back the slots that up to ``limit`` frozen runs hold as a whole, while nothing of them executes.

    Returns the groups. Locks the runs: nobody thaws one meanwhile.
    """
    ids = [row[0] for row in tx.rows(_AT_REST, **_target(scope, workflow_id), now_ms=tx.now_ms, limit=limit)]
    return sorted({row[0] for row in tx.rows(_FREE, ids=ids)}) if ids else []


def any_busy(tx: Transaction, scope: Scope, workflow_id: str) -> bool:
    """Tell whether a frozen run has slots to give back once the step ends that it is in."""
    return tx.one(_ANY_BUSY, **_target(scope, workflow_id), now_ms=tx.now_ms) is not None


def to_thaw(tx: Transaction, scope: Scope, workflow_id: str, *, limit: int) -> tuple[list[str], list[str]]:
    """Return up to ``limit`` frozen runs, locked, that no pause concerns any more and that do not queue for slots yet:
    those that may go on, and those that have given slots back which they need."""
    ids = [row[0] for row in tx.rows(_TO_THAW, **_target(scope, workflow_id), limit=limit)]
    # SAFETY: I18 — by a statement of its own, after they are locked: what was given back until then is seen.
    lacking = {row[0] for row in tx.rows(_LACKING, ids=ids, with_runs=_WITH_RUNS)} if ids else set()
    return [each for each in ids if each not in lacking], sorted(lacking)


def thaw(tx: Transaction, ids: Sequence[str], *, wake_at_ms: int) -> list[Any]:
    """Let frozen runs go on that are locked; return (run id, step key, queue) of their steps that are due."""
    if not ids:
        return []
    tx.run(_THAW, ids=list(ids))
    woken = tx.rows(_AWAKE, ids=list(ids), wake_at_ms=wake_at_ms, never=PARKED)
    return [row[:3] for row in woken if row[3] <= tx.now_ms]


def quiet(tx: Transaction, run_id: str) -> None:
    """Let the relay leave a frozen run alone, whose lock this transaction holds."""
    tx.run(_QUIET_RUN, run_id=run_id, now_ms=tx.now_ms)


def frozen(
    tx: Transaction, scope: Scope, workflow_id: str, *, before_ms: int, after: str, limit: int
) -> list[tuple[str, Scope]]:
    """Return id and scope of runs that were frozen before a time, in order of id, those after the id ``after``."""
    rows = tx.rows(_FROZEN, **_target(scope, workflow_id), before_ms=before_ms, after=after, limit=limit)
    return [(row[0], Scope(row[1], row[2])) for row in rows]


def count_open(tx: Transaction, scope: Scope, workflow_id: str) -> int:
    """Return how many runs have not ended; parts of runs do not count.

    What is collected counts as the run that it becomes: batches and windows that are open, and what waits for the end
    of a singleton's run.
    """
    (count,) = tx.one(_COUNT_OPEN, **_target(scope, workflow_id))
    return int(count)


def hold_of(holds: Mapping[str, frozenset[Hold]], workflow_id: str) -> Hold | None:
    """Return what keeps a workflow from starting runs, by the holds of all and of single workflows."""
    return first_of(holds.get(EVERYTHING, frozenset()) | holds.get(workflow_id, frozenset())) if holds else None


def first_of(holds: Collection[Hold]) -> Hold | None:
    """Return the hold that is the reason why a workflow starts no run; ``None`` if it starts some."""
    return next((hold for hold in Hold if hold in holds), None) if holds else None


def _own(scope: Scope, workflow_id: str) -> dict[str, str]:
    return {**whose(scope), "workflow_id": workflow_id}


def _target(scope: Scope, workflow_id: str) -> dict[str, str]:
    return {**_own(scope, workflow_id), "app_tenant": APP_TENANT}


def _from_row(row: Sequence[Any]) -> PauseRow:
    return PauseRow(Scope(row[0], row[1]), row[2], Hold(row[3]), Running(row[4]), row[5], row[6], row[7])
