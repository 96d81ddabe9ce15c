"""Whether a step that is due may start now: throttle for the first of a run, and concurrency for every one.

Both have to agree, and neither is changed if one does not: a start that finds no slot uses no unit of the throttle. A
step that may not start stays where it is in the queue; nothing is dropped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from workflowkit.flow import gcra
from workflowkit.flow.concurrency import Ceiling, blocked_by
from workflowkit.flow.gcra import Rate


@dataclass(frozen=True, slots=True)
class Go:
    """Take a slot of every group and store ``throttle_arrival_us`` (``None``: the run is under no throttle)."""

    throttle_arrival_us: int | None


@dataclass(frozen=True, slots=True)
class TooEarly:
    """The throttle admits nothing of this key before ``next_at_ms``."""

    next_at_ms: int


@dataclass(frozen=True, slots=True)
class Full:
    """All slots of ``ceilings`` are held; when one is given back, ask again."""

    ceilings: tuple[Ceiling, ...]


def dequeue(
    throttle: Rate | None,
    throttle_arrival_us: int | None,
    under: Iterable[Ceiling],
    held: Mapping[str, int],
    *,
    now_ms: int,
) -> Go | TooEarly | Full:
    """Return whether the step may start. Steps after the first of their run pass no ``throttle``.

    ``throttle_arrival_us`` and ``held`` are the rows of the throttle's key and the held slots of each group.
    """
    arrival_us = None
    if throttle is not None:
        taken = gcra.take(throttle, throttle_arrival_us, now_ms=now_ms)
        if taken.count == 0:
            return TooEarly(taken.next_at_ms)
        arrival_us = taken.arrival_us
    full = blocked_by(under, held)
    return Full(full) if full else Go(arrival_us)
