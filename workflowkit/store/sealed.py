"""JSON of values that an application may want to have encrypted: on its way into a column, and out of it."""

from __future__ import annotations

from typing import Any

from workflowkit.base import jsonvalue
from workflowkit.base.sealing import Sealing


def seal_text(sealing: Sealing | None, text: str | None, place: str) -> str | None:
    """Return the JSON that is stored of a value, from its own JSON."""
    if text is None or sealing is None:
        return text
    return jsonvalue.dumps(sealing.seal(jsonvalue.loads(text), place))


def open_text(sealing: Sealing | None, text: str | None, place: str) -> Any:
    """Return the value from the JSON that is stored of it. Raises ``ValueUnreadable``."""
    value = None if text is None else jsonvalue.loads(text)
    return value if sealing is None else sealing.open(value, place)
