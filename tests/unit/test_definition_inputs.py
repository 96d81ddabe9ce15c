"""A step's inputs: resolved, filled with defaults, checked before the handler (W11, D9, D10, D11)."""

from __future__ import annotations

from typing import Any

import pytest
from kinds import IF, Kind, inputs_of

from workflowkit.base.errors import InvalidInput
from workflowkit.base.limits import Limits
from workflowkit.definition.inputs import resolve_inputs
from workflowkit.definition.model import Node
from workflowkit.definition.references import ReferenceScope

SEND = Kind(
    "send",
    inputs_of(
        ["to"],
        to={"type": "string"},
        copies={"type": "integer", "minimum": 1, "default": 1},
        tags={"type": "array", "items": {"type": "string"}, "default": []},
        note={"type": ["string", "null"]},
        mark={"type": ["string", "null"], "default": "none"},
        address={"type": "object", "properties": {"zip": {"type": "integer"}}},
        anything={},
        shared={"$ref": "#/$defs/maybe"},
    )
    | {"$defs": {"maybe": {"anyOf": [{"type": "integer"}, {"type": "null"}]}}},
)
EVENT = {"data": {"to": "ada", "number": 7, "tags": ["a"], "null": None, "rule": {"==": [1, 1]}, "flags": [0, 1]}}


def resolve(inputs: dict[str, Any], kind: Kind = SEND, state: dict[str, Any] | None = None) -> dict[str, Any]:
    node = Node("step", kind.kind, "Step", inputs, "/actions/0")
    return resolve_inputs(node, kind, ReferenceScope(EVENT, state or {}))


def problem_of(inputs: dict[str, Any], kind: Kind = SEND) -> tuple[str, str, str]:
    with pytest.raises(InvalidInput) as caught:
        resolve(inputs, kind)
    [problem] = caught.value.problems
    return problem.pointer, problem.code, problem.message


def test_literals_and_references_come_together_with_defaults() -> None:
    inputs = {"to": "!ref($.event.data.to)", "note": "no !ref($.event.data.number)", "address": {"zip": 1}}
    assert resolve(inputs) == {
        "to": "ada",
        "note": "no 7",
        "address": {"zip": 1},
        "copies": 1,
        "tags": [],
        "mark": "none",
    }


def test_defaults_are_fresh_for_every_step() -> None:
    node = Node("step", "send", "Step", {"to": "x"}, "/actions/0")
    resolve_inputs(node, SEND, ReferenceScope(EVENT, {}))["tags"].append("spoiled")
    assert resolve_inputs(node, SEND, ReferenceScope(EVENT, {}))["tags"] == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("copies", 1),  # has a default
        ("tags", []),
        ("mark", "none"),
        ("note", None),  # may be null
        ("anything", None),
        ("shared", None),
    ],
)
def test_a_missing_value_of_an_optional_input_is_its_default_or_null(name: str, expected: Any) -> None:
    assert resolve({"to": "x", name: "!ref($.event.data.nothing)"})[name] == expected


def test_a_missing_value_of_an_optional_input_that_may_not_be_null_is_left_out() -> None:
    assert "address" not in resolve({"to": "x", "address": "!ref($.event.data.nothing)"})


def test_a_missing_value_inside_a_text_is_empty_and_deeper_down_null() -> None:
    found = resolve({"to": "<!ref($.event.data.nothing)>", "anything": ["!ref($.event.data.nothing)"]})
    assert (found["to"], found["anything"]) == ("<>", [None])


def test_a_missing_value_of_a_required_input_names_node_input_and_reference() -> None:
    pointer, code, message = problem_of({"to": "!ref($.event.data.nothing)"})
    assert (pointer, code) == ("/inputs/to", "missing-input")
    assert all(part in message for part in ("'step'", "'to'", "!ref($.event.data.nothing)"))


@pytest.mark.parametrize(
    ("inputs", "pointer", "said"),
    [
        ({"to": "!ref($.event.data.number)"}, "/inputs/to", "'to': Expected string, got 7"),
        ({"to": "!ref($.event.data.null)"}, "/inputs/to", "'to': Expected string, got null"),
        ({"to": "x", "copies": "!ref($.event.data.to)"}, "/inputs/copies", "'copies': Expected integer, got \"ada\""),
        ({"to": "x", "copies": "n !ref($.event.data.number)"}, "/inputs/copies", "'copies': Expected integer"),
        (
            {"to": "x", "address": {"zip": "!ref($.event.data.to)"}},
            "/inputs/address/zip",
            "'address': Expected integer, got \"ada\" (at /address/zip)",
        ),
        ({"to": "x", "tags": ["!ref($.event.data.number)"]}, "/inputs/tags/0", "'tags': Expected string, got 7"),
    ],
)
def test_a_resolved_value_of_the_wrong_type_fails_before_the_handler(
    inputs: dict[str, Any], pointer: str, said: str
) -> None:
    """K9."""
    found, code, message = problem_of(inputs)
    assert (found, code) == (pointer, "invalid-input")
    assert message.startswith("Action 'step' has an invalid input for ")
    assert said in message


def test_all_wrong_inputs_are_named_at_once() -> None:
    with pytest.raises(InvalidInput) as caught:
        resolve({"to": "!ref($.event.data.number)", "copies": "!ref($.event.data.to)", "note": 5})
    assert sorted(problem.pointer for problem in caught.value.problems) == [
        "/inputs/copies",
        "/inputs/note",
        "/inputs/to",
    ]


def test_inputs_the_action_does_not_know_are_left_out_or_passed_as_its_schema_says() -> None:
    assert "extra" not in resolve({"to": "x", "extra": 1})
    assert resolve({"extra": "!ref($.event.data.number)"}, Kind("open")) == {"extra": 7}
    assert resolve({"extra": "!ref($.event.data.nothing)"}, Kind("open")) == {"extra": None}


def test_a_rule_is_evaluated_and_the_handler_gets_its_value() -> None:
    rule = {"and": [{">": ["!ref($.event.data.number)", 5]}, {"in": ["a", "!ref($.event.data.tags)"]}]}
    assert resolve({"condition": rule}, IF) == {"condition": True}


def test_a_reference_inside_a_loop_of_a_rule_is_the_same_for_every_element() -> None:
    rule = {"filter": ["!ref($.state.list)", {">": [{"var": ""}, "!ref($.event.data.number)"]}]}
    assert resolve({"condition": rule}, IF, {"list": [1, 9]}) == {"condition": [9]}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"!!": ["!ref($.event.data.rule)"]}, True),
        ({"===": ["!ref($.event.data.rule)", "x"]}, False),
        ("!ref($.event.data.rule)", {"==": [1, 1]}),
        ({"if": [False, 1, "!ref($.event.data.rule)"]}, {"==": [1, 1]}),
        ({"map": [[1], "!ref($.event.data.rule)"]}, [{"==": [1, 1]}]),
        ({"cat": ["n=!ref($.event.data.number)", ""]}, "n=7"),
        ({"!!": ["!ref($.event.data.nothing)"]}, False),
        ({"==": ["!ref($.event.data.nothing)", None]}, True),
        ({"if": [True, {"a": "!ref($.event.data.number)", "b": [{"+": [1]}]}]}, {"a": 7, "b": [{"+": [1]}]}),
        (True, True),
        ({"and": ["!ref($.event.data.flags)"]}, [0, 1]),
    ],
)
def test_what_a_reference_brings_into_a_rule_is_data(rule: Any, expected: Any) -> None:
    """D11."""
    assert resolve({"condition": rule}, IF) == {"condition": expected}


def test_a_rule_past_its_budget_fails_the_step() -> None:
    rule = {"map": ["!ref($.state.list)", {"+": [{"var": ""}, 1]}]}
    node = Node("step", IF.kind, "Step", {"condition": rule}, "/actions/0")
    with pytest.raises(InvalidInput, match="expression_steps"):
        resolve_inputs(node, IF, ReferenceScope(EVENT, {"list": [1] * 20_000}))


def test_inputs_that_would_be_too_large_fail_the_step() -> None:
    node = Node("step", "open", "Step", {"text": "!ref($.state.big)" * 30 + "."}, "/actions/0")
    with pytest.raises(InvalidInput, match="resolved_chars") as caught:
        resolve_inputs(node, Kind("open"), ReferenceScope(EVENT, {"big": "x" * 200_000}))
    assert caught.value.problems[0].pointer == "/inputs/text"


def test_the_limits_are_those_of_the_installation() -> None:
    node = Node("step", "open", "Step", {"list": "!ref($.state.list)"}, "/actions/0")
    with pytest.raises(InvalidInput, match="reference_nodes"):
        resolve_inputs(node, Kind("open"), ReferenceScope(EVENT, {"list": [1] * 20}), limits=Limits(reference_nodes=10))


@pytest.mark.parametrize(
    ("kind", "inputs"),
    [
        (IF, {"condition": {"nope": 1}}),
        (Kind("bad", inputs_of(x={"pattern": "(a)\\1"})), {"x": "aa"}),
        (Kind("remote", inputs_of(x={"$ref": "http://127.0.0.1:9/schema"})), {"x": 1}),
    ],
)
def test_what_cannot_be_compiled_fails_the_step_and_not_the_worker(kind: Kind, inputs: dict[str, Any]) -> None:
    pointer, _, message = problem_of(inputs, kind)
    assert pointer == "/inputs"
    assert "'step'" in message


def test_a_node_is_compiled_once_per_action() -> None:
    node = Node("step", "send", "Step", {"to": "x"}, "/actions/0")
    scope = ReferenceScope(EVENT, {})
    resolve_inputs(node, SEND, scope)
    plan = node.memo["inputs"]
    resolve_inputs(node, SEND, scope)
    assert node.memo["inputs"] is plan
    other = Kind("send", inputs_of(["to"], to={"type": "string"}, more={"default": 1}))
    assert resolve_inputs(node, other, scope) == {"to": "x", "more": 1}
