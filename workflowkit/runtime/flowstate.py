"""The locked states of flow control within one transaction: rows of ``flow.decision`` in, rows out, written at its end.

Locked in two sittings, each in the order of the keys: first what events meet when they arrive, then the singletons,
whose keys may only be known then (of a window that fires, its last event's counts). Whoever holds one of these locks
waits for no run that exists; so they may be taken by somebody who holds a run's lock.

Or they are read without a lock, and what was changed is handed out as rows that are written only if all of them are as
they were (``guarded``). That does for all that changes no more than states and new rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from workflowkit.base.scope import Scope
from workflowkit.definition.settings.flow import FlowControl, SingletonMode
from workflowkit.flow.batch import OpenBatch
from workflowkit.flow.debounce import Window
from workflowkit.flow.decision import Rows
from workflowkit.flow.idempotency import Claim
from workflowkit.flow.keys import FlowKeys
from workflowkit.flow.singleton import Lock
from workflowkit.runtime.position import Batch
from workflowkit.runtime.runflow import singleton_key
from workflowkit.store import flowstates
from workflowkit.store.flowstates import StateKey
from workflowkit.store.transactions import Transaction

SINGLETON = "singleton"
#: The controls that an event meets when it arrives. Also the names of their settings and of the keys of an event.
ARRIVAL_CONTROLS = ("batch", "debounce", "idempotency", "rate_limit")


@dataclass(frozen=True, slots=True)
class Place:
    """Where the states of one event are: a workflow, and the keys that the event has for its controls."""

    scope: Scope
    workflow_id: str
    flow: FlowControl
    keys: FlowKeys

    @property
    def owner(self) -> tuple[Scope, str]:
        """Whose states these are: of a tenant and workflow."""
        return self.scope, self.workflow_id

    @property
    def needs_locks(self) -> bool:
        """Whether events are collected here, or may wait for each other."""
        rule = self.flow.singleton
        waits = rule is not None and rule.mode is SingletonMode.QUEUE_LATEST
        return self.flow.batch is not None or self.flow.debounce is not None or waits

    @property
    def has_states(self) -> bool:
        """Whether anything that is stored decides about the event itself, and not only about when its run starts."""
        flow = self.flow
        return flow.singleton is not None or any(getattr(flow, name) is not None for name in ARRIVAL_CONTROLS)

    def arrival_keys(self) -> list[StateKey]:
        """Return the keys of the states that decide about the event's arrival."""
        return [self.key(name) for name in ARRIVAL_CONTROLS if getattr(self.flow, name) is not None]

    def key(self, control: str) -> StateKey:
        """Return the key of the state of a control other than singleton."""
        return self._key(control, getattr(self.keys, control).text)

    @property
    def singleton(self) -> StateKey | None:
        """The key of the singleton's lock, if the event is under one."""
        text = singleton_key(self.flow, self.keys)
        return None if text is None else self._key(SINGLETON, text)

    def singleton_of(self, text: str | None) -> StateKey | None:
        """Return the key of the lock that another event of the workflow is under, by the text of its key."""
        return None if text is None else self._key(SINGLETON, text)

    def _key(self, control: str, text: str) -> StateKey:
        return StateKey(self.scope.environment, self.scope.tenant, self.workflow_id, control, text)


class NotLocked(Exception):
    """What is to be done needs states to be locked that were only read. Nothing has been written."""


@dataclass(slots=True)
class States:
    """The states that a transaction has locked or read, as it has changed them."""

    tx: Transaction
    is_locked: bool = True
    values: dict[StateKey, Any] = field(default_factory=dict)
    _stamps: dict[StateKey, int | None] = field(default_factory=dict)
    _changed: dict[StateKey, int | None] = field(default_factory=dict)

    def lock(self, keys: Iterable[StateKey | None]) -> None:
        """Lock further states, or read them."""
        wanted = {key for key in keys if key is not None} - self.values.keys()
        if not wanted:
            return
        if self.is_locked:
            self.values |= flowstates.lock(self.tx, wanted)
            return
        for key, seen in flowstates.read(self.tx, wanted).items():
            self.values[key], self._stamps[key] = seen.state, seen.stamp

    def require_locks(self) -> None:
        """Raise ``NotLocked`` if the states were only read."""
        if not self.is_locked:
            raise NotLocked

    def get(self, key: StateKey | None) -> Any:
        """Return the state of a key, ``None`` if it has none."""
        return None if key is None else self.values[key]

    def put(self, key: StateKey, state: Any, *, expires_at_ms: int | None = None) -> None:
        """Change the state of a key."""
        if self.values[key] != state:
            self.values[key] = state
            self._changed[key] = expires_at_ms

    def write(self, batch: Batch) -> None:
        """Write what was changed; or hand it out with ``batch``."""
        for key, expires_at_ms in sorted(self._changed.items()):
            state = self.values[key]
            if self.is_locked:
                flowstates.put(self.tx, key, state, expires_at_ms=expires_at_ms)
            else:
                stamp = self._stamps[key]
                row = flowstates.guarded_row(self.tx, key, stamp, state, expires_at_ms=expires_at_ms)
                batch.states.append(row)
        self._changed.clear()

    def rows(self, place: Place) -> Rows:
        """Return what is stored for the keys of an event."""
        found = {key.control: self.values.get(key) for key in place.arrival_keys()}
        batch, window, claim = found.get("batch"), found.get("debounce"), found.get("idempotency")
        return Rows(
            batch=None if batch is None else OpenBatch(batch["start_at_ms"], batch["events"], batch["size_bytes"]),
            claim=None if claim is None else Claim(claim["event_id"], claim["expires_at_ms"]),
            rate_arrival_us=found.get("rate_limit"),
            window=None if window is None else window_of(window),
            lock=lock_of(self.get(place.singleton)),
        )

    def put_rates(self, place: Place, rows: Rows) -> None:
        """Store the claim and the time of the rate that an admission came to."""
        if place.flow.idempotency is not None:
            claim = rows.claim
            if claim is not None:
                state = {"event_id": claim.event_id, "expires_at_ms": claim.expires_at_ms}
                self.put(place.key("idempotency"), state, expires_at_ms=claim.expires_at_ms)
        elif place.flow.rate_limit is not None and rows.rate_arrival_us is not None:
            expires_at_ms = rows.rate_arrival_us // 1_000 + 1
            self.put(place.key("rate_limit"), rows.rate_arrival_us, expires_at_ms=expires_at_ms)

    def put_lock(self, key: StateKey, lock: Lock | None, *, waits: str | None = None) -> None:
        """Store a singleton's lock; ``waits`` is the collection of the run that is next."""
        if lock is None:
            self.put(key, None)
        else:
            before = self.get(key)
            self.put(key, lock_state(lock, waits=waits, again=before is not None and before.get("again", False)))


def singleton_of(scope: Scope, workflow_id: str, text: str) -> StateKey:
    """Return the key of a singleton's lock, by the text of the key of an event."""
    return StateKey(scope.environment, scope.tenant, workflow_id, SINGLETON, text)


def lock_state(lock: Lock, *, waits: str | None = None, again: bool = False) -> dict[str, Any]:
    """Return a singleton's lock as it is stored; ``waits`` is the collection of the run that is next.

    With ``again`` runs may wait for it that repeat others.
    """
    state = {"holder": lock.holder, "next_up": lock.next_up, "waits": waits}
    return {**state, "again": True} if again else state


def lock_of(state: Any) -> Lock | None:
    """Return a singleton's lock as it was stored."""
    return None if state is None else Lock(state["holder"], state["next_up"])


def window_of(state: Any) -> Window:
    """Return a window as it was stored."""
    return Window(
        state["opened_at_ms"], state["fire_at_ms"], state["event_id"], state["event_ts_ms"], state["events"]
    )  # fmt: skip
