"""How a stream is written, and what its client may say; the one of server-sent events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from workflowkit.runtime.following import News
from workflowkit.streams import frames


@dataclass(frozen=True, slots=True)
class Heard:
    """What is answered to a client that said something, and whether that was the end."""

    answer: bytes = b""
    is_over: bool = False


class Dialect(Protocol):
    """One stream's way of writing. Not shared between streams."""

    @property
    def is_lasting(self) -> bool:
        """Whether its client would not come back, so that only the client ends it, or the server."""

    @property
    def linger_seconds(self) -> float:
        """How long after the end of a run something may still be published that belongs to it."""

    def told(self, news: News) -> bytes:
        """Return what is written of news."""

    def heartbeat(self) -> bytes:
        """Return what keeps the stream from looking dead. Raises ``OSError`` where the client is."""

    def end(self) -> bytes:
        """Return what says that nothing follows."""

    def heard(self, data: bytes) -> Heard:
        """Return what comes of bytes from the client."""


class ServerSentEvents:
    """Events of a stream, each with its place. ``is_chunked``: as an answer of HTTP/1.1 without a length."""

    is_lasting = False
    linger_seconds = 0.0

    def __init__(self, *, is_chunked: bool) -> None:
        self._is_chunked, self._is_placed = is_chunked, False

    def told(self, news: News) -> bytes:
        """Return what is new, behind what lets the client know its place."""
        data = self._written(news)
        if not self._is_placed:
            self._is_placed = True
            data = frames.place_frame(news.place) + data
        return self._framed(data) if data else b""

    def heartbeat(self) -> bytes:
        """Return a comment."""
        return self._framed(frames.HEARTBEAT)

    def end(self) -> bytes:
        """Return the end of the answer."""
        return b"0\r\n\r\n" if self._is_chunked else b""

    def heard(self, data: bytes) -> Heard:
        """Return nothing: clients of these streams have nothing to say."""
        return Heard()

    def _written(self, news: News) -> bytes:
        return frames.frames(news)

    def _framed(self, data: bytes) -> bytes:
        return b"%X\r\n%b\r\n" % (len(data), data) if self._is_chunked else data
