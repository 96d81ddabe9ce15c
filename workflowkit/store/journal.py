"""The facts of a run, inserted once and read in order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workflowkit.base import jsonvalue
from workflowkit.base.sealing import Sealing
from workflowkit.engine.channels import run_channel
from workflowkit.engine.facts import ErrorInfo, Fact, FactKind
from workflowkit.engine.states import EdgeState, StepStatus
from workflowkit.store.statements import InsertInto, Sql
from workflowkit.store.transactions import Transaction

_COLUMNS = ("run_id", "revision", "ordinal", "kind", "step_key", "attempt", "data", "at_ms")
READ_COLUMNS = ("kind", "step_key", "attempt", "data", "at_ms")


def _place(run_id: str, step_key: str) -> str:
    return f"journal/{run_id}/{step_key}"


def seal_row(sealing: Sealing, row: Sequence[Any]) -> tuple[Any, ...]:
    """Return a row with its output encrypted."""
    run_id, *others, step_key, attempt, text, at_ms = row
    data = jsonvalue.loads(text) if text else {}
    if data.get("output") is None:
        return tuple(row)
    data["output"] = sealing.seal(data["output"], _place(run_id, step_key))
    return (run_id, *others, step_key, attempt, jsonvalue.dumps(data), at_ms)


# SAFETY: I3 — facts are only ever inserted; the database refuses to change them.
INSERT = InsertInto("journal", _COLUMNS, seal=seal_row)
_SELECT = Sql(
    """
    SELECT kind, step_key, attempt, data, at_ms FROM journal
    WHERE run_id = :run_id AND revision > :after_revision ORDER BY revision, ordinal
    """
)
_SELECT_OUTPUTS = Sql(
    """
    SELECT kind, step_key, attempt, data, at_ms FROM journal
    WHERE run_id = :run_id AND step_key {in_ids} AND kind IN ('completed', 'failed')
    """
)
_SELECT_COMPLETED = Sql(
    """
    SELECT kind, step_key, attempt, data, at_ms FROM journal
    WHERE run_id = :run_id AND step_key {in_ids} AND kind = 'completed' ORDER BY revision, ordinal
    """
)
_SELECT_STANDING = Sql(
    """
    SELECT step_key, kind, attempt FROM journal
    WHERE run_id = :run_id AND step_key {in_ids}
        AND kind IN ('completed', 'failed', 'skipped', 'cancelled', 'retry')
    ORDER BY revision, ordinal
    """
)
_SELECT_FINAL = Sql(
    """
    SELECT run_id, step_key, kind FROM journal
    WHERE run_id {in_ids} AND kind IN ('completed', 'failed', 'skipped', 'cancelled')
    ORDER BY run_id, revision DESC, ordinal DESC
    """
)
_OUTCOME_REVISION = Sql(
    """
    SELECT revision FROM journal
    WHERE run_id = :run_id AND step_key = :step_key AND attempt = :attempt AND kind IN ('completed', 'failed', 'retry')
    """
)
_AT_REVISION = Sql(
    """
    SELECT kind, step_key, attempt, data, at_ms FROM journal WHERE run_id = :run_id AND revision = :revision
    ORDER BY ordinal
    """
)
_OPTIONAL = ("output", "reason", "retry_at_ms", "worker", "detail")


@dataclass(frozen=True, slots=True)
class Standing:
    """How steps of a run stand: those that have ended, and how many attempts of the others have failed."""

    ended: frozenset[str]
    attempts: Mapping[str, int]


def rows_of(run_id: str, revision: int, facts: Iterable[Fact], *, first: int = 0) -> list[tuple[Any, ...]]:
    """Return the rows that ``insert`` takes for the facts of one transaction, from the ordinal ``first`` on."""
    return [
        (run_id, revision, ordinal, fact.kind.value, fact.step, fact.attempt, _to_data(fact), fact.at_ms)
        for ordinal, fact in enumerate(facts, start=first)
    ]


def insert(tx: Transaction, rows: Sequence[tuple[Any, ...]]) -> None:
    """Write facts. Joins the transaction that holds the locks of their runs.

    Raises the driver's IntegrityError where a step already has a final fact, or an attempt its row.
    """
    tx.insert(INSERT, rows)
    note_changes(tx, rows)


def note_changes(tx: Transaction, rows: Sequence[tuple[Any, ...]]) -> None:
    """Let those who watch the runs of these rows know, once they are committed."""
    tx.changed.update(run_channel(row[0]) for row in rows)


def load(tx: Transaction, run_id: str, *, after_revision: int = -1) -> list[Fact]:
    """Return a run's facts in the order in which they were decided, those after ``after_revision`` only.

    Raises ``ValueUnreadable`` where an output is encrypted with a key that is not here.
    """
    rows = tx.rows(_SELECT, run_id=run_id, after_revision=after_revision)
    return [from_row(tx, run_id, row) for row in rows]


def load_outputs(tx: Transaction, run_id: str, steps: Iterable[str]) -> dict[str, Any]:
    """Return what later steps see of some steps of a run, those that have an output by now."""
    facts = [from_row(tx, run_id, row) for row in tx.rows(_SELECT_OUTPUTS, run_id=run_id, ids=sorted(steps))]
    return {fact.step: fact.output for fact in facts if fact.kind is FactKind.COMPLETED or fact.handled}


def load_completed(tx: Transaction, run_id: str, steps: Iterable[str]) -> list[Any]:
    """Return the outputs of those of some steps of a run that have completed, the first one first."""
    rows = tx.rows(_SELECT_COMPLETED, run_id=run_id, ids=sorted(steps))
    return [from_row(tx, run_id, row).output for row in rows]


def standing(tx: Transaction, run_id: str, steps: Iterable[str]) -> Standing:
    """Return how some steps of a run stand. Their outputs are not read."""
    ended, attempts = set(), {}
    for key, kind, attempt in tx.rows(_SELECT_STANDING, run_id=run_id, ids=sorted(steps)):
        if FactKind(kind).is_final:
            ended.add(key)
        else:
            attempts[key] = attempt
    return Standing(frozenset(ended), attempts)


def load_final(tx: Transaction, run_ids: Sequence[str]) -> dict[str, list[tuple[str, StepStatus]]]:
    """Return how the steps of several runs ended, as (step, status), the last one of each run first."""
    found: dict[str, list[tuple[str, StepStatus]]] = {run_id: [] for run_id in run_ids}
    for run_id, step_key, kind in tx.rows(_SELECT_FINAL, ids=list(run_ids)):
        found[run_id].append((step_key, StepStatus(kind)))
    return found


def follow_up(tx: Transaction, run_id: str, step_key: str, attempt: int, worker: str) -> list[str] | None:
    """Return the steps that ``worker`` took in the transaction that recorded the outcome of an attempt.

    ``None`` if no outcome of that attempt is recorded.
    """
    row = tx.one(_OUTCOME_REVISION, run_id=run_id, step_key=step_key, attempt=attempt)
    if row is None:
        return None
    facts = [from_row(tx, run_id, each) for each in tx.rows(_AT_REVISION, run_id=run_id, revision=row[0])]
    return [fact.step for fact in facts if fact.kind is FactKind.ATTEMPT and fact.worker == worker]


def _to_data(fact: Fact) -> str | None:
    data: dict[str, Any] = {name: value for name in _OPTIONAL if (value := getattr(fact, name)) is not None}
    if fact.error is not None:
        data["error"] = fact.error.as_dict()
    if fact.edges:
        data["edges"] = {edge_id: state.value for edge_id, state in fact.edges.items()}
    if fact.handled:
        data["handled"] = True
    if fact.stop:
        data["stop"] = True
    return jsonvalue.dumps(data) if data else None


def from_row(tx: Transaction, run_id: str, row: Any) -> Fact:
    """Return the fact of a row of ``READ_COLUMNS``. Raises ``ValueUnreadable``."""
    kind, step_key, attempt, text, at_ms = row
    data = jsonvalue.loads(text) if text else {}
    if tx.sealing is not None and "output" in data:
        data["output"] = tx.sealing.open(data["output"], _place(run_id, step_key))
    error, edges = data.get("error"), data.get("edges")
    return Fact(
        kind=FactKind(kind),
        step=step_key,
        attempt=attempt,
        output=data.get("output"),
        error=None if error is None else ErrorInfo.from_dict(error),
        edges=None if edges is None else {edge_id: EdgeState(state) for edge_id, state in edges.items()},
        handled=data.get("handled", False),
        stop=data.get("stop", False),
        reason=data.get("reason"),
        retry_at_ms=data.get("retry_at_ms"),
        worker=data.get("worker"),
        detail=data.get("detail"),
        at_ms=at_ms,
    )
