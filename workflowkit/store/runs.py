"""Run rows: created once, locked by whoever advances the run, ended once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workflowkit.base import jsonvalue
from workflowkit.base.scope import Scope
from workflowkit.base.sealing import Sealing
from workflowkit.engine.facts import ErrorInfo
from workflowkit.engine.states import RunStatus
from workflowkit.store.sealed import open_text, seal_text
from workflowkit.store.statements import InsertInto, Sql, whose
from workflowkit.store.transactions import Transaction


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run's row. ``event_id`` is our id of the event that started it.

    ``path`` names the part of the document that the run executes, ``input`` what it was given besides its event, the
    parent the wait of the step that its end resolves. ``output``, ``error`` and ``finished_at_ms`` are there for a run
    that ends as it begins, ``rerun_by`` says who repeats another; they are not read back.
    """

    id: str
    scope: Scope
    workflow_id: str
    version: int
    event_id: str
    status: RunStatus
    revision: int
    created_at_ms: int
    depth: int = 0
    rerun_of: str | None = None
    started_at_ms: int | None = None
    path: str | None = None
    input: Any = None
    parent_run_id: str | None = None
    parent_step: str | None = None
    parent_wait: str | None = None
    paused_at_ms: int | None = None
    flow: Mapping[str, Any] | None = None
    """What flow control keeps of the run (``runtime.runflow``); ``None`` if its workflow has none."""
    output: Any = None
    error: ErrorInfo | None = None
    finished_at_ms: int | None = None
    rerun_by: str | None = None


COLUMNS = (
    "id", "environment", "tenant", "workflow_id", "version", "event_id", "status", "revision", "created_at_ms", "depth",
    "rerun_of", "started_at_ms", "path", "input", "parent_run_id", "parent_step", "parent_wait", "paused_at_ms",
    "flow",
)  # fmt: skip
_RETURNING = "RETURNING " + ", ".join(COLUMNS)
_INSERTED = (*COLUMNS, "output", "error", "finished_at_ms", "collection_id", "rerun_by")
_OUTPUT, _INPUT = _INSERTED.index("output"), _INSERTED.index("input")


def _seal_row(sealing: Sealing, row: Sequence[Any]) -> tuple[Any, ...]:
    sealed = list(row)
    sealed[_OUTPUT] = seal_text(sealing, row[_OUTPUT], output_place(row[0]))
    given = jsonvalue.loads(row[_INPUT]) if row[_INPUT] else None
    place = _given_place(Scope(row[1], row[2]))

    def seal(value: Any) -> Any:
        return value if sealing.owns(value) else sealing.seal(value, place)

    sealed[_INPUT] = None if given is None else jsonvalue.dumps(_given_by(given, seal))
    return tuple(sealed)


def _given_by(given: Any, change: Callable[[Any], Any]) -> Any:
    """Return what a run was given with its values changed: the item of a loop, and inputs that somebody edited.

    The rest is for the engine, and is read where runs are ended too, by processes that may have no key.
    """
    if not isinstance(given, dict):
        return given
    changed = dict(given)
    if "item" in given:
        changed["item"] = change(given["item"])
    again = given.get("again")
    if isinstance(again, dict) and isinstance(again.get("inputs"), dict):
        inputs = {node_id: change(value) for node_id, value in again["inputs"].items()}
        changed["again"] = {**again, "inputs": inputs}
    return changed


def output_place(run_id: str) -> str:
    """Return the place for which the output of a run is encrypted."""
    return f"runs/{run_id}"


def _given_place(scope: Scope) -> str:
    return f"{scope.environment}/{scope.tenant}/given"


INSERT = InsertInto("runs", _INSERTED, seal=_seal_row)
# Bumping the revision takes the run's row lock, so that everything decided about a run is decided one at a time.
_LOCK = Sql(f"UPDATE runs SET revision = revision + 1 WHERE id = :id {_RETURNING}")  # noqa: S608
_LOCK_AND_START = Sql(
    f"""
    UPDATE runs SET revision = revision + 1,
        started_at_ms = CASE WHEN flow IS NULL THEN coalesce(started_at_ms, :now_ms) ELSE started_at_ms END,
        status = CASE WHEN flow IS NULL AND status IN ('scheduled', 'queued', 'waiting') THEN 'running' ELSE status END
    WHERE id = :id {_RETURNING}
    """  # noqa: S608
)
_START = Sql(
    """
    UPDATE runs SET started_at_ms = coalesce(started_at_ms, :now_ms),
        status = CASE WHEN status IN ('scheduled', 'queued', 'waiting') THEN 'running' ELSE status END
    WHERE id = :id
    """
)
_LOCK_IN_SCOPE = Sql(
    f"""
    UPDATE runs SET revision = revision + 1
    WHERE environment = :environment AND tenant = :tenant AND id = :id {_RETURNING}
    """  # noqa: S608
)
_SET_WAITING = Sql(
    """
    UPDATE runs SET status = 'waiting'
    WHERE id = :id AND status = 'running'
        AND NOT EXISTS (SELECT 1 FROM steps WHERE run_id = :id AND status IN ('ready', 'running'))
    """
)
_SELECT = Sql(f"SELECT {', '.join(COLUMNS)} FROM runs WHERE id = :id")  # noqa: S608
_SELECT_IN_SCOPE = Sql(
    f"""
    SELECT {", ".join(COLUMNS)} FROM runs WHERE environment = :environment AND tenant = :tenant AND id = :id
    """  # noqa: S608
)
_KEEP_IN_SCOPE = Sql(
    f"""
    SELECT {", ".join(COLUMNS)} FROM runs WHERE environment = :environment AND tenant = :tenant AND id = :id {{keep}}
    """  # noqa: S608
)
_SET_VERSION = Sql("UPDATE runs SET version = :version, flow = :flow WHERE id = :id")
_OUTCOME = Sql("SELECT status, output, error FROM runs WHERE id = :id")
_FINISH = Sql(
    """
    UPDATE runs SET status = :status, output = :output, error = :error, reason = :reason,
        reason_detail = :reason_detail, handled_failures = :handled_failures, finished_at_ms = :now_ms,
        paused_at_ms = NULL
    WHERE id = :id
    """
)


def lock(tx: Transaction, run_id: str) -> RunRecord | None:
    """Lock a run and return its row with the revision of this transaction; ``None`` if there is no such run."""
    return _locked(tx, tx.one(_LOCK, id=run_id))


def lock_and_start(tx: Transaction, run_id: str) -> RunRecord | None:
    """Lock a run whose step is about to start; a queued run is running from now on.

    But not one with flow control, which may have to queue for longer: ``start`` it if it does not.
    """
    return _locked(tx, tx.one(_LOCK_AND_START, id=run_id, now_ms=tx.now_ms))


def start(tx: Transaction, run_id: str) -> None:
    """Note that a step of a run whose lock this transaction holds is about to start."""
    tx.run(_START, id=run_id, now_ms=tx.now_ms)


def lock_in_scope(tx: Transaction, scope: Scope, run_id: str) -> RunRecord | None:
    """Lock a run of this tenant."""
    return _locked(tx, tx.one(_LOCK_IN_SCOPE, **whose(scope), id=run_id))


def load(tx: Transaction, run_id: str) -> RunRecord | None:
    """Return a run as it stands, without a lock."""
    row = tx.one(_SELECT, id=run_id)
    return None if row is None else from_row(row)


def keep_in_scope(tx: Transaction, scope: Scope, run_id: str) -> RunRecord | None:
    """Return a run of this tenant, which nobody deletes until the transaction ends, as it stands."""
    row = tx.one(_KEEP_IN_SCOPE, **whose(scope), id=run_id)
    return None if row is None else from_row(row)


def load_in_scope(tx: Transaction, scope: Scope, run_id: str) -> RunRecord | None:
    """Return a run of this tenant as it stands, without a lock."""
    row = tx.one(_SELECT_IN_SCOPE, **whose(scope), id=run_id)
    return None if row is None else from_row(row)


def given(sealing: Sealing | None, run: RunRecord) -> Any:
    """Return what a run was given besides its event. Raises ``ValueUnreadable``."""
    if sealing is None:
        return run.input
    place = _given_place(run.scope)
    return _given_by(run.input, lambda value: sealing.open(value, place))


def set_version(tx: Transaction, run: RunRecord) -> None:
    """Let a run whose lock this transaction holds execute another version of its workflow, under other limits."""
    tx.run(_SET_VERSION, id=run.id, version=run.version, flow=_flow_text(run))


def set_waiting(tx: Transaction, run_id: str) -> None:
    """Note that a run whose lock this transaction holds waits, unless one of its steps is ready or running."""
    tx.run(_SET_WAITING, id=run_id)


def outcome(tx: Transaction, run_id: str) -> tuple[RunStatus, Any, ErrorInfo | None] | None:
    """Return how far a run is, its output and its error; ``None`` if there is no such run.

    Raises ``ValueUnreadable`` where the output is encrypted with a key that is not here.
    """
    row = tx.one(_OUTCOME, id=run_id)
    if row is None:
        return None
    output = open_text(tx.sealing, row[1], output_place(run_id))
    return RunStatus(row[0]), output, None if row[2] is None else ErrorInfo.from_dict(jsonvalue.loads(row[2]))


def finish(
    tx: Transaction,
    run_id: str,
    status: RunStatus,
    *,
    output: Any,
    error: ErrorInfo | None,
    handled_failures: int,
    reason: str | None = None,
    reason_detail: Mapping[str, str] | None = None,
) -> None:
    """End a run whose lock this transaction holds. ``reason`` is why it was cancelled."""
    tx.run(
        _FINISH,
        id=run_id,
        status=status.value,
        output=None if output is None else seal_text(tx.sealing, jsonvalue.dumps(output), output_place(run_id)),
        error=None if error is None else jsonvalue.dumps(error.as_dict()),
        reason=reason,
        reason_detail=None if reason_detail is None else jsonvalue.dumps(reason_detail),
        handled_failures=handled_failures,
        now_ms=tx.now_ms,
    )


def row_of(record: RunRecord) -> tuple[Any, ...]:
    """Return the values that ``INSERT`` takes."""
    output = None if record.output is None else jsonvalue.dumps(record.output)
    error = None if record.error is None else jsonvalue.dumps(record.error.as_dict())
    return (
        record.id, record.scope.environment, record.scope.tenant, record.workflow_id, record.version, record.event_id,
        record.status.value, record.revision, record.created_at_ms, record.depth, record.rerun_of, record.started_at_ms,
        record.path, None if record.input is None else jsonvalue.dumps(record.input), record.parent_run_id,
        record.parent_step, record.parent_wait, record.paused_at_ms,
        _flow_text(record), output, error, record.finished_at_ms,
        None if record.flow is None else record.flow.get("collection"), record.rerun_by,
    )  # fmt: skip


def _locked(tx: Transaction, row: Any) -> RunRecord | None:
    if row is None:
        return None
    tx.read_clock()
    return from_row(row)


def from_row(row: Any) -> RunRecord:
    """Return the run of a row of ``COLUMNS``."""
    return RunRecord(
        id=row[0], scope=Scope(row[1], row[2]), workflow_id=row[3], version=row[4], event_id=row[5],
        status=RunStatus(row[6]), revision=row[7], created_at_ms=row[8], depth=row[9], rerun_of=row[10],
        started_at_ms=row[11], path=row[12], input=None if row[13] is None else jsonvalue.loads(row[13]),
        parent_run_id=row[14], parent_step=row[15], parent_wait=row[16], paused_at_ms=row[17],
        flow=None if row[18] is None else jsonvalue.loads(row[18]),
    )  # fmt: skip


def _flow_text(record: RunRecord) -> str | None:
    return None if record.flow is None else jsonvalue.dumps(record.flow)
