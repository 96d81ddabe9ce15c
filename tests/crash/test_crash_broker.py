"""A broker that is gone, or that hangs: workers follow their own relay's hints, and come back to it when it does."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import orders
import pytest
import redis
import services
from stack import Stack, a_stack

from workflowkit import Settings, WorkflowKit

pytestmark = [pytest.mark.crash, pytest.mark.timeout(240)]


class Broker:
    """A Redis of this test's own, on one port for as long as the test lasts."""

    def __init__(self) -> None:
        self._server = services.start_redis()
        self.url = self._server.url

    def kill(self) -> None:
        self._server.process.kill()
        self._server.process.wait()

    def start(self) -> None:
        command = [str(part) for part in self._server.process.args]  # type: ignore[union-attr]
        self._server.process = services._spawn(command, self._server.workspaces[0].path, dict(os.environ), None)
        port = int(self.url.rpartition(":")[2])
        assert services.wait_until(lambda: services.redis_accepts(port), timeout_seconds=60)

    def hang(self) -> None:
        self._server.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._server.process.send_signal(signal.SIGCONT)

    def has_consumer(self) -> bool:
        """Tell whether a worker waits for messages."""
        with redis.Redis.from_url(self.url) as client:
            return any(each["cmd"] == "brpop" for each in client.client_list())

    def close(self) -> None:
        self.go_on()
        self._server.stop()


@pytest.fixture
def broker() -> Iterator[Broker]:
    opened = Broker()
    yield opened
    opened.close()


@pytest.fixture
def stack(postgres_url: str, broker: Broker, tmp_path: Path) -> Iterator[Stack]:
    with a_stack(postgres_url, broker.url, tmp_path / "stack") as opened:
        wk = WorkflowKit("orders", settings=Settings(database_url=postgres_url))
        for spec in orders.make_app().registry:
            if spec.kind in ("effect", "flaky", "slow"):
                wk.registry.add(spec)
        wk.publish(orders.WORKFLOW_ID, orders.DOCUMENT)
        wk.stop()
        yield opened


def _send(stack: Stack, *numbers: int) -> None:
    for number in numbers:
        assert stack.send(f"order-{number}") == 0, stack.logs()


def _assert_all_completed(stack: Stack, count: int) -> None:
    stack.wait_for_runs(count)
    assert [row["status"] for row in stack.rows("SELECT status FROM runs")] == ["completed"] * count
    finals = stack.rows("SELECT count(*) AS n FROM journal WHERE kind = 'completed'")
    assert finals[0]["n"] == count * (1 + len(orders.STEPS))


def test_work_goes_on_while_the_broker_is_gone_and_by_it_when_it_is_back(stack: Stack, broker: Broker) -> None:
    stack.work()
    _send(stack, 0)
    _assert_all_completed(stack, 1)
    broker.kill()
    _send(stack, 1, 2, 3)
    _assert_all_completed(stack, 4)
    broker.start()
    assert services.wait_until(broker.has_consumer, timeout_seconds=60), stack.logs()
    _send(stack, 4)
    _assert_all_completed(stack, 5)


def test_a_worker_begins_without_its_broker(stack: Stack, broker: Broker) -> None:
    broker.kill()
    _send(stack, 1)
    stack.work()
    _assert_all_completed(stack, 1)
    broker.start()
    assert services.wait_until(broker.has_consumer, timeout_seconds=60), stack.logs()


def test_work_goes_on_while_the_broker_hangs(stack: Stack, broker: Broker) -> None:
    stack.work()
    _send(stack, 0)
    _assert_all_completed(stack, 1)
    broker.hang()
    _send(stack, 1, 2)
    _assert_all_completed(stack, 3)
    broker.go_on()
    _send(stack, 3)
    _assert_all_completed(stack, 4)
