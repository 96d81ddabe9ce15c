"""How far the graphs of a run are, the nodes that are next in them, and what their steps are called. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from workflowkit.definition.model import Node, Workflow
from workflowkit.engine.memo import STEP_SEPARATOR
from workflowkit.engine.outcome import Outcome
from workflowkit.engine.progress import Finish, Progress
from workflowkit.engine.surroundings import Surroundings

#: What the ids of steps are made of, beside names.
_SPECIAL = re.compile(r"[%/\[\]]")


@dataclass(slots=True)
class Found:
    """How far one graph is.

    ``prefix`` begins the ids of its steps; ``last`` is the place of its newest result among all, -1 without any.
    """

    graph: Workflow
    around: Surroundings
    prefix: str
    progress: Progress
    next: list[Place] = field(default_factory=list)
    finish: Finish | None = None
    last: int = -1


@dataclass(frozen=True, slots=True)
class Place:
    """A node that is next, in the graph that it stands in.

    ``outcome`` is of a loop that is over: there is nothing to execute. ``clock_ms`` is of one that is to end after so
    long, which is what this place is: the step that waits for it.
    """

    node: Node
    within: Found
    outcome: Outcome | None = None
    clock_ms: int | None = None

    @property
    def id(self) -> str:
        """What the step is called to the server."""
        own = self.within.prefix + self.node.id
        return own if self.clock_ms is None else clock_id(own)


def clock_id(own_id: str) -> str:
    """Return what the step is called that waits until a loop is to end."""
    return f"{own_id}{STEP_SEPARATOR}$timeout"


def escaped(key: str) -> str:
    """Return an item's key so that no id of a step can be read in two ways: it may come from an event."""
    return _SPECIAL.sub(lambda found: f"%{ord(found[0]):02X}", key)
