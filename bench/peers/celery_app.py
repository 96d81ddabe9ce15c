"""Raw Celery on Redis: tasks that do nothing, results kept in Redis (that is all the state Celery has)."""

import os
from typing import Any

from celery import Celery

_REDIS = os.environ["BENCH_REDIS_URL"]
RESULTS_DATABASE = 2

app = Celery("bench", broker=f"{_REDIS}/1", backend=f"{_REDIS}/{RESULTS_DATABASE}")
app.conf.update(
    task_serializer="json",
    result_serializer="json",
    accept_content=["json"],
    broker_connection_retry_on_startup=True,
    worker_hijack_root_logger=False,
)


@app.task
def noop(*_: Any) -> int:
    return 1


@app.task
def join(outputs: list[int]) -> int:
    return len(outputs)


@app.task
def handle_event(event: dict[str, Any]) -> int:
    return 1
