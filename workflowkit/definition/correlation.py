"""Which later event belongs to something that waits: a condition split into an index key and what is left to evaluate.

Ten thousand runs may wait for one event name, each for the event that carries its own id. Evaluating ten thousand
conditions for every event would be slow, so the part of a condition that says "this place in the later event equals
this value" becomes a key, found by an index. ``split`` gives it when the wait begins, ``value_at`` and ``index_key``
when the event comes.

The value takes the way of data all along: it is compared and hashed, and never becomes the text of an expression (S1).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from workflowkit.base.errors import ExpressionError
from workflowkit.base.jsonvalue import canonical, dumps, loads
from workflowkit.base.limits import DEFAULT_LIMITS, Limits
from workflowkit.definition.cel import Expression, Policy, compile_expression, read_path
from workflowkit.definition.cel.conjunction import Conjunct, conjuncts
from workflowkit.definition.eventdata import unknown_in_event
from workflowkit.definition.model import Json

#: What the later event is called in the conditions of waits and of cancellations.
LATER: Final = "async"
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_STEP = re.compile(r'\.?([A-Za-z_][A-Za-z0-9_]*)|\[([0-9]+)\]|\[("(?:[^"\\]|\\.)*")\]')
_EXACT_WHOLE = 2**53
#: Paths are keys of an index, whose entries PostgreSQL limits to about 2,700 bytes; an event's name stands beside them.
MAX_PATH_BYTES: Final = 512


@dataclass(frozen=True, slots=True)
class Correlation:
    """A condition, split. It is true if what stands at ``path`` equals ``value``, and ``rest`` is true.

    ``path`` is the place in the later event in the spelling that ``value_at`` reads, ``None`` if the condition asks for
    no such equality. ``rest`` is an expression of the author's own text, ``None`` if the equality says it all.
    """

    path: str | None
    value: Json
    rest: str | None


def split(
    text: str,
    *,
    known: Mapping[str, Json],
    policy: Policy = "restricted",
    limits: Limits = DEFAULT_LIMITS,
) -> Correlation:
    """Split the condition ``text``, in which ``known`` are the variables with values and ``async`` is still to come.

    Of several equalities it takes the first whose value comes from ``known`` and is not null, since a constant is the
    same for everybody who waits; one whose path is longer than ``MAX_PATH_BYTES`` stays in ``rest``, as does a part
    that cannot be evaluated. What is known to be true is dropped, and of what is known to be false ``rest`` is just
    that. Raises ``ExpressionError`` if ``text`` does not compile.
    """
    found = [(piece, piece.truth(known)) for piece in _pieces(text, policy, limits)]
    if any(truth is False for _, truth in found):
        return Correlation(None, None, "false")
    pieces = [piece for piece, truth in found if truth is None]
    usable = [(piece, value) for piece in pieces if (value := piece.value(known)) is not _UNUSABLE]
    chosen, value = min(usable, key=lambda found: found[1] is None or found[0].is_constant) if usable else (None, None)
    rest = " && ".join(piece.text for piece in pieces if piece is not chosen)
    return Correlation(None if chosen is None else chosen.path, value, rest or None)


@lru_cache(maxsize=1024)
def match_condition(path: str) -> str:
    """Return the condition that ``match: "data.id"`` stands for: what is null or missing matches nothing.

    Raises ``ExpressionError`` if it is no plain path.
    """
    place = _spelled(_steps_into_event(path))
    return f"{LATER}{place} == event{place} && event{place} != null"


def plain_path(path: str) -> str:
    """Return the spelling of a path into an event that ``value_at`` reads.

    Raises ``ExpressionError`` if it is no plain path.
    """
    return _written(_steps_into_event(path))


def unmatched_reason(path: str) -> str | None:
    """Return why nothing can ever stand at a plain path into an event; ``None`` if something may.

    Raises ``ExpressionError`` if it is no plain path.
    """
    return unknown_in_event(str(_steps_into_event(path)[0]), path)


def _steps_into_event(path: str) -> tuple[str | int, ...]:
    found = read_path(f"event.{path}")
    if found is None or found.steps[0] != "event":
        raise ExpressionError("expected a path into the event, such as data.id")
    if len(path.encode()) > MAX_PATH_BYTES:
        raise ExpressionError(f"longer than {MAX_PATH_BYTES} bytes")
    return found.steps[1:]


def value_at(value: Json, path: str) -> Json:
    """Return what stands at ``path`` in the later event, as an expression would see it: null if there is nothing."""
    for step in _read_steps(path):
        if type(step) is str and type(value) is dict:
            value = value.get(step)
        elif type(step) is int and type(value) is list and step < len(value):
            value = value[step]
        else:
            return None
    return value


def index_key(path: str, value: Json) -> str:
    """Return the key of an equality: the same for values that are equal in expressions, another for all others."""
    return hashlib.sha256(canonical([path, _normal(value)])).hexdigest()


def _normal(value: Json) -> Json:
    """Return the one spelling of equal values: ``1.0`` is ``1``, and ``true`` is not."""
    if type(value) is float and value.is_integer() and abs(value) <= _EXACT_WHOLE:
        return int(value)
    if type(value) is list:
        return [_normal(item) for item in value]
    if type(value) is dict:
        return {key: _normal(item) for key, item in value.items()}
    return value


# --- splitting

_UNUSABLE: Final = object()


@dataclass(frozen=True, slots=True, eq=False)
class _Piece:
    """One piece of a condition and, if it is ``<later>.<path> == <other>``, its two sides; else all of it."""

    text: str
    path: str | None = None
    other: Expression | None = None
    whole: Expression | None = None

    @property
    def is_constant(self) -> bool:
        return self.other is not None and not self.other.variables

    def truth(self, known: Mapping[str, Json]) -> bool | None:
        """Return whether it holds, ``None`` if that is not known yet."""
        if self.whole is None or not self.whole.variables <= known.keys():
            return None
        try:
            return self.whole.matches(known)
        except ExpressionError:
            return None

    def value(self, known: Mapping[str, Json]) -> Json:
        """Return the value of the other side, ``_UNUSABLE`` if there is none that JSON can hold."""
        if self.other is None or not self.other.variables <= known.keys():
            return _UNUSABLE
        try:
            return self.other.evaluate_exactly(known)
        except ExpressionError:
            return _UNUSABLE


@lru_cache(maxsize=1024)
def _pieces(text: str, policy: Policy, limits: Limits) -> tuple[_Piece, ...]:
    compile_expression(text, limits=limits, policy=policy)
    return tuple(_piece(found, limits) for found in conjuncts(text, limits))


def _piece(found: Conjunct, limits: Limits) -> _Piece:
    for side, other in () if found.sides is None else (found.sides, found.sides[::-1]):
        path = read_path(side, limits=limits)
        if path is not None and path.steps[0] == LATER and len(path.steps) > 1:
            written = _written(path.steps[1:])
            if len(written.encode()) <= MAX_PATH_BYTES:
                return _Piece(found.text, written, compile_expression(other, limits=limits))
    return _Piece(found.text, whole=compile_expression(found.text, limits=limits))


def _written(steps: tuple[str | int, ...]) -> str:
    return _spelled(steps).removeprefix(".")


def _spelled(steps: tuple[str | int, ...]) -> str:
    return "".join(_spelled_step(step) for step in steps)


def _spelled_step(step: str | int) -> str:
    if type(step) is str and _PLAIN_NAME.match(step):
        return f".{step}"
    return f"[{dumps(step)}]"


@lru_cache(maxsize=4096)
def _read_steps(path: str) -> tuple[str | int, ...]:
    return tuple(_steps(path))


def _steps(path: str) -> Iterator[str | int]:
    place = 0
    while place < len(path):
        found = _STEP.match(path, place)
        if found is None:
            raise ValueError(f"not a path that split() made: {path!r}")
        name, index, quoted = found.groups()
        yield name if name is not None else int(index) if index is not None else loads(quoted)
        place = found.end()
