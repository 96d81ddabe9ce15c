"""Callbacks: URLs that a run hands out, and what is sent to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from workflowkit.base.clock import rfc3339
from workflowkit.base.errors import Conflict, Gone, LimitExceeded, NotFound
from workflowkit.base.ids import timed_id
from workflowkit.base.jsonvalue import check_json, size_bytes
from workflowkit.base.limits import DEFAULT_LIMITS, Limits
from workflowkit.base.links import Links, callback_hash, new_callback_token
from workflowkit.engine.waits import CALLBACK_SIGNALS
from workflowkit.runtime.hints import Dispatcher, StepHint, hint
from workflowkit.store import callbacks as rows
from workflowkit.store import runs, waits
from workflowkit.store.callbacks import CallbackRecord
from workflowkit.store.database import Database
from workflowkit.store.runs import RunRecord
from workflowkit.store.transactions import Transaction
from workflowkit.store.waits import State

#: How often a call begins anew because a wait for it has begun meanwhile: once is all there can be.
_TRIES = 3


class _WaitHasBegun(Exception):
    """A wait for the callback has been stored since it was looked for."""


@dataclass(frozen=True, slots=True)
class Callbacks:
    """What is sent to the callbacks of an installation."""

    database: Database
    dispatcher: Dispatcher
    grace_ms: int
    limits: Limits = DEFAULT_LIMITS

    def receive(self, token: str, data: Any) -> str:
        """Keep what was sent to the URL of a token, and resume the run if it waits; return the callback's id.

        Raises ``NotFound``, ``Conflict`` if it was called before, ``Gone`` if its time is over or its run has ended,
        ``InvalidInput`` and ``LimitExceeded`` for data that cannot be stored.
        """
        check_json(data)
        if (size := size_bytes(data)) > self.limits.event_bytes:
            raise LimitExceeded("event_bytes", self.limits.event_bytes, size)
        token_hash = callback_hash(token)
        if token_hash is None:
            raise NotFound("there is no such callback")
        for _ in range(_TRIES):
            try:
                return self._receive(token_hash, data)
            except _WaitHasBegun:
                continue
        raise Conflict("the callback is being waited for just now; send it again")

    def _receive(self, token_hash: str, data: Any) -> str:
        with self.database.transaction("callback") as tx:
            record = rows.find_by_token(tx, token_hash)
            if record is None:
                raise NotFound("there is no such callback")
            name = f"{CALLBACK_SIGNALS}{record.id}"
            wait = waits.find_signal(tx, record.scope, name)
            wait_ids = [wait.id] if wait is not None and wait.state is State.OPEN else []
            # SAFETY: I17 — steps are locked before callbacks, here as where a wait begins. A wait that has begun since
            # it was looked for is found by the second look, which nobody can get ahead of any more.
            waits.lock_steps(tx, wait_ids)
            tx.read_clock()
            self._keep(tx, record, data)
            late = None if wait_ids else waits.find_signal(tx, record.scope, name)
            if late is not None and late.state is State.OPEN:
                raise _WaitHasBegun
            waits.receive(tx, wait_ids, received(data))
            woken = waits.wake_steps(tx, wait_ids, wake_at_ms=tx.now_ms + self.grace_ms)
        hint(self.dispatcher, [StepHint(*each) for each in woken], ())
        return record.id

    def _keep(self, tx: Transaction, record: CallbackRecord, data: Any) -> None:
        run = runs.load(tx, record.run_id)
        if rows.receive(tx, record.scope, record.id, data):
            if run is None or run.status.is_terminal:
                raise Gone("the run has ended: nobody waits for this any more")
            return
        current = rows.lock(tx, record.scope, record.id)
        if current is not None and current.received_at_ms is not None:
            raise Conflict("this callback was received already")
        raise Gone("the time for this callback is over")


def new_callback(tx: Transaction, run: RunRecord, key: str, until_ms: int, links: Links) -> dict[str, Any]:
    """Store a new callback of a step; return what its handler gets. Only a hash of its URL's secret is stored in it."""
    token = new_callback_token()
    record = CallbackRecord(
        id=timed_id(tx.now_ms, run.id, "callback", key), scope=run.scope, run_id=run.id, step_key=key,
        token_hash=callback_hash(token) or "", created_at_ms=tx.now_ms, expires_at_ms=until_ms,
    )  # fmt: skip
    rows.insert(tx, run.scope, record)
    return {"id": record.id, "url": links.callback(token), "expires_at": rfc3339(until_ms)}


def received(data: Any) -> dict[str, Any]:
    """Return what a wait for a callback comes to."""
    return {"received": True, "data": data}
