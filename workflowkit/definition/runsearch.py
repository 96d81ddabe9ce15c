"""What people look for in runs: conditions on the event that started a run and on its output. Pure.

A search has one condition per line, and all of them must hold. Each is an expression (``definition.cel``) over
``event.id``, ``.name``, ``.ts``, ``.v`` and ``.data``, and over ``output``, which of a failed run is its error. A text
may have to stand in one of their values besides, in capital letters or not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from workflowkit.base import jsonvalue
from workflowkit.base.errors import ExpressionError, InvalidInput
from workflowkit.base.limits import DEFAULT_LIMITS, Limits
from workflowkit.base.sealing import is_sealed
from workflowkit.definition.cel import Constant, Equality, Expression, Path, compile_expression, read_path
from workflowkit.definition.model import Json

#: What of an event can be looked at.
EVENT_MEMBERS = ("id", "name", "ts", "v", "data")
_VARIABLES = frozenset({"event", "output"})
#: ``event.data.<field>``: shorter paths are not of something in the data.
_SHORTEST_DATA_PATH = 3
#: What is the same in any database, small letters or capitals, and in JSON.
_PLAIN = re.compile(r"[ !#-\[\]-~]+")


@dataclass(frozen=True, slots=True)
class RunSearch:
    """Conditions, ready to be held against any number of runs.

    ``event_name`` and ``fragments`` follow from them: the name that the event must have, and pieces of text that the
    JSON of its data must contain, so that most events need not be read. ``contains`` is a text that must stand in a
    value of the event or of the output, whatever its case, and ``clue`` the piece of it that what is stored of them
    must contain, in small letters; ``None`` if no piece of it is sure to.
    """

    lines: tuple[Expression, ...]
    event_name: str | None
    fragments: tuple[str, ...]
    contains: str | None = None
    clue: str | None = None

    @property
    def reads_event(self) -> bool:
        return self._reads("event")

    @property
    def reads_output(self) -> bool:
        return self._reads("output")

    def _reads(self, name: str) -> bool:
        return self.contains is not None or any(name in line.variables for line in self.lines)

    def matches(self, values: Mapping[str, Json]) -> bool:
        """Tell whether all conditions hold. Raises ``ExpressionError`` where one cannot be evaluated."""
        return (self.contains is None or _stands_in(self.contains, values)) and all(
            line.matches(values) for line in self.lines
        )


def parse_search(
    text: str | None, contains: str | None = None, *, limits: Limits = DEFAULT_LIMITS, pointer: str = ""
) -> RunSearch:
    """Return the search for what the conditions in ``text`` hold for, and ``contains`` stands in; one of them is given.

    Raises ``InvalidInput`` at ``pointer/where``, with line and character, and at ``pointer/contains``.
    """
    lines = () if text is None else _parsed(text, limits, f"{pointer}/where")
    equalities = [each for line in lines for each in line.equalities]
    names = [each.right.value for each in equalities if _is_name(each) and isinstance(each.right, Constant)]
    name = _text(names[0]) if names else None
    if contains is None:
        return RunSearch(lines, name, tuple(_fragments(equalities)))
    wanted = contains.strip()
    if not wanted or len(wanted) > limits.expression_chars:
        raise _refused(f"{pointer}/contains", f"write a text of 1 to expression_chars = {limits.expression_chars}")
    clue = max(_PLAIN.findall(wanted), key=len, default=None)
    return RunSearch(lines, name, tuple(_fragments(equalities)), wanted.casefold(), clue and clue.lower())


def _parsed(text: str, limits: Limits, pointer: str) -> tuple[Expression, ...]:
    if len(text) > limits.expression_chars:
        raise _refused(pointer, f"longer than expression_chars = {limits.expression_chars} characters")
    lines = tuple(_compiled(number, line, limits, pointer) for number, line in _written(text))
    if not lines:
        raise _refused(pointer, "write a condition, such as event.data.order_id == 'A-17'")
    return lines


def parse_column(text: str, *, limits: Limits = DEFAULT_LIMITS, pointer: str = "") -> Path:
    """Return the path to a value of a run, such as ``event.data.order_id``. Raises ``InvalidInput`` at ``pointer``."""
    path = read_path(text, limits=limits)
    if path is None or path.steps[0] not in _VARIABLES:
        raise InvalidInput.at(
            pointer, "invalid-value", "a column is a path such as event.data.order_id or output.total"
        )
    if path.steps[0] == "event" and path.steps[1:2] and path.steps[1] not in EVENT_MEMBERS:
        raise InvalidInput.at(pointer, "invalid-value", f"an event has {', '.join(EVENT_MEMBERS)}")
    return path


def value_at(path: Path, values: Mapping[str, Json]) -> Json:
    """Return what a path leads to; null if it leads nowhere."""
    found: Json = dict(values)
    for step in path.steps:
        if isinstance(found, Mapping) and isinstance(step, str):
            found = found.get(step)
        elif isinstance(found, list) and type(step) is int and 0 <= step < len(found):
            found = found[step]
        else:
            return None
    return found


def _stands_in(wanted: str, values: Mapping[str, Json]) -> bool:
    """Tell whether a text stands in a value of the event or the output. Names of members are none."""
    event = values.get("event")
    left: list[Json] = [values.get("output")]
    if isinstance(event, Mapping):
        left += [event.get(name) for name in ("id", "name", "data")]
    while left:
        value = left.pop()
        if is_sealed(value):
            continue
        if isinstance(value, Mapping):
            left += value.values()
        elif isinstance(value, list):
            left += value
        elif value is not None and not isinstance(value, bool):
            # A number as it is stored, and shown.
            text = value if isinstance(value, str) else jsonvalue.dumps(value)
            if wanted in text.casefold():
                return True
    return False


def _written(text: str) -> Iterator[tuple[int, str]]:
    """Return the lines that say something, numbered as a person counts them."""
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield number, line


def _compiled(number: int, line: str, limits: Limits, pointer: str) -> Expression:
    try:
        compiled = compile_expression(line, limits=limits)
    except ExpressionError as error:
        where = f"line {number}" if error.position is None else f"line {number}, character {error.position + 1}"
        raise _refused(pointer, f"{where}: {error.message}") from error
    if unknown := sorted(compiled.variables - _VARIABLES):
        raise _refused(pointer, f"line {number}: there is no {unknown[0]!r} here, only event and output")
    if wrong := sorted(name for where, name in compiled.members if where == "event" and name not in EVENT_MEMBERS):
        raise _refused(pointer, f"line {number}: an event has {', '.join(EVENT_MEMBERS)}, and no {wrong[0]!r}")
    if not compiled.variables:
        raise _refused(pointer, f"line {number}: it asks for nothing of a run; say something of event or output")
    return compiled


def _is_name(each: Equality) -> bool:
    return each.left.steps == ("event", "name") and _text(_constant(each)) is not None


def _fragments(equalities: list[Equality]) -> Iterator[str]:
    """Return what the stored JSON must contain: our own writer spells a member in one way only.

    Texts only: a number has several spellings.
    """
    for each in equalities:
        steps, text = each.left.steps, _text(_constant(each))
        if text is None or len(steps) < _SHORTEST_DATA_PATH or steps[:2] != ("event", "data"):
            continue
        spelled = jsonvalue.dumps(text)
        yield f"{jsonvalue.dumps(steps[-1])}:{spelled}" if isinstance(steps[-1], str) else spelled


def _constant(each: Equality) -> Json:
    return each.right.value if isinstance(each.right, Constant) else None


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) else None


def _refused(pointer: str, message: str) -> InvalidInput:
    return InvalidInput.at(pointer, ExpressionError.code, message)
