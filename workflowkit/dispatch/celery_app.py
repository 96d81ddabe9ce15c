"""The Celery application: two tasks, ids only, JSON only, and nothing that Celery could lose.

No result backend, no ETA, no late acknowledgement: a message is a hint, and the database says what is true.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from celery import Celery

from workflowkit.base.errors import StoreUnavailable
from workflowkit.base.settings import LOCAL_BROKER_URL, Settings
from workflowkit.dispatch import local_transport
from workflowkit.runtime.hints import StepHint

_log = logging.getLogger(__name__)

MATCH_TASK = "workflowkit.match"
EXECUTE_TASK = "workflowkit.execute"
QUEUE_PREFIX = "workflowkit."
_STRATEGY = "workflowkit.dispatch.strategy:take_hint"

#: By name: importing it imports the Redis client, half a second that the embedded default need not wait for.
_REDIS_TRANSPORT = "workflowkit.dispatch.redis_transport:Transport"
_REDIS_OPTIONS = {
    "socket_connect_timeout": 2,
    "socket_timeout": 2,
    "retry_on_timeout": False,
    # Who sends knows what to do instead; the default is to try again for six seconds.
    "max_retries": 0,
    "socket_keepalive": True,
    "health_check_interval": 10,
}


class HintHandler(Protocol):
    """What receives the hints: ``runtime.worker.Worker``."""

    def match(self, event_ids: Sequence[str]) -> None: ...

    def execute(self, hints: Sequence[StepHint]) -> None: ...


def queue_name(queue: str) -> str:
    """Return the broker's name of an action queue."""
    return QUEUE_PREFIX + queue


def create_celery(settings: Settings) -> Celery:
    """Return a Celery application for the broker of ``settings``, without tasks."""
    is_local = settings.broker_url == LOCAL_BROKER_URL
    # Hints are about rows: who has other tables could do nothing but lose them.
    owner = (settings.database_url, settings.database_schema)
    broker_url = local_transport.url_of(*owner) if is_local else settings.broker_url
    app = Celery("workflowkit", broker=broker_url, set_as_current=False)
    app.conf.update(
        # SAFETY: S19 — nothing from the broker names code or is unpickled.
        accept_content=["json"],
        task_serializer="json",
        result_backend=None,
        task_ignore_result=True,
        task_acks_late=False,
        task_publish_retry=False,
        task_default_queue=queue_name("default"),
        task_create_missing_queues=True,
        worker_prefetch_multiplier=1,
        worker_consumer="workflowkit.dispatch.reconnecting:Consumer",
        worker_enable_remote_control=False,
        worker_hijack_root_logger=False,
        worker_disable_rate_limits=True,
        worker_send_task_events=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport=None if is_local else _REDIS_TRANSPORT,
        broker_transport_options={} if is_local else _REDIS_OPTIONS,
    )
    return app


def register_tasks(app: Celery, handler: HintHandler) -> None:
    """Let ``app`` hand hints to ``handler``."""

    @app.task(name=MATCH_TASK, Strategy=_STRATEGY, shared=False)
    def match(event_ids: Any) -> None:
        with _hint_only():
            handler.match(_texts(event_ids))

    @app.task(name=EXECUTE_TASK, Strategy=_STRATEGY, shared=False)
    def execute(hints: Any) -> None:
        with _hint_only():
            handler.execute([StepHint(*_texts(hint, length=3)) for hint in hints])


@contextmanager
def _hint_only() -> Iterator[None]:
    """Drop a hint that cannot be followed now: the relay repeats it when the database is back."""
    try:
        yield
    except StoreUnavailable as error:
        _log.warning("a hint was dropped: %s", error)


def _texts(value: Any, length: int | None = None) -> list[str]:
    """Return a list of texts as it came in a message, or raise ``ValueError``: anybody may write to a broker."""
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError("a hint must be a list of texts")
    if length is not None and len(value) != length:
        raise ValueError(f"a step hint has {length} parts")
    return value
