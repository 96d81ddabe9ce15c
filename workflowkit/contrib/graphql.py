"""Operations of a GraphQL API become events, once they have succeeded: for Strawberry, Graphene and their like.

An event is sent after its operation has been executed, and so after what its resolvers have committed. It is not part
of their transaction: a process that dies in between sends nothing. Where that matters, let the rows tell
(``contrib.sqlalchemy``).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

import graphql as gql

from workflowkit.base.errors import InvalidInput, LimitExceeded, WorkflowKitError
from workflowkit.base.scope import Scope

if TYPE_CHECKING:
    import strawberry.extensions

_log = logging.getLogger("workflowkit.graphql")

OperationType = Literal["query", "mutation"]
_OPERATION_TYPES: tuple[OperationType, ...] = ("query", "mutation")
_MUTATIONS: tuple[OperationType, ...] = ("mutation",)


class Sender(Protocol):
    """What can send events: ``WorkflowKit``."""

    def send(self, events: Mapping[str, Any], *, scope: Scope | None) -> object:
        """Send an event."""


@dataclass(frozen=True, slots=True)
class OperationEvents:
    """Sends an event for each operation that succeeds.

    The event is called ``graphql/<type>.<name>``: by the name of the operation, or of its first field if it has none.
    Its data has ``operation`` (``name`` and ``type``), ``fields`` (the names of its first level), ``ids`` (``type`` and
    ``id`` of each object in the answer that was asked for its id), ``variables`` and ``result``. An answer that is too
    large for an event is left out: ``result`` is then null, and ``is_result_left_out`` true.

    ``types`` are those of the operations that are told of. With ``variables``, a list of names, only these leave the
    API: passwords and the like do not belong into events. ``scope`` says by the context of the request whose event it
    is; without it, it is of the application's own tenant.
    """

    wk: Sender
    types: Collection[OperationType] = _MUTATIONS
    variables: Sequence[str] | None = None
    with_result: bool = True
    scope: Callable[[Any], Scope] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Raise ``InvalidInput`` for a type of operation that there is not."""
        for each in self.types:
            if each not in _OPERATION_TYPES:
                raise InvalidInput.at("/types", "invalid-value", f"{each!r} is none of {', '.join(_OPERATION_TYPES)}")

    def tell(
        self,
        schema: gql.GraphQLSchema,
        document: gql.DocumentNode | str,
        result: gql.ExecutionResult | Any,
        *,
        operation_name: str | None = None,
        variables: Mapping[str, Any] | None = None,
        context: Any = None,
    ) -> None:
        """Send the event of an operation that was executed; nothing if it failed.

        What keeps the event from being sent is logged and not raised: the operation has been done.
        """
        if result is None or result.errors or result.data is None:
            return
        parsed = gql.parse(document) if isinstance(document, str) else document
        operation = gql.get_operation_ast(parsed, operation_name)
        if operation is None or operation.operation.value not in self.types:
            return
        try:
            self._send(_Answer(schema, parsed, operation, result.data), dict(variables or {}), context)
        except WorkflowKitError as error:
            _log.error("no event for %s: %s", _name_of(operation), error)
        except Exception:
            # By ``scope``, for example: whoever asked must not hear that what they wanted has failed.
            _log.exception("no event for %s", _name_of(operation))

    def execute(self, schema: Any, source: str, **options: Any) -> Any:
        """Execute an operation as Graphene's ``schema.execute(source, **options)`` does, and send its event."""
        result = schema.execute(source, **options)
        self.tell(
            schema.graphql_schema, source, result,
            operation_name=options.get("operation_name") or options.get("operation"),
            variables=options.get("variables") or options.get("variable_values"),
            context=options.get("context") or options.get("context_value"),
        )  # fmt: skip
        return result

    def _send(self, answer: _Answer, variables: dict[str, Any], context: Any) -> None:
        operation = answer.operation
        kind, name = operation.operation.value, _name_of(operation)
        if self.variables is not None:
            variables = {each: variables[each] for each in self.variables if each in variables}
        data: dict[str, Any] = {
            "operation": {"name": None if operation.name is None else operation.name.value, "type": kind},
            "fields": answer.fields,
            "ids": list(answer.ids()),
            "variables": variables,
            "result": answer.data if self.with_result else None,
            "is_result_left_out": not self.with_result,
        }
        scope = None if self.scope is None else self.scope(context)
        try:
            self.wk.send({"name": f"graphql/{kind}.{name}", "data": data}, scope=scope)
        except LimitExceeded:
            if data["is_result_left_out"]:
                raise
            smaller = {**data, "result": None, "is_result_left_out": True}
            self.wk.send({"name": f"graphql/{kind}.{name}", "data": smaller}, scope=scope)


def strawberry_extension(
    events: OperationEvents, *, is_async: bool = False
) -> type[strawberry.extensions.SchemaExtension]:
    """Return an extension for ``strawberry.Schema(extensions=[...])`` that sends ``events``.

    With ``is_async``, for schemas that are executed by ``await schema.execute``, the commit of the event holds up no
    event loop.
    """
    from strawberry.extensions import SchemaExtension

    class Told(SchemaExtension):
        def on_operation(self) -> Iterator[None]:
            yield
            self.tell()

        def tell(self) -> None:
            done = self.execution_context
            if done.graphql_document is None:
                return
            events.tell(
                done.schema._schema, done.graphql_document, done.result,
                operation_name=done.operation_name, variables=done.variables, context=done.context,
            )  # fmt: skip

    class ToldAsync(Told):
        async def on_operation(self) -> Any:
            import asyncio

            yield
            await asyncio.to_thread(self.tell)

    return ToldAsync if is_async else Told


def _name_of(operation: gql.OperationDefinitionNode) -> str:
    """Return the name of an operation, else that of its first field."""
    if operation.name is not None:
        return operation.name.value
    first = operation.selection_set.selections[0]
    return first.name.value if isinstance(first, gql.FieldNode) else "anonymous"


#: What is selected of an object, and of which type that is.
_Selected = tuple[gql.SelectionSetNode | None, gql.GraphQLNamedType | None]


@dataclass(frozen=True, slots=True)
class _Asked:
    """A field that is asked for, of a type that has it."""

    node: gql.FieldNode
    parent: gql.GraphQLObjectType | gql.GraphQLInterfaceType

    @property
    def name(self) -> str:
        return self.node.name.value

    @property
    def key(self) -> str:
        """What it is called in the answer."""
        return self.name if self.node.alias is None else self.node.alias.value

    @property
    def selected(self) -> _Selected | None:
        """What is selected of what it holds; ``None`` of a value."""
        if self.node.selection_set is None or self.name not in self.parent.fields:
            return None
        return self.node.selection_set, gql.get_named_type(self.parent.fields[self.name].type)


class _Answer:
    """The answer to an operation, beside the types of what it holds."""

    def __init__(
        self,
        schema: gql.GraphQLSchema,
        document: gql.DocumentNode,
        operation: gql.OperationDefinitionNode,
        data: Mapping[str, Any],
    ) -> None:
        self.operation, self.data = operation, data
        self._schema = schema
        self._fragments = {
            each.name.value: each for each in document.definitions if isinstance(each, gql.FragmentDefinitionNode)
        }

    @property
    def fields(self) -> list[str]:
        """The names of the fields that the operation asks for first, whatever it calls them."""
        asked = self._asked([self._root])
        return list(dict.fromkeys(each.name for those in asked.values() for each in those))

    def ids(self) -> Iterator[dict[str, Any]]:
        """Yield type and id of each object once, in the order of the answer."""
        seen: set[tuple[str, str]] = set()
        for kind, value in self._ids([self._root], self.data):
            if (kind, str(value)) not in seen:
                seen.add((kind, str(value)))
                yield {"type": kind, "id": value}

    @property
    def _root(self) -> _Selected:
        return self.operation.selection_set, self._schema.get_root_type(self.operation.operation)

    def _ids(self, selected: Sequence[_Selected], value: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        for key, asked in self._asked(selected).items():
            found = value.get(key)
            if found is None:
                continue
            for each in asked:
                if each.name == "id" and each.node.selection_set is None:
                    yield str(value.get("__typename") or each.parent.name), found
            if inner := [each.selected for each in asked if each.selected is not None]:
                for held in _objects(found):
                    yield from self._ids(inner, held)

    def _asked(self, selected: Sequence[_Selected]) -> dict[str, list[_Asked]]:
        """Return what is asked for of one object, by its name in the answer: fields of one name are one there.

        Nothing is looked into twice, however often a fragment is named: the work grows with the document.
        """
        found: dict[str, list[_Asked]] = {}
        visited: set[tuple[int, str]] = set()
        waiting = list(reversed(selected))
        while waiting:
            selection, kind = waiting.pop()
            if selection is None or kind is None or (id(selection), kind.name) in visited:
                continue
            visited.add((id(selection), kind.name))
            inside: list[_Selected] = []
            for node in selection.selections:
                if not isinstance(node, gql.FieldNode):
                    inside.append(self._inside(node, kind))
                elif isinstance(kind, gql.GraphQLObjectType | gql.GraphQLInterfaceType):
                    asked = _Asked(node, kind)
                    found.setdefault(asked.key, []).append(asked)
            waiting += reversed(inside)
        return found

    def _inside(self, node: gql.SelectionNode, kind: gql.GraphQLNamedType) -> _Selected:
        """Return what a fragment selects, and of which type."""
        fragment: gql.InlineFragmentNode | gql.FragmentDefinitionNode | None = None
        if isinstance(node, gql.InlineFragmentNode):
            fragment = node
        elif isinstance(node, gql.FragmentSpreadNode):
            fragment = self._fragments.get(node.name.value)
        if fragment is None:
            return None, kind
        condition = fragment.type_condition
        return fragment.selection_set, kind if condition is None else self._schema.get_type(condition.name.value)


def _objects(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        yield value
    elif isinstance(value, list):
        for each in value:
            yield from _objects(each)
