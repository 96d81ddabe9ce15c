"""Celery workers: one in a thread of this process, or this process as a worker."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from celery import Celery, _state
from celery.signals import setup_logging, worker_shutting_down

from workflowkit.dispatch import local_transport
from workflowkit.dispatch.celery_app import queue_name

#: Gossip, mingling and heartbeats between workers are chatter about state that the database holds.
_QUIET = {"without_gossip": True, "without_mingle": True, "without_heartbeat": True}


@contextmanager
def _leaving_celery_alone() -> Iterator[None]:
    """Take back what a worker that is made says to all of the process: that Celery is ours.

    The host may have tasks of its own, and its actions send them. They find their application by a default for all
    threads, and wait for no result where a worker said that there tasks are executed. Our hints need neither.
    """
    state: Any = _state
    default, is_blocked = state.default_app, state.task_join_will_block()
    try:
        yield
    finally:
        state.set_default_app(default)
        state._set_task_join_will_block(is_blocked)


class EmbeddedWorker:
    """A Celery worker on threads of this process: the embedded default."""

    def __init__(self, app: Celery, *, queues: Sequence[str], concurrency: int) -> None:
        self._app = app
        with _leaving_celery_alone():
            self._controller: Any = app.WorkController(
                pool="threads",
                concurrency=concurrency,
                queues=[queue_name(queue) for queue in queues],
                hostname="embedded@localhost",
                loglevel="WARNING",
                **_QUIET,
            )
        self._thread = threading.Thread(target=self._run, name="workflowkit-worker", daemon=True)

    def _run(self) -> None:
        self._app.set_current()
        self._controller.start()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Let running tasks end, then end the worker."""
        self._controller.stop()
        local_transport.interrupt()
        self._thread.join()


def _leave_logging_alone(**_details: Any) -> None:
    """Keep Celery from changing the level of the root logger, which it does unless somebody else sets up logging."""


def run_worker(
    app: Celery, *, queues: Sequence[str], concurrency: int, name: str, on_shutdown: Callable[[], None]
) -> int:
    """Be a Celery worker until SIGTERM or SIGINT, which let running tasks end; return the exit code.

    ``on_shutdown`` is called when such a signal comes, before the running tasks are waited for.
    """

    def tell(**_details: Any) -> None:
        on_shutdown()

    worker_shutting_down.connect(tell, weak=False)
    setup_logging.connect(_leave_logging_alone, weak=False)
    with _leaving_celery_alone():
        worker = app.Worker(
            pool="threads",
            concurrency=concurrency,
            queues=[queue_name(queue) for queue in queues],
            hostname=name,
            loglevel="WARNING",
            quiet=True,
            **_QUIET,
        )
    worker.start()
    return int(worker.exitcode or 0)
