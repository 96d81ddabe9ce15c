"""Run rows: created once, locked by whoever advances the run, ended once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from workflowkit.base import jsonvalue
from workflowkit.base.scope import Scope
from workflowkit.engine.facts import ErrorInfo
from workflowkit.engine.states import RunStatus
from workflowkit.store.database import InsertInto, Sql, Transaction


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run's row. ``event_id`` is our id of the event that started it.

    ``output`` and ``finished_at_ms`` are there for a run that ends as it begins; they are not read back.
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
    output: Any = None
    finished_at_ms: int | None = None


_COLUMNS = (
    "id", "environment", "tenant", "workflow_id", "version", "event_id", "status", "revision", "created_at_ms", "depth",
    "rerun_of", "started_at_ms",
)  # fmt: skip
_RETURNING = "RETURNING " + ", ".join(_COLUMNS)
INSERT = InsertInto("runs", (*_COLUMNS, "output", "finished_at_ms"))
# Bumping the revision takes the run's row lock, so that everything decided about a run is decided one at a time.
_LOCK = Sql(f"UPDATE runs SET revision = revision + 1 WHERE id = :id {_RETURNING}")  # noqa: S608
_LOCK_AND_START = Sql(
    f"""
    UPDATE runs SET revision = revision + 1, started_at_ms = coalesce(started_at_ms, :now_ms),
        status = CASE WHEN status = 'queued' THEN 'running' ELSE status END
    WHERE id = :id {_RETURNING}
    """  # noqa: S608
)
_LOCK_IN_SCOPE = Sql(
    f"""
    UPDATE runs SET revision = revision + 1
    WHERE environment = :environment AND tenant = :tenant AND id = :id {_RETURNING}
    """  # noqa: S608
)
_FINISH = Sql(
    """
    UPDATE runs SET status = :status, output = :output, error = :error, handled_failures = :handled_failures,
        finished_at_ms = :now_ms
    WHERE id = :id
    """
)


def lock(tx: Transaction, run_id: str) -> RunRecord | None:
    """Lock a run and return its row with the revision of this transaction; ``None`` if there is no such run."""
    return _locked(tx, tx.one(_LOCK, id=run_id))


def lock_and_start(tx: Transaction, run_id: str) -> RunRecord | None:
    """Lock a run whose step is about to start; a queued run is running from now on."""
    return _locked(tx, tx.one(_LOCK_AND_START, id=run_id, now_ms=tx.now_ms))


def lock_in_scope(tx: Transaction, scope: Scope, run_id: str) -> RunRecord | None:
    """Lock a run of this tenant."""
    return _locked(tx, tx.one(_LOCK_IN_SCOPE, environment=scope.environment, tenant=scope.tenant, id=run_id))


def finish(
    tx: Transaction, run_id: str, status: RunStatus, *, output: Any, error: ErrorInfo | None, handled_failures: int
) -> None:
    """End a run whose lock this transaction holds."""
    tx.run(
        _FINISH,
        id=run_id,
        status=status.value,
        output=None if output is None else jsonvalue.dumps(output),
        error=None if error is None else jsonvalue.dumps(error.as_dict()),
        handled_failures=handled_failures,
        now_ms=tx.now_ms,
    )


def row_of(record: RunRecord) -> tuple[Any, ...]:
    """Return the values that ``INSERT`` takes."""
    output = None if record.output is None else jsonvalue.dumps(record.output)
    return (
        record.id, record.scope.environment, record.scope.tenant, record.workflow_id, record.version, record.event_id,
        record.status.value, record.revision, record.created_at_ms, record.depth, record.rerun_of, record.started_at_ms,
        output, record.finished_at_ms,
    )  # fmt: skip


def _locked(tx: Transaction, row: Any) -> RunRecord | None:
    if row is None:
        return None
    tx.read_clock()
    return RunRecord(
        id=row[0], scope=Scope(row[1], row[2]), workflow_id=row[3], version=row[4], event_id=row[5],
        status=RunStatus(row[6]), revision=row[7], created_at_ms=row[8], depth=row[9], rerun_of=row[10],
        started_at_ms=row[11],
    )  # fmt: skip
