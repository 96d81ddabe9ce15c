"""A load generator for HTTP: a few keep-alive connections, each sending the next request when its answer is there.

Standard library only and no HTTP library, so that it costs little beside the server it measures. Its program form
speaks the drivers' protocol and has one operation, ``load``.
"""

from __future__ import annotations

import re
import selectors
import socket
import time
from collections.abc import Mapping
from typing import Any

from bench.peers.protocol import serve

_ANSWER_SECONDS = 60
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CLOSE = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)


class _Connection:
    """One connection: at most one request is in flight."""

    def __init__(self, port: int, request: bytes) -> None:
        self._port = port
        self._request = request
        self._received = b""
        self.connect()

    def connect(self) -> None:
        self.socket = socket.create_connection(("127.0.0.1", self._port), timeout=_ANSWER_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self) -> None:
        self._received = b""
        self.socket.sendall(self._request)

    def receive(self) -> bytes | None:
        """Return the head of the answer once all of it is there."""
        chunk = self.socket.recv(65536)
        if not chunk:
            raise ConnectionError("the server closed the connection in the middle of an answer")
        self._received += chunk
        head, separator, body = self._received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not separator or (length is not None and len(body) < int(length.group(1))):
            return None
        return head


def load(
    port: int, path: str, headers: Mapping[str, str], body: str, requests: int, connections: int = 16
) -> dict[str, Any]:
    """Send the same request so many times and return ``{"seconds", "errors": {status: count}}``.

    Raises ``TimeoutError`` when no answer comes for a minute.
    """
    request = _encode(port, path, headers, body.encode())
    errors: dict[str, int] = {}
    selector = selectors.DefaultSelector()
    pool = [_Connection(port, request) for _ in range(min(connections, requests))]
    started = time.perf_counter()
    for connection in pool:
        connection.send()
        selector.register(connection.socket, selectors.EVENT_READ, connection)
    unsent, unanswered = requests - len(pool), requests
    while unanswered:
        ready = selector.select(_ANSWER_SECONDS)
        if not ready:
            raise TimeoutError(f"{unanswered} of {requests} requests have no answer")
        for key, _ in ready:
            connection = key.data
            head = connection.receive()
            if head is None:
                continue
            unanswered -= 1
            _count(head, errors)
            if _CLOSE.search(head):
                selector.unregister(connection.socket)
                connection.socket.close()
                connection.connect()
                selector.register(connection.socket, selectors.EVENT_READ, connection)
            if unsent:
                unsent -= 1
                connection.send()
    seconds = time.perf_counter() - started
    for connection in pool:
        connection.socket.close()
    selector.close()
    return {"seconds": seconds, "errors": errors}


def _encode(port: int, path: str, headers: Mapping[str, str], body: bytes) -> bytes:
    lines = [
        f"POST {path} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def _count(head: bytes, errors: dict[str, int]) -> None:
    status = _STATUS.match(head)
    code = status.group(1).decode() if status else "none"
    if not code.startswith("2"):
        errors[code] = errors.get(code, 0) + 1


if __name__ == "__main__":
    serve({"load": load})
