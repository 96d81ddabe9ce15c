"""One subscriber that was handed over to the hub: a socket that is never waited for."""

from __future__ import annotations

import contextlib
import socket
from dataclasses import dataclass, field

from workflowkit.runtime.following import News, Place, Subscription
from workflowkit.streams import frames

_READ_BYTES = 4096


@dataclass(slots=True, eq=False)
class Connection:
    """A stream. ``is_chunked`` says how its answer is framed (HTTP/1.1 without a length); times are a stopwatch's."""

    sock: socket.socket
    subscription: Subscription
    place: Place
    is_chunked: bool
    ends_at: float
    written_at: float
    most_bytes: int
    #: Whether the client knows its place.
    is_placed: bool = False
    #: Whether it is closed as soon as everything is written.
    is_ending: bool = False
    _waiting: bytearray = field(default_factory=bytearray)

    @property
    def wants_to_write(self) -> bool:
        """Whether something waits for the client to read."""
        return bool(self._waiting)

    def tell(self, news: News, now: float) -> None:
        """Write what is new. Raises ``OSError`` where the client is gone, or reads too slowly."""
        data = frames.frames(news)
        self.place = news.place
        if not self.is_placed:
            self.is_placed = True
            data = frames.place_frame(news.place) + data
        if data:
            self.write(data, now)
        if news.is_over:
            self.end()

    def write(self, data: bytes, now: float) -> None:
        """Write bytes of the stream, or keep them until the client reads. Raises ``OSError``."""
        self.written_at = now
        self._waiting += b"%X\r\n%b\r\n" % (len(data), data) if self.is_chunked else data
        self.flush()
        if len(self._waiting) > self.most_bytes:
            raise ConnectionAbortedError("the client reads too slowly")

    def end(self) -> None:
        """Say that the answer is complete; nothing may be written after it."""
        if not self.is_ending:
            self.is_ending = True
            if self.is_chunked:
                self._waiting += b"0\r\n\r\n"
            self.flush()

    def flush(self) -> None:
        """Write what waits, as far as the client reads. Raises ``OSError``."""
        while self._waiting:
            try:
                sent = self.sock.send(self._waiting)
            except BlockingIOError:
                return
            del self._waiting[:sent]

    def is_gone(self) -> bool:
        """Read what the client sends, which means nothing, and tell whether it has gone."""
        try:
            return not self.sock.recv(_READ_BYTES)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def close(self) -> None:
        """Let the client have what was sent, and end the connection."""
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()
