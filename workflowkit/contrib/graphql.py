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
        root = self._schema.get_root_type(self.operation.operation)
        found = self._fields(self.operation.selection_set, root) if root is not None else ()
        return list(dict.fromkeys(node.name.value for node, _ in found))

    def ids(self) -> Iterator[dict[str, Any]]:
        """Yield type and id of each object once, in the order of the answer."""
        seen: set[tuple[str, str]] = set()
        root = self._schema.get_root_type(self.operation.operation)
        for kind, value in self._ids(self.operation.selection_set, root, self.data):
            if (kind, str(value)) not in seen:
                seen.add((kind, str(value)))
                yield {"type": kind, "id": value}

    def _ids(
        self, selected: gql.SelectionSetNode, kind: gql.GraphQLNamedType | None, value: Mapping[str, Any]
    ) -> Iterator[tuple[str, Any]]:
        for node, parent in self._fields(selected, kind):
            key = node.alias.value if node.alias is not None else node.name.value
            if key not in value or value[key] is None:
                continue
            if node.name.value == "id" and node.selection_set is None:
                yield str(value.get("__typename") or parent.name), value[key]
            elif node.selection_set is not None and node.name.value in parent.fields:
                inner = gql.get_named_type(parent.fields[node.name.value].type)
                for each in _objects(value[key]):
                    yield from self._ids(node.selection_set, inner, each)

    def _fields(
        self, selected: gql.SelectionSetNode, kind: gql.GraphQLNamedType | None
    ) -> Iterator[tuple[gql.FieldNode, gql.GraphQLObjectType | gql.GraphQLInterfaceType]]:
        """Yield fields with the types that have them, those of fragments too. Documents that are valid end here."""
        for node in selected.selections:
            if isinstance(node, gql.FieldNode):
                if isinstance(kind, gql.GraphQLObjectType | gql.GraphQLInterfaceType):
                    yield node, kind
                continue
            inner: gql.InlineFragmentNode | gql.FragmentDefinitionNode | None = (
                node if isinstance(node, gql.InlineFragmentNode) else self._fragments.get(node.name.value)  # type: ignore[attr-defined]
            )
            if inner is not None:
                condition = inner.type_condition
                narrowed = kind if condition is None else self._schema.get_type(condition.name.value)
                yield from self._fields(inner.selection_set, narrowed)


def _objects(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        yield value
    elif isinstance(value, list):
        for each in value:
            yield from _objects(each)
