"""What validation and input checking need to know of an action: its public half. ``registry.ActionSpec`` has it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol


class OfferedEdge(Protocol):
    """An edge that the editor offers below an action, with its ``conditional`` as in a document."""

    @property
    def name(self) -> str: ...

    @property
    def conditional(self) -> Mapping[str, Any]: ...


class OfferedEdges(Protocol):
    """Which edges may leave an action: the offered ones and, with ``allow_add``, any other."""

    @property
    def allow_add(self) -> bool: ...

    @property
    def edges(self) -> Sequence[OfferedEdge]: ...


class ActionType(Protocol):
    """The public half of an action. ``inputs`` is the JSON Schema of an object, ``outputs`` that of any value."""

    @property
    def kind(self) -> str: ...

    @property
    def inputs(self) -> Mapping[str, Any]: ...

    @property
    def outputs(self) -> Mapping[str, Any] | None: ...

    @property
    def edges(self) -> OfferedEdges: ...


class ActionCatalogue(Protocol):
    """The actions that documents may use."""

    def get(self, kind: str) -> ActionType | None:
        """Return the action of a kind, ``None`` if there is none."""
        ...

    def kinds(self) -> Iterable[str]:
        """Return the kinds that exist."""
        ...
