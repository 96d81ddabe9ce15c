"""A DBOS application process: it starts workflows in process, the fastest way DBOS offers, and executes them itself.

``python -m bench.peers.dbos_driver ID [--queue SECONDS]``: with ``--queue`` it also serves the queue, polling so often.
"""

# DBOS is installed in its own environment only; where it is missing, its names have no types.
# mypy: disable-error-code="import-not-found"

import argparse
import asyncio
import time

import psycopg
from dbos import DBOS

from bench.peers import dbos_app
from bench.peers.protocol import serve


def warm() -> None:
    burst(10)
    dbos_app.sequence(3)
    asyncio.run(_fan(3))


def burst(runs: int) -> None:
    handles = [DBOS.start_workflow(dbos_app.three_steps) for _ in range(runs)]
    for handle in handles:
        handle.get_result()


def settled() -> int:
    """Return how many workflows of this database succeeded, including those of warming up."""
    with psycopg.connect(dbos_app.DATABASE_URL) as connection:
        row = connection.execute("SELECT count(*) FROM dbos.workflow_status WHERE status = 'SUCCESS'").fetchone()
    return int(row[0]) if row else 0


def idle(samples: int) -> list[float]:
    latencies = []
    for _ in range(samples):
        started = time.perf_counter()
        DBOS.start_workflow(dbos_app.three_steps).get_result()
        latencies.append(time.perf_counter() - started)
    return latencies


def chains(steps: int, repeats: int) -> list[float]:
    return [_chain(steps) for _ in range(repeats)]


def fans(width: int, repeats: int) -> list[float]:
    return asyncio.run(_fans(width, repeats))


def _chain(steps: int) -> float:
    started = time.perf_counter()
    dbos_app.sequence(steps)
    return time.perf_counter() - started


async def _fans(width: int, repeats: int) -> list[float]:
    return [await _fan(width) for _ in range(repeats)]


async def _fan(width: int) -> float:
    started = time.perf_counter()
    joined = await dbos_app.fan_out(width)
    if joined != width:
        raise RuntimeError(f"{joined} of {width} were joined")
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("executor_id")
    parser.add_argument("--queue", type=float)
    arguments = parser.parse_args()
    dbos_app.launch(arguments.executor_id)
    if arguments.queue is not None:
        DBOS.register_queue(dbos_app.QUEUE, polling_interval_sec=arguments.queue)
    serve({"warm": warm, "burst": burst, "idle": idle, "chain": chains, "fan": fans, "settled": settled})


if __name__ == "__main__":
    main()
