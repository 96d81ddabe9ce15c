"""Forms from schemas: which control a property gets, and what type its text becomes."""

from __future__ import annotations

from typing import Any

import pytest

from workflowkit.api.forms import data_of, fields_of
from workflowkit.base.errors import InvalidForm, Problem
from workflowkit.base.limits import DEFAULT_LIMITS


def _form(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


@pytest.mark.parametrize(
    ("schema", "control"),
    [
        ({"type": "string"}, "text"),
        ({"type": "string", "ui": {"widget": "textarea"}}, "textarea"),
        ({"type": "string", "maxLength": 5_000}, "textarea"),
        ({"type": "string", "format": "email"}, "email"),
        ({"type": "string", "format": "date"}, "date"),
        ({"type": "string", "format": "uri"}, "url"),
        ({"type": "string", "format": "ipv4"}, "text"),
        ({"type": ["string", "null"]}, "text"),
        ({"type": "integer"}, "number"),
        ({"type": "number"}, "number"),
        ({"type": "boolean"}, "checkbox"),
        ({"enum": [1, "a", None]}, "select"),
        ({"type": "string", "enum": ["a"]}, "select"),
        ({"type": "array"}, "json"),
        ({"type": "object"}, "json"),
        ({"type": ["string", "integer"]}, "json"),
        ({}, "json"),
        (True, "json"),
    ],
)
def test_the_control_follows_from_the_schema(schema: Any, control: str) -> None:
    (field,) = fields_of(_form(x=schema), None)
    assert field.control == control


def test_labels_defaults_and_limits_come_from_the_schema() -> None:
    form = _form(
        due_date={"type": "string", "default": "soon", "minLength": 2, "maxLength": 9},
        amount={"type": "number", "title": "Amount", "description": "In euro", "minimum": 0.5, "maximum": 7},
        urgent={"type": "boolean", "default": True},
        kind={"enum": ["a", 2], "default": 2},
        tags={"type": "array", "default": ["x"]},
    ) | {"required": ["amount", "urgent"]}
    due_date, amount, urgent, kind, tags = fields_of(form, None)
    assert (due_date.label, due_date.value, due_date.attributes) == (
        "Due date", "soon", {"minlength": "2", "maxlength": "9"},
    )  # fmt: skip
    assert (amount.label, amount.help, amount.required) == ("Amount", "In euro", True)
    assert amount.attributes == {"step": "any", "min": "0.5", "max": "7"}
    assert (urgent.value, urgent.required) == ("on", False)  # a box that must be ticked is the schema's affair
    assert [(option.value, option.label) for option in kind.options] == [('"a"', "a"), ("2", "2")]
    assert (kind.value, tags.value) == ("2", '["x"]')


def test_what_was_entered_is_shown_again_with_what_is_wrong_with_it() -> None:
    form = _form(**{"a/b": {"type": "string", "default": "d"}})
    (field,) = fields_of(form, {"data.a/b": "mine"}, [Problem("/data/a~1b", "x", "too short")])
    assert (field.value, field.error) == ("mine", "too short")
    assert fields_of(form, {})[0].value == ""
    assert fields_of(None, None) == []


@pytest.mark.parametrize(
    ("schema", "text", "value"),
    [
        ({"type": "string"}, "a", "a"),
        ({"type": "string"}, " 7 ", " 7 "),
        ({"type": "string"}, "a\r\nb", "a\nb"),
        ({"type": "integer"}, "7", 7),
        ({"type": "integer"}, " -7 ", -7),
        ({"type": "integer"}, "7.5", 7.5),
        ({"type": "number"}, "1e3", 1000.0),
        ({"type": "number"}, "NaN", "NaN"),
        ({"type": "number"}, "true", "true"),
        ({"type": "number"}, "1,5", "1,5"),
        ({"type": "boolean"}, "on", True),
        ({"enum": ["a", 2, None]}, "2", 2),
        ({"enum": ["a", 2]}, '"a"', "a"),
        ({"enum": ["a", 2]}, '"b"', '"b"'),
        ({"type": "array"}, "[1]", [1]),
        ({}, '{"a": null}', {"a": None}),
    ],
)
def test_text_becomes_the_type_of_the_schema_or_stays_text(schema: Any, text: str, value: Any) -> None:
    assert data_of(_form(x=schema), {"data.x": text}, DEFAULT_LIMITS) == {"x": value}


def test_what_is_empty_is_left_out_but_a_box_that_is_not_ticked_is_no() -> None:
    form = _form(
        a={"type": "string"}, b={"type": "integer"}, c={"enum": [1]}, d={"type": "array"}, e={"type": "boolean"}
    )
    assert data_of(form, {"data.a": "", "data.b": " ", "other": "x", "data.f": "x"}, DEFAULT_LIMITS) == {"e": False}
    assert data_of(None, {"data.a": "x"}, DEFAULT_LIMITS) == {}


def test_missing_and_broken_fields_are_named_all_at_once() -> None:
    form = _form(a={"type": "string"}, b={"type": "array"}, c={"type": "integer"}) | {"required": ["a"]}
    with pytest.raises(InvalidForm) as caught:
        data_of(form, {"data.b": "{", "data.c": "many"}, DEFAULT_LIMITS)
    assert [(problem.pointer, problem.code) for problem in caught.value.problems] == [
        ("/data/a", "missing-key"), ("/data/b", "invalid-json"), ("/data/c", "invalid-value"),
    ]  # fmt: skip
