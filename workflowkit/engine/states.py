"""The state words of runs and steps, and which of them are final: the same words in the database, API and docs."""

from __future__ import annotations

from enum import StrEnum


class RunStatus(StrEnum):
    """Where a run is."""

    SCHEDULED = "scheduled"
    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_terminal(self) -> bool:
        return self in TERMINAL_RUN


class StepStatus(StrEnum):
    """Where a step is: a node's execution in one run."""

    READY = "ready"
    RUNNING = "running"
    SLEEPING = "sleeping"
    WAITING = "waiting"
    COMPLETED = "completed"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"

    @property
    def is_terminal(self) -> bool:
        return self in TERMINAL_STEP


class EdgeState(StrEnum):
    """``dead``: the source was skipped or failed without a handler."""

    TAKEN = "taken"
    NOT_TAKEN = "not_taken"
    DEAD = "dead"


TERMINAL_RUN = frozenset({RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED})
TERMINAL_STEP = frozenset({StepStatus.COMPLETED, StepStatus.FAILED, StepStatus.SKIPPED, StepStatus.CANCELLED})
