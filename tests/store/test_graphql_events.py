"""Operations of a GraphQL API become events: each that has succeeded one, and no other."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

import graphene
import graphql as gql
import pytest
import sqlalchemy as sa
import strawberry

from workflowkit import Settings, WorkflowKit
from workflowkit.base.errors import InvalidInput
from workflowkit.base.jsonvalue import loads
from workflowkit.base.scope import Scope
from workflowkit.contrib.graphql import OperationEvents, strawberry_extension


@strawberry.type
class Line:
    id: strawberry.ID
    article: str


@strawberry.type
class Order:
    id: strawberry.ID
    note: str
    lines: list[Line]


@strawberry.type
class Gift:
    id: strawberry.ID
    ribbon: str = "red"


@strawberry.type
class Query:
    @strawberry.field
    def order(self, id: strawberry.ID) -> Order:
        return Order(id=id, note="", lines=[])


@strawberry.type
class Mutation:
    @strawberry.mutation
    def place(self, article: str, note: str = "") -> Order:
        if article == "none":
            raise ValueError("sold out")
        lines = [Line(id=strawberry.ID(f"L{n}"), article=article) for n in (1, 2)]
        return Order(id=strawberry.ID("A-1"), note=note, lines=lines)

    @strawberry.mutation
    def wrap(self, gift: bool) -> Order | Gift:
        return Gift(id=strawberry.ID("G-1")) if gift else Order(id=strawberry.ID("A-2"), note="", lines=[])


PLACE = """
mutation PlaceOrder($article: String!, $password: String!) {
  placed: place(article: $article, note: $password) { number: id ...Lines }
  again: place(article: "tea") { ... on Order { id } }
}
fragment Lines on Order { lines { id article } }
"""


class Shop:
    def __init__(self, database_url: str) -> None:
        self.wk = WorkflowKit("shop", settings=Settings(database_url=database_url))
        self.wk.migrate()

    def events(self) -> list[dict[str, Any]]:
        with self.wk.runtime.database.read() as tx:
            rows = tx.connection.execute(sa.text("SELECT name, tenant, data FROM events ORDER BY id")).all()
        return [{"name": row.name, "tenant": row.tenant} | loads(row.data) for row in rows]

    def schema(self, *, is_async: bool = False, **options: Any) -> strawberry.Schema:
        extension = strawberry_extension(OperationEvents(self.wk, **options), is_async=is_async)
        return strawberry.Schema(Query, Mutation, types=[Gift], extensions=[extension])


@pytest.fixture
def shop(database_url: str) -> Iterator[Shop]:
    shop = Shop(database_url)
    yield shop
    shop.wk.stop()


def test_a_mutation_that_succeeds_is_one_event_with_type_ids_variables_and_result(shop: Shop) -> None:
    done = shop.schema().execute_sync(PLACE, {"article": "cup", "password": "s3cret"})

    assert done.errors is None
    assert shop.events() == [
        {
            "name": "graphql/mutation.PlaceOrder",
            "tenant": "default",
            "operation": {"name": "PlaceOrder", "type": "mutation"},
            "fields": ["place"],
            "ids": [{"type": "Order", "id": "A-1"}, {"type": "Line", "id": "L1"}, {"type": "Line", "id": "L2"}],
            "variables": {"article": "cup", "password": "s3cret"},
            "result": done.data,
            "is_result_left_out": False,
        }
    ]


def test_queries_and_what_fails_are_no_events(shop: Shop) -> None:
    schema = shop.schema()
    for operation in ('{ order(id: "1") { id } }', 'mutation { place(article: "none") { id } }', "mutation {", "{ a }"):
        schema.execute_sync(operation)
    assert shop.events() == []


def test_queries_are_told_of_where_that_is_wanted_and_an_asynchronous_api_too(shop: Shop) -> None:
    schema = shop.schema(types=["query"], is_async=True)
    asyncio.run(schema.execute('{ order(id: "1") { id } }'))
    asyncio.run(schema.execute('mutation { place(article: "cup") { id } }'))
    assert [(event["name"], event["ids"]) for event in shop.events()] == [
        ("graphql/query.order", [{"type": "Order", "id": "1"}])
    ]


def test_only_what_is_named_leaves_the_api_and_the_request_says_whose_event_it_is(shop: Shop) -> None:
    def scope(context: dict[str, str]) -> Scope:
        return Scope("default", context["tenant"])

    schema = shop.schema(variables=["article", "gone"], with_result=False, scope=scope)
    schema.execute_sync(PLACE, {"article": "cup", "password": "s3cret"}, context_value={"tenant": "ada"})
    (event,) = shop.events()
    assert event["tenant"] == "ada"
    assert event["variables"] == {"article": "cup"}
    assert (event["result"], event["is_result_left_out"]) == (None, True)


def test_of_several_types_each_object_has_its_own(shop: Shop) -> None:
    schema = shop.schema()
    wrap = "mutation($g: Boolean!) { wrap(gift: $g) { __typename ... on Gift { id } ... on Order { id } } }"
    schema.execute_sync(wrap, {"g": True})
    schema.execute_sync(wrap, {"g": False})
    assert [event["ids"] for event in shop.events()] == [
        [{"type": "Gift", "id": "G-1"}],
        [{"type": "Order", "id": "A-2"}],
    ]


def test_a_result_that_is_too_large_is_left_out(shop: Shop) -> None:
    place = 'mutation($note: String!) { place(article: "cup", note: $note) { id note } }'
    done = shop.schema(variables=[]).execute_sync(place, {"note": "x" * 600_000})
    assert done.errors is None
    (event,) = shop.events()
    assert (event["result"], event["is_result_left_out"]) == (None, True)


def test_an_event_that_cannot_be_sent_does_not_fail_what_was_done(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR, "workflowkit.graphql")
    place = 'mutation($note: String!) { place(article: "cup", note: $note) { id } }'
    done = shop.schema().execute_sync(place, {"note": "x" * 600_000})
    assert done.errors is None
    assert shop.events() == []
    assert "no event for place" in caplog.text


def test_a_schema_of_graphene_tells_what_it_executes(shop: Shop) -> None:
    class Basket(graphene.ObjectType):  # type: ignore[misc]  # it has no types
        id = graphene.ID()

    class Fill(graphene.Mutation):  # type: ignore[misc]
        class Arguments:
            article = graphene.String()

        basket = graphene.Field(Basket)

        def mutate(self, info: Any, article: str) -> Fill:
            return Fill(basket=Basket(id=f"{info.context['user']}-{article}"))

    class Changes(graphene.ObjectType):  # type: ignore[misc]
        fill = Fill.Field()

    class Questions(graphene.ObjectType):  # type: ignore[misc]
        hello = graphene.String()

    schema = graphene.Schema(query=Questions, mutation=Changes)
    events = OperationEvents(shop.wk, scope=lambda context: Scope("default", context["user"]))
    fill = "mutation Fill($a: String) { fill(article: $a) { basket { id } } } query Hello { hello }"
    done = events.execute(schema, fill, operation_name="Fill", variables={"a": "tea"}, context={"user": "ada"})
    events.execute(schema, fill, operation_name="Hello", context={"user": "ada"})

    assert done.data == {"fill": {"basket": {"id": "ada-tea"}}}
    (event,) = shop.events()
    assert (event["name"], event["tenant"]) == ("graphql/mutation.Fill", "ada")
    assert event["ids"] == [{"type": "Basket", "id": "ada-tea"}]


def test_what_is_no_type_of_operation_is_refused(shop: Shop) -> None:
    with pytest.raises(InvalidInput, match="'subscription' is none of query, mutation"):
        OperationEvents(shop.wk, types=["subscription"])  # type: ignore[list-item]


def test_a_scope_that_fails_does_not_fail_what_was_done(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    def scope(context: dict[str, str]) -> Scope:
        return Scope("default", context["tenant"])

    place = 'mutation { place(article: "cup") { id } }'
    done = shop.schema(scope=scope).execute_sync(place, context_value={})
    assert (done.errors, done.data) == (None, {"place": {"id": "A-1"}})
    assert shop.events() == []
    assert "no event for place" in caplog.text


class Told(list[dict[str, Any]]):
    """What was sent."""

    def send(self, events: Any, *, scope: Scope | None) -> None:
        self.append(events["data"])


TREE = gql.build_schema(
    "interface Node { id: ID child: Node } type Leaf implements Node { id: ID child: Leaf } "
    "type Query { a: Int } type Mutation { leaf: Leaf }"
)


def a_tree(depth: int) -> dict[str, Any]:
    return {"id": str(depth), "__typename": "Leaf"} | ({"child": a_tree(depth - 1)} if depth else {})


@pytest.mark.parametrize(
    "fragment",
    [
        "fragment F{0} on Leaf {{ id ...F{1} ...F{1} }}",
        "fragment F{0} on Leaf {{ id child {{ ...F{1} }} child {{ ...F{1} }} }}",
        "fragment F{0} on Node {{ id ... on Node {{ child {{ ...F{1} }} }} ... on Leaf {{ child {{ ...F{1} }} }} }}",
    ],
)
def test_fragments_that_double_and_double_cost_what_the_document_is_long(fragment: str) -> None:
    """Executing such a document is little work, so telling of it must not be 2 to the 40th."""
    depth = 40
    document = "".join(fragment.format(number, number + 1) for number in range(depth))
    document += f"mutation Grow {{ leaf {{ ...F0 }} }} fragment F{depth} on Node {{ id }}"
    told = Told()
    answer = gql.ExecutionResult(data={"leaf": a_tree(depth)})
    OperationEvents(told).tell(TREE, document, answer)
    (event,) = told
    assert event["fields"] == ["leaf"]
    count = 1 if "child" not in fragment else depth + 1
    assert event["ids"] == [{"type": "Leaf", "id": str(depth - number)} for number in range(count)]
