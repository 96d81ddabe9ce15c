"""Why a run is cancelled, and the timer by which whoever must not lock the run has it cancelled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from workflowkit.base.scope import Scope
from workflowkit.engine.ends import CANCELLED_BY_EVENT as CANCELLED_BY_EVENT
from workflowkit.engine.ends import FINISH_TIMEOUT as FINISH_TIMEOUT
from workflowkit.store.timers import TimerRow

#: The kind of the timers that cancel a run, their ``subject``.
CANCEL_TIMER = "run.cancel"

# ``runs.reason``, which is the reason of the run's cancelled steps too.
CANCELLED_BY_USER, START_TIMEOUT = "cancelled-by-user", "start-timeout"
PARENT_ENDED = "parent-ended"
CANCELLED_BY_PAUSE, PAUSED_TOO_LONG = "cancelled-by-pause", "paused-too-long"
#: A later event took the place of the run (singleton).
REPLACED = "replaced"


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a run is cancelled. ``text`` is what a user said, ``actor`` who it was; ``event_id`` is our id of the event
    that cancelled it, ``run_id`` the run whose end did."""

    reason: str
    text: str | None = None
    actor: str | None = None
    event_id: str | None = None
    run_id: str | None = None

    def detail(self) -> dict[str, str] | None:
        """Return what is known besides the reason."""
        found = {name: value for name, value in asdict(self).items() if value is not None and name != "reason"}
        return found or None

    def as_json(self) -> dict[str, str]:
        return {"reason": self.reason, **(self.detail() or {})}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Cause:
        return cls(**value)


def cancel_timer(scope: Scope, run_id: str, cause: Cause, *, due_at_ms: int) -> TimerRow:
    """Return the timer that cancels a run. Each cause has its own, so that planning one never waits for another."""
    timer_id = ":".join((CANCEL_TIMER, run_id, cause.event_id or cause.run_id or cause.reason))
    return TimerRow(timer_id, CANCEL_TIMER, scope, run_id, due_at_ms, cause.as_json())
