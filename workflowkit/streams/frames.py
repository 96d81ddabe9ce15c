"""What is written to a stream: server-sent events (WHATWG HTML, section 9.2) as bytes."""

from __future__ import annotations

from workflowkit.base import jsonvalue
from workflowkit.base.jsonvalue import Json
from workflowkit.runtime.following import News, Place

#: How long a client waits before it comes back to a stream, and to a server that can only be polled.
RETRY_MS, POLLING_RETRY_MS = 1_000, 2_000
#: Keeps proxies from ending a stream on which nothing happens.
HEARTBEAT = b":\n\n"
#: Nothing will follow: the run has ended.
END = b'event: end\ndata: {"reason":"run-ended"}\n\n'


def opening(retry_ms: int) -> bytes:
    """Return the first bytes of a stream."""
    return f"retry: {retry_ms}\n\n".encode()


def place_frame(place: Place) -> bytes:
    """Return what lets a client know its place, without telling it anything."""
    return f"id: {place}\n\n".encode()


def frame(event: str, data: Json) -> bytes:
    """Return one event that has no place."""
    # One line: JSON has no line breaks of its own.
    return f"event: {event}\ndata: {jsonvalue.dumps(data)}\n\n".encode()


def frames(news: News) -> bytes:
    """Return everything that there is to tell, each with the place that is reached with it."""
    parts = []
    for told in news.told:
        # One line: JSON has no line breaks of its own.
        head = f"id: {told.place}\nevent: {told.event}\ndata: "
        parts.append(head.encode() + jsonvalue.dumps(told.data).encode() + b"\n\n")
    if news.is_over:
        parts.append(END)
    return b"".join(parts)
