"""Hostile JSON costs time in proportion to its length, and the quick way of reading decides like the exact one."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflowkit.base import jsonvalue
from workflowkit.base.errors import InvalidInput, WorkflowKitError
from workflowkit.base.jsonvalue import _loads_slowly, loads_strict

MIB = 1024 * 1024


@pytest.mark.parametrize(
    "text",
    [
        b"[" * MIB,
        b'{"a":' * 200_000,
        b'["' + b'\\"' * (MIB // 2),
        b'"' * MIB,
        b"1" * MIB,
        b"0." + b"1" * MIB + b"e999999999",
        b"{" + b'"a":1,' * 170_000 + b'"a":2}',
        b"[" + b"[]," * 300_000 + b"NaN]",
        b'["' + b"\\u0000" * 170_000 + b'"]',
        b"\\" * MIB,
    ],
    ids=[
        "arrays",
        "objects",
        "escapes",
        "quotes",
        "digits",
        "exponent",
        "duplicates",
        "siblings",
        "nuls",
        "backslashes",
    ],
)
@pytest.mark.timeout(20)
def test_a_megabyte_of_hostile_text_is_refused_in_bounded_time(text: bytes) -> None:
    with pytest.raises(InvalidInput):
        loads_strict(text, max_bytes=2 * MIB)


_text = st.text(alphabet=st.sampled_from('a:"\\{}[]0é\0\ud800u3A '), max_size=8)
_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | _text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_text, inner, max_size=4),
    max_leaves=20,
)


def outcome(parse: Any, text: str) -> Any:
    try:
        return repr(parse(text))
    except WorkflowKitError as error:
        return type(error)


@given(_values, st.booleans())
def test_text_is_read_like_the_standard_library_reads_it_or_refused(value: object, escaped: bool) -> None:
    text = json.dumps(value, ensure_ascii=escaped)
    try:
        parsed = loads_strict(text, max_bytes=MIB)
    except InvalidInput:
        with pytest.raises(InvalidInput):
            jsonvalue.check_json(value)
    else:
        assert repr(parsed) == repr(json.loads(text))
        jsonvalue.check_json(parsed)


_fragments = st.lists(
    st.sampled_from(
        [
            '{"a":1',
            '"a"',
            '"\\u0061"',
            '"\\u003a"',
            '":"',
            ":",
            ",",
            "{",
            "}",
            "[",
            "]",
            "1",
            "1e5",
            "-",
            "9" * 17,
            "NaN",
            " ",
        ]
    ),
    max_size=14,
).map("".join)


@given(_fragments | st.dictionaries(st.sampled_from("ab"), _fragments, max_size=2).map(str))
def test_the_quick_way_decides_like_the_exact_one(text: str) -> None:
    quick = outcome(lambda text: loads_strict(text, max_bytes=MIB), text)
    exact = outcome(lambda text: _loads_slowly(text.encode(), 64), text)
    assert quick == exact


@given(
    st.lists(st.tuples(st.sampled_from(["a", "b", "a:", ":"]), st.sampled_from(['"::"', "1", '{"a":1}', '"\\u003a"'])))
)
def test_a_repeated_key_is_never_dropped_silently(members: list[tuple[str, str]]) -> None:
    text = "{" + ",".join(f'"{key}":{value}' for key, value in members) + "}"
    if len({key for key, _ in members}) == len(members):
        assert loads_strict(text, max_bytes=MIB) == json.loads(text)
    else:
        with pytest.raises(InvalidInput, match="twice"):
            loads_strict(text, max_bytes=MIB)


@given(st.binary(max_size=40) | st.text(max_size=40))
def test_no_input_raises_anything_but_our_errors(data: bytes | str) -> None:
    try:
        loads_strict(data, max_bytes=30)
    except WorkflowKitError as error:
        str(error).encode()
