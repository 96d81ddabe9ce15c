"""What a run in memory gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from workflowkit.definition.model import Json
from workflowkit.engine.facts import ErrorInfo, Fact
from workflowkit.engine.localends import Told, compensated_steps
from workflowkit.engine.localloops import ItemRun
from workflowkit.engine.outside import Held
from workflowkit.engine.states import EdgeState, RunStatus, StepStatus


@dataclass(frozen=True, slots=True)
class StepRecord:
    """What became of one step.

    ``inputs`` are those of the last attempt, resolved; ``None`` if there was none or they could not be. ``output`` is
    what later steps saw: also that of a failure which ``on_error`` handled. ``reason`` says why a step was skipped or
    cancelled.
    """

    id: str
    kind: str
    name: str
    status: StepStatus
    inputs: dict[str, Any] | None
    output: Json
    error: ErrorInfo | None
    attempts: int
    reason: str | None = None

    def as_dict(self) -> dict[str, Any]:
        shown = {
            "id": self.id,
            "kind": self.kind,
            "name": self.name,
            "status": self.status.value,
            "inputs": self.inputs,
            "output": self.output,
            "error": self.error and self.error.as_dict(),
            "attempts": self.attempts,
        }
        return shown if self.reason is None else shown | {"reason": self.reason}


@dataclass(frozen=True, slots=True)
class LocalResult:
    """How a run ended. ``steps`` has every step by rank, ``order`` the ids of executed ones as they ended.

    ``events`` are those that actions sent, as JSON. A run that cannot go on because of what is ``held`` is ``waiting``,
    one that was told to stop before its end is ``running``; both lack the steps that they did not come to. ``edges``
    are the decided ones by id, ``facts`` the run's journal in order. It began at ``started_ms``, took ``skipped_ms`` of
    time that nobody waited for, and called handlers ``passes`` times. ``items`` are the runs of the items of its loops,
    ``messages`` what it published. ``reason`` is why it was cancelled. What followed its end are runs of their own:
    ``compensations`` has undone what it did, ``handler`` is that of ``on_failure`` or ``on_cancel``; ``told`` is set
    where this names another workflow, whose run ``handler`` is only if it is a function of the application.
    """

    status: RunStatus
    output: Json
    error: ErrorInfo | None
    steps: tuple[StepRecord, ...]
    order: tuple[str, ...]
    events: tuple[dict[str, Any], ...]
    held: tuple[Held, ...] = ()
    edges: Mapping[str, EdgeState] = field(default_factory=dict)
    facts: tuple[Fact, ...] = field(default=(), repr=False)
    started_ms: int = 0
    skipped_ms: int = 0
    passes: int = 0
    items: Mapping[str, tuple[ItemRun, ...]] = field(default_factory=dict, repr=False)
    messages: tuple[dict[str, Any], ...] = ()
    reason: str | None = None
    compensations: LocalResult | None = None
    handler: LocalResult | None = None
    told: Told | None = None

    @property
    def compensated(self) -> tuple[str, ...]:
        """The ids of the actions, and of the steps of functions, that ``compensations`` has undone, in this order."""
        return () if self.compensations is None else tuple(compensated_steps(self.compensations))

    def as_dict(self) -> dict[str, Any]:
        return {
            "status": self.status.value,
            "output": self.output,
            "error": self.error and self.error.as_dict(),
            "steps": [step.as_dict() for step in self.steps],
            "order": list(self.order),
            "events": list(self.events),
        }
