"""What the runtime asks of the dispatcher. A hint says where to look, never what is true (the database says that)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from workflowkit.base.settings import DEFAULT_QUEUE


@dataclass(frozen=True, slots=True)
class StepHint:
    """A step that may be claimed now, and the queue whose workers run it.

    Or, without a run, a *place*: a lane or a group of slots (``store.lanes``) where the next step may be able to start.
    """

    run_id: str
    step_key: str
    queue: str

    @property
    def is_place(self) -> bool:
        return not self.run_id


def place_hint(place: str, queue: str) -> StepHint:
    """Return the hint that something may be able to start in a lane, or under the limit of a group of slots."""
    return StepHint("", place, queue)


def hint(dispatcher: Dispatcher, steps: Sequence[StepHint], event_ids: Sequence[str]) -> None:
    """Hint steps and events, if there are any."""
    if steps:
        dispatcher.execute(steps)
    if event_ids:
        dispatcher.match(event_ids)


class Dispatcher(Protocol):
    """Carries hints to workers. Never blocks, never raises; may lose, double, delay and reorder them."""

    def match(self, event_ids: Sequence[str]) -> None:
        """Hint that these events wait to be matched."""
        ...

    def execute(self, hints: Sequence[StepHint]) -> None:
        """Hint that these steps may be claimed."""
        ...

    def queued(self, queue: str = DEFAULT_QUEUE) -> int:
        """Return how many messages wait in this queue for a worker; 0 where nobody knows."""
        ...
