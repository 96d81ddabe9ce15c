"""Where a document may refer to a secret, and what counts as a reference."""

from __future__ import annotations

from typing import Annotated, Any, TypedDict

import pytest
from builders import WorkflowBuilder, a_workflow
from runtimes import a_registry

from workflowkit.definition import validate
from workflowkit.definition.secrets import secret_name, secret_uses, secrets_named_in
from workflowkit.inngest.appactions import _spec as app_action
from workflowkit.registry import Field, Registry

Secret = Annotated[str, Field(secret=True)]


class Login(TypedDict):
    user: str
    password: Secret


@pytest.fixture
def registry() -> Registry:
    registry = a_registry()

    @registry.action("use")
    def use(
        key: Annotated[str, Field(secret=True, min_length=20, pattern="^sk_")],
        login: Login | None = None,
        headers: dict[str, Secret] | None = None,
        several: list[Secret] | None = None,
        plain: str = "",
        data: Any = None,
    ) -> None: ...

    return registry


def using(**inputs: Any) -> WorkflowBuilder:
    return a_workflow().action("u", "use", {"key": "!secret(stripe)", **inputs}).path("$source", "u").trigger("go")


def found(registry: Registry, document: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(p.pointer, p.code, p.severity) for p in validate(document, registry)]


def test_secrets_may_stand_where_the_schema_says_so(registry: Registry) -> None:
    """Also if its pattern says nothing of a reference."""
    document = using(
        login={"user": "ann", "password": "!secret(b)"}, headers={"X-Key": "!secret(c)"}, several=["!secret(d.e-f_1)"]
    ).document()
    assert found(registry, document) == []
    action = registry.get("use")
    assert action is not None
    uses = secret_uses(document["actions"][0]["inputs"], action.inputs)
    assert [(use.path, use.name) for use in uses] == [
        (("key",), "stripe"),
        (("login", "password"), "b"),
        (("headers", "X-Key"), "c"),
        (("several", 0), "d.e-f_1"),
    ]
    assert list(secrets_named_in(document)) == ["stripe", "b", "c", "d.e-f_1"]


@pytest.mark.parametrize(
    "inputs",
    [
        {"plain": "!secret(a)"},
        {"data": {"deep": ["!secret(a)"]}},
        {"login": {"user": "!secret(a)", "password": "!secret(b)"}},
    ],
)
def test_elsewhere_in_inputs_they_are_refused(registry: Registry, inputs: dict[str, Any]) -> None:
    problems = found(registry, using(**inputs).document())
    assert [(code, severity) for _, code, severity in problems] == [("secret-not-allowed", "error")]


@pytest.mark.parametrize(
    ("kind", "inputs"),
    [
        ("emit_event", {"name": "a/b", "data": {"key": "!secret(a)"}}),
        ("log", {"message": "!secret(a)"}),
        ("set", {"values": {"a": "!secret(a)"}}),
        ("builtin:run_workflow", {"workflow": "x", "data": {"a": "!secret(a)"}}),
        ("http_request", {"url": "https://example.com", "headers": {"a": "!secret(a)"}}),
        ("http_request", {"url": "https://example.com", "query": {"a": "!secret(a)"}}),
        ("http_request", {"url": "https://example.com", "body": "!secret(a)"}),
        ("send_email", {"to": "a@example.com", "subject": "!secret(a)"}),
        ("publish_update", {"topic": "a", "data": "!secret(a)"}),
        ("stop", {"output": "!secret(a)"}),
        ("noop", {"value": "!secret(a)"}),
    ],
)
def test_actions_that_store_or_send_what_they_are_given_have_no_place_for_one(
    registry: Registry, kind: str, inputs: dict[str, Any]
) -> None:
    document = a_workflow().action("a", kind, inputs).path("$source", "a").trigger("go").document()
    codes = [code for _, code, severity in found(registry, document) if severity == "error"]
    assert "secret-not-allowed" in codes


def test_no_action_of_ours_shows_what_it_takes_as_a_secret() -> None:
    """A new place for secrets in a built-in action is a decision."""
    registry = a_registry()
    specs = {kind: registry.get(kind) for kind in registry.kinds()}
    with_places = {kind for kind, spec in specs.items() if spec is not None and "writeOnly" in repr(spec.inputs)}
    assert with_places == {"http_request"}


def test_outside_of_inputs_they_are_refused(registry: Registry) -> None:
    document = using().action("b").edge_match("u", "b", "!secret(a)").settings(on_failure={"workflow": "x"}).document()
    document["actions"][1]["settings"] = {"on_error": "fallback", "fallback": {"a": "!secret(a)"}}
    document["metadata"] = {"note": "!secret(a)"}
    refused = [pointer for pointer, code, _ in found(registry, document) if code == "secret-not-allowed"]
    assert refused == ["/actions/1/settings/fallback/a", "/edges/1/conditional/value", "/metadata/note"]


def test_compensations_take_secrets_like_actions(registry: Registry) -> None:
    undo = {"kind": "use", "inputs": {"key": "!secret(a)", "plain": "!secret(b)"}}
    document = a_workflow().action("a", compensate=undo).path("$source", "a").trigger("go").document()
    assert found(registry, document) == [
        ("/actions/0/settings/compensate/inputs/plain", "secret-not-allowed", "error"),
    ]


def test_a_reference_stands_alone(registry: Registry) -> None:
    assert found(registry, using(headers={"Authorization": "Bearer !secret(a)"}).document()) == [
        ("/actions/0/inputs/headers/Authorization", "invalid-secret", "error"),
    ]
    assert found(registry, using(plain="write !secret(a)").document()) == [
        ("/actions/0/inputs/plain", "invalid-secret", "warning"),
    ]


def test_a_value_in_a_document_is_warned_of_and_stays_valid(registry: Registry) -> None:
    assert found(registry, using(key="sk_live_0123456789abcdef").document()) == [
        ("/actions/0/inputs/key", "literal-secret", "warning"),
    ]
    assert found(registry, using(key="!ref($.event.data.key)", headers={"a": ""}).document()) == []


@pytest.mark.parametrize(
    "text",
    ["", "!secret()", "!secret(a b)", "!secret(a", "secret(a)", " !secret(a)", "!secret(a) ", "!secret(-a)",
     "!secret(a)\n", "!secret(" + "a" * 65 + ")", "!SECRET(a)", None, 1, ["!secret(a)"]],
)  # fmt: skip
def test_what_is_no_reference(text: Any) -> None:
    assert secret_name(text) is None


def test_schemas_of_many_forms_are_read() -> None:
    secret = {"type": "string", "writeOnly": True}
    schema = {
        "type": "object",
        "$defs": {"login": {"properties": {"password": secret, "again": {"$ref": "#/$defs/login"}}}},
        "properties": {
            "a": {"$ref": "#/$defs/login"},
            "b": {"oneOf": [{"type": "string", "format": "password"}, {"type": "null"}]},
            "c": {"prefixItems": [secret], "items": {"type": "string"}},
            "d": {"type": "object", "writeOnly": True},
            "e": {"allOf": [{"properties": {"x": secret}}]},
            "f": True,
            "g": {"$ref": "#/$defs/missing"},
            "h": {"$ref": "https://example.com/schema"},
        },
    }
    deep = {"password": "!secret(a1)", "again": {"password": "!secret(a2)", "other": "!secret(no)"}}
    inputs = {
        "a": deep, "b": "!secret(b)", "c": ["!secret(c)", "!secret(no)"], "d": {"any": ["!secret(d)"]},
        "e": {"x": "!secret(e)"}, "f": "!secret(no)", "g": "!secret(no)", "h": "!secret(no)", "i": "!secret(no)",
    }  # fmt: skip
    assert [use.name for use in secret_uses(inputs, schema)] == ["a1", "a2", "b", "c", "d", "e"]


def test_of_several_forms_the_one_that_a_fixed_member_names_says_what_is_secret() -> None:
    text = {"type": "string"}
    note = {"properties": {"by": {"const": "note"}, "value": text}}
    schema = {
        "type": "object",
        "$defs": {"note": note},
        "properties": {
            "auth": {
                "oneOf": [
                    {"properties": {"by": {"enum": ["key", "pin"]}, "value": {**text, "writeOnly": True}}},
                    {"$ref": "#/$defs/note"},
                ]
            }
        },
    }

    def names(by: str) -> list[str]:
        return [use.name for use in secret_uses({"auth": {"by": by, "value": "!secret(a)"}}, schema)]

    assert names("key") == names("pin") == ["a"]
    assert names("note") == []
    assert names("!ref($.event.data.by)") == ["a"]


def test_a_member_that_a_pattern_may_be_about_is_no_place_for_a_secret() -> None:
    schema = {
        "type": "object",
        "patternProperties": {"^note": {"type": "string"}},
        "properties": {"key": {"type": "string", "writeOnly": True}},
        "additionalProperties": {"type": "string", "writeOnly": True},
    }
    uses = secret_uses({"note_a": "!secret(a)", "key": "!secret(b)"}, schema)
    assert [use.name for use in uses] == ["b"]


def test_schemas_that_refer_to_themselves_twice_take_no_longer_at_each_depth() -> None:
    node = {"$ref": "#/$defs/node"}
    text = {"type": "string", "writeOnly": True}
    forms = [text, {"additionalProperties": node}, {"properties": {"a": node}}]
    schema = {"type": "object", "$defs": {"node": {"anyOf": forms}}, "properties": {"a": node}}
    value: Any = "!secret(deep)"
    for _ in range(60):
        value = {"a": value}
    assert [use.name for use in secret_uses(value, schema)] == ["deep"]


def test_functions_of_apps_have_no_place_for_one() -> None:
    """What they are given becomes an event, which is stored."""
    declared = {
        "properties": {"key": {"type": "string", "writeOnly": True}, "format": {"type": "string", "format": "password"}}
    }
    document = {"metadata": {"url": "http://app"}, "inputs": declared}
    spec = app_action("shop/greet", document)
    assert secret_uses({"data": {"key": "!secret(a)", "format": "!secret(b)"}}, spec.inputs) == ()
    assert spec.inputs["properties"]["data"]["properties"]["key"] == {"type": "string"}
