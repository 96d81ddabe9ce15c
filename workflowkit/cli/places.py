"""Where in a JSON text the value of a pointer stands."""

from __future__ import annotations

import json
import re

_SPACE = re.compile(r"[ \t\r\n]*")
_decoder = json.JSONDecoder()


def locate(text: str, pointer: str) -> tuple[int, int] | None:
    """Return line and column, from 1, of the value at ``pointer``, or of the innermost one around it that exists.

    ``None`` for text that is no JSON. Keys that stand twice: the first.
    """
    position = _after_space(text, 0)
    try:
        for token in pointer.split("/")[1:]:
            child = _find_child(text, position, token.replace("~1", "/").replace("~0", "~"))
            if child is None:
                break
            position = child
    except (ValueError, IndexError, StopIteration, RecursionError):
        return None
    line_start = text.rfind("\n", 0, position) + 1
    return text.count("\n", 0, position) + 1, position - line_start + 1


def _find_child(text: str, position: int, token: str) -> int | None:
    """Return where the member or element of the container at ``position`` begins."""
    opening = text[position]
    if opening not in "{[":
        return None
    index, position = 0, _after_space(text, position + 1)
    while text[position] not in "}]":
        key = str(index)
        if opening == "{":
            key, position = _decoder.raw_decode(text, position)
            position = _after_space(text, _after_space(text, position) + 1)  # the colon
        if key == token:
            return position
        _, position = _decoder.raw_decode(text, position)
        position = _after_space(text, position)
        if text[position] == ",":
            position = _after_space(text, position + 1)
        index += 1
    return None


def _after_space(text: str, position: int) -> int:
    found = _SPACE.match(text, position)
    return position if found is None else found.end()
