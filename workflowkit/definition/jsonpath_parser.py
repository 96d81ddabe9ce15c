"""From the text of a path to a ``Path``: a recursive descent over the grammar of RFC 9535, as far as ``jsonpath`` goes.

Every method reads its part from the cursor on or fails at the first character that does not fit, so that reading a
text full of broken references stays linear.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from workflowkit.base.errors import ExpressionError
from workflowkit.definition.jsonpath import (
    Filter,
    Index,
    Key,
    Member,
    Path,
    Segment,
    Selector,
    Slice,
    Wildcard,
    child,
)
from workflowkit.definition.jsvalues import CHARS_PER_VALUE, MISSING, Json, Spend, deep_equal, is_number

_NAME = re.compile(r"[A-Za-z0-9_\-\u0080-\U0010ffff]+")
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,15})(?![0-9])")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,15})(?:\.[0-9]{1,20})?(?:[eE][+-]?[0-9]{1,3})?(?![0-9.])")
_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"", re.DOTALL)
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_BLANKS = re.compile(r"[ \t\r\n]*")
_ESCAPES = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", "/": "/", "\\": "\\", "'": "'", '"': '"'}
_WORDS = {"true": True, "false": False, "null": None}
_COMPARISONS = ("==", "!=", "<=", ">=", "<", ">")
_MAX_FILTER_DEPTH = 32
#: So many names of a path inside a filter cost as much as one comparison.
_NAMES_PER_NODE = 4

Operand = Callable[[Json], Json]
Test = Callable[[Json, Spend], bool]


def parse_path(text: str, position: int = 0) -> tuple[Path, int]:
    """Parse the path that begins with the ``$`` at ``position``; return it and where it ends.

    The end is the first character that cannot continue the path; whether it may stand there is for the caller to say.
    Raises ``ExpressionError`` with the position of what is wrong.
    """
    parser = _Parser(text, position)
    parser.expect("$", "a path begins with $")
    segments = parser.segments()
    keys: list[Key] = []
    for segment in segments:
        if (key := segment.key) is None:
            break
        keys.append(key)
    return Path(tuple(keys), tuple(segments[len(keys) :])), parser.position


class _Parser:
    """A cursor over text with one method per rule of the grammar."""

    def __init__(self, text: str, position: int) -> None:
        self.text = text
        self.position = position
        self._depth = 0
        self._weight = 0

    # --- characters

    def fail(self, message: str) -> ExpressionError:
        return ExpressionError(message, position=self.position)

    def take(self, token: str) -> bool:
        if not self.text.startswith(token, self.position):
            return False
        self.position += len(token)
        return True

    def expect(self, token: str, message: str) -> None:
        if not self.take(token):
            raise self.fail(message)

    def skip_blanks(self) -> None:
        self.position = _BLANKS.match(self.text, self.position).end()  # type: ignore[union-attr]  # matches nothing too

    def match(self, pattern: re.Pattern[str]) -> str | None:
        if (found := pattern.match(self.text, self.position)) is None:
            return None
        self.position = found.end()
        return found[0]

    # --- segments

    def segments(self) -> list[Segment]:
        segments: list[Segment] = []
        while (segment := self._segment()) is not None:
            if segment.descends and any(earlier.descends for earlier in segments):
                raise self.fail("a path may contain only one ..")
            segments.append(segment)
        return segments

    def _segment(self) -> Segment | None:
        if self.take(".."):
            return Segment(self._bracket() if self.take("[") else self._dotted(), descends=True)
        if self.take("."):
            return Segment(self._dotted())
        return Segment(self._bracket()) if self.take("[") else None

    def _dotted(self) -> Selector:
        if self.take("*"):
            return Wildcard()
        if (name := self.match(_NAME)) is None:
            raise self.fail("expected a name of letters, digits, _ and -; other names stand in brackets: ['a b']")
        return Member(name)

    def _bracket(self) -> Selector:
        self.skip_blanks()
        selector = self._bracketed()
        self.skip_blanks()
        if self.text.startswith(",", self.position):
            raise self.fail("several selectors in one bracket are not supported")
        self.expect("]", "expected ]")
        return selector

    def _bracketed(self) -> Selector:
        if (name := self._quoted()) is not None:
            return Member(name)
        if self.take("*"):
            return Wildcard()
        if self.take("?"):
            self._weight = 0
            return Filter(self._either(), self._weight)
        return self._index_or_slice()

    def _index_or_slice(self) -> Selector:
        first = self._integer()
        bounds = [first]
        while len(bounds) < 3:
            self.skip_blanks()
            if not self.take(":"):
                break
            self.skip_blanks()
            bounds.append(self._integer())
        if len(bounds) > 1:
            return Slice(slice(*bounds))
        if first is None:
            raise self.fail("expected a quoted name, an index, a slice, * or ?(...)")
        return Index(first)

    def _integer(self) -> int | None:
        return None if (digits := self.match(_INTEGER)) is None else int(digits)

    def _quoted(self) -> str | None:
        if self.text[self.position : self.position + 1] not in ("'", '"'):
            return None
        if (quoted := self.match(_QUOTED)) is None:
            raise self.fail("the quoted name does not end")
        return _ESCAPE.sub(self._unescape, quoted[1:-1])

    def _unescape(self, found: re.Match[str]) -> str:
        escape = found[1]
        if len(escape) > 1:
            code = int(escape[1:], 16)
            if not 0xD800 <= code <= 0xDFFF:
                return chr(code)
        elif escape in _ESCAPES:
            return _ESCAPES[escape]
        raise self.fail(f"unknown escape \\{escape}")

    # --- filters: or > and > not, parentheses, comparison

    def _either(self) -> Test:
        tests = self._joined("||", self._both)
        return tests[0] if len(tests) == 1 else lambda node, spend: any(test(node, spend) for test in tests)

    def _both(self) -> Test:
        tests = self._joined("&&", self._test)
        return tests[0] if len(tests) == 1 else lambda node, spend: all(test(node, spend) for test in tests)

    def _joined(self, operator: str, rule: Callable[[], Test]) -> list[Test]:
        tests = [rule()]
        while self.take(operator):
            tests.append(rule())
        return tests

    def _test(self) -> Test:
        self.skip_blanks()
        self._depth += 1
        if self._depth > _MAX_FILTER_DEPTH:
            raise self.fail("the filter is nested too deeply")
        if self.take("!"):
            inner = self._test()
            test: Test = lambda node, spend: not inner(node, spend)  # noqa: E731  # one expression per rule
        elif self.take("("):
            test = self._either()
            self.expect(")", "expected )")
        else:
            test = self._comparison()
        self._depth -= 1
        self.skip_blanks()
        return test

    def _comparison(self) -> Test:
        self._weight += 1
        left, is_path = self._operand()
        self.skip_blanks()
        operator = next((token for token in _COMPARISONS if self.take(token)), None)
        if operator is not None:
            self.skip_blanks()
            return _compare(operator, left, self._operand()[0])
        if not is_path:
            raise self.fail("expected a comparison: ==, !=, <, <=, > or >=")
        return lambda node, _spend: left(node) is not MISSING

    def _operand(self) -> tuple[Operand, bool]:
        if self.take("@"):
            return self._relative_path(), True
        value = self._literal()
        return (lambda _node: value), False

    def _relative_path(self) -> Operand:
        keys = [segment.key for segment in self.segments()]
        known = tuple(key for key in keys if key is not None)
        self._weight += len(known) // _NAMES_PER_NODE
        if len(known) < len(keys):
            raise self.fail("a path inside a filter must lead to one value: names and indexes only")

        def follow(node: Json) -> Json:
            for key in known:
                node = child(node, key)
            return node

        return follow

    def _literal(self) -> Json:
        if (text := self._quoted()) is not None:
            return text
        if (number := self.match(_NUMBER)) is not None:
            return float(number) if any(mark in number for mark in ".eE") else int(number)
        for word, value in _WORDS.items():
            if self.take(word):
                return value
        raise self.fail("expected @, a quoted text, a number, true, false or null")


def _compare(operator: str, left: Operand, right: Operand) -> Test:
    """Build a comparison with the meaning of RFC 9535, 2.3.5.2.2: only like types have an order."""
    if operator == "==":
        return lambda node, spend: deep_equal(left(node), right(node), spend)
    if operator == "!=":
        return lambda node, spend: not deep_equal(left(node), right(node), spend)
    if operator[0] == ">":
        left, right = right, left
    if len(operator) == 1:
        return lambda node, spend: _before(left(node), right(node), spend)

    def before_or_equal(node: Json, spend: Spend) -> bool:
        one, other = left(node), right(node)
        return _before(one, other, spend) or deep_equal(one, other, spend)

    return before_or_equal


def _before(left: Json, right: Json, spend: Spend) -> bool:
    if isinstance(left, str) and isinstance(right, str):
        spend(min(len(left), len(right)) // CHARS_PER_VALUE)
        return left < right
    return bool(left < right) if is_number(left) and is_number(right) else False
