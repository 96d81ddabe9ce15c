"""Server-sent events, read as a browser reads them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Received:
    """An event of a stream, and the last id when it came."""

    event: str
    data: Any
    id: str


class Reader:
    """Takes a stream apart, piece by piece. ``last_id`` is what a client comes back with."""

    def __init__(self) -> None:
        self.last_id = ""
        self.retry_ms = 0
        self._rest = ""

    def feed(self, text: str) -> Iterator[Received]:
        """Return the events that are complete now."""
        *blocks, self._rest = (self._rest + text).split("\n\n")
        for block in blocks:
            yield from self._read(block.split("\n"))

    def _read(self, lines: Iterable[str]) -> Iterator[Received]:
        name, data = "message", None
        for line in lines:
            field, _, value = line.partition(": ")
            if field == "id":
                self.last_id = value
            elif field == "event":
                name = value
            elif field == "data":
                data = value
            elif field == "retry":
                self.retry_ms = int(value)
        if data is not None:
            yield Received(name, json.loads(data), self.last_id)


def read(text: str) -> list[Received]:
    """Return the events of a whole stream."""
    reader = Reader()
    found = list(reader.feed(text))
    assert reader._rest == "", "the stream ends in the middle of an event"
    return found
