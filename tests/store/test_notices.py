"""Notices between processes: they arrive soon, and if they do not, nothing is lost but time."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator

import pytest
import services

from workflowkit.dispatch.redis_notices import TOPIC, RedisNotices

DEADLINE_SECONDS = 20
NOBODY = "redis://127.0.0.1:1/0"


class Heard:
    """What a process heard."""

    def __init__(self) -> None:
        self.channels: list[str] = []
        self._lock = threading.Lock()

    def __call__(self, channels: Iterable[str]) -> None:
        with self._lock:
            self.channels += channels


@pytest.fixture
def processes(redis_url: str) -> Iterator[list[RedisNotices]]:
    made = [RedisNotices(redis_url) for _ in range(2)]
    yield made
    for each in made:
        each.close()


def test_what_one_process_tells_the_other_hears(processes: list[RedisNotices]) -> None:
    one, other = processes
    heard = Heard()
    other.listen(heard)
    # A listener that has just come may miss what is told at that moment: as in life, more is told.
    told = iter(range(10_000))

    def is_heard() -> bool:
        one.tell([f"room:{next(told)}"])
        return bool(heard.channels)

    assert services.wait_until(is_heard, timeout_seconds=DEADLINE_SECONDS)


def test_a_process_hears_itself_at_once(processes: list[RedisNotices]) -> None:
    heard = Heard()
    processes[0].listen(heard)
    processes[0].tell(["room"])
    assert heard.channels == ["room"]


def test_what_is_no_notice_is_nothing(processes: list[RedisNotices], redis_url: str) -> None:
    import redis

    heard = Heard()
    processes[1].listen(heard)
    with redis.Redis.from_url(redis_url) as client:

        def is_listening() -> bool:
            return bool(client.publish(TOPIC, b"[]"))

        assert services.wait_until(is_listening, timeout_seconds=DEADLINE_SECONDS)
        for bad in (b"", b"{", b"\xff", b'{"a": 1}', b"[1, null, []]", b'"room"', b"[" * 1000):
            client.publish(TOPIC, bad)
        client.publish(TOPIC, b'["room", 7]')
    assert services.wait_until(lambda: bool(heard.channels), timeout_seconds=DEADLINE_SECONDS)
    assert heard.channels == ["room"]


def test_without_redis_nothing_fails_and_nothing_hangs() -> None:
    notices = RedisNotices(NOBODY)
    heard = Heard()
    notices.listen(heard)
    for number in range(100):
        notices.tell([f"room:{number}"])
    assert len(heard.channels) == 100
    notices.close()
