"""References: what they find, what they become, and what they leave alone (WORKFLOW-FORMAT 2 and 8, K10-K18)."""

from __future__ import annotations

import sys
from copy import deepcopy
from typing import Any

import pytest

from workflowkit.base.errors import LimitExceeded
from workflowkit.base.limits import Limits
from workflowkit.definition.jsonpath import Budget
from workflowkit.definition.references import (
    MISSING,
    Reference,
    ReferenceScope,
    Unreadable,
    compile_template,
    find_texts,
    references_in,
    split_text,
)

EVENT = {
    "name": "shop/order.placed",
    "data": {
        "total": 42,
        "price": 1.5,
        "paid": True,
        "gift": False,
        "note": None,
        "empty": "",
        "customer": {"name": "Ada", "tags": ["a", "b"]},
        "items": [{"sku": "x", "price": 5}, {"sku": "y", "price": 50}],
        "one": [{"sku": "x"}],
        "none": [],
        "dollars": "$& and $$ and $1",
        "looks": "!ref($.event.data.total)",
        "a b": 7,
        "close)paren": 8,
        "it's": 9,
        'say "hi"': 10,
    },
}
STATE = {"check-stock": {"ok": True}, "1": {"result": [1, 2]}, "text": "plain", "list": [1, "two", None], "x y": 3}


def resolve(value: Any, **more: Any) -> Any:
    return compile_template(value).resolve(ReferenceScope(EVENT, STATE, **more))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("$.event", EVENT),
        ("$.event.name", "shop/order.placed"),
        ("$.event.data.total", 42),
        ("$.event.data.price", 1.5),
        ("$.event.data.paid", True),
        ("$.event.data.note", None),
        ("$.event.data.customer", {"name": "Ada", "tags": ["a", "b"]}),
        ("$.event.data.items[0]", {"sku": "x", "price": 5}),
        ("$.event.data.items[-1].sku", "y"),
        ("$.event.data.items.1.sku", "y"),
        ("$['event']['data']['a b']", 7),
        ('$.event.data["a b"]', 7),
        ("$.event.data['close)paren']", 8),
        ("$.event.data['it\\'s']", 9),
        ('$.event.data["it\'s"]', 9),
        ("$.event.data['say \"hi\"']", 10),
        ("$.event.data['\\u0061 b']", 7),
        ("$.event.data[ 'a b' ]", 7),
        ("$.state.check-stock.ok", True),
        ("$.state.1.result", [1, 2]),
        ("$.state.1.result[1]", 2),
        ("$.state['x y']", 3),
    ],
)
def test_a_whole_reference_keeps_the_type_of_what_it_finds(path: str, expected: Any) -> None:
    found = resolve(f"!ref({path})")
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    "path",
    [
        "$.event.data.nothing",
        "$.event.data.nothing.deeper",
        "$.event.data.total.deeper",
        "$.event.data.items[2]",
        "$.event.data.items[-3]",
        "$.event.data.items.name",
        "$.event.data.customer[0]",
        "$.event.data.nothing[*].sku",
        "$.state.unknown",
        "$.output",
        "$.nowhere.x",
        "$..name",
    ],
)
def test_a_whole_reference_that_leads_nowhere_is_missing(path: str) -> None:
    assert resolve(f"!ref({path})") is MISSING
    assert resolve({"deep": [f"!ref({path})"]}) == {"deep": [None]}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("$.event.data.items[*].sku", ["x", "y"]),
        ("$.event.data.items[*].nothing", []),
        ("$.event.data.none[*]", []),
        ("$.event.data.items.*.sku", ["x", "y"]),
        ("$.event.data.customer.*", ["Ada", ["a", "b"]]),
        ("$.event.data.customer[*]", ["Ada", ["a", "b"]]),
        ("$.event.data.items[1:].sku", ["y"]),
        ("$.event.data.items[:1].sku", ["x"]),
        ("$.event.data.items[::-1].sku", ["y", "x"]),
        ("$.event.data.items[::0].sku", []),
        ("$.event.data.total[0:1]", []),
        ("$.event..sku", ["x", "y", "x"]),
        ("$.event.data.items..[0]", [{"sku": "x", "price": 5}]),
        ("$.event.data.customer..*", ["Ada", ["a", "b"], "a", "b"]),
        ("$.event.data.items[?(@.price > 10)].sku", ["y"]),
        ("$.event.data.items[?@.price >= 5].sku", ["x", "y"]),
        ("$.event.data.items[?(@.price < 10 || @.sku == 'y')].sku", ["x", "y"]),
        ("$.event.data.items[?(@.price <= 5 && @.sku != 'y')].sku", ["x"]),
        ("$.event.data.items[?(!(@.price == 5))].sku", ["y"]),
        ("$.event.data.items[?(@.nothing)].sku", []),
        ("$.event.data.items[?(!@.nothing)].sku", ["x", "y"]),
        ("$.event.data.items[?('x' == @.sku)].price", [5]),
        ("$.event.data.items[?(@['sku'] == \"x\")].price", [5]),
        ("$.event.data.customer.tags[?(@ == 'a')]", ["a"]),
        ("$.state.list[?(@ == null)]", [None]),
        ("$.state.list[?(@ == 1.0)]", [1]),
        ("$.state.list[?(@ == true)]", []),
        ("$.state.list[?(@ > 0)]", [1]),
        ("$.state.list[?(@ > 'a')]", ["two"]),
    ],
)
def test_a_path_that_may_find_several_values_gives_always_a_list(path: str, expected: list[Any]) -> None:
    assert resolve(f"!ref({path})") == expected


def test_a_wildcard_gives_a_list_for_one_hit_as_for_two() -> None:
    """K17."""
    assert resolve("!ref($.event.data.one[*].sku)") == ["x"]
    assert resolve("!ref($.event.data.items[*].sku)") == ["x", "y"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("!ref($.event.data.total) and !ref($.event.data.customer.name)", "42 and Ada"),  # K11
        ("!ref($.event.data.total)-!ref($.event.data.total)", "42-42"),  # K11, D6
        ("first: !ref($.event.data.items[0].sku)", "first: x"),  # K12
        ("stock: !ref($.state.check-stock.ok)", "stock: true"),  # K13
        ("!ref($.event.data.dollars) !ref($.event.data.dollars)", "$& and $$ and $1 $& and $$ and $1"),  # K14
        ("[!ref($.event.data.nothing)]", "[]"),  # K15
        ("[!ref($.event.data.note)]", "[]"),
        ("it is !ref($.event.data.customer)", 'it is {"name":"Ada","tags":["a","b"]}'),  # K16
        ("it is !ref($.event.data.customer.tags)", 'it is ["a","b"]'),
        ("!ref($.event.data.paid) !ref($.event.data.gift)", "true false"),
        ("!ref($.event.data.total) !ref($.event.data.price)", "42 1.5"),
        ("all: !ref($.event.data.items[*].sku)", 'all: ["x","y"]'),
        ("a !ref($.event.data['close)paren']) b", "a 8 b"),
        ("(!ref($.event.data.total))", "(42)"),
        ("!ref($.event.data.total), it's done", "42, it's done"),
        ("!ref($.event.data.empty)!ref($.event.data.empty)", ""),
    ],
)
def test_an_embedded_reference_becomes_text(text: str, expected: str) -> None:
    assert resolve(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain",
        "!ref($)",
        "!ref(event.x)",
        "!ref( $.event.name)",
        "!ref($.event.name )",
        "!ref($.event.name",
        "!ref()",
        "!ref(",
        "ref($.event.name)",
        "!REF($.event.name)",
        "$.event.name",
        "!ref($.event.)",
        "!ref($.event[)",
        "!ref($.event['x)",
        "!ref($.event['\\x'])",
        "!ref($.event['\\ud800'])",
        "!ref($.event[(@.length-1)])",
        "!ref($.event.a b)",
        "!ref($.event[0,1])",
        "!ref($.event..a..b)",
        "!ref($.event[?(@.a == $.event.b)])",
        "!ref($.event[?(@..a == 1)])",
        "!ref($.event[?(@[*] == 1)])",
        "!ref($.event[?length(@.a) > 1])",
        "!ref($.event[?(@.a == )])",
        "!ref($.event[?(1)])",
        "!ref($.event[?(@.a == 1])",
        "!ref($.event[01])",
        "!ref($.event[99999999999999999])",
        "!ref($.event.name))!ref(",
    ],
)
def test_what_is_no_reference_stays_as_it_is(text: str) -> None:
    readable = "!ref($.event.name))" in text
    assert resolve(text) == (text.replace("!ref($.event.name)", "shop/order.placed") if readable else text)


def test_after_something_unreadable_the_next_reference_is_found() -> None:
    assert resolve("!ref($.x' and !ref($.event.data.total)") == "!ref($.x' and 42"


def test_a_deeply_nested_filter_is_not_read() -> None:
    text = "!ref($.event[?(" + "(" * 40 + "@.a" + ")" * 40 + ")])"
    assert isinstance(split_text(text)[0], Unreadable)


def test_values_are_resolved_at_any_depth_and_keys_never() -> None:
    value = {
        "!ref($.event.name)": [{"deep": ["!ref($.event.data.total)", {"x": "n: !ref($.event.data.total)"}]}],
        "n": 1,
    }
    assert resolve(value) == {"!ref($.event.name)": [{"deep": [42, {"x": "n: 42"}]}], "n": 1}


def test_resolved_text_is_never_read_again() -> None:
    assert resolve("!ref($.event.data.looks)") == "!ref($.event.data.total)"
    assert resolve("<!ref($.event.data.looks)>") == "<!ref($.event.data.total)>"
    assert resolve({"x": "!ref($.event.data.looks)"}) == {"x": "!ref($.event.data.total)"}


def test_one_template_resolved_for_two_events_gives_each_its_own() -> None:
    """K18."""
    definition = {"nested": {"to": "!ref($.event.data.to)"}}
    before = deepcopy(definition)
    template = compile_template(definition)
    first = template.resolve(ReferenceScope({"data": {"to": "ada"}}, {}))
    second = template.resolve(ReferenceScope({"data": {"to": "bob"}}, {}))
    assert (first, second) == ({"nested": {"to": "ada"}}, {"nested": {"to": "bob"}})
    assert definition == before


@pytest.mark.parametrize(
    "value", ["!ref($.state.list)", {"a": "!ref($.event.data.customer)"}, {"a": [1, {"b": [2]}]}, [1]]
)
def test_the_result_shares_nothing_with_the_definition_or_the_data(value: Any) -> None:
    template = compile_template(value)
    scope = ReferenceScope(deepcopy(EVENT), deepcopy(STATE))
    first = template.resolve(scope)
    expected = deepcopy(first)
    spoil(first)
    assert template.resolve(scope) == expected
    assert (scope.event, scope.state) == (EVENT, STATE)


def spoil(value: Any) -> None:
    """Change every dict and list inside a value."""
    for inner in value.values() if isinstance(value, dict) else value:
        if isinstance(inner, dict | list):
            spoil(inner)
    if isinstance(value, dict):
        value["spoiled"] = True
    else:
        value.append("spoiled")


def test_the_whole_state_is_a_plain_dict() -> None:
    assert resolve("!ref($.state)") == STATE


def test_output_is_what_the_edge_s_source_returned() -> None:
    assert resolve("!ref($.output.result)", output={"result": False}) is False
    assert resolve("!ref($.output)", output=None) is None


def test_references_are_listed_in_order_with_their_parts() -> None:
    found = references_in({"a": "!ref($.state.x.y) !ref($.event.z)", "b": ["!ref($.output[*])", "!ref(broken)"]})
    assert [(r.text, r.root, r.action, r.is_definite) for r in found] == [
        ("!ref($.state.x.y)", "state", "x", True),
        ("!ref($.event.z)", "event", None, True),
        ("!ref($.output[*])", "output", None, False),
    ]


def test_texts_with_references_are_found_with_their_places() -> None:
    found = list(find_texts({"a/b": ["x", "!ref($.event)", {"~": "!ref("}]}, "/inputs"))
    assert [text.pointer for text in found] == ["/inputs/a~1b/1", "/inputs/a~1b/2/~0"]
    assert found[0].whole is not None
    assert found[1].whole is None


def test_splitting_keeps_every_character() -> None:
    text = "a !ref($.event.x) b !ref(c) !ref($.state.y[0])"
    parts = split_text(text)
    assert "".join("!ref(" if isinstance(p, Unreadable) else p if isinstance(p, str) else p.text for p in parts) == text
    assert sum(isinstance(part, Reference) for part in parts) == 2


def test_a_search_past_the_budget_is_refused_by_name() -> None:
    template = compile_template("!ref($.event..x)", Limits(reference_nodes=100))
    with pytest.raises(LimitExceeded, match="reference_nodes"):
        template.resolve(ReferenceScope([[0] * 99], {}))


def test_a_filter_pays_for_each_of_its_comparisons() -> None:
    scope = ReferenceScope([0] * 60, {})
    assert compile_template("!ref($.event[?(@ == 1)])", Limits(reference_nodes=100)).resolve(scope) == []
    with pytest.raises(LimitExceeded, match="reference_nodes"):
        compile_template("!ref($.event[?(@ == 1 || @ == 2)])", Limits(reference_nodes=100)).resolve(scope)


@pytest.mark.parametrize(
    ("test", "nodes"),
    [
        ("@[0] == @[1]", 1 + 100 + 100 * 10),
        ("@[0] != @[1]", 1 + 100 + 100 * 10),
        ("@[0] <= @[1]", 1 + 100 + 100 * 10),
        ("@[0] == @[1] || @[0] != @[1]", 2 + 100 + 100 * 10),
        ("@[0] == @[1] && @[0] == @[1]", 2 + 2 * (100 + 100 * 10)),
        ("@[0][0] == @[1]", 1),
        ("@[0]", 1),
        ("@[2] == @[3]", 1 + 1_600 // 16),
        ("@[2] < @[3]", 1 + 1_600 // 16),
        ("@[2] == @[0]", 1),
        ("@[4] == @[5]", 1 + 2),
        ("@[9]" + "[0]" * 39, 1 + 10),
    ],
)
def test_a_comparison_pays_for_what_it_looks_at(test: str, nodes: int) -> None:
    rows = [[1] * 10] * 100
    element = [rows, deepcopy(rows), "x" * 1_600, "".join(["x"] * 1_600), {"a": 1, "b": 2}, {"b": 2, "a": 1}]
    spent = Spent()
    compile_template(f"!ref($.event[?({test})])").resolve(ReferenceScope([element], {}), spent)
    assert spent.searching == nodes


class Spent(Budget):
    """Counts what a search pays, apart from the copy of what it found."""

    def __init__(self) -> None:
        super().__init__()
        self.searching = 0

    def spend_nodes(self, count: int) -> None:
        if sys._getframe(1).f_code.co_name != "copied":
            self.searching += count


def test_a_filter_that_compares_large_values_again_and_again_is_refused() -> None:
    rows = [[1] * 10] * 100
    test = "||".join(["@[0]!=@[1]"] * 20)
    template = compile_template(f"!ref($.event[?({test})])", Limits(reference_nodes=20_000))
    with pytest.raises(LimitExceeded, match="reference_nodes"):
        template.resolve(ReferenceScope([[rows, deepcopy(rows)]], {}))


def test_a_copy_past_the_budget_is_refused_by_name() -> None:
    with pytest.raises(LimitExceeded, match="reference_nodes"):
        compile_template(["!ref($.event)"] * 3, Limits(reference_nodes=100)).resolve(ReferenceScope([0] * 50, {}))


def test_text_past_the_budget_is_refused_by_name() -> None:
    with pytest.raises(LimitExceeded, match="resolved_chars"):
        compile_template("!ref($.event)" * 3 + ".", Limits(resolved_chars=100)).resolve(ReferenceScope("x" * 50, {}))


def test_further_roots_are_seen_where_the_scope_has_them() -> None:
    scope = ReferenceScope(EVENT, STATE, roots={"item": {"tags": ["a", "b"]}, "index": 0, "error": None})
    written = ["!ref($.item.tags[1])", "!ref($.index)", "!ref($.error)", "n !ref($.index)", "!ref($.item.tags[*])"]

    assert compile_template(written).resolve(scope) == ["b", 0, None, "n 0", ["a", "b"]]
    assert compile_template("!ref($.key)").resolve(scope) is MISSING
    assert compile_template("!ref($.item)").resolve(ReferenceScope(EVENT, STATE)) is MISSING


def test_a_further_root_hides_none_of_the_usual_ones() -> None:
    scope = ReferenceScope({"x": 1}, {"a": 2}, 3, roots={"event": 9, "state": 9, "output": 9})

    assert compile_template(["!ref($.event.x)", "!ref($.state.a)", "!ref($.output)"]).resolve(scope) == [1, 2, 3]
