"""The waits of a step: how they begin, and what they have come to when a worker looks.

Everything here joins a transaction that holds the lock of the run and of the step's row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from workflowkit.base.ids import first_id
from workflowkit.base.limits import Limits
from workflowkit.base.sealing import hide
from workflowkit.definition.correlation import index_key, value_at
from workflowkit.engine.awaiting import condition_holds, correlate
from workflowkit.engine.facts import ErrorInfo, Fact, FactKind
from workflowkit.engine.states import RunStatus
from workflowkit.engine.waits import CALLBACK_SIGNALS, Wait, WaitKind
from workflowkit.runtime.approving import Approving
from workflowkit.runtime.callbacks import received
from workflowkit.runtime.children import Children, Started
from workflowkit.runtime.loops import Loops
from workflowkit.runtime.position import Batch, Opening, Position
from workflowkit.store import callbacks, events, runs, timers, waits
from workflowkit.store.events import EventRecord
from workflowkit.store.runs import RunRecord
from workflowkit.store.singles import Look
from workflowkit.store.timers import TimerRow
from workflowkit.store.transactions import Transaction
from workflowkit.store.waits import Kind, State, WaitRow

#: The kind of the timer that looks once more for events from before a wait (``lookback``).
LOOKBACK_TIMER = "wait.lookback"
#: How long before a wait an event may have been received, at the most, that is matched while the wait begins. For the
#: second look at a time of which the first one did not see everything.
RECENT_MS = 60_000
#: Waits that have no row in ``waits``: a time, and the runs of a loop's items, whose own rows tell enough.
_ROWLESS = frozenset({WaitKind.SLEEP, WaitKind.LOOP})
#: What is stored as a wait for a signal of the engine's own.
_OWN_SIGNALS = (WaitKind.APPROVAL, WaitKind.CALLBACK)


@dataclass(slots=True)
class Begun:
    """What the beginning of waits came to: the waits as they are stored, their facts, and openings of child runs.

    ``is_due`` tells that one of them has ended already.
    """

    waits: list[Wait] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    openings: list[Opening] = field(default_factory=list)
    is_due: bool = False

    def add(self, started: Started) -> None:
        """Take in what a wait has started."""
        self.openings += started.openings
        self.is_due = self.is_due or started.has_ended


class Waiting:
    """Begins and ends the waits of steps."""

    def __init__(self, children: Children, loops: Loops, approving: Approving, limits: Limits) -> None:
        self._children = children
        self._loops = loops
        self._approving = approving
        self._limits = limits

    def begin(
        self, tx: Transaction, batch: Batch, position: Position, node_id: str, begun_waits: Iterable[Wait]
    ) -> Begun:
        """Store waits that a handler has just begun. Child runs go into ``batch``."""
        begun, rows = Begun(), []
        for wait in begun_waits:
            row = self._begin(tx, batch, position, node_id, wait, begun)
            if isinstance(row, WaitRow):
                wait = replace(wait, until_ms=row.deadline_at_ms or wait.until_ms)
                rows.append(row)
            begun.facts.append(Fact(FactKind.OPENED, wait.key, detail=wait.detail(), at_ms=tx.now_ms))
            if isinstance(row, ErrorInfo):
                begun.facts.append(_failed(wait, row, tx.now_ms))
                begun.is_due = True
            elif row is not None and row.state is not State.OPEN:
                begun.is_due = True
            begun.waits.append(wait)
        waits.insert(tx, rows)
        return begun

    def _begin(
        self, tx: Transaction, batch: Batch, position: Position, node_id: str, wait: Wait, begun: Begun
    ) -> WaitRow | ErrorInfo | None:
        """Return the row of a wait, if it has one, or why there can be none."""
        match wait.kind:
            case WaitKind.SLEEP:
                return None
            case WaitKind.LOOP:
                return self._begin_loop(tx, batch, position, node_id, wait, begun)
            case WaitKind.EVENT:
                return self._event_row(tx, position, node_id, wait)
            case WaitKind.RUN:
                return self._run_row(tx, batch, position, node_id, wait, begun)
            case WaitKind.CALLBACK:
                return self._callback_row(tx, position, node_id, wait)
            case WaitKind.APPROVAL:
                self._approving.begin(tx, position.run, node_id, wait)
                return _row(position, node_id, wait, tx.now_ms)
            case _:
                return self._refused_signal(tx, position, wait) or _row(position, node_id, wait, tx.now_ms)

    def _begin_loop(
        self, tx: Transaction, batch: Batch, position: Position, node_id: str, wait: Wait, begun: Begun
    ) -> ErrorInfo | None:
        started = self._loops.begin(tx, batch, position, node_id, wait)
        if isinstance(started, ErrorInfo):
            return started
        begun.add(started)
        return None

    def _run_row(
        self, tx: Transaction, batch: Batch, position: Position, node_id: str, wait: Wait, begun: Begun
    ) -> WaitRow | ErrorInfo:
        started = self._children.start(tx, batch, position, node_id, wait)
        if not isinstance(started, Started):
            return started
        begun.add(started)
        state = State.RECEIVED if started.has_ended else State.OPEN
        return _row(position, node_id, wait, tx.now_ms, name=started.run_id, state=state)

    def _callback_row(self, tx: Transaction, position: Position, node_id: str, wait: Wait) -> WaitRow | ErrorInfo:
        callback_id = wait.name.removeprefix(CALLBACK_SIGNALS)
        # SAFETY: I17 — locked: from here on whoever calls the URL finds the wait, and whoever has is found here.
        callback = callbacks.lock(tx, position.run.scope, callback_id)
        if callback is None:
            message = f"there is no callback {callback_id!r}"
            return ErrorInfo("CallbackUnknown", message, "callback-unknown", retryable=False)
        if callback.received_at_ms is not None:
            return _row(
                position, node_id, wait, tx.now_ms, deadline_at_ms=callback.expires_at_ms, state=State.RECEIVED,
                result=received(callback.data),
            )  # fmt: skip
        return self._refused_signal(tx, position, wait) or _row(
            position, node_id, wait, tx.now_ms, deadline_at_ms=callback.expires_at_ms
        )

    def end(self, tx: Transaction, position: Position, node_id: str, seen: Look | None = None) -> list[Fact]:
        """Return what the open waits of a step have come to by now: one final fact for each that has ended.

        ``seen`` is what has been read of them already.
        """
        memo = position.memos.of(node_id)
        if not memo.open:
            return []
        known = memo.open.values()
        rows: dict[str, WaitRow] = {} if seen is None else seen.waits
        if seen is None and any(wait.kind not in _ROWLESS for wait in known):
            rows = waits.of_step(tx, position.run.id, node_id)
        facts, expired = [], []
        for wait in known:
            if wait.kind is WaitKind.LOOP:
                ended = self._loops.end(tx, position.run.id, node_id, wait)
                facts += [] if ended is None else [ended]
                continue
            row = rows.get(wait.key)
            if row is not None and row.state is State.RECEIVED:
                facts.append(_received(tx, wait, row, {} if seen is None else seen.came))
            elif wait.until_ms <= tx.now_ms:
                facts.append(self._timed_out(tx, position.run, wait))
                if row is not None:
                    expired.append(row.id)
        waits.expire(tx, expired)
        return facts

    def has_news(self, tx: Transaction, position: Position, node_id: str) -> bool:
        """Tell whether an open wait of a step has ended that its memo does not know of yet."""
        open_waits = position.memos.of(node_id).open
        loops = [wait for wait in open_waits.values() if wait.kind is WaitKind.LOOP]
        if any(self._loops.is_over(tx, position.run.id, node_id, wait) for wait in loops):
            return True
        if not any(wait.kind not in _ROWLESS for wait in open_waits.values()):
            return False
        rows = waits.of_step(tx, position.run.id, node_id)
        return any(key in open_waits and row.state is State.RECEIVED for key, row in rows.items())

    def _timed_out(self, tx: Transaction, run: RunRecord, wait: Wait) -> Fact:
        fact = timed_out(wait, tx.now_ms)
        return replace(fact, output=self._approving.expire(tx, run, wait)) if wait.kind is WaitKind.APPROVAL else fact

    def _event_row(self, tx: Transaction, position: Position, node_id: str, wait: Wait) -> WaitRow:
        scope = position.run.scope
        event = hide(tx.sealing, position.event)
        path, match_key, rest = correlate(wait, event, self._limits)
        waits.note_path(tx, scope, wait.name, path)
        row = _row(position, node_id, wait, tx.now_ms, match_key=match_key, condition=rest)
        if not wait.lookback_ms:
            return row
        after_ms = tx.now_ms - wait.lookback_ms
        looked = find_earlier(tx, row, path, event, first_id(after_ms), self._limits)
        if looked.found is not None:
            return _row(
                position, node_id, wait, tx.now_ms,
                match_key=match_key, condition=rest, state=State.RECEIVED, result=looked.found,
                event_id=looked.found,
            )  # fmt: skip
        # SAFETY: I17 — an event that is being matched right now sees no wait yet, and is not seen here yet. It will
        # have committed before this transaction has: one more look after that finds it, however many came before it.
        if looked.rest is not None:
            after_ms = max(after_ms, tx.now_ms - RECENT_MS)
        data = {"run_id": row.run_id, "wait_key": row.wait_key, "after_ms": after_ms, "path": path}
        timers.plan(tx, [TimerRow(f"{LOOKBACK_TIMER}:{row.id}", LOOKBACK_TIMER, scope, row.run_id, tx.now_ms, data)])
        return row

    def _refused_signal(self, tx: Transaction, position: Position, wait: Wait) -> ErrorInfo | None:
        taken = waits.find_signal(tx, position.run.scope, wait.name)
        if taken is None or taken.state is not State.OPEN:
            return None
        if wait.replaces:
            waits.expire(tx, [taken.id])
            return None
        return ErrorInfo("SignalTaken", f"another run waits for signal {wait.name!r}", "signal-taken", retryable=False)


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look at earlier events came to: our id of the one that a wait is for, else where the next look begins if
    there may be more."""

    found: str | None = None
    rest: str | None = None


def find_earlier(tx: Transaction, row: WaitRow, path: str, event: dict[str, Any], after: str, limits: Limits) -> Looked:
    """Look for the first event from the id ``after`` on that a wait is for, whose index key is of ``path``.

    Of no more than ``lookback_events``.
    """
    records = events.find_since(tx, row.scope, row.name, after, limit=limits.lookback_events)
    for record in records:
        later = record.as_json()
        if path and index_key(path, value_at(later, path)) != row.match_key:
            continue
        if holds(row, event, later, limits) and events.keep(tx, record.id):
            return Looked(found=record.id)
    return Looked(rest=behind(records[-1].id) if len(records) >= limits.lookback_events else None)


def behind(event_id: str) -> str:
    """Return what is larger than our id of an event, and smaller than all ids that are."""
    return event_id + "0"


def holds(row: WaitRow, event: dict[str, Any] | None, later: dict[str, Any], limits: Limits) -> bool:
    """Tell whether what is left of a wait's condition is true of an event that came; a condition that fails is not."""
    return condition_holds(row.condition, event, later, limits)


def _row(position: Position, node_id: str, wait: Wait, now_ms: int, **fields: Any) -> WaitRow:
    run = position.run
    named = {"name": wait.name, "deadline_at_ms": wait.until_ms, **fields}
    kind = Kind.SIGNAL if wait.kind in _OWN_SIGNALS else Kind(wait.kind.value)
    return WaitRow(
        run_id=run.id, wait_key=wait.key, step_key=node_id, kind=kind, scope=run.scope, created_at_ms=now_ms, **named,
    )  # fmt: skip


def _received(tx: Transaction, wait: Wait, row: WaitRow, came: Mapping[str, EventRecord]) -> Fact:
    detail = {"kind": wait.kind.value}
    if wait.kind is WaitKind.EVENT:
        event_id = row.event_id or waits.result_of(tx, row)
        found = came.get(event_id) or events.find(tx, event_id)
        if found is None:
            return _failed(
                wait, ErrorInfo("EventGone", f"event {event_id} is gone", "event-gone", retryable=False), tx.now_ms
            )
        event = events.opened(tx, found)
        return Fact(FactKind.COMPLETED, wait.key, output=event.as_json(), detail=detail, at_ms=tx.now_ms)
    if wait.kind is WaitKind.SIGNAL or wait.kind in _OWN_SIGNALS:
        detail["name"] = wait.name
        return Fact(FactKind.COMPLETED, wait.key, output=waits.result_of(tx, row), detail=detail, at_ms=tx.now_ms)
    return _run_ended(tx, wait, row)


def _run_ended(tx: Transaction, wait: Wait, row: WaitRow) -> Fact:
    found = runs.outcome(tx, row.name)
    if found is None:
        error = ErrorInfo("InvokedRunGone", f"run {row.name} is gone", "invoked-run-gone", retryable=False)
        return _failed(wait, error, tx.now_ms, row.name)
    status, output, error_of_run = found
    if status is RunStatus.COMPLETED:
        detail = {"kind": wait.kind.value, "run_id": row.name}
        return Fact(FactKind.COMPLETED, wait.key, output=output, detail=detail, at_ms=tx.now_ms)
    if status is RunStatus.CANCELLED:
        message = f"run {row.name} was cancelled"
        error = ErrorInfo("InvokedRunCancelled", message, "invoked-run-cancelled", retryable=False)
        return _failed(wait, error, tx.now_ms, row.name)
    cause = error_of_run or ErrorInfo("Error", "the run failed without an error")
    # Never tried again by the caller: the callee had its own retries.
    error = ErrorInfo(cause.name, f"run {row.name} failed: {cause.message}", "invoked-run-failed", retryable=False)
    return _failed(wait, error, tx.now_ms, row.name)


def timed_out(wait: Wait, now_ms: int) -> Fact:
    """Return what a wait comes to whose time is over."""
    if wait.kind is WaitKind.RUN:
        error = ErrorInfo("InvokeTimeout", "the run has not ended in time", "invoke-timeout", retryable=False)
        return _failed(wait, error, now_ms)
    detail: dict[str, Any] = {"kind": wait.kind.value}
    if wait.kind is not WaitKind.SLEEP:
        detail["timed_out"] = True
    return Fact(FactKind.COMPLETED, wait.key, detail=detail, at_ms=now_ms)


def _failed(wait: Wait, error: ErrorInfo, now_ms: int, run_id: str | None = None) -> Fact:
    detail = {"kind": wait.kind.value} | ({} if run_id is None else {"run_id": run_id})
    return Fact(FactKind.FAILED, wait.key, error=error, detail=detail, at_ms=now_ms)
