"""Alerts: when runs fail so often that people are to be told. Pure.

A rule has a condition about the runs that ended in the last ``window_seconds``. It fires when the condition holds, once
however many runs fail, and recovers when the condition has not held for ``quiet_seconds``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from workflowkit.base.errors import InvalidInput, Problem

#: The events that tell of an alert, and what both their names begin with.
ALERT_FIRED, ALERT_RECOVERED = "workflow/alert.fired", "workflow/alert.recovered"
ALERT_EVENTS: Final = (ALERT_FIRED, ALERT_RECOVERED)

MAX_FAILURES: Final = 10_000
MAX_NAME_CHARS: Final = 200
#: Windows and quiet times, in seconds.
MIN_SECONDS, MAX_SECONDS = 10, 86_400


class AlertKind(StrEnum):
    """What is looked at: how many runs failed, what part of them, or how many one after the other."""

    FAILURE_COUNT = "failure_count"
    FAILURE_RATE = "failure_rate"
    CONSECUTIVE_FAILURES = "consecutive_failures"


class AlertState(StrEnum):
    """Whether the condition of a rule holds, or has held within its quiet time."""

    OK = "ok"
    FIRING = "firing"


@dataclass(frozen=True, slots=True)
class Condition:
    """When a rule fires: at ``failures`` failed runs, or at a ``rate`` of them of at least ``min_runs`` ended ones."""

    kind: AlertKind
    failures: int = 1
    rate: float = 1.0
    min_runs: int = 1

    def as_json(self) -> dict[str, Any]:
        """Return the condition as it is stored and shown: what its kind looks at."""
        if self.kind is AlertKind.FAILURE_RATE:
            return {"kind": self.kind.value, "rate": self.rate, "min_runs": self.min_runs}
        return {"kind": self.kind.value, "failures": self.failures}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Condition:
        return cls(**{**value, "kind": AlertKind(value["kind"])})


@dataclass(frozen=True, slots=True)
class AlertSettings:
    """What a rule is told. An empty ``workflow_id`` is every workflow of the tenant."""

    name: str
    condition: Condition
    workflow_id: str = ""
    window_seconds: int = 60
    quiet_seconds: int = 300
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Observation:
    """What a look at the runs of a window found; ``in_a_row`` is how many of the latest failed one after the other."""

    failures: int
    ended: int
    in_a_row: int = 0

    @property
    def rate(self) -> float:
        """The part of the ended runs that failed; 0 without any."""
        return self.failures / self.ended if self.ended else 0.0


@dataclass(frozen=True, slots=True)
class Standing:
    """How a rule stands: since when, and when its condition held last."""

    state: AlertState = AlertState.OK
    since_ms: int = 0
    violated_at_ms: int = 0


#: How a new rule stands.
AT_REST: Final = Standing()


def parse_condition(value: Mapping[str, Any]) -> Condition:
    """Return the condition that a request describes. Raises ``InvalidInput`` with all problems, below ``/condition``.

    The types of the values are the caller's to check.
    """
    kind = value.get("kind")
    if kind not in tuple(AlertKind):
        known = ", ".join(AlertKind)
        raise InvalidInput.at("/condition/kind", "invalid-value", f"a condition is one of: {known}")
    if problems := list(_problems_of(AlertKind(kind), value)):
        raise InvalidInput(problems)
    return Condition.from_json({name: each for name, each in value.items() if each is not None})


def check_settings(settings: AlertSettings) -> None:
    """Raise ``InvalidInput`` with all problems of what a rule is told, its condition apart."""
    problems = []
    if not settings.name.strip() or len(settings.name) > MAX_NAME_CHARS or not settings.name.isprintable():
        text = f"a name has 1 to {MAX_NAME_CHARS} characters, all of them visible"
        problems.append(Problem("/name", "invalid-value", text))
    problems += [
        Problem(f"/{name}", "out-of-range", f"it is from {MIN_SECONDS} to {MAX_SECONDS} seconds")
        for name in ("window_seconds", "quiet_seconds")
        if not MIN_SECONDS <= getattr(settings, name) <= MAX_SECONDS
    ]
    if settings.condition.kind is AlertKind.CONSECUTIVE_FAILURES and not settings.workflow_id:
        text = "runs follow one another within a workflow: say which"
        problems.append(Problem("/workflow_id", "required", text))
    if problems:
        raise InvalidInput(problems)


def is_violated(condition: Condition, seen: Observation) -> bool:
    """Tell whether the condition holds for what was seen."""
    match condition.kind:
        case AlertKind.FAILURE_COUNT:
            return seen.failures >= condition.failures
        case AlertKind.CONSECUTIVE_FAILURES:
            return seen.in_a_row >= condition.failures
        case AlertKind.FAILURE_RATE:
            return seen.ended >= condition.min_runs and seen.rate >= condition.rate


def judge(settings: AlertSettings, standing: Standing, seen: Observation, now_ms: int) -> Standing:
    """Return how a rule stands after a look at the runs; it has fired or recovered if the state is another one."""
    if is_violated(settings.condition, seen):
        since_ms = standing.since_ms if standing.state is AlertState.FIRING else now_ms
        return Standing(AlertState.FIRING, since_ms, now_ms)
    is_quiet = now_ms - standing.violated_at_ms >= settings.quiet_seconds * 1000
    if standing.state is AlertState.FIRING and is_quiet:
        return Standing(AlertState.OK, now_ms, standing.violated_at_ms)
    return standing


def _problems_of(kind: AlertKind, value: Mapping[str, Any]) -> Iterator[Problem]:
    wanted = ("rate", "min_runs") if kind is AlertKind.FAILURE_RATE else ("failures",)
    for name in ("failures", "rate", "min_runs"):
        given, pointer = value.get(name), f"/condition/{name}"
        if given is None:
            if name in wanted:
                yield Problem(pointer, "required", f"{kind.value} needs {name}")
        elif name not in wanted:
            yield Problem(pointer, "invalid-value", f"{kind.value} has no {name}")
        elif name == "rate":
            if not 0 < given <= 1:
                yield Problem(pointer, "out-of-range", "a rate is greater than 0, and at most 1")
        elif not 1 <= given <= MAX_FAILURES:
            yield Problem(pointer, "out-of-range", f"it is from 1 to {MAX_FAILURES}")
