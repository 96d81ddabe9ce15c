"""The load generator for DBOS behind its queue: a client process enqueues, two workers execute."""

# DBOS is installed in its own environment only; where it is missing, its names have no types.
# mypy: disable-error-code="import-not-found"

import time

from dbos import DBOSClient, EnqueueOptions, WorkflowHandle

from bench.peers import dbos_app
from bench.peers.protocol import serve

_BURST_POLL_SECONDS = 0.02
_IDLE_POLL_SECONDS = 0.005
_OPTIONS: EnqueueOptions = {"queue_name": dbos_app.QUEUE, "workflow_name": "three_steps"}

_client = DBOSClient(system_database_url=dbos_app.DATABASE_URL)


def warm() -> None:
    burst(10)


def burst(runs: int) -> None:
    handles: list[WorkflowHandle[int]] = [_client.enqueue(_OPTIONS) for _ in range(runs)]
    for handle in handles:
        handle.get_result(polling_interval_sec=_BURST_POLL_SECONDS)


def idle(samples: int) -> list[float]:
    latencies = []
    for _ in range(samples):
        started = time.perf_counter()
        _client.enqueue(_OPTIONS).get_result(polling_interval_sec=_IDLE_POLL_SECONDS)
        latencies.append(time.perf_counter() - started)
    return latencies


if __name__ == "__main__":
    serve({"warm": warm, "burst": burst, "idle": idle})
