"""The functions an expression can call, as one table; nothing outside of it can be called.

The table's wrapper answers for absent arguments, refuses values of other kinds, and pays for the text that is read, so
a function itself sees values of the kinds it declares and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from workflowkit.base.errors import ExpressionError
from workflowkit.definition.cel import conversions, regex, texts
from workflowkit.definition.cel.budget import Frame
from workflowkit.definition.cel.times import DURATION_PARTS, TIMESTAMP_PARTS, shifted
from workflowkit.definition.cel.values import Value, is_absent, kind_name


@dataclass(frozen=True, slots=True)
class Function:
    """One function: how it is called and what it does.

    ``kinds`` are the Python types that each argument may have (a method's target first; none means any); the last
    ``optional`` of them may be left out. With an absent argument the answer is ``when_absent``. ``steps`` is what a
    call costs beyond reading its texts. ``restricted`` functions are allowed where only the restricted language is.
    """

    apply: Callable[..., Value]
    kinds: tuple[tuple[type, ...], ...]
    optional: int = 0
    when_absent: Value = False
    steps: int = 0
    reads_clock: bool = False
    restricted: bool = False

    def takes(self, count: int) -> bool:
        """Return whether the function can be called with so many arguments."""
        return len(self.kinds) - self.optional <= count <= len(self.kinds)

    def call(self, name: str, frame: Frame, arguments: list[Value]) -> Value:
        """Answer for evaluated arguments. Raises ``ExpressionError``, never with a value in its text."""
        for value, kinds in zip(arguments, self.kinds, strict=False):
            if is_absent(value):
                return self.when_absent
            kind = type(value)
            if kinds and kind not in kinds:
                raise ExpressionError(f"{name}() cannot take {kind_name(value)}")
            if kind is str:
                frame.spend_text(len(value))
        frame.spend(self.steps)
        return self.apply(frame, *arguments)


def _time_part(name: str) -> Callable[..., int]:
    def part(frame: Frame, value: Any, offset: str = "UTC") -> int:
        if type(value) is datetime:
            return TIMESTAMP_PARTS[name](shifted(value, offset))
        if name not in DURATION_PARTS:
            raise ExpressionError(f"{name}() cannot take duration")
        return DURATION_PARTS[name](value)

    return part


_ANY: Final[tuple[type, ...]] = ()
_TEXT: Final = (str,)
_TEXT_OR_NUMBER: Final = (str, int, float)
_TEXT_OR_TIME: Final = (str, int, float, datetime)
_TEXT_OR_DURATION: Final = (str, timedelta)
_SIZE: Final = Function(texts.size, ((str, list, dict),), when_absent=0)
_MATCHES: Final = Function(regex.matches, (_TEXT, _TEXT), steps=regex.COMPILE_STEPS)
#: Reading a date or a duration takes as long as a dozen comparisons.
_TIME_STEPS: Final = 12

#: ``name(…)``
FUNCTIONS: Final[dict[str, Function]] = {
    "size": _SIZE,
    "matches": _MATCHES,
    "int": Function(conversions.to_int, (_TEXT_OR_TIME,), restricted=True),
    "uint": Function(conversions.to_uint, (_TEXT_OR_TIME,), restricted=True),
    "double": Function(conversions.to_double, (_TEXT_OR_NUMBER,), restricted=True),
    "string": Function(conversions.to_string, (_ANY,)),
    "bool": Function(conversions.to_bool, ((bool, str),)),
    "type": Function(conversions.type_of, (_ANY,), when_absent="null_type"),
    "dyn": Function(conversions.unchanged, (_ANY,), when_absent=None),
    "date": Function(conversions.to_timestamp, (_TEXT_OR_TIME,), steps=_TIME_STEPS, restricted=True),
    "timestamp": Function(conversions.to_timestamp, (_TEXT_OR_TIME,), steps=_TIME_STEPS),
    "duration": Function(conversions.to_duration, (_TEXT_OR_DURATION,), steps=_TIME_STEPS, restricted=True),
    "now": Function(conversions.now, (), reads_clock=True),
    "now_plus": Function(
        conversions.now_plus, (_TEXT_OR_DURATION,), steps=_TIME_STEPS, reads_clock=True, restricted=True
    ),
    "now_minus": Function(
        conversions.now_minus, (_TEXT_OR_DURATION,), steps=_TIME_STEPS, reads_clock=True, restricted=True
    ),
    "lowercase": Function(texts.lowercase, (_TEXT,), when_absent=""),
    "uppercase": Function(texts.uppercase, (_TEXT,), when_absent=""),
    "b64decode": Function(conversions.b64decode, (_TEXT,)),
    "json_parse": Function(conversions.json_parse, (_TEXT,)),
}

#: ``target.name(…)``
METHODS: Final[dict[str, Function]] = {
    "size": _SIZE,
    "matches": _MATCHES,
    "contains": Function(texts.contains, ((str, list), _ANY)),
    "startsWith": Function(texts.starts_with, (_TEXT, _TEXT)),
    "endsWith": Function(texts.ends_with, (_TEXT, _TEXT)),
    "lowerAscii": Function(texts.ascii_only(str.lower), (_TEXT,), when_absent=""),
    "upperAscii": Function(texts.ascii_only(str.upper), (_TEXT,), when_absent=""),
    "trim": Function(texts.trim, (_TEXT,), when_absent=""),
    "split": Function(texts.split, (_TEXT, _TEXT)),
    "join": Function(texts.join, ((list,), _TEXT), optional=1),
    "replace": Function(texts.replace, (_TEXT, _TEXT, _TEXT)),
    **{name: Function(_time_part(name), ((datetime, timedelta), _TEXT), optional=1) for name in TIMESTAMP_PARTS},
}
