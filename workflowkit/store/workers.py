"""The processes that work for an installation, as each of them reports itself. They belong to no tenant."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from workflowkit.base import jsonvalue
from workflowkit.store.statements import Sql
from workflowkit.store.transactions import Transaction


class Role(StrEnum):
    """What a process does: executing steps, or only finding what is due."""

    WORKER = "worker"
    SCHEDULER = "scheduler"


@dataclass(frozen=True, slots=True)
class WorkerRow:
    """A process: what it serves, how much it does at a time, and how many steps it held when it was last heard of.

    ``name`` is what its logs call it, ``version`` that of this package.
    """

    id: str
    role: Role
    name: str
    host: str
    pid: int
    version: str
    queues: tuple[str, ...]
    concurrency: int
    started_at_ms: int
    busy_count: int = 0
    seen_at_ms: int = 0


_COLUMNS = "id, role, name, host, pid, version, queues, concurrency, started_at_ms, busy_count, seen_at_ms"
_REPORT = Sql(
    f"""
    INSERT INTO workers ({_COLUMNS})
    VALUES (:id, :role, :name, :host, :pid, :version, :queues, :concurrency, :started_at_ms, :busy_count, :now_ms)
    ON CONFLICT (id) DO UPDATE SET busy_count = excluded.busy_count, seen_at_ms = excluded.seen_at_ms
    """  # noqa: S608 - names from our own code
)
_FORGET = Sql("DELETE FROM workers WHERE seen_at_ms < :before_ms")
_REMOVE = Sql("DELETE FROM workers WHERE id = :id")
_FIND = Sql(f"SELECT {_COLUMNS} FROM workers ORDER BY id LIMIT :limit")  # noqa: S608


def report(tx: Transaction, worker: WorkerRow) -> None:
    """Note that a process is there now, with what it holds."""
    tx.run(
        _REPORT, id=worker.id, role=worker.role.value, name=worker.name, host=worker.host, pid=worker.pid,
        version=worker.version, queues=jsonvalue.dumps(worker.queues), concurrency=worker.concurrency,
        started_at_ms=worker.started_at_ms, busy_count=worker.busy_count, now_ms=tx.now_ms,
    )  # fmt: skip


def forget(tx: Transaction, *, before_ms: int) -> None:
    """Drop the processes that were last heard of before a time."""
    tx.run(_FORGET, before_ms=before_ms)


def remove(tx: Transaction, worker_id: str) -> None:
    """Drop a process that ends."""
    tx.run(_REMOVE, id=worker_id)


def find(tx: Transaction, *, limit: int) -> list[WorkerRow]:
    """Return the processes, those that were started first at the front."""
    return [_row(row) for row in tx.rows(_FIND, limit=limit)]


def _row(row: Any) -> WorkerRow:
    worker_id, role, name, host, pid, version, queues, concurrency, started_at_ms, busy_count, seen_at_ms = row
    return WorkerRow(
        worker_id, Role(role), name, host, pid, version, tuple(jsonvalue.loads(queues)), concurrency, started_at_ms,
        busy_count, seen_at_ms,
    )  # fmt: skip
