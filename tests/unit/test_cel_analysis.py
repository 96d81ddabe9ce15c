"""What is known of an expression without evaluating it: policy, variables, equalities; and the cache."""

from __future__ import annotations

import threading

import pytest

from workflowkit.base.errors import ExpressionError
from workflowkit.base.limits import Limits
from workflowkit.definition.cel import Constant, Equality, Path, compile_expression
from workflowkit.definition.cel.cache import WeightedCache

RESTRICTED_ACCEPTS = [
    "event.data.id == async.data.id",
    "event.data['id'] != null && !(async.data.total >= 1.5)",
    "event.data.total * 100 / 3 % 7 - -1 + 2",
    "event.data.name + '-' + event.data.missing",
    "int(async.data.status) == 200 || uint(event.data.a) == 1 || double(event.data.b) > 1.0",
    "date(event.data.at) + duration('1h') < now_plus('1d') || date(event.data.at) > now_minus('1d')",
    "event.data.vip ? event.data.id : 'others'",
    "[event.data.a, event.data.b]",
]
RESTRICTED_REFUSES = [
    ("has(event.data.id)", 0, "has()"),
    ("'a' in event.data.tags", 4, "'in'"),
    ("event.data.tags.exists(t, t == 'a')", 15, "exists()"),
    ("event.data.tags.all(t, t == 'a')", 15, "all()"),
    ("event.data.tags.map(t, t)", 15, "map()"),
    ("event.data.name.endsWith('x')", 15, "endsWith()"),
    ("event.data.name.matches('x')", 15, "matches()"),
    ("lowercase(event.data.name)", 0, "lowercase()"),
    ("size(event.data.tags) > 0", 0, "size()"),
    ("json_parse(event.data.text)", 0, "json_parse()"),
    ("string(event.data.id)", 0, "string()"),
    ("now() > date('2026-01-01')", 0, "now()"),
    ("1 == 1 && (true ? [size('a')] : {'a': 1})", 19, "size()"),
]


@pytest.mark.parametrize("text", RESTRICTED_ACCEPTS)
def test_the_restricted_language_has_logic_arithmetic_and_conversions(text: str) -> None:
    compile_expression(text, policy="restricted").evaluate({"event": {"data": {"b": 2, "at": "2026-01-01"}}, "now": 0})


@pytest.mark.parametrize(("text", "position", "what"), RESTRICTED_REFUSES)
def test_the_restricted_language_has_no_macros_and_no_functions_of_text(text: str, position: int, what: str) -> None:
    compile_expression(text)
    with pytest.raises(ExpressionError, match="not available here") as caught:
        compile_expression(text, policy="restricted")

    assert caught.value.position == position
    assert what in caught.value.message


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        ("1 + 2", set()),
        ("event.data.a + async.data.b", {"event", "async"}),
        ("event[async]", {"event", "async"}),
        ("event.data.l.map(x, x + y)", {"event", "y"}),
        ("x.map(x, x)", {"x"}),
        ("[1].map(x, [x].map(y, x + y)) + y", {"y"}),
        ("l.map(x, c, x)", {"l", "c"}),
        ("type(event) == map", {"event"}),
        ("now() > date(event.ts)", {"now", "event"}),
        ("now_plus('1h')", {"now"}),
        ("has(event.data)", {"event"}),
        ("{k: v}", {"k", "v"}),
    ],
)
def test_an_expression_knows_which_variables_it_reads(text: str, variables: set[str]) -> None:
    assert compile_expression(text).variables == variables


ID = Path(("event", "data", "id"))
ASYNC_ID = Path(("async", "data", "id"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("event.data.id == async.data.id", [Equality(ID, ASYNC_ID)]),
        ("event.data.id == 5", [Equality(ID, Constant(5))]),
        ("'x' == event.data.id", [Equality(ID, Constant("x"))]),
        ("event['data'].id == null", [Equality(ID, Constant(None))]),
        ("event.l[0].a == $p", [Equality(Path(("event", "l", 0, "a")), Path(("$p",)))]),
        (
            "event.data.id == 5 && event.n > 1 && (event.data.id == async.data.id)",
            [Equality(ID, Constant(5)), Equality(ID, ASYNC_ID)],
        ),
        ("event.data.id == 5 || event.n == 1", []),
        ("!(event.data.id == 5)", []),
        ("event.data.id != 5", []),
        ("event.data.id == 5 == true", []),
        ("event.data.id == size('a')", []),
        ("event[event.n] == 1", []),
        ("type(event) == map", []),
        ("1 == 1", []),
    ],
)
def test_an_expression_knows_the_equalities_it_cannot_be_true_without(text: str, expected: list[Equality]) -> None:
    assert list(compile_expression(text).equalities) == expected


def test_the_same_text_is_compiled_once() -> None:
    assert compile_expression("event.data.once == 1") is compile_expression("event.data.once == 1")


def test_one_text_under_other_limits_or_another_policy_is_another_expression() -> None:
    text = "1 + 1 + 1"
    compile_expression(text)

    with pytest.raises(ExpressionError):
        compile_expression(text, limits=Limits(expression_nodes=2))
    compile_expression("size('a')")
    with pytest.raises(ExpressionError):
        compile_expression("size('a')", policy="restricted")


def test_a_full_cache_drops_what_was_used_longest_ago() -> None:
    cache: WeightedCache[str] = WeightedCache(max_weight=10)
    made: list[str] = []

    def get(key: str) -> None:
        def make() -> tuple[str, int]:
            made.append(key)
            return key, 4

        assert cache.get(key, make) == key

    for key in ("a", "b", "a", "c"):
        get(key)
    assert made == ["a", "b", "c"]
    get("a")
    get("b")
    assert made == ["a", "b", "c", "b"]
    assert len(cache) == 2


def test_an_entry_heavier_than_the_cache_is_kept_alone() -> None:
    cache: WeightedCache[str] = WeightedCache(max_weight=10)

    assert cache.get("small", lambda: ("small", 1)) == "small"
    assert cache.get("large", lambda: ("large", 100)) == "large"
    assert len(cache) == 1


def test_what_could_not_be_made_is_not_kept() -> None:
    cache: WeightedCache[int] = WeightedCache(max_weight=10)

    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            cache.get("key", lambda: (1 // 0, 1))
    assert len(cache) == 0


def test_threads_share_one_expression() -> None:
    expression = compile_expression("[1, 2, 3].map(x, [10, 20].map(y, x * y + n))")
    wrong: list[object] = []

    def evaluate(number: int) -> None:
        for _ in range(200):
            result = expression.evaluate({"n": number})
            if result != [[x * y + number for y in (10, 20)] for x in (1, 2, 3)]:
                wrong.append(result)

    threads = [threading.Thread(target=evaluate, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize(
    ("text", "members"),
    [
        ("state.a.b == state['c d'][0]", {("state", "a"), ("state", "c d")}),
        ("state[event.name].x", {("event", "name")}),
        ("state.list.exists(s, s.a && state.b)", {("state", "list"), ("state", "b")}),
        ("state.list.exists(state, state.b) && state.c", {("state", "list"), ("state", "c")}),
        ("has(state.a.b)", {("state", "a")}),
        ("state == 1 && 'state.a' != ''", set()),
    ],
)
def test_what_an_expression_selects_from_its_variables_is_known(text: str, members: set[tuple[str, str]]) -> None:
    assert compile_expression(text).members == members


def test_a_result_that_json_holds_as_text_only_is_no_exact_result() -> None:
    assert compile_expression("[a, 1.0]").evaluate_exactly({"a": {"b": None}}) == [{"b": None}, 1.0]
    for text in ("date('2026-01-01')", "[duration('1h')]", "a / 0"):
        with pytest.raises(ExpressionError):
            compile_expression(text).evaluate_exactly({"a": 1})
