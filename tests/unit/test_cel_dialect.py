"""The dialect, as a table: what each expression means over one small event."""

from __future__ import annotations

from typing import Any

import pytest

from workflowkit.definition.cel import compile_expression

EVENT = {
    "id": "e-1",
    "name": "shop/order.paid",
    "ts": 1_750_000_000_000,
    "data": {
        "total": 120.5,
        "count": 3,
        "whole": 9.0,
        "zero": 0,
        "paid": True,
        "gift": False,
        "note": None,
        "empty": "",
        "city": "Zürich",
        "mail": "ann@example.org",
        "tags": ["new", "vip"],
        "none": [],
        "items": [{"sku": "A", "qty": 1}, {"sku": "B", "qty": 3}],
        "address": {"country": "CH", "zip-code": "8000"},
        "status": "200",
        "at": "2026-03-01T10:30:15.250Z",
        "packed": "eyJhIjogWzEsIDJdfQ==",
    },
}
NOW_MS = 1_750_000_000_000  # 2025-06-15T15:06:40Z

LITERALS: list[tuple[str, Any]] = [
    ("null", None),
    ("true", True),
    ("42", 42),
    ("0x2A", 42),
    ("7u", 7),
    ("1.5", 1.5),
    (".5", 0.5),
    ("25e-1", 2.5),
    ("'single'", "single"),
    ('"double"', "double"),
    (r"'tab\tquote\'A\x41\101'", "tab\tquote'AAA"),
    (r"r'raw\t'", r"raw\t"),
    ("'''two\nlines'''", "two\nlines"),
    ("[1, 'a', null,]", [1, "a", None]),
    ("{'a': 1, 'b': {'c': []},}", {"a": 1, "b": {"c": []}}),
    ("1 // a comment\n+ 1", 2),
]

PATHS: list[tuple[str, Any]] = [
    ("event.data.total", 120.5),
    ("event.data.address.country", "CH"),
    ("event.data['city']", "Zürich"),
    ("event['data'].address['zip-code']", "8000"),
    ("event.data.items[1].sku", "B"),
    ("event.data.tags[0]", "new"),
    ("event.data.tags[1.0]", "vip"),
    ("event.data.tags[2]", None),
    ("event.data.tags[-1]", None),
    ("event.data.tags['0']", None),
    ("event.data.tags[true]", None),
    ("event.data.missing", None),
    ("event.data.missing.deeper.still", None),
    ("event.data.total.cents", None),
    ("nobody.nothing", None),
    ("event.data[event.name]", None),
    ("event.data.if", None),
    ("event.data.in", None),
]

EQUALITY: list[tuple[str, Any]] = [
    ("event.data.count == 3", True),
    ("event.data.count == 3.0", True),
    ("event.data.whole == 9", True),
    ("1u == 1", True),
    ("event.data.status == 200", False),
    ("event.data.status != 200", True),
    ("true == 1", False),
    ("'a' == 'a'", True),
    ("[1, 2.0] == [1.0, 2]", True),
    ("[1] == [1, 2]", False),
    ("{'a': [1]} == {'a': [1.0]}", True),
    ("{'a': 1} == {'b': 1}", False),
    ("event.data == event.data", True),
    ("event.data.note == null", True),
    ("event.data.missing == null", True),
    ("event.data.missing == event.data.note", True),
    ("event.data.missing != null", False),
    ("event.data.missing == 'a'", False),
    ("event.data.missing != 'a'", True),
    ("event.data.missing == ''", False),
    ("event.data.missing == 0", False),
    ("event.data.missing == false", False),
    ("date('2026-01-01') == date('2026-01-01T00:00:00Z')", True),
]

ORDER: list[tuple[str, Any]] = [
    ("event.data.total > 100", True),
    ("event.data.count >= 3.0", True),
    ("3 > 2.5", True),
    ("'a' < 'b'", True),
    ("false < true", True),
    ("event.data.missing < 5", True),
    ("event.data.missing <= -5", True),
    ("event.data.missing > -5", False),
    ("event.data.missing >= -5", False),
    ("5 < event.data.missing", False),
    ("5 <= event.data.missing", False),
    ("5 > event.data.missing", True),
    ("5 >= event.data.missing", True),
    ("null > 0", False),
    ("null >= 0", True),
    ("event.data.note < 1", True),
    ("event.data.count > null", True),
    ("event.data.total <= null", False),
    ("null < 'a'", True),
    ("null <= null", True),
    ("date(event.data.at) > date('2026-02-28')", True),
    ("duration('90m') < duration('2h')", True),
]

ARITHMETIC: list[tuple[str, Any]] = [
    ("1 + 2 * 3", 7),
    ("(1 + 2) * 3", 9),
    ("10 - 4 - 3", 3),
    ("7 / 2", 3),
    ("-7 / 2", -3),
    ("7 / 2.0", 3.5),
    ("7 % 3", 1),
    ("-7 % 3", -1),
    ("7.5 % 2", 1.5),
    ("-event.data.count", -3),
    ("--1", 1),
    ("- -1", 1),
    ("2 * 1.5", 3.0),
    ("'a' + 'b'", "ab"),
    ("'n=' + 1", "n=1"),
    ("1 + 'n'", "1n"),
    ("'x' + event.data.total", "x120.5"),
    ("'x' + event.data.whole", "x9"),
    ("'x' + event.data.paid", "xtrue"),
    ("'x' + event.data.missing", "x"),
    ("event.data.note + 'x'", "x"),
    ("1 + true", "1true"),
    ("event.data.missing + 5", 5),
    ("event.data.missing * 5", None),
    ("event.data.missing - event.data.total", None),
    ("1 / event.data.note", None),
    ("-event.data.missing", None),
    ("event.data.missing * 1.2 > 100", False),
    ("date('2026-01-01') - event.data.missing", None),
    ("event.data.missing + event.data.note", False),
    ("'l' + [1, {'a': null}]", 'l[1,{"a":null}]'),
    ("'at ' + date('2026-01-01')", "at 2026-01-01T00:00:00Z"),
    ("[1] + [2, 3]", [1, 2, 3]),
    ("event.data.city + '-' + event.data.count + '-' + event.data.gift", "Zürich-3-false"),
]

LOGIC: list[tuple[str, Any]] = [
    ("true && false", False),
    ("true || false", True),
    ("!event.data.gift", True),
    ("!!event.data.city", True),
    ("!event.data.none", False),
    ("!event.data.missing", True),
    ("event.data.missing || 'default'", "default"),
    ("event.data.empty || event.data.city", "Zürich"),
    ("event.data.zero || event.data.note", None),
    ("event.data.city && event.data.count", 3),
    ("event.data.zero && event.data.city", 0),
    ("false && 1 / 0 > 1", False),
    ("1 / 0 > 1 && false", False),
    ("1 / 0 > 1 || true", True),
    ("event.data.paid ? 'yes' : 'no'", "yes"),
    ("event.data.missing ? 1 : 2", 2),
    ("false ? 1 : false ? 2 : 3", 3),
    ("true ? false ? 1 : 2 : 3", 2),
    ("true ? 1 : 1 / 0", 1),
    ("1 < 2 == true", True),
    ("'vip' in event.data.tags", True),
    ("event.data.missing in ['a']", False),
    ("3.0 in [1, 3]", True),
    ("'country' in event.data.address", True),
    ("'total' in event.data.missing", False),
    ("5 in event.data.address", False),
]

MACROS: list[tuple[str, Any]] = [
    ("has(event.data.total)", True),
    ("has(event.data.note)", True),
    ("has(event.data.missing)", False),
    ("has(event.data.missing.deeper)", False),
    ("event.data.tags.exists(t, t == 'vip')", True),
    ("event.data.tags.all(t, t.size() == 3)", True),
    ("event.data.none.all(t, false)", True),
    ("event.data.none.exists(t, true)", False),
    ("event.data.items.exists_one(i, i.qty > 2)", True),
    ("event.data.items.exists_one(i, i.qty > 0)", False),
    ("event.data.items.map(i, i.qty * 2)", [2, 6]),
    ("event.data.items.map(i, i.qty > 1, i.sku)", ["B"]),
    ("event.data.items.filter(i, i.qty > 1)", [{"sku": "B", "qty": 3}]),
    ("event.data.items.filter(i, i.nothing)", []),
    ("event.data.address.exists(key, key == 'country')", True),
    ("event.data.address.map(key, key)", ["country", "zip-code"]),
    ("event.data.missing.exists(x, true)", False),
    ("event.data.missing.all(x, true)", False),
    ("event.data.missing.exists_one(x, true)", False),
    ("event.data.missing.map(x, x)", []),
    ("size(event.data.missing.filter(x, x))", 0),
    ("[0, 1].exists(x, 1 / x == 1)", True),
    ("[0, 1].all(x, 1 / x == 2)", False),
    ("[1, 2].map(x, [10, 20].map(y, x + y))", [[11, 21], [12, 22]]),
    ("[1, 2].map(x, [3].map(x, x))", [[3], [3]]),
    ("[1, 2].map(event, event)", [1, 2]),
    ("[[1, 2], [3]].map(l, l.map(x, x).size())", [2, 1]),
]

FUNCTIONS: list[tuple[str, Any]] = [
    ("size('Héllo')", 5),
    ("size(event.data.tags)", 2),
    ("event.data.address.size()", 2),
    ("size(event.data.missing)", 0),
    ("event.data.note.size()", 0),
    ("event.data.mail.contains('@')", True),
    ("event.data.tags.contains('vip')", True),
    ("event.data.mail.startsWith('ann')", True),
    ("event.data.mail.endsWith('.com')", False),
    ("event.data.missing.contains('a')", False),
    ("event.data.mail.contains(event.data.missing)", False),
    ("event.data.mail.matches('^[a-z]+@')", True),
    ("matches(event.data.mail, 'example')", True),
    ("event.data.mail.matches('^example')", False),
    ("event.data.mail.matches(event.data.status)", False),
    ("event.data.missing.matches('a')", False),
    ("event.data.city.matches('^Z.rich$')", True),
    ("lowercase(event.data.city)", "zürich"),
    ("uppercase(event.data.city)", "ZÜRICH"),
    ("lowercase(event.data.missing)", ""),
    ("event.data.city.upperAscii()", "ZüRICH"),
    ("event.data.city.lowerAscii()", "zürich"),
    ("'  a '.trim()", "a"),
    ("'a,b,,c'.split(',')", ["a", "b", "", "c"]),
    ("'abc'.split('')", ["a", "b", "c"]),
    ("event.data.tags.join('+')", "new+vip"),
    ("[1, null, true].join()", "1true"),
    ("'a-b-c'.replace('-', ': ')", "a: b: c"),
    ("int('42')", 42),
    ("int(-2.7)", -2),
    ("int(event.data.status) == 200", True),
    ("int(date('1970-01-02'))", 86_400),
    ("uint(3.9)", 3),
    ("double('2.50')", 2.5),
    ("double(2)", 2.0),
    ("string(event.data.total)", "120.5"),
    ("string(true)", "true"),
    ("string([1])", "[1]"),
    ("string(duration('1h30m'))", "5400s"),
    ("string(event.data.missing)", False),
    ("bool('true')", True),
    ("bool(event.data.paid)", True),
    ("dyn(5)", 5),
    ("type(1) == int && type(1.0) == double && type('') == string", True),
    ("type(event.data.tags) == list && type(event.data) == map", True),
    ("type(event.data.missing) == type(null)", True),
    ("type(date('2026-01-01')) == timestamp", True),
    ("b64decode('aGkgdGhlcmUh')", "hi there!"),
    ("b64decode('aGk')", "hi"),
    ("json_parse('{\"a\": [1]}').a[0]", 1),
    ("json_parse(b64decode(event.data.packed)).a", [1, 2]),
    ("json_parse(event.data.missing)", False),
]

TIMES: list[tuple[str, Any]] = [
    ("date('2026-01-31')", "2026-01-31T00:00:00Z"),
    ("timestamp('2026-01-31T12:00:00+02:00')", "2026-01-31T10:00:00Z"),
    ("date(event.ts)", "2025-06-15T15:06:40Z"),
    ("date(1750000000)", "2025-06-15T15:06:40Z"),
    ("date(date('2026-01-31'))", "2026-01-31T00:00:00Z"),
    ("duration('1h30m')", "5400s"),
    ("duration('-1.5s')", "-1.5s"),
    ("duration('2w1d')", "1296000s"),
    ("duration('250ms')", "0.25s"),
    ("-duration('1m')", "-60s"),
    ("date('2026-01-31') + duration('6h35m10s')", "2026-01-31T06:35:10Z"),
    ("duration('1h') + duration('1m')", "3660s"),
    ("date('2026-01-02') - date('2026-01-01')", "86400s"),
    ("date('2026-01-02') - duration('1d')", "2026-01-01T00:00:00Z"),
    ("duration('1h') - duration('1m')", "3540s"),
    ("date(event.data.at).getFullYear()", 2026),
    ("date(event.data.at).getMonth()", 2),
    ("date(event.data.at).getDate()", 1),
    ("date(event.data.at).getDayOfMonth()", 0),
    ("date(event.data.at).getDayOfWeek()", 0),
    ("date(event.data.at).getDayOfYear()", 59),
    ("date(event.data.at).getHours()", 10),
    ("date(event.data.at).getHours('+05:30')", 16),
    ("date(event.data.at).getHours('-11:00')", 23),
    ("date(event.data.at).getMinutes()", 30),
    ("date(event.data.at).getSeconds()", 15),
    ("date(event.data.at).getMilliseconds()", 250),
    ("duration('90m').getHours()", 1),
    ("duration('90m').getMinutes()", 90),
    ("duration('90m').getSeconds()", 5400),
    ("duration('1.25s').getMilliseconds()", 250),
    ("now()", "2025-06-15T15:06:40Z"),
    ("now_plus('1d')", "2025-06-16T15:06:40Z"),
    ("now_minus(duration('40s'))", "2025-06-15T15:06:00Z"),
    ("date(event.ts) <= now()", True),
]


@pytest.mark.parametrize(
    ("text", "expected"),
    [*LITERALS, *PATHS, *EQUALITY, *ORDER, *ARITHMETIC, *LOGIC, *MACROS, *FUNCTIONS, *TIMES],
)
def test_an_expression_means_what_the_dialect_says(text: str, expected: Any) -> None:
    result = compile_expression(text).evaluate({"event": EVENT, "now": NOW_MS})

    assert result == expected
    assert type(result) is type(expected)


def test_a_result_shares_nothing_with_the_event() -> None:
    result = compile_expression("event.data.items").evaluate({"event": EVENT})

    assert result == EVENT["data"]["items"]  # type: ignore[index]  # the event is a dict of many types
    result[0]["sku"] = "changed"
    assert EVENT["data"]["items"][0]["sku"] == "A"  # type: ignore[index]


def test_a_bound_parameter_is_a_variable_whose_name_starts_with_a_dollar() -> None:
    expression = compile_expression("async.data.id == $id")

    assert expression.variables == {"async", "$id"}
    assert expression.matches({"async": {"data": {"id": 'a" || true'}}, "$id": 'a" || true'})
    assert not expression.matches({"async": {"data": {"id": "b"}}, "$id": 'a" || true'})


@pytest.mark.parametrize(
    ("text", "is_match"),
    [("1", True), ("0", False), ("'x'", True), ("''", False), ("[]", True), ("event.nothing", False), ("null", False)],
)
def test_any_result_can_be_read_as_a_condition(text: str, is_match: bool) -> None:
    assert compile_expression(text).matches({"event": EVENT}) is is_match
