"""What a request for a stream is answered with where its connection cannot be handed over."""

from __future__ import annotations

from typing import Any

import pytest
from runtimes import Harness, a_runtime
from sse import read

from workflowkit.base.limits import Limits
from workflowkit.base.scope import DEFAULT_SCOPE
from workflowkit.runtime.following import Place, Subscription
from workflowkit.streams.frames import POLLING_RETRY_MS, RETRY_MS
from workflowkit.streams.handover import CAN_HAND_OVER, HandOver, Streams

ROOM = Subscription(DEFAULT_SCOPE, "room", frozenset({"news"}))
THREADS = {"wsgi.multithread": True}


def _publish(harness: Harness, data: Any) -> None:
    harness.runtime.publishing.publish(DEFAULT_SCOPE, "room", "news", data)


def _streams(harness: Harness, pause: Any, **limits: int) -> Streams:
    made = harness.runtime.streams
    return Streams(made.database, made.hub, Limits(**limits), pause)


def test_a_server_of_one_request_at_a_time_tells_what_there_is_and_ends(sqlite_url: str) -> None:
    with a_runtime(sqlite_url) as harness:
        _publish(harness, 1)
        text = b"".join(harness.runtime.streams.body({}, ROOM, Place(-1, 0))).decode()
        assert f"retry: {POLLING_RETRY_MS}\n" in text
        assert [each.data["data"] for each in read(text)] == [1]


def test_a_server_with_threads_looks_again_and_again_for_a_while(sqlite_url: str, monkeypatch: Any) -> None:
    now = [0.0]
    monkeypatch.setattr("workflowkit.streams.handover.monotonic_seconds", lambda: now[0])
    with a_runtime(sqlite_url) as harness:

        def pause(seconds: float) -> None:
            now[0] += seconds
            if now[0] == 1.0:
                _publish(harness, "later")

        body = _streams(harness, pause).body(THREADS, ROOM, Place(-1, 0))
        text = b"".join(body).decode()
        assert [each.data["data"] for each in read(text)] == ["later"]
        assert f"retry: {RETRY_MS}\n" in text
        assert text.count("\n\n:\n\n") == 1, "one heartbeat, after 15 silent seconds"
        assert now[0] == 25


def test_few_requests_hold_a_thread_and_the_next_ones_are_answered_at_once(sqlite_url: str) -> None:
    with a_runtime(sqlite_url) as harness:

        def pause(seconds: float) -> None:
            pytest.fail("a request is held that should not be")

        streams = _streams(harness, pause, blocking_streams=1)
        first: Any = streams.body(THREADS, ROOM, Place(-1, 0))
        next(first)
        assert f"retry: {POLLING_RETRY_MS}\n".encode() in b"".join(streams.body(THREADS, ROOM, Place(-1, 0)))
        for _ in range(2):
            first.close()  # its client has gone; servers may say so twice
        assert next(streams.body(THREADS, ROOM, Place(-1, 0))) == f"retry: {RETRY_MS}\n\n".encode()
        assert f"retry: {POLLING_RETRY_MS}\n".encode() in b"".join(streams.body(THREADS, ROOM, Place(-1, 0)))


def test_a_connection_is_handed_over_as_long_as_there_is_room(sqlite_url: str) -> None:
    with a_runtime(sqlite_url, limits=Limits(streams=1)) as harness:
        streams = harness.runtime.streams
        body = streams.body({CAN_HAND_OVER: True}, ROOM, Place(-1, 0))
        assert next(body) == f"retry: {RETRY_MS}\n\n".encode()
        with pytest.raises(HandOver):
            next(body)
        assert not issubclass(HandOver, Exception)
        streams.close()
        text = b"".join(streams.body({CAN_HAND_OVER: True}, ROOM, Place(-1, 0)))
        assert f"retry: {POLLING_RETRY_MS}\n".encode() in text
