"""What handlers have logged, line by line, with the step and the attempt that said it. Bounded per run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from workflowkit.base import jsonvalue
from workflowkit.base.scope import Scope
from workflowkit.base.sealing import Sealing
from workflowkit.store.sealed import open_text
from workflowkit.store.statements import InsertInto, Sql, whose
from workflowkit.store.transactions import Transaction

#: Levels as the logging module numbers them.
WARNING = 30


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line. Ids are in the order in which a process has logged; ``step_key`` is that of a step inside a handler, if
    it was in one. ``level`` is a number of the logging module."""

    id: str
    run_id: str
    step_key: str
    attempt: int
    level: int
    message: str
    at_ms: int

    @property
    def size_bytes(self) -> int:
        return len(self.message.encode())


@dataclass(frozen=True, slots=True)
class LineFilter:
    """Which lines of a run: those of a step with all that is inside of it, of one attempt, from a level upwards."""

    step: str | None = None
    attempt: int | None = None
    level: int = 0


_COLUMNS = (
    "run_id", "id", "environment", "tenant", "step_key", "attempt", "level", "message", "size_bytes", "at_ms",
)  # fmt: skip
_OWNED = "environment = :environment AND tenant = :tenant"


def _place(run_id: str, line_id: str) -> str:
    return f"log/{run_id}/{line_id}"


def _seal_row(sealing: Sealing, row: Sequence[Any]) -> tuple[Any, ...]:
    run_id, line_id, *others, message, size_bytes, at_ms = row
    sealed = jsonvalue.dumps(sealing.seal(jsonvalue.loads(message), _place(run_id, line_id)))
    return (run_id, line_id, *others, sealed, size_bytes, at_ms)


_INSERT = InsertInto("log_lines", _COLUMNS, seal=_seal_row)
_USED = Sql(
    f"SELECT run_id, sum(size_bytes) FROM log_lines WHERE {_OWNED} AND run_id {{in_ids}} GROUP BY run_id"  # noqa: S608
)
_FIND = Sql(
    f"""
    SELECT id, run_id, step_key, attempt, level, message, at_ms FROM log_lines
    WHERE {_OWNED} AND run_id = :run_id AND id > :after AND level >= :level
        AND (:any_attempt OR attempt = :attempt)
        AND (:any_step OR step_key = :step OR substr(step_key, 1, :prefix_length) = :prefix)
    ORDER BY id LIMIT :limit
    """  # noqa: S608 - names from our own code
)


def append(tx: Transaction, scope: Scope, lines: Sequence[LogLine], *, run_bytes: int) -> None:
    """Keep lines, those of each run in their order and until it has used ``run_bytes``; the last one kept says so."""
    used = _used(tx, scope, {line.run_id for line in lines})
    rows = []
    for line in lines:
        left = run_bytes - used.get(line.run_id, 0)
        if left <= 0:
            continue
        # The line that says so takes the rest of the room, so that the next look finds the run full.
        kept, size_bytes = (line, line.size_bytes) if line.size_bytes < left else (_last(line), left)
        used[line.run_id] = run_bytes - left + size_bytes
        rows.append(_row(scope, kept, size_bytes))
    tx.insert(_INSERT, rows)


def _last(line: LogLine) -> LogLine:
    return replace(line, level=WARNING, message=_FULL)


_FULL = "The lines that follow are left out: this run has logged more than is kept (run_log_bytes)."


def find(
    tx: Transaction, scope: Scope, run_id: str, where: LineFilter = LineFilter(), *, limit: int, after: str = ""
) -> list[LogLine]:
    """Return up to ``limit`` lines of a run in the order of time, those behind the id ``after``."""
    prefix = "" if where.step is None else f"{where.step}/"
    rows = tx.rows(
        _FIND, **whose(scope), run_id=run_id, after=after, level=where.level,
        any_attempt=where.attempt is None, attempt=where.attempt or 0, any_step=where.step is None,
        step=where.step or "", prefix=prefix, prefix_length=len(prefix), limit=limit,
    )  # fmt: skip
    return [_line(tx, row) for row in rows]


def _used(tx: Transaction, scope: Scope, run_ids: set[str]) -> dict[str, int]:
    rows = tx.rows(_USED, **whose(scope), ids=sorted(run_ids))
    return {row[0]: int(row[1]) for row in rows}


def _row(scope: Scope, line: LogLine, size_bytes: int) -> tuple[Any, ...]:
    return (
        line.run_id, line.id, scope.environment, scope.tenant, line.step_key, line.attempt, line.level,
        jsonvalue.dumps(line.message), size_bytes, line.at_ms,
    )  # fmt: skip


def _line(tx: Transaction, row: Any) -> LogLine:
    line_id, run_id, step_key, attempt, level, message, at_ms = row
    text = open_text(tx.sealing, message, _place(run_id, line_id))
    # Still encrypted, for those who may not see it.
    shown = text if isinstance(text, str) else jsonvalue.dumps(text)
    return LogLine(line_id, run_id, step_key, attempt, level, shown, at_ms)
