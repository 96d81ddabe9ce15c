"""Small readers of JSON objects that may be wrong: each gives a value of the asked type, or what stands for none."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from workflowkit.definition.jsvalues import Json

_Choice = TypeVar("_Choice", bound=StrEnum)


def text(entry: Mapping[str, Json], key: str) -> str:
    """Return a text, ``""`` if there is none."""
    value = entry.get(key)
    return value if isinstance(value, str) else ""


def text_or_none(entry: Mapping[str, Json], key: str) -> str | None:
    """Return a text that is not empty."""
    return text(entry, key) or None


def mapping(entry: Mapping[str, Json], key: str) -> Mapping[str, Json]:
    """Return an object, an empty one if there is none."""
    value = entry.get(key)
    return value if isinstance(value, dict) else {}


def whole(value: Json, least: int, default: int) -> int:
    """Return a whole number of at least ``least``, else ``default``."""
    return value if type(value) is int and value >= least else default


def choice(options: type[_Choice], value: Json, default: _Choice) -> _Choice:
    """Return the option that ``value`` names."""
    return options(value) if isinstance(value, str) and value in tuple(options) else default
