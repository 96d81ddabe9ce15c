"""What a run in memory may be told besides what it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from workflowkit.base.clock import monotonic_seconds
from workflowkit.base.errors import LimitExceeded
from workflowkit.base.limits import DEFAULT_LIMITS, Limits
from workflowkit.base.secretstore import FixedSecrets, SecretStore
from workflowkit.definition.model import Json
from workflowkit.engine.context import ActionConfig
from workflowkit.engine.extensions import Extensions
from workflowkit.engine.localnews import OnNews
from workflowkit.engine.localresult import StepRecord
from workflowkit.engine.outside import Outside, Unattended
from workflowkit.engine.stopswitch import StopSwitch


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far a run may go before it ends with ``LimitExceeded``: calls of handlers, time of its own clock, real time.

    ``None`` is without bounds.
    """

    passes: int | None = None
    days: int | None = None
    seconds: int | None = None


class Budget:
    """What a run has used of its bounds, together with the runs that are executed inside of it.

    ``passes`` is how often handlers were called, ``started_ms`` when the run began by its own clock.
    """

    def __init__(self, bounds: Bounds, started_ms: int) -> None:
        self._bounds, self.started_ms, self.passes = bounds, started_ms, 0
        self._started_seconds = monotonic_seconds()

    def use(self, now_ms: int) -> None:
        """Count a call of a handler. Raises ``LimitExceeded`` if it is one too many, or comes too late."""
        self.passes += 1
        bounds, skipped_days = self._bounds, (now_ms - self.started_ms) / 86_400_000
        if bounds.passes is not None and self.passes > bounds.passes:
            raise LimitExceeded("rehearsal_passes", bounds.passes)
        if bounds.days is not None and skipped_days > bounds.days:
            raise LimitExceeded("rehearsal_days", bounds.days)
        if bounds.seconds is not None and self._used_seconds() > bounds.seconds:
            raise LimitExceeded("rehearsal_seconds", bounds.seconds)

    def at_most(self, timeout_seconds: float) -> float:
        """Return how long an attempt may take, so that the run as a whole does not take too long."""
        if self._bounds.seconds is None:
            return timeout_seconds
        return max(0.001, min(timeout_seconds, self._bounds.seconds - self._used_seconds()))

    def _used_seconds(self) -> float:
        return monotonic_seconds() - self._started_seconds


@dataclass(frozen=True, slots=True)
class LocalOptions:
    """What a run in memory may be told besides what it is.

    ``on_step`` is called with each step as soon as it is settled, ``on_news`` whenever something has changed;
    ``switch`` ends the run. With ``until`` it goes no further than that step; with ``state``, the outputs of other
    steps, that step is all there is of it. ``run_id`` makes ids that follow from it the same in every run. Without
    ``secrets`` steps are given the references to them in place of the values. With ``is_followed`` it may be cancelled
    by events and by its time limit, and what follows its end is executed too.
    """

    config: ActionConfig = field(default_factory=ActionConfig)
    extensions: Extensions = field(default_factory=Extensions)
    limits: Limits = DEFAULT_LIMITS
    outside: Outside = field(default_factory=Unattended)
    bounds: Bounds = Bounds()
    on_step: Callable[[StepRecord], None] | None = None
    on_news: OnNews | None = None
    switch: StopSwitch = field(default_factory=StopSwitch)
    until: str | None = None
    state: Mapping[str, Json] | None = None
    run_id: str | None = None
    is_followed: bool = False
    secrets: SecretStore | None = field(default_factory=lambda: FixedSecrets({}))
