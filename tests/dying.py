"""Workers that die at a failpoint, in the thread of the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from workflowkit.base import failpoints
from workflowkit.base.errors import LeaseInterrupt


@contextmanager
def dying(place: str, hit: int) -> Iterator[type[BaseException]]:
    """Let whoever comes to ``place`` for the ``hit``-th time die there; give what that looks like to the test."""

    class Died(BaseException):
        pass

    with _listening(place, hit, Died):
        yield Died


@contextmanager
def giving_up(place: str, hit: int) -> Iterator[list[str]]:
    """Let a worker drop everything at ``place``, also where a handler stands between; give what it has passed of it."""
    with _listening(place, hit, LeaseInterrupt) as hits:
        yield hits


@contextmanager
def _listening(place: str, hit: int, error: Callable[[], BaseException]) -> Iterator[list[str]]:
    hits: list[str] = []

    def die(name: str) -> None:
        if name == place:
            hits.append(name)
            if len(hits) == hit:
                raise error()

    stop = failpoints.listen(die)
    try:
        yield hits
    finally:
        stop()
