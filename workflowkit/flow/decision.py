"""The values of admission: the case that is put, the rows that go in and come out, and what may be decided."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from workflowkit.flow.batch import OpenBatch
from workflowkit.flow.debounce import Window
from workflowkit.flow.idempotency import Claim
from workflowkit.flow.keys import FlowKeys
from workflowkit.flow.singleton import Lock


class SkipReason(StrEnum):
    """Why an event that matched starts no run."""

    KEY_ERROR = "key-error"
    """The key of the rate limit or of idempotency could not be evaluated."""
    IDEMPOTENT = "idempotent"
    RATE_LIMITED = "rate-limited"
    SINGLETON = "singleton"
    SUPERSEDED = "superseded"
    """It waited for the end of a singleton's run, and a later event took its place."""
    ARCHIVED = "archived"
    DISABLED = "disabled"
    PAUSED = "paused"
    DRAINED = "drained"
    BACKLOG_FULL = "backlog-full"
    RUN_EXISTS = "run-exists"
    DUPLICATE = "duplicate"
    """An earlier event has the same sender's id."""


NO_KEYS: Final = FlowKeys()


@dataclass(frozen=True, slots=True)
class Case:
    """An event and the run that it would start.

    ``takes_batch`` is what the batch's ``if`` says. ``start_at_ms`` is the time that the event asks for; a batch has
    none. ``received_at_ms`` is when it came; ``None`` if its run is that of a collection: in line since that is over.
    From ``is_archived`` on it is how things stand.
    """

    event_id: str
    run_id: str
    event_ts_ms: int
    size_bytes: int = 0
    start_at_ms: int | None = None
    received_at_ms: int | None = None
    priority_seconds: int = 0
    takes_batch: bool = True
    keys: FlowKeys = NO_KEYS
    is_archived: bool = False
    is_disabled: bool = False
    is_paused: bool = False
    is_drained: bool = False
    is_backlog_full: bool = False
    run_exists: bool = False


@dataclass(frozen=True, slots=True)
class Rows:
    """What is stored for the keys of a case; ``None`` is no row."""

    batch: OpenBatch | None = None
    claim: Claim | None = None
    rate_arrival_us: int | None = None
    window: Window | None = None
    lock: Lock | None = None


@dataclass(frozen=True, slots=True)
class Start:
    """Queue the run, due at ``at_ms`` and ordered by ``score_ms``; cancel and drop the others that are named.

    ``head_start_ms`` is what the score has of it, ``None`` where no run of the workflow has one.
    """

    at_ms: int
    score_ms: int
    cancelled: str | None = None
    superseded: str | None = None
    head_start_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """The run starts when run ``behind`` has ended, unless a newer one takes its place, as it took ``superseded``'s."""

    behind: str
    superseded: str | None = None


@dataclass(frozen=True, slots=True)
class Batched:
    """The event is in the batch of ``Rows.batch``, or in one that ``is_complete``, whose row is gone, and starts now.

    ``closed`` is the batch before, which has to start without the event.
    """

    is_complete: bool
    closed: OpenBatch | None = None


@dataclass(frozen=True, slots=True)
class Delayed:
    """The event is in the window of ``Rows.window``; ``fired`` is the one before, which has to be fired first."""

    fired: Window | None = None


@dataclass(frozen=True, slots=True)
class Skip:
    """No run. ``by`` is the event (idempotency) or the run (singleton, run exists) that is there instead."""

    reason: SkipReason
    by: str | None = None
    detail: str = ""


Decision = Start | Wait | Batched | Delayed | Skip


@dataclass(frozen=True, slots=True)
class Admission:
    """The decision, and the rows to store."""

    decision: Decision
    rows: Rows
