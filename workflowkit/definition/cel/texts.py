"""Functions of texts and lists. Each takes the frame and values of the kinds that the table in ``functions`` declares
for it; what they make is paid for before it is made.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from workflowkit.base.errors import ExpressionError
from workflowkit.definition.cel.budget import Frame
from workflowkit.definition.cel.export import text_of
from workflowkit.definition.cel.values import Value, is_member, kind_name


def size(frame: Frame, value: Any) -> int:
    """Count characters, items or keys."""
    return len(value)


def lowercase(frame: Frame, text: str) -> str:
    """Change every letter, in all scripts."""
    return text.lower()


def uppercase(frame: Frame, text: str) -> str:
    """Change every letter, in all scripts."""
    return text.upper()


def ascii_only(change: Callable[[str], str]) -> Callable[[Frame, str], str]:
    """Make a function that changes A to Z and leaves other letters alone."""
    table = {code: change(chr(code)) for code in range(128)}
    return lambda frame, text: text.translate(table)


def contains(frame: Frame, container: Any, part: Value) -> bool:
    """Return whether a text has a part, or a list an item."""
    if type(container) is list:
        return bool(is_member(part, container, frame))
    if type(part) is not str:
        raise ExpressionError(f"contains() of a text cannot take {kind_name(part)}")
    return part in container


def starts_with(frame: Frame, text: str, prefix: str) -> bool:
    """Return whether ``text`` begins with ``prefix``."""
    return text.startswith(prefix)


def ends_with(frame: Frame, text: str, suffix: str) -> bool:
    """Return whether ``text`` ends with ``suffix``."""
    return text.endswith(suffix)


def trim(frame: Frame, text: str) -> str:
    """Remove white space at both ends."""
    return text.strip()


def split(frame: Frame, text: str, separator: str) -> list[str]:
    """Cut a text at every separator; an empty one cuts it into characters."""
    frame.spend(text.count(separator) if separator else len(text))
    return text.split(separator) if separator else list(text)


def join(frame: Frame, items: list[Value], separator: str = "") -> str:
    """Put the texts of the items together."""
    frame.spend(len(items))
    texts = [text_of(item, frame) for item in items]
    frame.admit_text(sum(map(len, texts)) + len(separator) * len(texts))
    return separator.join(texts)


def replace(frame: Frame, text: str, old: str, new: str) -> str:
    """Replace every occurrence."""
    frame.admit_text(len(text) + text.count(old) * len(new))
    return text.replace(old, new)
