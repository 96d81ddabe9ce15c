"""The part of GraphQL that clients of a dev server use."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflowkit.base.errors import InvalidInput, LimitExceeded, NotFound
from workflowkit.inngest.graphql import MAX_FIELDS, execute
from workflowkit.inngest.graphqlreader import MAX_DEPTH, MAX_TOKENS


def missing(_: Any) -> Any:
    raise NotFound("gone")


def refused(_: Any) -> Any:
    raise LimitExceeded("bytes", 1, 2)


TREE: dict[str, Any] = {"name": "leaf", "children": []}
ROOTS: dict[str, Any] = {
    "query": {
        "echo": lambda asked: asked.get("value"),
        "tree": {"name": "root", "children": [TREE, TREE]},
        "missing": missing,
        "refused": refused,
    },
    "mutation": {"change": lambda asked: "changed"},
}


def ask(text: str, variables: dict[str, Any] | None = None, operation: str | None = None) -> Any:
    return execute(text, variables or {}, operation, ROOTS)


@pytest.mark.parametrize(
    ("literal", "value"),
    [
        ("1", 1), ("-1.5e2", -150.0), ('"a\\n\\"b"', 'a\n"b'), ("true", True), ("null", None), ("DESC", "DESC"),
        ("[1, [2]]", [1, [2]]), ("{a: {b: 1}}", None), ("$given", "given"), ("[$given]", ["given"]), ("$other", None),
    ],
)  # fmt: skip
def test_values_are_read_as_they_are_written(literal: str, value: Any) -> None:
    answer = ask(f"query Q($given: String!, $other: [Int] = 3) {{ echo(value: {literal}) }}", {"given": "given"})
    assert answer.get("data") == {"echo": value}


def test_fields_have_names_of_the_askers_and_come_from_fragments() -> None:
    text = """
        query A { echo }
        query B @cached(for: 1) {
          mine: tree { ...Names @include(if: true) children { ... on Leaf { name } ... { other: name } } } # comment
        }
        fragment Names on Tree { name }
    """
    leaf = {"name": "leaf", "other": "leaf"}
    assert ask(text, operation="B") == {"data": {"mine": {"name": "root", "children": [leaf, leaf]}}}


def test_a_mutation_has_a_root_of_its_own() -> None:
    assert ask("mutation { change }") == {"data": {"change": "changed"}}


def test_what_does_not_exist_is_null_and_what_is_refused_is_told() -> None:
    assert ask("{ missing { id } }") == {"data": {"missing": None}}
    answer = ask("{ refused tree { secret } echo(value: 1) { id } tree2: tree }")
    assert answer["data"] == {"refused": None, "tree": {"secret": None}, "echo": None, "tree2": None}
    assert [error["path"] for error in answer["errors"]] == [["refused"], ["tree", "secret"], ["echo"], ["tree2"]]


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "}", "{ a", "{ a( }", "{ a(b) }", "{ a(b:) }", "query", "subscription { a }", "{ a } { b } query C {",
        "{ ...Nobody }", '{ echo(value: "open) }', "{ echo(value: 01) }", "{ echo(value: }) }", "{ ; }", "{ a: }",
        "fragment F on T { ...F } { ...F }", "query A { echo } query B { echo }",
        "{ echo(value: " + "[" * 2_000 + "]" * 2_000 + ") }",
        "{ echo(value: " + "{a:" * 1_000 + "1" + "}" * 1_000 + ") }",
        "{ tree " * (MAX_DEPTH + 1) + "{ name }" + "}" * (MAX_DEPTH + 1),
        "{ " + "name " * MAX_TOKENS + "}",
    ],
)  # fmt: skip
def test_what_is_no_query_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        ask(text)


def test_fragments_that_repeat_one_another_do_not_grow_without_bound() -> None:
    fragments = "".join(f"fragment F{n} on T {{ ...F{n + 1} ...F{n + 1} ...F{n + 1} ...F{n + 1} }}" for n in range(9))
    with pytest.raises(InvalidInput, match=str(MAX_FIELDS)):
        ask(f"{{ ...F0 }} {fragments} fragment F9 on T {{ echo }}")


@given(st.text(alphabet='{}()[]:!=@$."\\ aon1-,#\n'))
def test_no_text_does_anything_else_than_be_answered_or_refused(text: str) -> None:
    with contextlib.suppress(InvalidInput):
        assert "data" in ask(text)
