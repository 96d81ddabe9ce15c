"""What a step may wait for while no worker holds it: a time, an event, a signal, another run, the items of a loop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from workflowkit.definition.durations import LONGEST_WAIT_SECONDS

#: A year and a day: nothing waits longer.
MAX_WAIT_SECONDS = float(LONGEST_WAIT_SECONDS)

#: Signals of these names are the engine's own: nobody else may send one or wait for one.
RESERVED_SIGNALS = "workflow/"


#: What the engine's own signals begin with; the id of the approval or callback follows.
APPROVAL_SIGNALS, CALLBACK_SIGNALS = f"{RESERVED_SIGNALS}approval/", f"{RESERVED_SIGNALS}callback/"


def is_reserved_signal(name: str) -> bool:
    """Tell whether a signal is one of the engine's own."""
    return name.startswith(RESERVED_SIGNALS)


class WaitKind(StrEnum):
    """What ends a wait, besides its time."""

    SLEEP = "sleep"
    EVENT = "event"
    SIGNAL = "signal"
    RUN = "run"
    LOOP = "loop"
    """The items of a loop, all of them."""
    APPROVAL = "approval"
    """A signal of the engine's own, sent when people have decided."""
    CALLBACK = "callback"
    """A signal of the engine's own, sent when somebody has called a URL."""


@dataclass(frozen=True, slots=True)
class Wait:
    """One wait, begun by the step ``key`` (``<node id>/<id>``) of a handler.

    ``until_ms`` is when it ends by itself: a sleep as what it was for, anything else as timed out. ``name`` is the
    event's name, the signal, or the id of the workflow or function that is to be run. ``condition`` is a CEL expression
    over ``event`` (what started the run), ``async`` (what is waited for) and the values ``params``; ``equals`` is a
    path in the event that is waited for, and the value that must stand there. Events received up to ``lookback_ms``
    before count too. ``data`` is what the other run is given, or what people are asked. Of a loop, ``name`` says what
    the failure of an item does, and ``data`` is the plan.
    """

    key: str
    kind: WaitKind
    until_ms: int
    name: str = ""
    condition: str | None = None
    lookback_ms: int = 0
    data: Any = None
    equals: tuple[str, Any] | None = None
    params: Mapping[str, Any] | None = None
    outlives_parent: bool = False
    """Whether the other run goes on where this one ends before it."""
    replaces: bool = False
    """Whether a run that waits for the same signal does so in vain from now on."""

    def detail(self) -> dict[str, Any]:
        """Return what the journal says of it."""
        shown: dict[str, Any] = {"kind": self.kind.value, "until_ms": self.until_ms}
        optional: dict[str, Any] = {
            "name": self.name,
            "condition": self.condition,
            "lookback_ms": self.lookback_ms,
            "outlives_parent": self.outlives_parent,
            "params": self.params,
        }
        if self.equals is not None:
            optional["equals"] = list(self.equals)
        return shown | {name: value for name, value in optional.items() if value}

    @classmethod
    def from_detail(cls, key: str, detail: Mapping[str, Any]) -> Wait:
        """Return the wait that the journal tells of, without its ``data``."""
        return cls(
            key,
            WaitKind(detail["kind"]),
            detail["until_ms"],
            detail.get("name", ""),
            detail.get("condition"),
            detail.get("lookback_ms", 0),
            outlives_parent=detail.get("outlives_parent", False),
            params=detail.get("params"),
            equals=None if (pair := detail.get("equals")) is None else (pair[0], pair[1]),
        )
