"""How one action is executed: retries, deadline, failure, join, skipping, cache and compensation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from workflowkit.definition.durations import DAY_MS, duration_ms, duration_seconds
from workflowkit.definition.jsvalues import Json, is_number
from workflowkit.definition.settings.reading import choice, mapping, text, text_or_none, whole

SETTING_NAMES = frozenset(
    {"retries", "timeout", "on_error", "fallback", "join"}
    | {"backoff", "retry_on", "skip_if", "disabled", "cache", "compensate", "concurrency"}
)
MAX_RETRIES = 20
#: Stands in the place of a compensation where there is to be none.
NOT_UNDONE = "none"


class OnError(StrEnum):
    """What a node's final failure does to the run."""

    FAIL = "fail"
    CONTINUE = "continue"
    BRANCH = "branch"
    FALLBACK = "fallback"


class JoinMode(StrEnum):
    """How many taken incoming edges a node needs once all of them are settled."""

    ANY = "any"
    ALL = "all"
    N_OF = "n_of"


class BackoffType(StrEnum):
    """How the pauses between attempts grow."""

    FIXED = "fixed"
    LINEAR = "linear"
    EXPONENTIAL = "exponential"


@dataclass(frozen=True, slots=True)
class BackoffRule:
    """Pauses of an action's own; without one the engine's table applies. ``factor`` is for exponential ones."""

    type: BackoffType
    delay_ms: int
    max_delay_ms: int = DAY_MS
    factor: float = 2.0

    def delays_ms(self) -> tuple[int, ...]:
        """Return the pause after the first, second, ... failed attempt, as many as there can be retries."""
        return tuple(self._delay_ms(attempt) for attempt in range(MAX_RETRIES))

    def _delay_ms(self, earlier: int) -> int:
        growth = {BackoffType.FIXED: 1.0, BackoffType.LINEAR: earlier + 1.0}.get(self.type, self.factor**earlier)
        return round(min(self.delay_ms * growth, self.max_delay_ms))


@dataclass(frozen=True, slots=True)
class CacheRule:
    """The output of an action is used again for ``ttl_ms`` by steps whose ``key``, references resolved, is equal."""

    key: Json
    ttl_ms: int


@dataclass(frozen=True, slots=True)
class Compensation:
    """What undoes a completed action when its run fails or is cancelled: another action, with inputs of its own."""

    kind: str
    inputs: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class ActionSettings:
    """An action's ``settings``; what the document does not say, or says wrongly, has its default.

    ``retry_on`` are names or codes of errors: with it, all others are final. ``skip_if`` is a CEL expression.
    ``is_kept`` says that nothing undoes the action, although its kind may have something that does.
    ``concurrency`` is how often the action may execute at once, in all runs of the workflow; 0 is no limit.
    """

    retries: int | None = None
    timeout_seconds: float | None = None
    on_error: OnError = OnError.FAIL
    fallback: Json = None
    join: JoinMode = JoinMode.ANY
    join_count: int = 1
    backoff: BackoffRule | None = None
    retry_on: tuple[str, ...] | None = None
    skip_if: str | None = None
    disabled: bool = False
    cache: CacheRule | None = None
    compensate: Compensation | None = None
    is_kept: bool = False
    concurrency: int = 0

    @property
    def may_be_passed_over(self) -> bool:
        """Whether the action may be skipped although its join rule holds; its edges are decided all the same."""
        return self.disabled or self.skip_if is not None


def read_action_settings(entry: Mapping[str, Json]) -> ActionSettings:
    """Return the settings in ``entry``. Never raises."""
    retries = entry.get("retries")
    join, join_count = _join(entry.get("join"))
    names = entry.get("retry_on")
    return ActionSettings(
        retries=retries if type(retries) is int else None,
        timeout_seconds=duration_seconds(entry.get("timeout")),
        on_error=choice(OnError, entry.get("on_error"), OnError.FAIL),
        fallback=entry.get("fallback"),
        join=join,
        join_count=join_count,
        backoff=_backoff(mapping(entry, "backoff")),
        retry_on=tuple(name for name in names if type(name) is str) if isinstance(names, list) else None,
        skip_if=text_or_none(entry, "skip_if"),
        disabled=entry.get("disabled") is True,
        cache=_cache(mapping(entry, "cache")),
        compensate=_compensation(mapping(entry, "compensate")),
        is_kept=entry.get("compensate") == NOT_UNDONE,
        concurrency=whole(entry.get("concurrency"), 0, 0),
    )


def _join(value: Json) -> tuple[JoinMode, int]:
    if isinstance(value, dict):
        count = value.get("n_of")
        return (JoinMode.N_OF, count) if type(count) is int and count > 0 else (JoinMode.ANY, 1)
    return (JoinMode.ALL if value == "all" else JoinMode.ANY), 1


def _backoff(entry: Mapping[str, Json]) -> BackoffRule | None:
    kind, delay_ms = entry.get("type"), duration_ms(entry.get("delay"))
    if delay_ms is None or kind not in tuple(BackoffType):
        return None
    factor = entry.get("factor")
    return BackoffRule(
        BackoffType(kind),
        delay_ms,
        duration_ms(entry.get("max_delay")) or DAY_MS,
        float(factor) if isinstance(factor, int | float) and is_number(factor) and factor >= 1 else 2.0,
    )


def _cache(entry: Mapping[str, Json]) -> CacheRule | None:
    ttl_ms = duration_ms(entry.get("ttl"))
    return None if ttl_ms is None or "key" not in entry else CacheRule(entry["key"], ttl_ms)


def _compensation(entry: Mapping[str, Json]) -> Compensation | None:
    kind = text(entry, "kind")
    return Compensation(kind, mapping(entry, "inputs")) if kind else None
