"""What starts a workflow: events, a schedule, a webhook, a person, an HTTP request that waits for the result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from workflowkit.definition.durations import duration_ms
from workflowkit.definition.jsvalues import Json
from workflowkit.definition.settings.reading import choice, mapping, text_or_none, whole

#: The keys of which a trigger has exactly one.
TRIGGER_KINDS = ("event", "cron", "webhook", "manual", "http")
DEFAULT_HTTP_WAIT_MS = 30_000


class Overlap(StrEnum):
    """What a schedule does when the run of its last firing still goes on."""

    ALLOW = "allow"
    SKIP = "skip"
    QUEUE = "queue"


@dataclass(frozen=True, slots=True)
class Trigger:
    """An event name or a wildcard pattern (``shop/*``), with an optional CEL condition over ``event``."""

    event: str
    condition: str | None
    pointer: str


@dataclass(frozen=True, slots=True)
class CronTrigger:
    """A schedule. ``timezone`` is ``None`` if there is none, or if ``cron`` begins with its own.

    A firing is put off by up to ``jitter_ms``. ``catch_up`` is how many of the firings that were missed are made up
    for, newest first. It fires from the day ``starts_on`` to the day ``ends_on``, but not on ``skip_dates``, all as
    written.
    """

    cron: str
    timezone: str | None
    pointer: str
    jitter_ms: int = 0
    overlap: Overlap = Overlap.ALLOW
    catch_up: int = 0
    starts_on: str | None = None
    ends_on: str | None = None
    skip_dates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WebhookTrigger:
    """An event that the webhook source ``name`` made, with an optional CEL condition over ``event``."""

    name: str
    condition: str | None
    pointer: str


@dataclass(frozen=True, slots=True)
class ManualTrigger:
    """Somebody presses a button."""

    pointer: str


@dataclass(frozen=True, slots=True)
class HttpTrigger:
    """A request that gets the run's result, if there is one within ``wait_ms``, else an address to ask at."""

    wait_ms: int
    pointer: str


AnyTrigger = Trigger | CronTrigger | WebhookTrigger | ManualTrigger | HttpTrigger


def read_trigger(entry: Mapping[str, Json], pointer: str) -> AnyTrigger | None:
    """Return the trigger that ``entry`` is, by the first of its kinds' keys. Never raises."""
    if event := text_or_none(entry, "event"):
        return Trigger(event, text_or_none(entry, "if"), pointer)
    if "cron" in entry:
        return _cron(entry, pointer)
    if name := text_or_none(entry, "webhook"):
        return WebhookTrigger(name, text_or_none(entry, "if"), pointer)
    if entry.get("manual") is True:
        return ManualTrigger(pointer)
    if isinstance(entry.get("http"), dict):
        return HttpTrigger(_wait_ms(mapping(entry, "http")), pointer)
    return None


def _cron(entry: Mapping[str, Json], pointer: str) -> CronTrigger | None:
    cron = text_or_none(entry, "cron")
    if cron is None:
        return None
    return CronTrigger(
        cron,
        text_or_none(entry, "timezone"),
        pointer,
        duration_ms(entry.get("jitter")) or 0,
        choice(Overlap, entry.get("overlap"), Overlap.ALLOW),
        _catch_up(entry.get("catch_up")),
        text_or_none(entry, "starts_on"),
        text_or_none(entry, "ends_on"),
        _texts(entry.get("skip_dates")),
    )


def _texts(value: Json) -> tuple[str, ...]:
    return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list) else ()


def _catch_up(value: Json) -> int:
    if isinstance(value, dict):
        return whole(value.get("all"), 1, 0)
    return 1 if value == "last" else 0


def _wait_ms(entry: Mapping[str, Json]) -> int:
    wait = entry.get("wait", DEFAULT_HTTP_WAIT_MS / 1_000)
    return duration_ms(wait) or 0
