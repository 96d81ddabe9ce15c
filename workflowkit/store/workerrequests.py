"""Requests to connected workers, each under a lease of the worker's, and steps that wait for a worker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from workflowkit.base import jsonvalue
from workflowkit.base.sealing import Sealing
from workflowkit.store.sealed import open_text, seal_text
from workflowkit.store.statements import InsertInto, Sql
from workflowkit.store.transactions import Transaction


@dataclass(frozen=True, slots=True)
class WorkerRequest:
    """A call of a function of a connected app. ``part`` is the SDK's hash of the step that is asked for.

    ``generation`` says which attempt of the step asks; ``app`` and ``slug`` are what the SDK calls the app and the
    function; ``payload`` is what the function is told, as JSON.
    """

    id: str
    environment: str
    app_id: str
    app: str
    slug: str
    run_id: str
    step_key: str
    generation: int
    part: str
    job_id: str
    payload: str = field(repr=False)
    connection_id: str = ""
    gateway_id: str = ""
    placed_count: int = 1
    lease_id: str = ""
    lease_ends_at_ms: int = 0
    expires_at_ms: int = 0


@dataclass(frozen=True, slots=True)
class RequestState:
    """How a request stands. ``reply`` is what the worker answered, once it has."""

    placed_count: int
    lease_ends_at_ms: int
    connection_id: str
    reply: Mapping[str, Any] | None = field(default=None, repr=False)


_COLUMNS = (
    "id", "environment", "app_id", "app", "slug", "run_id", "step_key", "generation", "part", "job_id", "payload",
    "connection_id", "gateway_id", "placed_count", "lease_id", "lease_ends_at_ms", "expires_at_ms",
)  # fmt: skip
_PAYLOAD = _COLUMNS.index("payload")


def _seal_row(sealing: Sealing, row: Sequence[Any]) -> tuple[Any, ...]:
    sealed = seal_text(sealing, row[_PAYLOAD], _place(row[0]))
    return (*row[:_PAYLOAD], sealed, *row[_PAYLOAD + 1 :])


_INSERT = InsertInto("worker_requests", (*_COLUMNS, "created_at_ms"), seal=_seal_row)
_SUPERSEDE = Sql(
    "DELETE FROM worker_requests WHERE run_id = :run_id AND step_key = :step_key AND generation < :generation"
)
_SELECT = Sql(f"SELECT {', '.join(_COLUMNS)} FROM worker_requests WHERE id = :id")  # noqa: S608 - names from our own code
_STATE = Sql(
    "SELECT placed_count, lease_ends_at_ms, connection_id, reply FROM worker_requests WHERE id = :id"
)  # fmt: skip
# SAFETY: I13 — moved by the one who waits for the reply, and only if no worker has held on to it meanwhile.
_MOVE = Sql(
    """
    UPDATE worker_requests SET connection_id = :connection_id, gateway_id = :gateway_id,
        placed_count = placed_count + 1, acked_at_ms = NULL, lease_id = :lease_id, lease_ends_at_ms = :ends_at_ms
    WHERE id = :id AND replied_at_ms IS NULL AND lease_ends_at_ms <= :now_ms
    """
)
_PLACED = Sql(
    f"""
    SELECT {", ".join(_COLUMNS)} FROM worker_requests
    WHERE gateway_id = :gateway_id AND acked_at_ms IS NULL AND replied_at_ms IS NULL AND lease_ends_at_ms > :now_ms
        AND NOT lease_id {{in_ids}}
    ORDER BY id LIMIT :limit
    """  # noqa: S608 - names from our own code
)
_ACK = Sql(
    """
    UPDATE worker_requests SET acked_at_ms = :now_ms, lease_ends_at_ms = :ends_at_ms
    WHERE id = :id AND connection_id = :connection_id AND acked_at_ms IS NULL AND replied_at_ms IS NULL
        AND lease_ends_at_ms > :now_ms
    """
)
_EXTEND = Sql(
    """
    UPDATE worker_requests SET lease_id = :new_lease_id, lease_ends_at_ms = :ends_at_ms, connection_id = :connection_id,
        gateway_id = :gateway_id, acked_at_ms = coalesce(acked_at_ms, :now_ms)
    WHERE id = :id AND lease_id = :lease_id AND replied_at_ms IS NULL AND lease_ends_at_ms > :now_ms
    """
)
_LET_GO = Sql(
    """
    UPDATE worker_requests SET lease_ends_at_ms = 0
    WHERE id {in_ids} AND connection_id = :connection_id AND acked_at_ms IS NULL AND replied_at_ms IS NULL
    """
)
# SAFETY: I2 — the first reply counts: a second one, from another socket or by HTTP, changes nothing.
_ANSWER = Sql("UPDATE worker_requests SET reply = :reply, replied_at_ms = :now_ms WHERE id = :id AND reply IS NULL")
_DELETE = Sql("DELETE FROM worker_requests WHERE id = :id")
_FORGET = Sql("DELETE FROM worker_requests WHERE expires_at_ms < :now_ms")
_WAIT = Sql(
    """
    INSERT INTO worker_waits (run_id, step_key, environment, app_id, slug, generation, since_ms)
    VALUES (:run_id, :step_key, :environment, :app_id, :slug, :generation, :now_ms)
    ON CONFLICT (run_id, step_key) DO UPDATE SET generation = excluded.generation
    """
)
# Branches of one attempt share its row: one that is executed takes it from no other that waits.
_WAIT_NO_MORE = Sql(
    "DELETE FROM worker_waits WHERE run_id = :run_id AND step_key = :step_key AND generation < :before"
)  # fmt: skip
_WAITING = Sql(
    """
    SELECT run_id, step_key, generation FROM worker_waits
    WHERE environment = :environment AND app_id = :app_id AND slug {in_ids} ORDER BY since_ms, run_id, step_key
    LIMIT :limit
    """
)
_APPS_WAITED_FOR = Sql("SELECT DISTINCT app_id FROM worker_waits WHERE environment = :environment")
_OVER = Sql(
    """
    DELETE FROM worker_waits WHERE run_id {in_ids} AND (
        EXISTS (SELECT 1 FROM runs WHERE id = worker_waits.run_id AND finished_at_ms IS NOT NULL)
        OR generation < (SELECT attempt FROM steps
                         WHERE steps.run_id = worker_waits.run_id AND steps.step_key = worker_waits.step_key))
    """
)


def insert(tx: Transaction, request: WorkerRequest) -> None:
    """Store a request that is placed with a connection; those of earlier attempts are superseded."""
    tx.run(_SUPERSEDE, run_id=request.run_id, step_key=request.step_key, generation=request.generation)
    row = (
        request.id, request.environment, request.app_id, request.app, request.slug, request.run_id, request.step_key,
        request.generation, request.part, request.job_id, request.payload, request.connection_id, request.gateway_id,
        request.placed_count, request.lease_id, request.lease_ends_at_ms, request.expires_at_ms, tx.now_ms,
    )  # fmt: skip
    tx.insert(_INSERT, [row])


def load(tx: Transaction, request_id: str) -> WorkerRequest | None:
    """Return a request; ``None`` if there is none of this id."""
    row = tx.one(_SELECT, id=request_id)
    return None if row is None else _opened(tx, row)


def state(tx: Transaction, request_id: str) -> RequestState | None:
    """Return how a request stands; ``None`` if it was superseded or has expired."""
    row = tx.one(_STATE, id=request_id)
    if row is None:
        return None
    placed_count, lease_ends_at_ms, connection_id, reply = row
    opened = open_text(tx.sealing, reply, _place(request_id))
    return RequestState(placed_count, lease_ends_at_ms, connection_id, opened)


def move(
    tx: Transaction, request_id: str, *, connection_id: str, gateway_id: str, lease_id: str, ends_at_ms: int
) -> bool:
    """Place a request with another connection, if its lease has ended without a reply; tell whether that was so."""
    moved = tx.run(
        _MOVE, id=request_id, connection_id=connection_id, gateway_id=gateway_id, lease_id=lease_id,
        ends_at_ms=ends_at_ms, now_ms=tx.now_ms,
    )  # fmt: skip
    return bool(moved)


def placed(tx: Transaction, gateway_id: str, *, except_leases: Sequence[str], limit: int) -> list[WorkerRequest]:
    """Return the requests that a gateway has to send: those that are not acknowledged, but for those it has sent."""
    rows = tx.rows(_PLACED, gateway_id=gateway_id, now_ms=tx.now_ms, ids=list(except_leases), limit=limit)
    return [_opened(tx, row) for row in rows]


def acknowledge(tx: Transaction, request_id: str, *, connection_id: str, ends_at_ms: int) -> bool:
    """Note that a worker has begun, under a lease until then; tell whether the request is still the worker's."""
    return bool(
        tx.run(_ACK, id=request_id, connection_id=connection_id, ends_at_ms=ends_at_ms, now_ms=tx.now_ms)
    )  # fmt: skip


def extend(
    tx: Transaction, request_id: str, *, lease_id: str, new_lease_id: str, ends_at_ms: int, connection_id: str,
    gateway_id: str,
) -> bool:  # fmt: skip
    """Extend a lease, over the connection that the worker has now; tell whether it was still the worker's."""
    extended = tx.run(
        _EXTEND, id=request_id, lease_id=lease_id, new_lease_id=new_lease_id, ends_at_ms=ends_at_ms,
        connection_id=connection_id, gateway_id=gateway_id, now_ms=tx.now_ms,
    )  # fmt: skip
    return bool(extended)


def let_go(tx: Transaction, request_ids: Sequence[str], connection_id: str) -> None:
    """End the leases of requests that a worker has not acknowledged."""
    tx.run(_LET_GO, ids=list(request_ids), connection_id=connection_id)


def answer(tx: Transaction, request_id: str, reply: Mapping[str, Any]) -> bool:
    """Keep a worker's reply; tell whether it is the first one, and still wanted."""
    text = seal_text(tx.sealing, jsonvalue.dumps(reply), _place(request_id))
    return bool(tx.run(_ANSWER, id=request_id, reply=text, now_ms=tx.now_ms))


def delete(tx: Transaction, request_id: str) -> None:
    """Drop a request that nobody waits for any more."""
    tx.run(_DELETE, id=request_id)


def forget(tx: Transaction) -> None:
    """Drop requests whose time is over, which those who made them have left behind."""
    tx.run(_FORGET, now_ms=tx.now_ms)


def wait(tx: Transaction, request: WorkerRequest) -> None:
    """Note that the step of a request waits for a worker that has its function."""
    tx.run(
        _WAIT, run_id=request.run_id, step_key=request.step_key, environment=request.environment,
        app_id=request.app_id, slug=request.slug, generation=request.generation, now_ms=tx.now_ms,
    )  # fmt: skip


def wait_no_more(tx: Transaction, run_id: str, step_key: str, *, before_generation: int) -> None:
    """Note that no attempt of a step before this one waits for a worker any more."""
    tx.run(_WAIT_NO_MORE, run_id=run_id, step_key=step_key, before=before_generation)


def waiting(
    tx: Transaction, environment: str, app_id: str, functions: Sequence[str], *, limit: int
) -> list[tuple[str, str, int]]:
    """Return (run id, step key, generation) of steps that wait for functions of an app, the first ones at the front."""
    rows = tx.rows(_WAITING, environment=environment, app_id=app_id, ids=list(functions), limit=limit)
    return [(row[0], row[1], row[2]) for row in rows]


def apps_waited_for(tx: Transaction, environment: str) -> list[str]:
    """Return the apps for whose workers steps wait."""
    return [row[0] for row in tx.rows(_APPS_WAITED_FOR, environment=environment)]


def forget_waits(tx: Transaction, run_ids: Sequence[str]) -> None:
    """Drop the waits of these runs that are over: the run has ended, or the step is at a later attempt."""
    tx.run(_OVER, ids=list(run_ids))


def _opened(tx: Transaction, row: Any) -> WorkerRequest:
    payload = open_text(tx.sealing, row[_PAYLOAD], _place(row[0])) if tx.sealing is not None else None
    text = row[_PAYLOAD] if payload is None else jsonvalue.dumps(payload)
    return WorkerRequest(**{**dict(zip(_COLUMNS, row, strict=True)), "payload": text})


def _place(request_id: str) -> str:
    return f"worker_requests/{request_id}"
