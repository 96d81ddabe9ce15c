"""Pages of a list: opaque cursors that say behind which item to go on."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from workflowkit.api.services import Services
from workflowkit.base.errors import InvalidInput

Record = TypeVar("Record")


@dataclass(frozen=True, slots=True)
class Page:
    """What a request asks for: at most ``limit`` items, behind the item named ``after`` (the first ones: ``None``)."""

    limit: int
    after: str | None

    @classmethod
    def asked(cls, query: Mapping[str, Any]) -> Page:
        """Read ``limit`` and ``cursor`` of a checked query. Raises ``InvalidInput`` for a cursor that is not ours."""
        most = Services.current().limits.page_size
        given = query.get("cursor")
        return cls(min(query.get("limit", most), most), None if given is None else _decode(given))

    @property
    def fetch(self) -> int:
        """How many items to read: one more than shown tells whether there are more."""
        return self.limit + 1

    def show(
        self, records: Sequence[Record], show: Callable[[Record], Any], name: Callable[[Record], str]
    ) -> dict[str, Any]:
        """Return the answer for up to ``fetch`` records; ``name`` gives what the cursor refers to."""
        shown = records[: self.limit]
        more = len(records) > self.limit
        return {"items": [show(record) for record in shown], "next_cursor": cursor(name(shown[-1])) if more else None}


def cursor(name: str) -> str:
    """Return the cursor that leads behind the item with a name."""
    return urlsafe_b64encode(name.encode()).decode().rstrip("=")


def _decode(given: str) -> str:
    try:
        name = urlsafe_b64decode(given.encode() + b"=" * (-len(given) % 4)).decode()
    except (binascii.Error, UnicodeError, ValueError):
        name = ""
    if not name or not name.isprintable() or cursor(name) != given:
        raise InvalidInput.at("/query/cursor", "invalid-value", "take the cursor from next_cursor")
    return name
