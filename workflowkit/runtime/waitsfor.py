"""What a step that queues waits for, told from where it stood at one moment. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from workflowkit.base import jsonvalue
from workflowkit.flow.concurrency import name_of
from workflowkit.store.queued import Queued


@dataclass(frozen=True, slots=True)
class WaitsFor:
    """The control that keeps a step from starting, or in whose queue it stands.

    ``control`` is ``throttle``, ``concurrency``, ``singleton``, or the limit of an ``action`` or of a ``kind`` of
    action. ``mode`` is what a limit of concurrency counts. ``key`` is the value of the key, or which action or kind;
    ``None`` if all share the limit. ``held`` are the slots that are taken of ``limit``; of a throttle it is so many in
    ``period_ms``. ``ahead`` steps come before it in its queue, and before ``until_ms`` it does not start, if that is
    known.
    """

    control: str
    mode: str | None
    key: str | None
    limit: int
    held: int | None
    period_ms: int | None
    ahead: int
    until_ms: int | None


def waits_for(queued: Queued, *, now_ms: int) -> WaitsFor | None:
    """Return what a step waits for: a throttle that is closed, or a limit that is reached, or what it is under."""
    throttle, groups = queued.throttle, queued.groups
    full = next((group for group, (ceiling, held) in groups.items() if held >= ceiling), None)
    if throttle is not None and (queued.not_before_ms > now_ms or full is None):
        spacing_ms = throttle["period_ms"] / throttle["limit"]
        until_ms = queued.not_before_ms + int(queued.ahead * spacing_ms) if queued.not_before_ms > now_ms else None
        return WaitsFor(
            "throttle", None, _shown(throttle["key"]), throttle["limit"], None, throttle["period_ms"], queued.ahead,
            until_ms,
        )  # fmt: skip
    if full is None and (full := next(iter(groups), None)) is None:
        return None
    named, (ceiling, held) = name_of(full), groups[full]
    return WaitsFor(named.control, named.mode, _shown(named.key), ceiling, held, None, queued.ahead, None)


def waits_for_lock(key: str, *, ahead: int) -> WaitsFor:
    """Return what a run waits for that is run again while another one of its singleton goes on."""
    return WaitsFor("singleton", None, _shown(key), 1, 1, None, ahead, None)


def _shown(key: str) -> str | None:
    """Return a key as people write it: a text without its quotes."""
    return (str(jsonvalue.loads(key)) if key.startswith('"') else key) or None
