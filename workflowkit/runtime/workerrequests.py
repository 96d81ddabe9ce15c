"""Requests to connected workers: placed with one of them, sent by its gateway, answered, and collected by who waits.

The rows say what is true; notices only tell the other side to look. Who waits for a reply owns the request: it alone
places it again when a worker has let its lease run out, and drops it in the end. So a request that is lost anywhere is
found by time, and one that nobody waits for any more is never sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from workflowkit.base.ids import new_id
from workflowkit.base.limits import Limits
from workflowkit.runtime.connecting import SILENT_MS
from workflowkit.runtime.hints import Dispatcher, StepHint
from workflowkit.store import connections, steps, workerrequests
from workflowkit.store.connections import Candidate
from workflowkit.store.database import Database
from workflowkit.store.transactions import Transaction
from workflowkit.store.workerrequests import RequestState, WorkerRequest

#: How long a worker may take to acknowledge a request, on top of the way there.
ACK_SECONDS = 10.0
_MS = 1_000
#: Requests that a gateway takes at a time, and steps that are woken at a time.
_BATCH = 100
#: Whether each try to place a request is the last one: so often may others be faster.
_TRIES = (False, False, False, False, True)
# Names with a space are no channels that anybody could follow.
_GATEWAY, _REQUEST = "gateway ", "request "


def gateway_channel(gateway_id: str) -> str:
    """Return the channel in which a gateway is told that there are requests for it."""
    return _GATEWAY + gateway_id


def request_channel(request_id: str) -> str:
    """Return the channel in which it is told that a request was answered."""
    return _REQUEST + request_id


@dataclass(frozen=True, slots=True)
class _Chosen:
    """A connection that could take a request, and, if it ``is_locked``, still can."""

    candidate: Candidate
    is_locked: bool


class WorkerRequests:
    """The requests of an environment. Thread-safe."""

    def __init__(self, database: Database, dispatcher: Dispatcher, limits: Limits, *, grace_ms: int) -> None:
        self._database, self._dispatcher, self._limits, self._grace_ms = database, dispatcher, limits, grace_ms

    # --- for who waits

    def place(self, request: WorkerRequest) -> WorkerRequest | None:
        """Place a request with a worker; return it as it is placed, ``None`` if no worker takes it now.

        Then the step is noted as waiting for a worker: it becomes due when there may be one. May be repeated with the
        same id where the database did not answer. Locks the connection.
        """
        for is_last in _TRIES:
            with self._database.transaction("request") as tx:
                if (placed := workerrequests.load(tx, request.id)) is not None:
                    return placed
                chosen = self._choose(tx, request)
                if chosen is None or (is_last and not chosen.is_locked):
                    workerrequests.wait(tx, request)
                    return None
                if chosen.is_locked:
                    return self._insert(tx, request, chosen.candidate)
        raise AssertionError("unreachable: the last try returns")

    def _insert(self, tx: Transaction, request: WorkerRequest, chosen: Candidate) -> WorkerRequest:
        ends_at_ms = tx.now_ms + int(ACK_SECONDS * _MS)
        placed = replace(
            request, connection_id=chosen.id, gateway_id=chosen.gateway_id, lease_id=new_id(ends_at_ms),
            lease_ends_at_ms=ends_at_ms, expires_at_ms=tx.now_ms + self._limits.remote_call_seconds * _MS,
        )  # fmt: skip
        workerrequests.insert(tx, placed)
        workerrequests.wait_no_more(tx, request.run_id, request.step_key, before_generation=request.generation)
        tx.changed.add(gateway_channel(chosen.gateway_id))
        return placed

    def look(self, request_id: str) -> tuple[RequestState | None, bool]:
        """Return how a request stands, and whether its lease has ended without a reply."""
        with self._database.read() as tx:
            state = workerrequests.state(tx, request_id)
            return state, state is not None and state.reply is None and state.lease_ends_at_ms <= tx.now_ms

    def place_again(self, request: WorkerRequest, failed_connection: str) -> bool:
        """Place a request anew whose lease has ended; return ``False`` if there is no worker, and the step waits.

        With another worker than the one that failed, if there is any other. Locks the connection.
        """
        for is_last in _TRIES:
            with self._database.transaction("request") as tx:
                chosen = self._choose(tx, request, without=failed_connection) or self._choose(tx, request)
                if chosen is None or (is_last and not chosen.is_locked):
                    workerrequests.wait(tx, request)
                    return False
                if chosen.is_locked:
                    self._move(tx, request, chosen.candidate)
                    return True
        raise AssertionError("unreachable: the last try returns")

    def _move(self, tx: Transaction, request: WorkerRequest, chosen: Candidate) -> None:
        ends_at_ms = tx.now_ms + int(ACK_SECONDS * _MS)
        moved = workerrequests.move(
            tx, request.id, connection_id=chosen.id, gateway_id=chosen.gateway_id, lease_id=new_id(ends_at_ms),
            ends_at_ms=ends_at_ms,
        )  # fmt: skip
        if moved:
            tx.changed.add(gateway_channel(chosen.gateway_id))

    def drop(self, request: WorkerRequest) -> None:
        """Forget a request; a step that waits for a worker takes its place."""
        with self._database.transaction("request") as tx:
            workerrequests.delete(tx, request.id)
            hints = self._wake(tx, request.environment, request.app_id, (request.slug,), limit=1)
        if hints:
            self._dispatcher.execute(hints)

    def _choose(self, tx: Transaction, request: WorkerRequest, *, without: str = "") -> _Chosen | None:
        """Return the connection that takes a request, if any: of those with the current code the least busy one.

        It is not ``is_locked`` where others were faster: then another transaction sees what they have left.
        """
        found = connections.candidates(tx, request.environment, request.app_id, seen_after_ms=tx.now_ms - SILENT_MS)
        able = [each for each in found if request.slug in each.functions and each.id != without and each.has_room]
        if not able:
            return None
        best = min(able, key=_preference)
        # SAFETY: I18 — counted again under the connection's lock: no worker gets more than it takes.
        return _Chosen(best, connections.lock_with_room(tx, best.id))

    # --- for gateways

    def placed(self, gateway_id: str, except_leases: Sequence[str] = ()) -> list[WorkerRequest]:
        """Return the requests that are to be sent: those that are not acknowledged, but for those that were sent."""
        with self._database.read() as tx:
            return workerrequests.placed(tx, gateway_id, except_leases=except_leases, limit=_BATCH)

    def acknowledge(self, request_id: str, connection_id: str) -> bool:
        """Note that a worker has begun; tell whether the request is still its own."""
        with self._database.transaction("request") as tx:
            ends_at_ms = tx.now_ms + self._limits.connect_lease_seconds * _MS
            return workerrequests.acknowledge(tx, request_id, connection_id=connection_id, ends_at_ms=ends_at_ms)

    def extend(self, request_id: str, lease_id: str, *, connection_id: str, gateway_id: str) -> str | None:
        """Extend a lease; return its new id, ``None`` if it has been lost."""
        with self._database.transaction("request") as tx:
            ends_at_ms = tx.now_ms + self._limits.connect_lease_seconds * _MS
            new_lease_id = new_id(ends_at_ms)
            is_extended = workerrequests.extend(
                tx, request_id, lease_id=lease_id, new_lease_id=new_lease_id, ends_at_ms=ends_at_ms,
                connection_id=connection_id, gateway_id=gateway_id,
            )  # fmt: skip
        return new_lease_id if is_extended else None

    def let_go(self, request_ids: Sequence[str], connection_id: str) -> None:
        """Let requests be placed with others that a worker has not acknowledged."""
        with self._database.transaction("request") as tx:
            workerrequests.let_go(tx, request_ids, connection_id)
            tx.changed.update(map(request_channel, request_ids))

    def answer(self, request_id: str, reply: Mapping[str, Any]) -> bool:
        """Keep a reply; tell whether it is the first one, and somebody waits for it. Idempotent."""
        with self._database.transaction("request") as tx:
            is_first = workerrequests.answer(tx, request_id, reply)
            if is_first:
                tx.changed.add(request_channel(request_id))
        return is_first

    def wake(self, environment: str) -> None:
        """Let steps go on that wait for a worker, as many as there is room for."""
        with self._database.read() as tx:
            apps = workerrequests.apps_waited_for(tx, environment)
        for app_id in apps:
            self._wake_of(environment, app_id)

    def _wake_of(self, environment: str, app_id: str) -> None:
        with self._database.read() as tx:
            found = connections.candidates(tx, environment, app_id, seen_after_ms=tx.now_ms - SILENT_MS)
            able = [each for each in found if each.has_room]
            functions = sorted({name for each in able for name in each.functions})
            if not workerrequests.waiting(tx, environment, app_id, functions, limit=1):
                return
        room = sum(each.max_requests - each.busy_count for each in able)
        with self._database.transaction("request") as tx:
            hints = self._wake(tx, environment, app_id, functions, limit=min(room, _BATCH))
        if hints:
            self._dispatcher.execute(hints)

    def _wake(
        self, tx: Transaction, environment: str, app_id: str, functions: Sequence[str], *, limit: int
    ) -> list[StepHint]:
        hints = []
        found = workerrequests.waiting(tx, environment, app_id, functions, limit=limit)
        # In order, as everybody does who locks the rows of several steps.
        for run_id, step_key, generation in sorted(found):
            # One whose attempt is still going on is found again.
            queue = steps.make_due(tx, run_id, step_key, attempt=generation, wake_at_ms=tx.now_ms + self._grace_ms)
            if queue is not None:
                workerrequests.wait_no_more(tx, run_id, step_key, before_generation=generation + 1)
                hints.append(StepHint(run_id, step_key, queue))
        if len(hints) < len(found):
            workerrequests.forget_waits(tx, [run_id for run_id, _, _ in found])
        return hints


def _preference(candidate: Candidate) -> tuple[bool, float, str]:
    return (not candidate.is_current, candidate.busy_count / candidate.max_requests, candidate.id)
