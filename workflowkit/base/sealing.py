"""Values that are stored in another form than they are used in: encrypted. The store asks a ``Sealing`` on its way in
and out, and everything above it sees plain values.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from workflowkit.base.errors import WorkflowKitError

#: The member that tells a sealed value from any other; its value is the version of the form.
MARKER = "__workflowkit_encrypted__"


class ValueUnreadable(WorkflowKitError):
    """A stored value is encrypted with a key that this process does not have."""

    code = "value-unreadable"


class Sealing(ABC):
    """Turns values into what is stored of them, and back. Thread-safe.

    ``place`` says where a value is stored: only there can it be opened again. ``event_field`` is the field of an
    event's data that is sealed.
    """

    event_field: str

    @abstractmethod
    def seal(self, value: Any, place: str) -> Any:
        """Return what is stored of a value."""

    @abstractmethod
    def open(self, value: Any, place: str) -> Any:
        """Return the value that something stored stands for; anything that was not sealed is that itself.

        Raises ``ValueUnreadable`` where a key is missing.
        """

    @abstractmethod
    def owns(self, value: Any) -> bool:
        """Tell whether something is sealed with a key that is known here."""


class LenientSealing(Sealing):
    """Another sealing, for people who look: what cannot be opened is shown as it is stored."""

    def __init__(self, sealing: Sealing) -> None:
        self._sealing = sealing
        self.event_field = sealing.event_field

    def seal(self, value: Any, place: str) -> Any:
        return self._sealing.seal(value, place)

    def open(self, value: Any, place: str) -> Any:
        try:
            return self._sealing.open(value, place)
        except ValueUnreadable:
            return value

    def owns(self, value: Any) -> bool:
        return self._sealing.owns(value)


def is_sealed(value: Any) -> bool:
    """Tell whether a value as it is stored is sealed."""
    return type(value) is dict and MARKER in value


def seal_event_data(sealing: Sealing, name: str, data: Mapping[str, Any], place: str) -> dict[str, Any]:
    """Return what is stored of the data of an event.

    The engine's own events about runs have the run's output in them, which is sealed too, and the event that started
    it: whoever could not open that has put it there as it is stored.
    """
    kept = dict(data)
    _replace(kept, sealing.event_field, lambda value: sealing.seal(value, place))
    if _is_about_run(name, kept):
        _replace(kept, "output", lambda value: sealing.seal(value, place))
        _replace(kept, "event", lambda event: _seal_inner(sealing, event, place))
    return kept


def open_event_data(sealing: Sealing, name: str, data: Mapping[str, Any], place: str) -> dict[str, Any]:
    """Return the data of an event from what is stored of it. Raises ``ValueUnreadable``."""
    kept = dict(data)
    _replace(kept, sealing.event_field, lambda value: sealing.open(value, place))
    if _is_about_run(name, kept):
        _replace(kept, "output", lambda value: sealing.open(value, place))
        _replace(kept, "event", lambda event: _with_data(event, lambda n, d: open_event_data(sealing, n, d, place)))
    return kept


def hide(sealing: Sealing | None, event: dict[str, Any]) -> dict[str, Any]:
    """Return an event as conditions may see it: without the field that is sealed."""
    data = event.get("data")
    if sealing is None or not isinstance(data, Mapping) or sealing.event_field not in data:
        return event
    return {**event, "data": {**data, sealing.event_field: None}}


def _seal_inner(sealing: Sealing, event: Any, place: str) -> Any:
    def seal(name: str, data: Mapping[str, Any]) -> dict[str, Any]:
        sealed = seal_event_data(sealing, name, data, place)
        for field in (sealing.event_field, "output"):
            if sealing.owns(data.get(field)):
                sealed[field] = data[field]
        return sealed

    return _with_data(event, seal)


def _with_data(event: Any, change: Any) -> Any:
    if not isinstance(event, Mapping) or not isinstance(event.get("data"), Mapping):
        return event
    return {**event, "data": change(str(event.get("name")), event["data"])}


def _is_about_run(name: str, data: Mapping[str, Any]) -> bool:
    return name.startswith("workflow/run.") and "run_id" in data and "workflow_id" in data


def _replace(data: dict[str, Any], field: str, change: Any) -> None:
    if data.get(field) is not None:
        data[field] = change(data[field])
