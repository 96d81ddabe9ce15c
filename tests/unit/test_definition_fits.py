"""What references lead to against the inputs that they stand for: warnings where declared types cannot fit."""

from __future__ import annotations

from typing import Any

import pytest
from builders import a_workflow
from kinds import Kind, Kinds, inputs_of

from workflowkit.base.limits import Limits
from workflowkit.definition import validate
from workflowkit.definition.model import SOURCE

PAY = Kind(
    "pay",
    inputs_of(
        amount={"type": "integer"},
        rate={"type": "number"},
        text={"type": "string"},
        on={"type": "boolean"},
        items={"type": "array", "items": {"type": "string"}},
        address={"type": "object", "properties": {"zip": {"type": "string"}}},
        parcels={"type": "array", "items": {"$ref": "#/$defs/parcel"}},
        maybe={"anyOf": [{"type": "integer"}, {"type": "null"}]},
        several={"anyOf": [{"type": "integer"}, {"type": "string"}]},
        level={"enum": [1, 2, 3]},
        any={},
        rule={"type": "boolean", "format": "json-logic"},
    )
    | {"$defs": {"parcel": {"type": "object", "properties": {"grams": {"type": "integer"}}}}},
    {"type": "object", "properties": {"id": {"type": "string"}, "total": {"$ref": "#/$defs/total"}},
     "$defs": {"total": {"type": "integer"}}},
)  # fmt: skip
BOUGHT = {
    "type": "object",
    "properties": {
        "customer": {"type": "string"},
        "cents": {"type": "integer"},
        "total": {"type": "number"},
        "is_new": {"type": "boolean"},
        "lines": {"type": "array", "items": {"type": "object", "properties": {"sku": {"type": "string"}}}},
        "buyer": {"anyOf": [{"type": "object", "properties": {"name": {"type": "string"}}}, {"type": "null"}]},
        "nothing": {"type": "null"},
        "mixed": {"type": ["string", "integer"]},
        "all": {"allOf": [{"type": "string"}]},
        "color": {"enum": ["red", None]},
        "loop": {"$ref": "#/properties/loop"},
        "free": {},
    },
}


def mismatches(inputs: dict[str, Any], *, events: tuple[str, ...] = ("bought",), **settings: Any) -> list[str]:
    """Return where an action behind another warns of types; the first never fails unless ``settings`` say so."""
    builder = a_workflow().action("first", "pay", {}, **settings).action("a", "pay", inputs)
    document = builder.edge(SOURCE, "first").edge("first", "a").document()
    document["triggers"] = [{"event": name} for name in events]
    document.pop("trigger", None)
    schemas = {"bought": BOUGHT, "sold": {"type": "object", "properties": {"customer": {"type": "integer"}}}}
    problems = validate(document, Kinds(PAY), Limits(), schemas)
    assert all(problem.severity == "warning" for problem in problems)
    return [problem.pointer for problem in problems if problem.code == "type-mismatch"]


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("amount", "event.data.customer"),
        ("rate", "event.data.customer"),
        ("text", "event.data.cents"),
        ("on", "event.data.customer"),
        ("text", "event.data.is_new"),
        ("items", "event.data.customer"),
        ("address", "event.data.lines"),
        ("text", "event.data.lines[*].sku"),  # a list, of however many
        ("amount", "event.data.lines[0].sku"),
        ("amount", "event.data.buyer.name"),
        ("amount", "event.data.buyer"),
        ("amount", "event.data"),
        ("maybe", "event.data.customer"),
        ("several", "event.data.is_new"),
        ("level", "event.data.color"),
        ("amount", "state.first.id"),
        ("text", "state.first.total"),
        ("amount", "state.first"),
    ],
)
def test_a_reference_to_what_cannot_fit_is_a_warning(name: str, path: str) -> None:
    assert mismatches({name: f"!ref($.{path})"}) == [f"/actions/1/inputs/{name}"]
    assert mismatches({"any": f"!ref($.{path})"}) == []


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("rate", "event.data.cents"),
        ("amount", "event.data.total"),  # 3.0 is a whole number
        ("amount", "event.data.mixed"),
        ("amount", "event.data.nothing"),
        ("amount", "event.data.all"),
        ("amount", "event.data.loop"),
        ("amount", "event.data.free"),
        ("amount", "event.data.free.x"),
        ("amount", "event.data.gone"),
        ("amount", "event.name"),
        ("amount", "event"),
        ("several", "event.data.customer"),
        ("text", "event.data.color"),
        ("text", "state.first.id"),
        ("amount", "state.first.total"),
        ("rule", "event.data.customer"),
        ("unknown", "event.data.customer"),
    ],
)
def test_what_may_fit_or_is_not_known_is_none(name: str, path: str) -> None:
    assert mismatches({name: f"!ref($.{path})"}) == []


def test_references_inside_of_texts_lists_and_objects() -> None:
    assert mismatches({"text": "for !ref($.event.data.cents)"}) == []  # part of a text it is text
    customer = "!ref($.event.data.customer)"
    assert mismatches({"address": {"zip": "!ref($.event.data.cents)", "other": customer}}) == [
        "/actions/1/inputs/address/zip"
    ]
    assert mismatches({"items": [customer, "!ref($.event.data.cents)"]}) == ["/actions/1/inputs/items/1"]
    assert mismatches({"parcels": [{"grams": customer}]}) == ["/actions/1/inputs/parcels/0/grams"]


def test_of_events_that_differ_and_outputs_that_may_be_replaced_nobody_knows() -> None:
    customer = "!ref($.event.data.customer)"
    assert mismatches({"amount": customer}, events=("bought", "sold")) == []
    assert mismatches({"on": customer}, events=("bought", "sold")) == ["/actions/1/inputs/on"]
    assert mismatches({"amount": customer}, events=("bought", "undeclared")) == []
    assert mismatches({"amount": customer}, events=()) == []
    assert mismatches({"amount": "!ref($.state.first.id)"}, on_error="continue") == []


def test_the_warning_names_both_types() -> None:
    document = a_workflow().action("a", "pay", {"amount": "!ref($.event.data.customer)"}).edge(SOURCE, "a").document()
    document["inputs"] = {
        "properties": {"customer": {"type": "string"}}
    }  # what the document says of its event counts, too
    (problem,) = validate(document, Kinds(PAY))
    assert problem.message == (
        "Action 'a' takes a whole number for 'amount', but !ref($.event.data.customer) is declared as text"
    )


@pytest.mark.parametrize("odd", [{"type": 7}, {"type": [{}]}, {"anyOf": 3}, {"$ref": "#/gone"}, {"enum": {}}, [], 1])
def test_odd_schemas_say_nothing_of_types(odd: Any) -> None:
    document = a_workflow().action("a", "pay", {"amount": "!ref($.event.data.x)"}).edge(SOURCE, "a").document()
    document["inputs"] = {"properties": {"x": odd}}
    assert "type-mismatch" not in [problem.code for problem in validate(document, Kinds(PAY))]


ASK = Kind(
    "ask",
    inputs_of(
        form={"type": ["object", "null"], "format": "json-schema"},
        who={"type": ["string", "null"], "x-not-empty": True},
    ),
    {"type": "object", "properties": {"data": {"type": ["object", "null"], "x-schema-from": "form"}}},
)  # fmt: skip


def asked(inputs: dict[str, Any], amount: str) -> list[tuple[str, str]]:
    """Return where it is wrong that two steps ask, the second with a form of its own, and a third pays."""
    builder = a_workflow().action("one", "ask", {"form": {"type": "object"}}).action("a", "ask", inputs)
    document = builder.action("p", "pay", {"amount": amount}).path(SOURCE, "one", "a", "p").document()
    return [(each.pointer, each.code) for each in validate(document, Kinds(PAY, ASK))]


def test_what_somebody_enters_into_the_form_of_a_step_has_the_types_of_that_form() -> None:
    form = {"type": "object", "properties": {"count": {"type": "integer"}, "why": {"type": "string"}}}
    assert asked({"form": form}, "!ref($.state.a.data.count)") == []
    assert asked({"form": form}, "!ref($.state.one.data.anything)") == []
    assert asked({"form": form}, "!ref($.state.a.data.why)") == [("/actions/2/inputs/amount", "type-mismatch")]
    assert asked({"form": form}, "!ref($.state.a.data.cuont)") == [("/actions/2/inputs/amount", "unknown-path")]


def test_a_form_that_is_no_schema_is_an_error_where_it_stands() -> None:
    assert asked({"form": {"properties": {"a": {"type": "zzz"}}}}, "!ref($.state.a.data.b)") == [
        ("/actions/1/inputs/form", "invalid-schema")
    ]
    # What it is in a run, nobody knows.
    assert asked({"form": {"properties": {"a": {"enum": "!ref($.event.data.all)"}}}}, "!ref($.state.a.data.b)") == []


@pytest.mark.parametrize("who", [None, " ", "\t\n"], ids=repr)
def test_what_may_be_left_out_must_not_be_written_empty(who: Any) -> None:
    assert asked({"who": who}, "!ref($.event.data.n)") == [("/actions/1/inputs/who", "empty-input")]
    assert asked({"who": "!ref($.event.data.who)"}, "!ref($.event.data.n)") == []
    assert asked({}, "!ref($.event.data.n)") == []
