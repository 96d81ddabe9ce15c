"""The part of GraphQL that clients of a dev server use, answered from plain objects.

An object is a table of fields; a field that is callable is asked with the arguments of the query. What a query may cost
is bounded: length and nesting (``graphqlreader``), and the number of fields, those that fragments repeat included.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from workflowkit.base.errors import NotFound, WorkflowKitError
from workflowkit.inngest.graphqlreader import (
    MAX_DEPTH,
    Document,
    Field,
    Selection,
    Table,
    Variable,
    invalid_query,
    read_document,
)

MAX_FIELDS = 10_000


def execute(text: str, variables: Table, operation: str | None, roots: Mapping[str, Table]) -> dict[str, Any]:
    """Answer a query or a mutation from the root of its kind. Raises ``InvalidInput`` for what is none."""
    document = read_document(text)
    if operation is None and len(document.operations) == 1:
        (operation,) = document.operations
    wanted = document.operations.get(operation or "")
    if wanted is None or wanted.kind not in roots:
        raise invalid_query("there is no such operation")
    return _Execution(document, variables).run(roots[wanted.kind], wanted.selections)


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
            raise invalid_query("fragments contain one another")
        for each in selections:
            if isinstance(each, Field):
                self._count += 1
                if self._count > MAX_FIELDS:
                    raise invalid_query(f"an answer has up to {MAX_FIELDS} fields")
                yield each
            elif each.name is None:
                yield from self._fields(each.selections, depth + 1)
            elif each.name in self._fragments:
                yield from self._fields(self._fragments[each.name], depth + 1)
            else:
                raise invalid_query(f"there is no fragment {each.name!r}")

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
