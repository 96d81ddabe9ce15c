"""References and rules hold for any document and any data, not only for the ones we thought of (S1, S2)."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from workflowkit.base.errors import ExpressionError, LimitExceeded
from workflowkit.definition.jsonlogic import compile_rule
from workflowkit.definition.jsonlogic_operators import EAGER
from workflowkit.definition.references import (
    MISSING,
    ReferenceScope,
    Unreadable,
    compile_template,
    references_in,
    split_text,
)

MARKS = ["!ref(", "$", "..", ".*", "[?(", "@", "==", "'", '"', "\\", ")", "]", " ", "x", "1", "é", "$&"]
STEPS = [".event", ".state", ".output", ".a", ".b", "[0]", "[-1]", "[*]", "[1:]", "['a']", '["b"]', "[?(@.a == 'x')]"]
REFERENCES = ["!ref($.event.a)", "!ref($.event.b[0])", "!ref($.state.a)", "!ref($.event..a)", "!ref($.event[?@.b > 1])"]
PIECES = [*MARKS, *STEPS, *REFERENCES]
TEXTS = st.one_of(st.text(max_size=8), st.lists(st.sampled_from(PIECES), max_size=8).map("".join))
KEYS = st.one_of(st.sampled_from(["a", "b", "0", "event"]), TEXTS)
NUMBERS = st.one_of(st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False))
SCALARS = st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=15
)
SCOPES = st.builds(ReferenceScope, event=JSON, state=st.dictionaries(KEYS, JSON, max_size=3), output=JSON)


@given(JSON, SCOPES)
def test_resolving_never_raises_and_gives_json(document: Any, scope: ReferenceScope) -> None:
    resolved = compile_template(document).resolve(scope)
    assert resolved is MISSING or json.loads(json.dumps(resolved)) == resolved


@given(JSON, SCOPES)
def test_resolving_changes_neither_the_document_nor_the_data(document: Any, scope: ReferenceScope) -> None:
    before = deepcopy((document, scope.event, scope.state, scope.output))
    template = compile_template(document)
    first = template.resolve(scope)
    assert (document, scope.event, scope.state, scope.output) == before
    assert template.resolve(scope) == first


@given(JSON)
def test_a_document_without_references_is_resolved_to_itself(document: Any) -> None:
    if not references_in(document):
        assert compile_template(document).resolve(ReferenceScope({"a": 1}, {"a": 1})) == document


@given(JSON, SCOPES)
def test_what_data_brings_in_is_never_resolved_again(document: Any, scope: ReferenceScope) -> None:
    """The secret is reachable by a reference in the data only, so it may appear nowhere."""
    secret = "the-secret"
    planted = planted_everywhere(scope.event, "!ref($.state.hidden)")
    found = compile_template(document).resolve(ReferenceScope(planted, {"a": planted, "hidden": secret}, planted))
    asked_for = any(
        reference.root == "state" and reference.action in ("hidden", None) for reference in references_in(document)
    )
    assert asked_for or found is MISSING or secret not in json.dumps(found)


def planted_everywhere(value: Any, text: str) -> Any:
    """Return a value with every text inside it replaced."""
    if isinstance(value, dict):
        return {key: planted_everywhere(inner, text) for key, inner in value.items()}
    if isinstance(value, list):
        return [planted_everywhere(inner, text) for inner in value]
    return text if isinstance(value, str) else value


@given(TEXTS)
def test_data_with_reference_syntax_arrives_verbatim(text: str) -> None:
    scope = ReferenceScope({"a": text}, {})
    assert compile_template("!ref($.event.a)").resolve(scope) == text
    assert compile_template("<!ref($.event.a)|!ref($.event.a)>").resolve(scope) == f"<{text}|{text}>"


@given(TEXTS)
def test_splitting_a_text_keeps_every_character(text: str) -> None:
    parts = split_text(text)
    assert "".join("!ref(" if isinstance(p, Unreadable) else p if isinstance(p, str) else p.text for p in parts) == text


@given(JSON, st.data())
def test_every_value_can_be_reached_by_its_path(event: Any, data: st.DataObject) -> None:
    value, path = event, "$.event"
    while isinstance(value, dict | list) and value and data.draw(st.booleans()):
        if isinstance(value, dict):
            key = data.draw(st.sampled_from(sorted(value)))
            value, path = value[key], f"{path}['{quoted(key)}']"
        else:
            index = data.draw(st.integers(-len(value), len(value) - 1))
            value, path = value[index], f"{path}[{index}]"
    found = compile_template(f"!ref({path})").resolve(ReferenceScope(event, {}))
    assert found == value
    assert type(found) is type(value)


def quoted(key: str) -> str:
    """Write a key the way RFC 9535 wants it between single quotes."""
    return key.replace("\\", "\\\\").replace("'", "\\'")


@given(JSON)
def test_recursive_descent_finds_every_member_of_a_name(event: Any) -> None:
    found = compile_template("!ref($.event..a)").resolve(ReferenceScope(event, {}))
    assert sorted(map(json.dumps, found)) == sorted(map(json.dumps, members(event, "a")))


def members(value: Any, name: str) -> list[Any]:
    inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    own = [value[name]] if isinstance(value, dict) and name in value else []
    return own + [found for each in inner for found in members(each, name)]


OPERATORS = [*EAGER, "if", "?:", "and", "or", "map", "filter", "all", "some", "none", "reduce", "var", "missing"]
RULES = st.recursive(
    SCALARS | st.just({"var": ""}) | st.just({"var": "a"}) | st.just({"var": "accumulator"}),
    lambda inner: (
        st.dictionaries(
            st.sampled_from([*OPERATORS, "missing_some"]), st.lists(inner, max_size=3) | inner, min_size=1, max_size=1
        )
        | st.lists(inner, max_size=3)
    ),
    max_leaves=20,
)


@given(RULES, JSON)
def test_a_rule_gives_json_or_an_expression_error_and_nothing_else(rule: Any, data: Any) -> None:
    before = deepcopy((rule, data))
    try:
        found = compile_rule(rule).evaluate(data)
    except (ExpressionError, LimitExceeded):
        found = None
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert (rule, data) == before


@given(JSON)
def test_data_is_never_logic(data: Any) -> None:
    found = compile_rule({"var": "x"}).evaluate({"x": data})
    assert json.dumps(found, sort_keys=True) == json.dumps(
        compile_rule({"if": [True, {"var": "x"}]}).evaluate({"x": data}), sort_keys=True
    )
    assert found == data
