"""The load generator for Celery: chains and chords, submitted and awaited by one client process."""

import os
import time
from collections.abc import Callable

from celery import chain, chord
from redis import Redis

from bench.peers.celery_app import RESULTS_DATABASE, join, noop
from bench.peers.protocol import serve

_WAIT_SECONDS = 300
_POLL_SECONDS = 0.01

_results = Redis.from_url(f"{os.environ['BENCH_REDIS_URL']}/{RESULTS_DATABASE}")


def warm() -> None:
    for _ in range(10):
        _chain(3)
    _fan(5)


def burst(runs: int) -> None:
    """Submit chains of three; the result database holds nothing but results, so its size tells how many are done."""
    _results.flushdb()
    ids = [chain(noop.s(), noop.s(), noop.s()).delay().id for _ in range(runs)]
    _await(lambda: settled() >= 3 * runs)
    missing = runs - sum(value is not None for value in _results.mget([f"celery-task-meta-{id_}" for id_ in ids]))
    if missing:
        raise RuntimeError(f"{missing} chains have no result")


def settled() -> int:
    """Return how many results are stored, including those of warming up."""
    return _results.dbsize()


def idle(samples: int) -> list[float]:
    return [_chain(3) for _ in range(samples)]


def chains(steps: int, repeats: int) -> list[float]:
    return [_chain(steps) for _ in range(repeats)]


def fans(width: int, repeats: int) -> list[float]:
    return [_fan(width) for _ in range(repeats)]


def _chain(steps: int) -> float:
    started = time.perf_counter()
    chain(*[noop.si() for _ in range(steps)]).delay().get(timeout=_WAIT_SECONDS)
    return time.perf_counter() - started


def _fan(width: int) -> float:
    started = time.perf_counter()
    joined = chord([noop.s() for _ in range(width)], join.s()).delay().get(timeout=_WAIT_SECONDS)
    if joined != width:
        raise RuntimeError(f"{joined} of {width} were joined")
    return time.perf_counter() - started


def _await(is_done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _WAIT_SECONDS
    while not is_done():
        if time.monotonic() > deadline:
            raise TimeoutError("the work did not finish")
        time.sleep(_POLL_SECONDS)


if __name__ == "__main__":
    serve({"warm": warm, "burst": burst, "idle": idle, "chain": chains, "fan": fans, "settled": settled})
