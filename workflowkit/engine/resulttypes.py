"""What results of steps are to type checkers: JSON, as which they are kept, unless ``output_type`` reads them back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, time
from typing import Any, ClassVar, Protocol, TypeVar

#: The same before and after it was kept.
PlainJson = TypeVar("PlainJson", bound=bool | int | float | str | list[Any] | Mapping[str, Any] | None)
Typed = TypeVar("Typed")
#: Kept as text.
Moment = date | time


class Dataclass(Protocol):
    """An instance of a dataclass: kept as an object."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


class Model(Protocol):
    """An instance of a pydantic model: kept as an object."""

    def model_dump(self) -> dict[str, Any]: ...


Record = Dataclass | Model
