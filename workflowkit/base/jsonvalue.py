"""Strict JSON: what enters the system is parsed or checked here, once; inside, values are plain JSON and trusted.

The rules (R5, S7) are the same for text and for Python values: bounded size and depth, finite numbers,
whole numbers within ±2^53, no duplicate keys, no NUL and no lone surrogates. Whatever passes can be stored in SQLite
and in PostgreSQL's ``jsonb`` and read by JavaScript without changing its meaning; the rest would fail later, on every
retry.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate, islice
from json import JSONDecodeError, JSONDecoder
from math import inf, isfinite
from typing import Any, NoReturn

import orjson

from workflowkit.base.errors import InvalidInput, LimitExceeded, Problem

#: Any JSON value: ``None``, ``bool``, ``int``, ``float``, ``str``, or lists and string-keyed dicts of them.
Json = Any

#: The largest whole number that every JSON reader keeps exact (RFC 7493, section 2.2).
MAX_INTEGER = 2**53
DEFAULT_MAX_DEPTH = 64
#: A hostile document can be wrong in a million places; a reader needs a few of them.
MAX_PROBLEMS = 20

# A string that never ends counts as one: else each of its escaped quotes would be tried as a start, in quadratic time.
_STRING_OR_FILLER = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?+|[^\[\]{}"]++', re.DOTALL)
_NESTING_STEP = [0] * 256
for _bracket, _step in ((b"[", 1), (b"{", 1), (b"]", -1), (b"}", -1)):
    _NESTING_STEP[_bracket[0]] = _step
_DIGITS_AS_ZERO = bytes(ord("0") if chr(code).isdecimal() else ord(" ") for code in range(128)) + b" " * 128
_LONG_NUMBER = b"0" * len(str(MAX_INTEGER))


def loads_strict(
    data: bytes | str, *, max_bytes: int, max_depth: int = DEFAULT_MAX_DEPTH, limit: str = "json_bytes"
) -> Json:
    """Parse untrusted JSON text and return plain values.

    Raises ``LimitExceeded`` (named ``limit``) when ``data`` is longer than ``max_bytes`` in UTF-8, before any parsing,
    and ``InvalidInput`` with a pointer per problem; codes: ``invalid-json``, ``duplicate-key``, ``nul-character``,
    ``number-out-of-range``, ``lone-surrogate``, ``too-deep``. Linear in the size of ``data``, good or bad.
    """
    raw = _bounded_bytes(data, max_bytes, limit)
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return _loads_slowly(raw, max_depth)
    if _is_beyond_doubt(raw, value) and _is_within_depth(raw, value, max_depth):
        return value
    return _loads_slowly(raw, max_depth)


def check_json(value: object, *, max_depth: int = DEFAULT_MAX_DEPTH, max_bytes: int | None = None) -> None:
    """Hold a Python value against the rules of ``loads_strict``; return nothing.

    Types are exact: tuples, enums, dates and subclasses are no JSON. Raises ``InvalidInput`` (the codes of
    ``loads_strict`` and ``not-json``, ``key-not-text``) with pointers. ``max_bytes`` stops values that share parts and
    would be far larger as text than in memory: ``LimitExceeded`` as soon as the text is certain to be longer; it is
    no exact measure (``size_bytes`` is).
    """
    problems = list(islice(_find_problems(value, max_depth, max_bytes), MAX_PROBLEMS))
    if problems:
        raise InvalidInput(problems)


def dumps(value: Json) -> str:
    """Return compact JSON text of a value that keeps the rules. Raises ``InvalidInput`` if a part has no JSON form."""
    return _encode(value, 0).decode()


def loads(text: str | bytes) -> Json:
    """Parse text that this package wrote itself, with no further checks."""
    return orjson.loads(text)


def canonical(value: Json) -> bytes:
    """Return the one spelling (sorted keys, no spaces) of a value, for hashing and comparing."""
    return _encode(value, orjson.OPT_SORT_KEYS)


def size_bytes(value: Json) -> int:
    """Return the length of the value's compact JSON text in bytes."""
    return len(_encode(value, 0))


def child_pointer(pointer: str, token: str | int) -> str:
    """Extend an RFC 6901 pointer by one key or index."""
    return f"{pointer}/{str(token).replace('~', '~0').replace('/', '~1')}"


def pointer_to(path: Iterable[str | int]) -> str:
    """Return the RFC 6901 pointer to the end of a path of keys and indexes."""
    pointer = ""
    for token in path:
        pointer = child_pointer(pointer, token)
    return pointer


def _encode(value: Json, option: int) -> bytes:
    try:
        return orjson.dumps(value, option=option)
    except orjson.JSONEncodeError:
        check_json(value)
        raise


def _bounded_bytes(data: bytes | str, max_bytes: int, limit: str) -> bytes:
    if len(data) > max_bytes:
        raise LimitExceeded(limit, max_bytes, len(data))
    if isinstance(data, bytes):
        return data
    try:
        raw = data.encode()
    except UnicodeEncodeError as error:
        _refuse("lone-surrogate", f"the text has a lone surrogate at character {error.start}")
    if len(raw) > max_bytes:
        raise LimitExceeded(limit, max_bytes, len(raw))
    return raw


def _is_beyond_doubt(raw: bytes, value: Json) -> bool:
    """Return whether what orjson accepts is certain to be accepted by the rules; may say no to good text.

    orjson refuses NaN, infinities and lone surrogates by itself. It keeps the last of duplicate keys: a dropped member
    takes at least its colon with it, so equally many colons in the text and in its re-serialisation mean that nothing
    was dropped (``\\u003a`` would break the count). It turns whole numbers past 64 bits into floats.
    """
    if b"\\u00" in raw or _LONG_NUMBER in raw.translate(_DIGITS_AS_ZERO):
        return False
    return orjson.dumps(value).count(b":") == raw.count(b":")


def _is_within_depth(raw: bytes, value: Json, max_depth: int) -> bool:
    if raw.count(b"[") + raw.count(b"{") <= max_depth:
        return True
    level = [value]
    for _ in range(max_depth):
        level = [
            child
            for container in level
            for child in (container.values() if type(container) is dict else container)
            if type(child) is dict or type(child) is list
        ]
        if not level:
            return True
    return False


# --- text that is wrong, or looks so: the exact decision, with places


class _Refused:
    """Stands in a parsed value for something the parser met and the rules refuse."""

    __slots__ = ("code", "message")

    def __init__(self, code: str, message: str) -> None:
        self.code, self.message = code, message


def _loads_slowly(raw: bytes, max_depth: int) -> Json:
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        _refuse("invalid-json", f"not UTF-8: bad byte at offset {error.start}")
    # Before the recursive parser sees it, so that nesting cannot exhaust the stack.
    if _nesting(raw) > max_depth:
        _refuse("too-deep", f"nested more than {max_depth} levels deep")
    try:
        value = _decoder.decode(text)
    except JSONDecodeError as error:
        _refuse("invalid-json", f"line {error.lineno} column {error.colno}: {error.msg}")
    check_json(value, max_depth=max_depth)
    return value


def _nesting(raw: bytes) -> int:
    brackets = _STRING_OR_FILLER.sub(b"", raw)
    return max(accumulate(map(_NESTING_STEP.__getitem__, brackets)), default=0)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                members[key] = _Refused("duplicate-key", f"the key {_shown(key)} stands twice in one object")
            seen.add(key)
    return members


def _integer(text: str) -> int | _Refused:
    # int() takes quadratic time on long text, and refuses more than 4,300 digits.
    if len(text) > 17 or abs(number := int(text)) > MAX_INTEGER:
        return _Refused("number-out-of-range", f"{_shown(text)} is not within ±2^53")
    return number


def _decimal(text: str) -> float | _Refused:
    number = float(text)
    return number if isfinite(number) else _constant(text)


def _constant(text: str) -> _Refused:
    return _Refused("number-out-of-range", f"{_shown(text)} is not a finite number")


_decoder = JSONDecoder(object_pairs_hook=_object, parse_int=_integer, parse_float=_decimal, parse_constant=_constant)


def _refuse(code: str, message: str) -> NoReturn:
    raise InvalidInput.at("", code, message)


# --- Python values

#: A place in a value as a linked list, turned into a pointer only when there is something to report.
_Place = tuple[Any, str | int] | None


def _find_problems(value: object, max_depth: int, max_bytes: int | None) -> Iterator[Problem]:
    """Yield problems depth-first, so that a value that contains itself meets the depth limit at once."""
    # The value is looked at as the only member of a list, which takes no part in depth, size and pointers.
    bytes_left = inf if max_bytes is None else max_bytes + 1
    waiting: list[tuple[Any, int, _Place]] = [([value], 0, None)]
    while waiting:
        container, depth, place = waiting.pop()
        if depth > max_depth:
            yield Problem(_pointer(place), "too-deep", f"nested more than {max_depth} levels deep")
            return
        if type(container) is dict:
            yield from _key_problems(container, place)
        # Every member takes at least one character and a comma or bracket.
        bytes_left -= 2 * len(container)
        for key, child in container.items() if type(container) is dict else enumerate(container):
            kind = type(child)
            if kind is dict or kind is list:
                waiting.append((child, depth + 1, (place, key) if depth else None))
            elif kind is str and child.isascii() and "\0" not in child:
                bytes_left -= len(child)
            elif (fault := _scalar_fault(child)) is not None:
                yield Problem(_pointer((place, key) if depth else None), *fault)
        if bytes_left < 0:
            raise LimitExceeded("json_bytes", int(max_bytes or 0), pointer=_pointer(place))


def _key_problems(members: Mapping[Any, Any], place: _Place) -> Iterator[Problem]:
    for key in members:
        if type(key) is not str:
            yield Problem(_pointer(place), "key-not-text", f"the key {_shown(repr(key))} is not text")
        elif (fault := text_fault(key)) is not None:
            yield Problem(_pointer(place), fault[0], f"in the key {_shown(key)}: {fault[1]}")


def _scalar_fault(value: Any) -> tuple[str, str] | None:
    kind = type(value)
    if kind is int:
        return None if -MAX_INTEGER <= value <= MAX_INTEGER else ("number-out-of-range", "not within ±2^53")
    if kind is float:
        return None if isfinite(value) else ("number-out-of-range", f"{value} is not a finite number")
    if kind is bool or value is None:
        return None
    if kind is str:
        return text_fault(value)
    if kind is _Refused:
        return value.code, value.message
    return "not-json", f"{kind.__module__}.{kind.__qualname__} is not JSON".replace("builtins.", "")


def text_fault(text: str) -> tuple[str, str] | None:
    """Return code and message of why a text cannot be stored everywhere; ``None`` if it can."""
    if "\0" in text:
        return "nul-character", "text must not contain the character U+0000"
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            return "lone-surrogate", f"text has a lone surrogate at character {error.start}"
    return None


def _pointer(place: _Place) -> str:
    keys = []
    while place is not None:
        place, key = place
        keys.append(key)
    return pointer_to(reversed(keys))


def _shown(text: str) -> str:
    """Return untrusted text fit for a message: short, quoted, with nothing unprintable."""
    return ascii(text if len(text) <= 40 else text[:40] + "...")
