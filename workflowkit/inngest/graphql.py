"""The part of GraphQL that clients of a dev server use: documents read into values, and answered from plain objects.

An object is a table of fields; a field that is callable is asked with the arguments of the query. What a query may cost
is bounded: length, nesting and number of fields, those that fragments repeat included.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from workflowkit.base.errors import InvalidInput, NotFound, Problem, WorkflowKitError
from workflowkit.base.jsonvalue import loads

MAX_TOKENS, MAX_DEPTH, MAX_FIELDS = 5_000, 16, 10_000

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


def execute(text: str, variables: Table, operation: str | None, roots: Mapping[str, Table]) -> dict[str, Any]:
    """Answer a query or a mutation from the root of its kind. Raises ``InvalidInput`` for what is none."""
    document = _Reader(text).read()
    if operation is None and len(document.operations) == 1:
        (operation,) = document.operations
    wanted = document.operations.get(operation or "")
    if wanted is None or wanted.kind not in roots:
        raise _invalid("there is no such operation")
    return _Execution(document, variables).run(roots[wanted.kind], wanted.selections)


def _invalid(message: str) -> InvalidInput:
    return InvalidInput([Problem("/query", "invalid-query", message)])


class _Reader:
    """Reads a document, token by token."""

    def __init__(self, text: str) -> None:
        self._tokens = [*islice(_tokens(text), MAX_TOKENS + 1)]
        if len(self._tokens) > MAX_TOKENS:
            raise _invalid(f"a query has up to {MAX_TOKENS} words")
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
            raise _invalid("the query ends too soon")
        self._at += 1
        return self._tokens[self._at - 1]

    def _next_is(self, mark: str) -> bool:
        return self._at < len(self._tokens) and self._tokens[self._at] == ("mark", mark)

    def _expect(self, mark: str) -> None:
        if self._take() != ("mark", mark):
            raise _invalid(f"{mark!r} was expected before {self._peek()!r}")

    def _name(self, wanted: str | None = None) -> str:
        kind, text = self._take()
        if kind != "name" or (wanted is not None and text != wanted):
            raise _invalid(f"a name was expected instead of {text!r}")
        return text

    @contextmanager
    def _within(self, opens: str, closes: str) -> Iterator[None]:
        """Go into a pair of brackets, and out of it."""
        self._expect(opens)
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _invalid(f"a query is nested up to {MAX_DEPTH} times")
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
            raise _invalid(f"a value was expected instead of {text!r}")
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
            raise _invalid(f"unexpected {text[at]!r}")
        at = found.end()
        if found.lastgroup != "blank":
            yield str(found.lastgroup), found[0]


def _literal(text: str) -> Any:
    try:
        return loads(text)
    except ValueError:
        raise _invalid(f"{text[:20]} is no value") from None


class _Execution:
    """One answer, and what was wrong on the way to it."""

    def __init__(self, document: Document, variables: Table) -> None:
        self._fragments, self._variables = document.fragments, variables
        self._errors: list[dict[str, Any]] = []
        self._count = 0

    def run(self, root: Table, selections: tuple[Selection, ...]) -> dict[str, Any]:
        data = self._object(root, selections, ())
        return {"data": data} | ({"errors": self._errors} if self._errors else {})

    def _object(self, table: Table, selections: tuple[Selection, ...], path: tuple[str, ...]) -> dict[str, Any]:
        return {wanted.key: self._field(table, wanted, (*path, wanted.key)) for wanted in self._fields(selections, 0)}

    def _fields(self, selections: tuple[Selection, ...], depth: int) -> Iterator[Field]:
        if depth > MAX_DEPTH:
            raise _invalid("fragments contain one another")
        for each in selections:
            if isinstance(each, Field):
                self._count += 1
                if self._count > MAX_FIELDS:
                    raise _invalid(f"an answer has up to {MAX_FIELDS} fields")
                yield each
            elif each.name is None:
                yield from self._fields(each.selections, depth + 1)
            elif each.name in self._fragments:
                yield from self._fields(self._fragments[each.name], depth + 1)
            else:
                raise _invalid(f"there is no fragment {each.name!r}")

    def _field(self, table: Table, wanted: Field, path: tuple[str, ...]) -> Any:
        if wanted.name not in table:
            return self._wrong(f"there is no field {wanted.name!r}", path)
        value = table[wanted.name]
        if callable(value):
            try:
                value = value({name: self._given(each) for name, each in wanted.arguments.items()})
            except NotFound:
                return None  # clients ask until it is there
            except WorkflowKitError as error:
                return self._wrong(error.message, path)
        return self._shown(value, wanted, path)

    def _shown(self, value: Any, wanted: Field, path: tuple[str, ...]) -> Any:
        if isinstance(value, list):
            return [self._shown(each, wanted, path) for each in value]
        if value is None or bool(wanted.selections) is isinstance(value, Mapping):
            return self._object(value, wanted.selections, path) if isinstance(value, Mapping) else value
        return self._wrong("fields are asked of objects, and of nothing else", path)

    def _given(self, value: Any) -> Any:
        if isinstance(value, Variable):
            return self._variables.get(value.name)
        if isinstance(value, list):
            return [self._given(each) for each in value]
        return {name: self._given(each) for name, each in value.items()} if isinstance(value, dict) else value

    def _wrong(self, message: str, path: tuple[str, ...]) -> None:
        self._errors.append({"message": message, "path": list(path)})
