"""What a server remembers of a document's steps, in the order in which it got them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workflowkit.engine.memo import RUN_STEP, STEP_SEPARATOR
from workflowkit.engine.outcome import Failed, Outcome, Succeeded
from workflowkit.inngest.naming import hash_of
from workflowkit.inngest.serving.names import Names
from workflowkit.inngest.serving.recollection import recalled
from workflowkit.inngest.serving.requests import Call

#: Marks the output of a node that ends the run (``ctx.stop``) in what the server remembers.
STOP = "workflowkit/stop"
#: Stands there for a node that has begun and has steps of its own: what it comes to is then a step by itself.
STEPS = "workflowkit/steps"


class Memory:
    """The results that came with a call."""

    def __init__(self, call: Call, names: Names) -> None:
        self._steps: Mapping[str, Any] = call.steps
        self._places = {hashed: place for place, hashed in enumerate(call.stack)}
        self._names = names

    def has(self, step_id: str) -> bool:
        """Tell whether a step has ended, whatever it was."""
        return hash_of(step_id) in self._steps

    def has_steps(self, step_id: str) -> bool:
        """Tell whether a node has begun, and what it comes to is a step by itself."""
        value = self._steps.get(hash_of(step_id))
        data = value.get("data") if isinstance(value, dict) else None
        return isinstance(data, dict) and data.keys() == {STEPS}

    def outcome(self, step_id: str) -> tuple[int, Outcome | None]:
        """Return what a node came to, if it has been executed, and its place among all results."""
        if self.has_steps(step_id):
            return self.outcome(result_id(step_id))
        hashed = hash_of(step_id)
        place = self._places.get(hashed, -1)
        if hashed not in self._steps:
            return place, None
        fact = recalled(step_id, step_id, RUN_STEP, self._steps[hashed], self._names)
        if fact is None:
            return place, None
        if fact.error is not None:
            return place, Failed(fact.error)
        if isinstance(fact.output, dict) and fact.output.keys() == {STOP}:
            return place, Succeeded(fact.output[STOP], stop=True)
        return place, Succeeded(fact.output)


def result_id(step_id: str) -> str:
    """Return what the step is called that says what a node with steps of its own came to."""
    return f"{step_id}{STEP_SEPARATOR}$result"
