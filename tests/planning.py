"""Plays a run through the planner alone: no actions, no store, outcomes given by the test."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from builders import an_event

from workflowkit.definition.model import SOURCE, Workflow
from workflowkit.engine.facts import ErrorInfo, Fact
from workflowkit.engine.outcome import Failed, Outcome, Succeeded
from workflowkit.engine.planner import Decision, begin, settle
from workflowkit.engine.progress import Finish, Progress

NOW_MS = 1_750_000_000_000


def failed(message: str = "boom", *, retryable: bool = False, retry_after_seconds: float | None = None) -> Failed:
    return Failed(ErrorInfo("ValueError", message, retryable=retryable), retry_after_seconds)


@dataclass
class Play:
    """A run that was played to its end: what was decided, and in which order steps became ready."""

    progress: Progress
    decisions: list[Decision] = field(default_factory=list)
    ready: list[str] = field(default_factory=list)
    attempts: dict[str, int] = field(default_factory=dict)

    @property
    def facts(self) -> list[Fact]:
        return [fact for decision in self.decisions for fact in decision.facts]

    @property
    def finish(self) -> Finish:
        finish = self.decisions[-1].finish
        assert finish is not None, f"the run did not end: {self.progress.status}"
        return finish

    @property
    def statuses(self) -> dict[str, str]:
        return {step: status.value for step, status in self.progress.status.items() if step != SOURCE}

    @property
    def reasons(self) -> dict[str, str]:
        return {fact.step: fact.reason for fact in self.facts if fact.reason}


def play(
    workflow: Workflow,
    outcomes: Mapping[str, Outcome | Sequence[Outcome]] | None = None,
    *,
    event: Any = None,
    retries: int = 0,
    choose: Callable[[int], int] = lambda _: 0,
) -> Play:
    """Play a run to its end.

    ``outcomes`` has one outcome per step, or one per attempt of which the last repeats; a step without one succeeds
    with ``{"from": <id>}``. ``choose(n)`` picks which of ``n`` ready steps ends next; by default the one ready longest.
    """
    progress, decision = begin(workflow, event or an_event(), NOW_MS)
    run, ready = Play(progress, [decision], [*decision.ready]), [*decision.ready]
    while ready:
        node_id = ready.pop(choose(len(ready)))
        attempt = run.attempts[node_id] = run.attempts.get(node_id, 0) + 1
        outcome = _outcome(outcomes or {}, node_id, attempt)
        decision = settle(progress, node_id, attempt, outcome, retries=retries, now_ms=NOW_MS + attempt, jitter=0.0)
        run.decisions.append(decision)
        run.ready += decision.ready
        ready += decision.ready
        if decision.finish is not None:
            break
        if progress.status[node_id].is_terminal is False:
            ready.append(node_id)
    return run


def _outcome(outcomes: Mapping[str, Outcome | Sequence[Outcome]], node_id: str, attempt: int) -> Outcome:
    given = outcomes.get(node_id, Succeeded({"from": node_id}))
    return given[min(attempt, len(given)) - 1] if isinstance(given, Sequence) else given
