"""What ``ctx.step.run`` is to type checkers: its arguments are the function's, its result is JSON, as it is kept.

A ``ParamSpec`` knows all arguments of a function and lets no others stand beside them; a ``TypeVarTuple`` knows those
by place, and leaves room for the keywords of the step. So every kind of result has an overload of the first kind, for
calls without such keywords, and some of the second. No call fits both: mypy would take what an argument ``Any`` leaves
open, such as all that comes from an event, for ``Any``. That is why one keyword of each of the second is required.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import date, time
from decimal import Decimal
from typing import (
    Any,
    ClassVar,
    Generic,
    ParamSpec,
    Protocol,
    Required,
    TypeAlias,
    TypedDict,
    TypeVar,
    TypeVarTuple,
    final,
)
from uuid import UUID

P = ParamSpec("P")
Ts = TypeVarTuple("Ts")
#: The same before and after it was kept.
PlainJson = TypeVar("PlainJson", bound=bool | int | float | str | list[Any] | Mapping[str, Any] | None)
#: Of none of the kinds below. Were it ``Any``, mypy would have the others for it too where ``Any`` is a part of them.
Other = TypeVar("Other")
#: What ``output_type`` reads back.
Typed = TypeVar("Typed")
#: What a step gives.
Kept = TypeVar("Kept")

Object = dict[str, Any]
Objects = list[dict[str, Any]]
#: Kept as a list.
Items = tuple[Any, ...]
#: Kept as text.
Text = date | time | Decimal | UUID
OrAwaitable: TypeAlias = Kept | Awaitable[Kept]


class Dataclass(Protocol):
    """An instance of a dataclass: kept as an object."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


class Model(Protocol):
    """An instance of a pydantic model: kept as an object."""

    def model_dump(self) -> dict[str, Any]: ...


Record = Dataclass | Model


@final
class AnyResult:
    """Stands for the result of a function without types. Type checkers name it in messages about wrong arguments."""


class OwnKeywords(TypedDict, Generic[Kept], total=False):
    """The keywords of ``ctx.step.run`` that are for the step; ``compensate`` is called with what the step gives."""

    key: str | int | None
    retries: int | None
    compensate: Callable[[Kept], object] | None


class Keyed(TypedDict, Generic[Kept], total=False):
    """Those of a step with a key."""

    key: Required[str | int | None]
    retries: int | None
    compensate: Callable[[Kept], object] | None


class Retried(TypedDict, Generic[Kept], total=False):
    """Those of a step without one that has retries of its own."""

    retries: Required[int | None]
    compensate: Callable[[Kept], object] | None


class Undone(TypedDict, Generic[Kept]):
    """Those of a step that has nothing but what undoes it."""

    compensate: Callable[[Kept], object] | None
