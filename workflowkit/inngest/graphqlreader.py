"""Documents of GraphQL as values: operations, fields, fragments. Bounded in length and nesting."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from workflowkit.base.errors import InvalidInput, Problem
from workflowkit.base.jsonvalue import loads

MAX_TOKENS, MAX_DEPTH = 5_000, 16

_TOKEN = re.compile(
    r"(?P<name>[_A-Za-z][_0-9A-Za-z]*)|(?P<number>-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)"
    r'|(?P<text>"(?:[^"\\\n]|\\.)*")|(?P<mark>\.\.\.|[{}()\[\]:!=|@$&])|(?P<blank>[\s,\ufeff]+|#[^\n]*)'
)
_WORDS = {"true": True, "false": False, "null": None}

Table = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Variable:
    """Stands for a value that comes with the request."""

    name: str


@dataclass(frozen=True, slots=True)
class Field:
    """A field that is asked for, under a name of the asker's."""

    name: str
    key: str
    arguments: Table
    selections: tuple[Selection, ...]


@dataclass(frozen=True, slots=True)
class Spread:
    """A fragment by its name, or fields that stand in its place."""

    name: str | None
    selections: tuple[Selection, ...] = ()


Selection = Field | Spread


@dataclass(frozen=True, slots=True)
class Operation:
    """A query or a mutation."""

    kind: str
    selections: tuple[Selection, ...]


@dataclass(slots=True)
class Document:
    """What a text says: operations and fragments by name; an operation without one has an empty name."""

    operations: dict[str, Operation] = field(default_factory=dict)
    fragments: dict[str, tuple[Selection, ...]] = field(default_factory=dict)


def read_document(text: str) -> Document:
    """Return what a text says. Raises ``InvalidInput`` for what is no document, or too much of one."""
    return _Reader(text).read()


def invalid_query(message: str) -> InvalidInput:
    """Return why a query is refused."""
    return InvalidInput([Problem("/query", "invalid-query", message)])


class _Reader:
    """Reads a document, token by token."""

    def __init__(self, text: str) -> None:
        self._tokens = [*islice(_tokens(text), MAX_TOKENS + 1)]
        if len(self._tokens) > MAX_TOKENS:
            raise invalid_query(f"a query has up to {MAX_TOKENS} words")
        self._at = self._depth = 0

    def read(self) -> Document:
        document = Document()
        while self._at < len(self._tokens):
            if self._next_is("{"):
                document.operations[""] = Operation("query", self._selections())
                continue
            kind = self._name()
            if kind == "fragment":
                name = self._name()
                self._name("on")
                self._name()
                self._skip_directives()
                document.fragments[name] = self._selections()
                continue
            name = "" if self._peek() in ("(", "{", "@") else self._name()
            if self._next_is("("):
                self._skip_definitions()
            self._skip_directives()
            document.operations[name] = Operation(kind, self._selections())
        return document

    def _peek(self) -> str:
        return self._tokens[self._at][1] if self._at < len(self._tokens) else ""

    def _take(self) -> tuple[str, str]:
        if self._at >= len(self._tokens):
            raise invalid_query("the query ends too soon")
        self._at += 1
        return self._tokens[self._at - 1]

    def _next_is(self, mark: str) -> bool:
        return self._at < len(self._tokens) and self._tokens[self._at] == ("mark", mark)

    def _expect(self, mark: str) -> None:
        if self._take() != ("mark", mark):
            raise invalid_query(f"{mark!r} was expected before {self._peek()!r}")

    def _name(self, wanted: str | None = None) -> str:
        kind, text = self._take()
        if kind != "name" or (wanted is not None and text != wanted):
            raise invalid_query(f"a name was expected instead of {text!r}")
        return text

    @contextmanager
    def _within(self, opens: str, closes: str) -> Iterator[None]:
        """Go into a pair of brackets, and out of it."""
        self._expect(opens)
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise invalid_query(f"a query is nested up to {MAX_DEPTH} times")
        yield
        self._expect(closes)
        self._depth -= 1

    def _selections(self) -> tuple[Selection, ...]:
        found = []
        with self._within("{", "}"):
            while not self._next_is("}"):
                found.append(self._selection())
        return tuple(found)

    def _selection(self) -> Selection:
        if self._next_is("..."):
            return self._spread()
        key = name = self._name()
        if self._next_is(":"):
            self._expect(":")
            name = self._name()
        arguments = self._pairs("(", ")") if self._next_is("(") else {}
        self._skip_directives()
        return Field(name, key, arguments, self._selections() if self._next_is("{") else ())

    def _spread(self) -> Spread:
        self._expect("...")
        name = None
        if self._peek() == "on":
            self._name()
            self._name()
        elif not (self._next_is("{") or self._next_is("@")):
            name = self._name()
        self._skip_directives()
        return Spread(name) if name is not None else Spread(None, self._selections())

    def _pairs(self, opens: str, closes: str) -> dict[str, Any]:
        found = {}
        with self._within(opens, closes):
            while not self._next_is(closes):
                name = self._name()
                self._expect(":")
                found[name] = self._value()
        return found

    def _value(self) -> Any:
        if self._next_is("{"):
            return self._pairs("{", "}")
        if self._next_is("["):
            with self._within("[", "]"):
                return [*self._values()]
        kind, text = self._take()
        if kind == "mark" and text == "$":
            return Variable(self._name())
        if kind == "mark":
            raise invalid_query(f"a value was expected instead of {text!r}")
        if kind == "name":
            return _WORDS.get(text, text)  # else one of an enumeration
        return _literal(text)

    def _values(self) -> Iterator[Any]:
        while not self._next_is("]"):
            yield self._value()

    def _skip_definitions(self) -> None:
        """Pass over the types of variables: what is asked with them is checked where it is used."""
        self._expect("(")
        depth = 1
        while depth:
            token = self._take()
            depth += (token == ("mark", "(")) - (token == ("mark", ")"))

    def _skip_directives(self) -> None:
        while self._next_is("@"):
            self._expect("@")
            self._name()
            if self._next_is("("):
                self._pairs("(", ")")


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise invalid_query(f"unexpected {text[at]!r}")
        at = found.end()
        if found.lastgroup != "blank":
            yield str(found.lastgroup), found[0]


def _literal(text: str) -> Any:
    try:
        return loads(text)
    except ValueError:
        raise invalid_query(f"{text[:20]} is no value") from None
