import enum
from datetime import UTC, datetime
from typing import Any

import pytest

from workflowkit.base import jsonvalue
from workflowkit.base.errors import InvalidInput, LimitExceeded


def refused(text: str | bytes, **options: Any) -> list[tuple[str, str]]:
    with pytest.raises(InvalidInput) as caught:
        jsonvalue.loads_strict(text, max_bytes=100_000, **options)
    return [(problem.code, problem.pointer) for problem in caught.value.problems]


def refused_value(value: object, **options: Any) -> list[tuple[str, str]]:
    with pytest.raises(InvalidInput) as caught:
        jsonvalue.check_json(value, **options)
    return [(problem.code, problem.pointer) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("null", None),
        ("true", True),
        ('"Zoë 😀"', "Zoë 😀"),
        ("9007199254740992", 2**53),
        ("-9007199254740992", -(2**53)),
        ("1e300", 1e300),
        ("100000000000000000000.0", 1e20),
        ("0.30000000000000004", 0.30000000000000004),
        ('"4111111111111111"', "4111111111111111"),
        (' { "a" : [ 1 , 2.5 , { } ] } ', {"a": [1, 2.5, {}]}),
        (r'{"a\u003ab": "x:y", "\u00fc": "\ud83d\ude00"}', {"a:b": "x:y", "ü": "😀"}),
        (r'"\\u0000"', r"\u0000"),
        ('{"a": {"a": 1}, "b": {"a": 1}}', {"a": {"a": 1}, "b": {"a": 1}}),
        ('{"__proto__": 1}', {"__proto__": 1}),
    ],
)
def test_good_text_is_parsed_to_plain_values(text: str, value: object) -> None:
    for data in (text, text.encode()):
        parsed = jsonvalue.loads_strict(data, max_bytes=1000)
        assert parsed == value
        assert type(parsed) is type(value)
    jsonvalue.check_json(value)


@pytest.mark.parametrize(
    ("text", "code", "pointer"),
    [
        ("", "invalid-json", ""),
        ("{", "invalid-json", ""),
        ("{'a': 1}", "invalid-json", ""),
        ("[1,]", "invalid-json", ""),
        ("[1] x", "invalid-json", ""),
        ("01", "invalid-json", ""),
        ('"\t"', "invalid-json", ""),
        ("\ufeff1", "invalid-json", ""),
        ('["\x00"]', "invalid-json", ""),
        (b'"\xff"', "invalid-json", ""),
        (b'"\xed\xa0\x80"', "invalid-json", ""),
        ('"a"'.encode("utf-16"), "invalid-json", ""),
        ('{"a": 1, "a": 2}', "duplicate-key", "/a"),
        ('{"x/~": [{"a": 1, "b": 2, "a": 1}]}', "duplicate-key", "/x~1~0/0/a"),
        (r'{"a": 1, "\u0061": 2}', "duplicate-key", "/a"),
        (r'{"a": ":", "a": "\u003a\u003a\u003a"}', "duplicate-key", "/a"),
        ("[NaN]", "number-out-of-range", "/0"),
        ("Infinity", "number-out-of-range", ""),
        ('{"a": -Infinity}', "number-out-of-range", "/a"),
        ("1e400", "number-out-of-range", ""),
        ("1e130000", "number-out-of-range", ""),
        ("9007199254740993", "number-out-of-range", ""),
        ("-9007199254740993", "number-out-of-range", ""),
        ("[1, 18446744073709551616]", "number-out-of-range", "/1"),
        ("1" * 5000, "number-out-of-range", ""),
        (r'"a\u0000b"', "nul-character", ""),
        (r'{"k\u0000": 1}', "nul-character", ""),
        (r'{"a": {"b": "\ud800"}}', "lone-surrogate", "/a/b"),
        (r'["\udc00\ud800"]', "lone-surrogate", "/0"),
        (r'{"\udfff": 1}', "lone-surrogate", ""),
        ('"\ud800"', "lone-surrogate", ""),
    ],
)
def test_bad_text_is_refused_with_its_code_and_place(text: str | bytes, code: str, pointer: str) -> None:
    assert refused(text) == [(code, pointer)]


def test_every_problem_is_reported_up_to_a_limit() -> None:
    found = refused(r'{"a": "\u0000", "b": [NaN, 9007199254740993], "b2": 1, "b2": 2}')
    assert sorted(found) == [
        ("duplicate-key", "/b2"),
        ("nul-character", "/a"),
        ("number-out-of-range", "/b/0"),
        ("number-out-of-range", "/b/1"),
    ]
    assert len(refused("[" + "NaN," * 500 + "1]")) == jsonvalue.MAX_PROBLEMS


def test_text_longer_than_allowed_is_refused_before_it_is_parsed() -> None:
    assert jsonvalue.loads_strict('"aaa"', max_bytes=5) == "aaa"
    for data in ('"aaaa"', b"x" * 6, '"éé"'):
        with pytest.raises(LimitExceeded) as caught:
            jsonvalue.loads_strict(data, max_bytes=5, limit="event_bytes")
        assert (caught.value.limit, caught.value.maximum, caught.value.actual) == ("event_bytes", 5, 6)


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_depth_is_counted_in_containers(opening: str) -> None:
    closing = "]" if opening == "[" else "}"
    deepest = opening * 63 + ("[]" if opening == "[" else "{}") + closing * 63
    value = jsonvalue.loads_strict(deepest, max_bytes=1000)
    jsonvalue.check_json(value)
    assert refused(opening * 64 + "[]" + closing * 64) == [("too-deep", "")]
    assert refused_value([value])[0][0] == "too-deep"
    assert refused("[[0]]", max_depth=1) == [("too-deep", "")]
    jsonvalue.check_json(1, max_depth=0)


def test_brackets_in_strings_do_not_count_as_depth() -> None:
    text = '["' + "[" * 500 + r"\"{[\\" + '"' + ",0" * 70 + r',"\u0041"]'
    assert len(jsonvalue.loads_strict(text, max_bytes=10_000)) == 72


class Colour(enum.StrEnum):
    RED = "red"


class Name(str):
    __slots__ = ()


@pytest.mark.parametrize(
    ("value", "code", "pointer", "words"),
    [
        ((1, 2), "not-json", "", "tuple is not JSON"),
        ({"a": {1}}, "not-json", "/a", "set is not JSON"),
        ({"a": [b"x"]}, "not-json", "/a/0", "bytes is not JSON"),
        ({"a": datetime(2026, 1, 1, tzinfo=UTC)}, "not-json", "/a", "datetime.datetime is not JSON"),
        ([Colour.RED], "not-json", "/0", "Colour is not JSON"),
        ([Name("x")], "not-json", "/0", "Name is not JSON"),
        (object(), "not-json", "", "object is not JSON"),
        ({"a": {1: 2}}, "key-not-text", "/a", "the key '1'"),
        ({Name("x"): 2}, "key-not-text", "", "not text"),
        ({"a": float("nan")}, "number-out-of-range", "/a", "nan"),
        (float("-inf"), "number-out-of-range", "", "finite"),
        ([2**53 + 1], "number-out-of-range", "/0", r"2\^53"),
        ([-(2**53) - 1], "number-out-of-range", "/0", r"2\^53"),
        ({"a\0": 1}, "nul-character", "", r"'a\\x00'"),
        (["é\0"], "nul-character", "/0", "U\\+0000"),
        ([["\ud800"]], "lone-surrogate", "/0/0", "character 0"),
    ],
)
def test_values_that_are_not_json_are_refused(value: object, code: str, pointer: str, words: str) -> None:
    assert refused_value(value) == [(code, pointer)]
    with pytest.raises(InvalidInput, match=words):
        jsonvalue.check_json(value)


def test_a_value_that_contains_itself_is_too_deep() -> None:
    loop: list[object] = []
    loop += [loop, loop, loop]
    assert refused_value(loop)[0][0] == "too-deep"


@pytest.mark.timeout(10)
@pytest.mark.parametrize("part", ["x" * 100, 0, {"key": None}, "é"])
def test_a_value_of_shared_parts_is_stopped_at_the_size_of_its_text(part: object) -> None:
    value: list[object] = [part]
    for _ in range(60):
        value = [value, value]
    with pytest.raises(LimitExceeded) as caught:
        jsonvalue.check_json(value, max_bytes=10_000)
    assert caught.value.maximum == 10_000


@pytest.mark.parametrize("value", [{}, [], "", 0, "ascii", {"a": ["b", 1, True, None, {"c": 2.5}]}, ["é" * 50]])
def test_the_size_limit_of_a_value_never_exceeds_its_true_size(value: object) -> None:
    jsonvalue.check_json(value, max_bytes=jsonvalue.size_bytes(value))


def test_text_we_write_is_compact_and_read_back_the_same() -> None:
    value = {"b": [1, 2.5, None], "a": "Zoë"}
    assert jsonvalue.dumps(value) == '{"b":[1,2.5,null],"a":"Zoë"}'
    assert jsonvalue.loads(jsonvalue.dumps(value)) == value
    assert jsonvalue.size_bytes(value) == len(jsonvalue.dumps(value).encode())


def test_canonical_text_does_not_depend_on_the_order_of_keys() -> None:
    assert jsonvalue.canonical({"b": 1, "a": {"z": 1, "y": 2}}) == b'{"a":{"y":2,"z":1},"b":1}'


def test_writing_what_is_no_json_names_the_place() -> None:
    with pytest.raises(InvalidInput) as caught:
        jsonvalue.dumps({"a": [{1, 2}]})
    assert caught.value.problems[0].pointer == "/a/0"


def test_a_pointer_escapes_its_tokens() -> None:
    assert jsonvalue.child_pointer("/a", "b/c~d") == "/a/b~1c~0d"
    assert jsonvalue.child_pointer("", 0) == "/0"
