"""The output of a document, and the schemas of what goes in and comes out."""

from __future__ import annotations

from typing import Any

import pytest
from builders import a_workflow, doubling_schema
from kinds import KINDS

from workflowkit.base.errors import DefinitionError, LimitExceeded, Problem
from workflowkit.definition import parse, validate
from workflowkit.definition.output import evaluate_output
from workflowkit.definition.references import ReferenceScope
from workflowkit.definition.writtenschema import schema_problems

SCOPE = ReferenceScope({"data": {"n": 1}}, {"a": {"list": [1, 2]}}, roots={"item": {"sku": "x"}, "index": 0})


def output_of(written: Any) -> Any:
    template = parse(a_workflow().chain("a").document() | {"output": written}, KINDS).output
    assert template is not None
    return evaluate_output(template, SCOPE)


def test_references_become_values_and_everything_else_stays() -> None:
    assert output_of({"list": "!ref($.state.a.list)", "text": "n = !ref($.event.data.n)", "plain": [None, 1]}) == {
        "list": [1, 2],
        "text": "n = 1",
        "plain": [None, 1],
    }
    assert output_of("!ref($.event.data.nothing)") is None
    assert output_of(None) is None


def test_an_output_shares_nothing_with_what_it_was_made_of() -> None:
    output_of({"list": "!ref($.state.a.list)"})["list"].append(3)

    assert SCOPE.state["a"]["list"] == [1, 2]


def test_an_output_that_grows_too_large_is_refused() -> None:
    template = parse(a_workflow().chain("a").document() | {"output": ["!ref($.state.a)"] * 9}, KINDS).output
    assert template is not None
    with pytest.raises(LimitExceeded, match="reference_nodes"):
        evaluate_output(template, ReferenceScope({}, {"a": [[0] * 999] * 999}))


def test_schemas_of_the_document_reach_the_workflow() -> None:
    schema = {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}}
    workflow = parse(a_workflow().chain("a").document() | {"inputs": schema, "outputs": False}, KINDS)

    assert (workflow.inputs_schema, workflow.outputs_schema) == (schema, False)
    assert schema_problems(workflow.inputs_schema, {"id": "1"}) == []
    assert schema_problems(workflow.inputs_schema, {"id": 1}, "/data") == [
        Problem("/data/id", "invalid-value", "Expected string, got 1")
    ]
    assert schema_problems({"type": "object", "required": ["a/b"]}, {}) != []


@pytest.mark.parametrize(
    ("key", "schema", "place", "code"),
    [
        ("inputs", 5, "", "invalid-type"),
        ("outputs", "object", "", "invalid-type"),
        ("inputs", {"type": "sometimes"}, "", "invalid-schema"),
        ("outputs", {"$ref": "https://example.com/schema.json"}, "/$ref", "invalid-schema"),
        ("inputs", {"pattern": "(a+)+\\1$"}, "/pattern", "invalid-schema"),
        ("outputs", {"properties": {"x": {"enum": [1]}, "y": {"pattern": "(a{50}){5000}"}}}, "/properties/y/pattern",
         "invalid-schema"),
        ("inputs", doubling_schema(30), "/$defs/a16", "limit-exceeded"),
    ],
)  # fmt: skip
def test_a_schema_that_cannot_be_used_is_refused(key: str, schema: Any, place: str, code: str) -> None:
    problems = validate(a_workflow().chain("a").document() | {key: schema}, KINDS)

    assert [(problem.pointer, problem.code) for problem in problems] == [(f"/{key}{place}", code)]


@pytest.mark.parametrize("schema", [{"type": "sometimes"}, doubling_schema(30)])
def test_a_schema_that_got_past_validation_is_refused_when_used(schema: Any) -> None:
    with pytest.raises(DefinitionError):
        schema_problems(schema, {})
