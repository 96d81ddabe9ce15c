"""Flow control: how many runs and steps go on at once, how often runs start, and which events start none.

Keys are expressions over ``event``. Where one is left out, the rule holds for the whole workflow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from workflowkit.definition.durations import DAY_MS, duration_ms
from workflowkit.definition.jsvalues import Json
from workflowkit.definition.settings.reading import choice, mapping, text_or_none, whole

FLOW_NAMES = frozenset(
    {"concurrency", "throttle", "rate_limit", "debounce", "batch", "priority", "singleton", "idempotency"}
)


#: How far a run may move ahead of others, or behind them, where the setting does not say.
DEFAULT_PRIORITY_SECONDS = 600


class Scope(StrEnum):
    """Among what a concurrency limit is shared."""

    WORKFLOW = "workflow"
    TENANT = "tenant"
    ENVIRONMENT = "environment"
    INSTALLATION = "installation"


class ConcurrencyMode(StrEnum):
    """What a concurrency limit counts: steps that execute right now, or runs from start to end."""

    STEPS = "steps"
    RUNS = "runs"


class SingletonMode(StrEnum):
    """What becomes of an event that comes while a run is going on."""

    SKIP = "skip"
    CANCEL = "cancel"
    QUEUE_LATEST = "queue_latest"


class OlderEvents(StrEnum):
    """What an event does to a debounce that has one with a later ``ts`` already."""

    POSTPONE = "postpone"
    IGNORE = "ignore"


@dataclass(frozen=True, slots=True)
class Concurrency:
    """At most ``limit`` at once; a limit of 0 is none."""

    limit: int
    key: str | None = None
    scope: Scope = Scope.WORKFLOW
    mode: ConcurrencyMode = ConcurrencyMode.STEPS


@dataclass(frozen=True, slots=True)
class Throttle:
    """``limit`` runs start per period, evenly spread, ``burst`` of them at once; more wait."""

    limit: int
    period_ms: int
    burst: int = 1
    key: str | None = None


@dataclass(frozen=True, slots=True)
class RateLimit:
    """``limit`` runs start per period, evenly spread, ``burst`` of them at once; more are skipped."""

    limit: int
    period_ms: int
    key: str | None = None
    burst: int = 1


@dataclass(frozen=True, slots=True)
class Debounce:
    """One run for the last event, once none came for the period; at the latest after ``timeout_ms``.

    ``older`` says whether an event that is not the last, though it comes last, postpones the run.
    """

    period_ms: int
    timeout_ms: int | None = None
    key: str | None = None
    older: OlderEvents = OlderEvents.POSTPONE


@dataclass(frozen=True, slots=True)
class Batch:
    """One run for up to ``max_size`` events, at the latest ``timeout_ms`` after the first of them."""

    max_size: int
    timeout_ms: int
    key: str | None = None
    condition: str | None = None
    """Events for which it does not hold start a run of their own."""


@dataclass(frozen=True, slots=True)
class Singleton:
    """One run at a time."""

    mode: SingletonMode
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Idempotency:
    """One run per key and period, whether the first one still runs or not."""

    key: str
    period_ms: int = DAY_MS


@dataclass(frozen=True, slots=True)
class FlowControl:
    """All of a workflow's. ``priority`` is an expression for seconds that a run may overtake others by, at most
    ``priority_most``."""

    concurrency: tuple[Concurrency, ...] = ()
    throttle: Throttle | None = None
    rate_limit: RateLimit | None = None
    debounce: Debounce | None = None
    batch: Batch | None = None
    priority: str | None = None
    singleton: Singleton | None = None
    idempotency: Idempotency | None = None
    priority_most: int = DEFAULT_PRIORITY_SECONDS

    def expressions(self) -> list[str]:
        """Return all its expressions."""
        keyed = (*self.concurrency, self.throttle, self.rate_limit, self.debounce, self.batch, self.singleton)
        keys = [rule.key for rule in (*keyed, self.idempotency) if rule is not None]
        others = [self.priority, None if self.batch is None else self.batch.condition]
        return [text for text in (*keys, *others) if text is not None]


def read_flow_control(settings: Mapping[str, Json]) -> FlowControl:
    """Return the flow control in a workflow's settings. Never raises."""
    return FlowControl(
        concurrency=_concurrency(settings.get("concurrency")),
        throttle=_throttle(mapping(settings, "throttle")),
        rate_limit=_rate_limit(mapping(settings, "rate_limit")),
        debounce=_debounce(mapping(settings, "debounce")),
        batch=_batch(mapping(settings, "batch")),
        priority=text_or_none(_priority(settings.get("priority")), "by"),
        priority_most=whole(_priority(settings.get("priority")).get("most"), 0, DEFAULT_PRIORITY_SECONDS),
        singleton=_singleton(mapping(settings, "singleton")),
        idempotency=_idempotency(settings.get("idempotency")),
    )


def concurrency_entries(value: Json) -> list[tuple[str, Json]]:
    """Return (pointer below the setting, entry) of each limit; it may be written as a number, an object or a list."""
    return [(f"/{index}", each) for index, each in enumerate(value)] if isinstance(value, list) else [("", value)]


def _concurrency(value: Json) -> tuple[Concurrency, ...]:
    found = []
    for _, entry in concurrency_entries(value):
        each = entry if isinstance(entry, dict) else {"limit": entry}
        if limit := whole(each.get("limit"), 0, 0):
            scope = choice(Scope, each.get("scope"), Scope.WORKFLOW)
            mode = choice(ConcurrencyMode, each.get("mode"), ConcurrencyMode.STEPS)
            found.append(Concurrency(limit, text_or_none(each, "key"), scope, mode))
    return tuple(found)


def _throttle(entry: Mapping[str, Json]) -> Throttle | None:
    limit, period_ms = whole(entry.get("limit"), 1, 0), duration_ms(entry.get("period"))
    if not limit or period_ms is None:
        return None
    return Throttle(limit, period_ms, whole(entry.get("burst"), 1, 1), text_or_none(entry, "key"))


def _rate_limit(entry: Mapping[str, Json]) -> RateLimit | None:
    limit, period_ms = whole(entry.get("limit"), 1, 0), duration_ms(entry.get("period"))
    if not limit or period_ms is None:
        return None
    return RateLimit(limit, period_ms, text_or_none(entry, "key"), whole(entry.get("burst"), 1, 1))


def _debounce(entry: Mapping[str, Json]) -> Debounce | None:
    period_ms = duration_ms(entry.get("period"))
    if period_ms is None:
        return None
    older = choice(OlderEvents, entry.get("older"), OlderEvents.POSTPONE)
    return Debounce(period_ms, duration_ms(entry.get("timeout")), text_or_none(entry, "key"), older)


def _batch(entry: Mapping[str, Json]) -> Batch | None:
    max_size, timeout_ms = whole(entry.get("max_size"), 2, 0), duration_ms(entry.get("timeout"))
    if not max_size or timeout_ms is None:
        return None
    return Batch(max_size, timeout_ms, text_or_none(entry, "key"), text_or_none(entry, "if"))


def _priority(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, dict) else {"by": value}


def _singleton(entry: Mapping[str, Json]) -> Singleton | None:
    if entry.get("mode") not in tuple(SingletonMode):
        return None
    return Singleton(SingletonMode(entry["mode"]), text_or_none(entry, "key"))


def _idempotency(value: Json) -> Idempotency | None:
    entry = value if isinstance(value, dict) else {"key": value}
    key = text_or_none(entry, "key")
    return Idempotency(key, duration_ms(entry.get("period")) or DAY_MS) if key else None
