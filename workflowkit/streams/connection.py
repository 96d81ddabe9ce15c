"""One subscriber whose socket we have: it is never waited for."""

from __future__ import annotations

import contextlib
import math
import socket
from dataclasses import dataclass, field

from workflowkit.base.clock import monotonic_seconds
from workflowkit.base.limits import Limits
from workflowkit.runtime.following import News, Place, Subscription
from workflowkit.streams.dialect import Dialect

_READ_BYTES = 4096


@dataclass(slots=True, eq=False)
class Connection:
    """A stream. Times are a stopwatch's."""

    sock: socket.socket
    subscription: Subscription
    place: Place
    dialect: Dialect
    ends_at: float
    written_at: float
    most_bytes: int
    #: Whether it is closed as soon as everything is written.
    is_ending: bool = False
    _waiting: bytearray = field(default_factory=bytearray)

    @property
    def wants_to_write(self) -> bool:
        """Whether something waits for the client to read."""
        return bool(self._waiting)

    def tell(self, news: News, now: float) -> None:
        """Write what is new. Raises ``OSError`` where the client is gone, or reads too slowly."""
        self.place = news.place
        if data := self.dialect.told(news):
            self.write(data, now)
        if news.is_over and self.dialect.linger_seconds:
            self.ends_at = min(self.ends_at, now + self.dialect.linger_seconds)
        elif news.is_over:
            self.end()

    def beat(self, now: float) -> None:
        """Keep the stream from looking dead. Raises ``OSError`` where the client is gone, or silent."""
        self.write(self.dialect.heartbeat(), now)

    def write(self, data: bytes, now: float) -> None:
        """Write bytes of the stream, or keep them until the client reads. Raises ``OSError``."""
        self.written_at = now
        self._send(data)

    def end(self) -> None:
        """Say that the stream is complete; nothing may be written after it."""
        if not self.is_ending:
            self.is_ending = True
            self._waiting += self.dialect.end()
            self.flush()

    def _send(self, data: bytes) -> None:
        self._waiting += data
        self.flush()
        # What is told and what is answered alike: a client that asks and never reads costs no more.
        if len(self._waiting) > self.most_bytes:
            raise ConnectionAbortedError("the client reads too slowly")

    def flush(self) -> None:
        """Write what waits, as far as the client reads. Raises ``OSError``."""
        while self._waiting:
            try:
                sent = self.sock.send(self._waiting)
            except BlockingIOError:
                return
            del self._waiting[:sent]

    def is_gone(self) -> bool:
        """Read what the client sends, answer what has to be answered, and tell whether it has gone."""
        try:
            data = self.sock.recv(_READ_BYTES)
            if not data:
                return True
            heard = self.dialect.heard(data)
            self._send(heard.answer)
        except BlockingIOError:
            return False
        except OSError:
            return True
        return heard.is_over

    def close(self) -> None:
        """Let the client have what was sent, and end the connection."""
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()


def opened(
    sock: socket.socket, subscription: Subscription, place: Place, dialect: Dialect, limits: Limits
) -> Connection:
    """Return the stream of a socket, which is never waited for from now on."""
    sock.setblocking(False)
    now = monotonic_seconds()
    ends_at = math.inf if dialect.is_lasting else now + limits.stream_seconds
    return Connection(sock, subscription, place, dialect, ends_at, now, limits.stream_backlog_bytes)
