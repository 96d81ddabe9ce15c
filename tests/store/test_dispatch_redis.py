"""Hints on a real Redis: they arrive, they never block their sender, and nothing but JSON lists is taken from it."""

from __future__ import annotations

import base64
import json
import pickle
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis
import services
from celery import Celery

from workflowkit.base.clock import monotonic_seconds
from workflowkit.base.settings import Settings
from workflowkit.dispatch.celery_app import EXECUTE_TASK, MATCH_TASK, create_celery, queue_name, register_tasks
from workflowkit.dispatch.consumer import EmbeddedWorker
from workflowkit.dispatch.publisher import EVENTS_PER_MESSAGE, STEPS_PER_MESSAGE, CeleryDispatcher
from workflowkit.runtime.hints import StepHint


class Handler:
    """Notes what arrives."""

    def __init__(self) -> None:
        self.event_ids: list[str] = []
        self.hints: list[StepHint] = []

    def match(self, event_ids: Sequence[str]) -> None:
        self.event_ids += event_ids

    def execute(self, hints: Sequence[StepHint]) -> None:
        self.hints += hints


@contextmanager
def _dispatcher(broker_url: str) -> Iterator[tuple[Celery, CeleryDispatcher]]:
    app = create_celery(Settings(broker_url=broker_url))
    dispatcher = CeleryDispatcher(app)
    try:
        yield app, dispatcher
    finally:
        dispatcher.stop()
        app.close()


@contextmanager
def _worker(app: Celery, handler: Handler) -> Iterator[None]:
    register_tasks(app, handler)
    worker = EmbeddedWorker(app, queues=["default"], concurrency=2)
    worker.start()
    try:
        yield
    finally:
        worker.stop()


def _messages(client: redis.Redis, queue: str = "default") -> list[dict[str, Any]]:
    return [json.loads(raw) for raw in client.lrange(queue_name(queue), 0, -1)]


def test_hints_reach_a_worker(redis_url: str) -> None:
    handler = Handler()
    with _dispatcher(redis_url) as (app, dispatcher), _worker(app, handler):
        dispatcher.match(["e1"])
        dispatcher.execute([StepHint("r", "a", "default")])
        assert services.wait_until(lambda: bool(handler.event_ids and handler.hints), timeout_seconds=60)
    assert handler.event_ids == ["e1"]
    assert handler.hints == [StepHint("r", "a", "default")]


def test_events_that_wait_together_travel_together_and_queues_do_not_mix(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client, _dispatcher(redis_url) as (_, dispatcher):
        dispatcher.match([f"e{n}" for n in range(EVENTS_PER_MESSAGE * 2)])
        dispatcher.execute([StepHint("r", f"s{n}", "default") for n in range(100)] + [StepHint("r", "x", "slow")])
        assert services.wait_until(
            lambda: (
                client.llen(queue_name("default")) >= 2 + 100 // STEPS_PER_MESSAGE
                and client.llen(queue_name("slow")) == 1
            ),
            timeout_seconds=60,
        )
        assert client.llen(queue_name("default")) == 2 + 100 // STEPS_PER_MESSAGE
        assert {message["headers"]["task"] for message in _messages(client)} == {MATCH_TASK, EXECUTE_TASK}


def test_a_small_fan_out_gets_a_message_for_each_step(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client, _dispatcher(redis_url) as (_, dispatcher):
        dispatcher.execute([StepHint("r", f"s{n}", "default") for n in range(4)])
        assert services.wait_until(lambda: client.llen(queue_name("default")) == 4, timeout_seconds=60)


def test_a_broker_that_hangs_blocks_nobody() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with _dispatcher(f"redis://127.0.0.1:{port}/0") as (_, dispatcher):
            started = monotonic_seconds()
            for number in range(100):
                dispatcher.match([f"e{number}"])
                dispatcher.execute([StepHint("r", "a", "default")])
            # Less than one wait of a socket for the broker, which is two seconds long: there was none.
            assert monotonic_seconds() - started < 2
            assert dispatcher.queued() == 0


def test_the_length_of_a_queue_is_known(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client, _dispatcher(redis_url) as (_, dispatcher):
        assert dispatcher.queued() == 0
        dispatcher.execute([StepHint("r", f"s{n}", "default") for n in range(3)])
        assert services.wait_until(lambda: client.llen(queue_name("default")) == 3, timeout_seconds=60)
        assert dispatcher.queued() == 3


@pytest.mark.filterwarnings("ignore")
def test_pickles_and_malformed_bodies_from_the_broker_do_nothing(redis_url: str, tmp_path: Path) -> None:
    handler, canary = Handler(), tmp_path / "canary"

    class Evil:
        def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
            return (canary.write_text, ("owned",))

    with redis.Redis.from_url(redis_url) as client, _dispatcher(redis_url) as (app, dispatcher):
        dispatcher.match(["template"])
        assert services.wait_until(lambda: client.llen(queue_name("default")) == 1, timeout_seconds=60)
        (template,) = _messages(client)
        client.flushdb()
        pickled = {
            **template,
            "content-type": "application/x-python-serialize",
            "body": base64.b64encode(pickle.dumps(Evil())).decode(),
        }
        unknown = json.loads(json.dumps(template))
        unknown["headers"]["task"] = "os.system"
        for message in (pickled, unknown):
            client.lpush(queue_name("default"), json.dumps(message))
        with _worker(app, handler):
            app.send_task(MATCH_TASK, ({"not": "a list"},), queue=queue_name("default"))
            app.send_task(EXECUTE_TASK, ([["too", "short"]],), queue=queue_name("default"))
            dispatcher.match(["good"])
            assert services.wait_until(lambda: handler.event_ids == ["good"], timeout_seconds=30)
    assert not canary.exists()
    assert handler.hints == []
