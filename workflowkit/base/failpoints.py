"""Named places at which a test may kill, fail or stall the process. Nothing happens unless armed.

Every transaction of the runtime has two: ``<name>.before_commit`` and ``<name>.after_commit``; ``TRANSACTIONS`` lists
the names and a test holds the list against the code. Arm one with the environment variable

    WORKFLOWKIT_FAILPOINT="record.before_commit:kill:3:/tmp/counter"

which acts on the third hit counted over all processes in the given file. Actions: ``kill`` (SIGKILL), ``raise``
(``FailpointReached``), ``stop`` (SIGSTOP).
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass

from workflowkit.base.errors import WorkflowKitError

#: Every named transaction of the runtime.
TRANSACTIONS = (
    "intake", "match", "claim", "record", "renew", "relay", "cancel", "rerun", "timer", "step", "suspend", "signal",
    "pause", "reschedule", "skip", "cache", "checkpoint", "job", "move", "draft", "publish", "enable", "key", "webhook",
    "delivery",
    "approval", "callback", "sync", "invoke", "dequeue", "alert", "presence", "archive", "user", "session", "login",
    "message", "log", "prune", "total", "adopt", "report", "connect", "request", "embed",
    "secret", "reseal",
)  # fmt: skip
FAILPOINTS = tuple(f"{name}.{side}" for name in TRANSACTIONS for side in ("before_commit", "after_commit"))


class FailpointReached(WorkflowKitError):
    """An armed failpoint with the action ``raise`` was passed."""

    code = "failpoint"


@dataclass(frozen=True, slots=True)
class _Armed:
    name: str
    action: str
    on_hit: int
    counter_path: str


def _parse(text: str) -> _Armed | None:
    if not text:
        return None
    name, action, on_hit, counter_path = text.split(":", 3)
    if name not in FAILPOINTS:
        raise ValueError(f"unknown failpoint {name!r}; known: {', '.join(FAILPOINTS)}")
    return _Armed(name, action, int(on_hit), counter_path)


_armed = _parse(os.environ.get("WORKFLOWKIT_FAILPOINT", ""))


def arm(text: str) -> None:
    """Arm this process as the environment variable would; an empty text disarms it."""
    global _armed
    _armed = _parse(text)


_listeners: list[Callable[[str], None]] = []


def listen(callback: Callable[[str], None]) -> Callable[[], None]:
    """Call ``callback(name)`` at every failpoint of this process; return a function that stops that (for tests)."""
    _listeners.append(callback)
    return lambda: _listeners.remove(callback)


def reach(name: str) -> None:
    """Pass the failpoint ``name``."""
    for callback in _listeners:
        callback(name)
    if _armed is not None and _armed.name == name:
        _act(_armed)


def _act(armed: _Armed) -> None:
    # One byte appended per hit: O_APPEND is atomic between processes, so the size is the count.
    with open(armed.counter_path, "ab") as counter:
        counter.write(b".")
        counter.flush()
        hits = counter.tell()
    if hits != armed.on_hit:
        return
    if armed.action == "raise":
        raise FailpointReached(armed.name)
    os.kill(os.getpid(), signal.SIGSTOP if armed.action == "stop" else signal.SIGKILL)
