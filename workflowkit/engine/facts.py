"""What can be said of a run, once and for ever: the rows of the journal, as values.

A run's history is the sequence of its facts. The planner folds them into ``Progress``; the store inserts them and never
changes one (I3).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from workflowkit.engine.states import EdgeState

#: The reason of results that a run has taken over from the one that it repeats.
KEPT = "kept"
#: Stands in the detail of the result of a step that something undoes.
UNDONE = "undone"


class FactKind(StrEnum):
    """What a fact says."""

    ATTEMPT = "attempt"
    """An attempt was claimed; written before its action starts (I5)."""
    RETRY = "retry"
    """The attempt failed and the step is tried again at ``retry_at_ms``."""
    LOST = "lost"
    """The attempt's worker lost its lease."""
    OPENED = "opened"
    """A wait of a handler began: a sleep, an event to come, another run (``detail`` says which)."""
    SUSPENDED = "suspended"
    """The attempt ended where its handler waits; it is entered again when there is something new."""
    MOVED = "moved"
    """The run was moved to another version (``detail``); ``edges`` is how those that were decided stand there."""
    IGNORED = "ignored"
    """A result that came after the run had ended (I11)."""
    COMPLETED = "completed"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        return self in FINAL_FACTS


#: The kinds of which a step has at most one (I2).
FINAL_FACTS = frozenset({FactKind.COMPLETED, FactKind.FAILED, FactKind.SKIPPED, FactKind.CANCELLED})


@dataclass(frozen=True, slots=True)
class ErrorInfo:
    """An error as it is stored and shown: no stack, no secret.

    ``name`` is the exception's class name, ``code`` our stable code (``action-failed`` for foreign exceptions). Where a
    handler ended with the failure of one of its steps, ``step`` is the id of that, and the name is of what it raised.
    """

    name: str
    message: str
    code: str = "action-failed"
    retryable: bool = True
    step: str | None = None

    def as_dict(self) -> dict[str, Any]:
        told = {"name": self.name, "message": self.message, "code": self.code, "retryable": self.retryable}
        return told if self.step is None else told | {"step": self.step}

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> ErrorInfo:
        return cls(value["name"], value["message"], value["code"], value["retryable"], value.get("step"))


@dataclass(frozen=True, slots=True)
class Fact:
    """One row of the journal.

    ``step`` is a node's id, or ``<node id>/<id>`` for what the node's handler opened (``engine.memo``). ``attempt``
    counts from 1 (0 for facts that no attempt made, such as a skip). ``edges`` is on final facts only: the
    state of each outgoing edge by edge id, decided once (I8). ``handled`` marks a failure that the node's ``on_error``
    turned into a way on; ``output`` is then what later nodes see. ``stop`` marks a result that ends the whole run.
    """

    kind: FactKind
    step: str
    attempt: int = 0
    output: Any = None
    error: ErrorInfo | None = None
    edges: Mapping[str, EdgeState] | None = None
    handled: bool = False
    stop: bool = False
    reason: str | None = None
    retry_at_ms: int | None = None
    worker: str | None = None
    detail: Mapping[str, Any] | None = None
    at_ms: int = 0


def undo_detail(kind: str | None) -> dict[str, Any] | None:
    """Return the detail of the result of a step of this kind that something undoes; ``None`` for ``None``."""
    return None if kind is None else {"kind": kind, UNDONE: True}
