"""WebSockets that the hub holds: clients may talk, and must read."""

from __future__ import annotations

import fcntl
import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import services
from runtimes import Harness, a_runtime
from websockets.frames import Frame, Opcode

from workflowkit.base.limits import Limits
from workflowkit.base.scope import DEFAULT_SCOPE
from workflowkit.inngest.realtime import shown_texts
from workflowkit.runtime.following import Place, Subscription
from workflowkit.streams.hub import Hub
from workflowkit.streams.websocket import WebSocketMessages

DEADLINE_SECONDS = 20
SUBSCRIPTION = Subscription(DEFAULT_SCOPE, "room", frozenset({"news"}))
BACKLOG_BYTES = 50_000
#: Of a file: more than ``select`` can watch.
HIGH_NUMBER = 1_100


def a_request() -> dict[str, Any]:
    """Return what WSGI tells of a request for a WebSocket."""
    return {
        "REQUEST_METHOD": "GET", "HTTP_HOST": "here", "HTTP_UPGRADE": "websocket", "HTTP_CONNECTION": "Upgrade",
        "HTTP_SEC_WEBSOCKET_KEY": "dGhlIHNhbXBsZSBub25jZQ==", "HTTP_SEC_WEBSOCKET_VERSION": "13",
    }  # fmt: skip


@contextmanager
def a_client(sqlite_url: str) -> Iterator[tuple[Harness, Hub, socket.socket]]:
    """Give the client's end of a WebSocket that has been opened."""
    with a_runtime(sqlite_url, limits=Limits(stream_backlog_bytes=BACKLOG_BYTES)) as harness:
        hub = harness.runtime.streams.hub
        ours, theirs = socket.socketpair()
        ours.settimeout(DEADLINE_SECONDS)
        with ours:
            hub.adopt(theirs, SUBSCRIPTION, Place(), WebSocketMessages(a_request(), shown_texts))
            yield harness, hub, ours


def frame(opcode: Opcode, data: bytes) -> bytes:
    """Return a frame as clients send it."""
    return Frame(opcode, data).serialize(mask=True)


def test_a_client_that_only_asks_and_never_reads_is_let_go(sqlite_url: str) -> None:
    pings = frame(Opcode.PING, b"x" * 125) * 400
    with a_client(sqlite_url) as (_, hub, sock):
        with pytest.raises(ConnectionError):
            sock.sendall(pings * 200)  # 10 MB, if they were taken
        assert services.wait_until(lambda: hub.count == 0, timeout_seconds=DEADLINE_SECONDS)


def test_a_client_that_reads_may_ask_as_much_as_it_likes(sqlite_url: str) -> None:
    with a_client(sqlite_url) as (_, hub, sock):
        for _ in range(1_000):
            sock.sendall(frame(Opcode.PING, b"x" * 125))
            left = 127
            while left:
                left -= len(sock.recv(left))
        assert hub.count == 1


def test_what_is_no_frame_ends_the_websocket_and_nobody_elses(sqlite_url: str) -> None:
    with a_client(sqlite_url) as (_, hub, sock), a_second(hub) as other:
        sock.sendall(b"\xff" * 100)
        assert services.wait_until(lambda: hub.count == 1, timeout_seconds=DEADLINE_SECONDS)
        other.sendall(frame(Opcode.PING, b"there?"))
        assert b"there?" in other.recv(100)


@contextmanager
def a_second(hub: Hub) -> Iterator[socket.socket]:
    ours, theirs = socket.socketpair()
    ours.settimeout(DEADLINE_SECONDS)
    with ours:
        hub.adopt(theirs, SUBSCRIPTION, Place(), WebSocketMessages(a_request(), shown_texts))
        yield ours


def test_a_websocket_that_a_thread_holds_may_have_a_file_of_any_number(sqlite_url: str) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, HIGH_NUMBER + 10), hard))
    try:
        with a_runtime(sqlite_url) as harness:
            ours, low = socket.socketpair()
            with ours, low, socket.socket(fileno=fcntl.fcntl(low, fcntl.F_DUPFD, HIGH_NUMBER)) as high:
                messages = WebSocketMessages(a_request(), shown_texts)
                body = harness.runtime.streams.websocket({"werkzeug.socket": high}, SUBSCRIPTION, Place(), messages)
                ours.sendall(frame(Opcode.CLOSE, b"\x03\xe8"))
                assert body is not None
                with pytest.raises(ConnectionResetError, match="ended"):
                    next(body)
                assert b"101 Switching Protocols" in ours.recv(1_000)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
