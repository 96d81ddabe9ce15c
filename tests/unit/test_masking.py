"""Values of secrets are found in the forms that they usually take, and replaced by their names."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any
from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from workflowkit.base.masking import MIN_SECRET_CHARS, Mask, mask_of

VALUE = 'p"a/s+s\\wörd <&> 1'
PEM = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\nAQEFAASCBKcwggSjAgEAAoIB\n-----END KEY-----\n"


@pytest.fixture
def mask() -> Mask:
    return Mask({"key": VALUE})


@pytest.mark.parametrize(
    "written",
    [
        VALUE,
        json.dumps(VALUE),
        json.dumps(VALUE).replace("/", "\\/"),
        json.dumps(VALUE, ensure_ascii=False),
        repr(VALUE),
        repr({"a": [VALUE]}),
        quote(VALUE),
        quote(VALUE, safe=""),
        quote(VALUE, safe="").lower().replace("w%c3%b6rd", "w%c3%b6rd"),
        quote_plus(VALUE),
        urlencode({"q": VALUE}),
        html.escape(VALUE),
        html.escape(VALUE, quote=False),
        html.escape(VALUE).replace("&quot;", "&#34;"),
        ascii(VALUE),
        repr(VALUE.encode()),
        json.dumps(json.dumps({"a": VALUE})),
        quote(VALUE, safe="!'()*"),
        quote(VALUE, safe=";,/?:@&=+$!'()*#"),
        VALUE.encode().hex(),
        VALUE.encode().hex().upper(),
    ],
)
def test_a_value_is_masked_however_it_is_written(mask: Mask, written: str) -> None:
    masked = mask.text(f"before {written} after")
    assert masked.startswith("before ")
    assert masked.endswith(" after")
    assert "•••(key)" in masked
    assert "rd" not in masked.removesuffix(" after")


@given(st.binary(max_size=9), st.binary(max_size=9), st.booleans())
def test_in_base64_a_value_is_found_wherever_it_stands(before: bytes, after: bytes, url_safe: bool) -> None:
    encode = base64.urlsafe_b64encode if url_safe else base64.b64encode
    text = encode(before + b"a longer secret" + after).decode()
    masked = Mask({"key": "a longer secret"}).text(text)
    assert "•••(key)" in masked
    # What is left cannot be more than the neighbours and two characters on either side.
    assert len(masked.replace("•••(key)", "")) <= len(text) - 16


@given(st.text(min_size=MIN_SECRET_CHARS, max_size=30), st.text(max_size=30), st.text(max_size=30))
def test_no_text_keeps_a_value(value: str, before: str, after: str) -> None:
    if len(value.strip()) >= MIN_SECRET_CHARS:
        masked = Mask({"n": value}).value({before: [before + value + after, {value: value}]})
        assert value.strip() not in repr(list(masked.values())) or value.strip() in "•••(n)"


def test_json_is_masked_in_its_texts_keys_and_numbers(mask: Mask) -> None:
    value = {"a": [VALUE, {VALUE: f"<{VALUE}>"}], "n": 123456, "t": True, "none": None}
    assert mask.value(value) == {
        "a": ["•••(key)", {"•••(key)": "<•••(key)>"}],
        "n": 123456,
        "t": True,
        "none": None,
    }
    assert Mask({"pin": "123456"}).value([123456, 1234567, 12.5]) == ["•••(pin)", 1234567, 12.5]


def test_what_is_made_of_such_values_is_masked_too(mask: Mask) -> None:
    class Word(StrEnum):
        ONE = "one"

    @dataclass(frozen=True, slots=True)
    class Asked:
        title: str
        form: Mapping[str, Any]
        names: tuple[str, ...]
        word: Word

    asked = Asked(VALUE, MappingProxyType({"a": [VALUE]}), (VALUE, "b"), Word.ONE)
    masked = mask.value(asked)
    assert masked == Asked("•••(key)", {"a": ["•••(key)"]}, ("•••(key)", "b"), Word.ONE)
    assert masked.word is Word.ONE
    assert mask.value(b"bytes") == b"bytes"


def test_each_line_of_a_long_value_counts(mask: Mask) -> None:
    lines = Mask({"pem": PEM})
    assert "MIIE" not in lines.text(f"read {PEM.splitlines()[1]} of the key")
    assert "MIIE" not in lines.text(PEM.replace("\n", "\r\n"))
    assert "MIIE" not in lines.text(repr(PEM))


@pytest.mark.parametrize("end", ["", "…", "'", '"}', ")."])
def test_where_a_text_was_cut_inside_of_a_value_its_beginning_is_masked(mask: Mask, end: str) -> None:
    for kept in range(MIN_SECRET_CHARS, len(VALUE)):
        masked = mask.text(f"the key is {VALUE[:kept]}{end}")
        assert masked == f"the key is •••(key){end}" or VALUE[:MIN_SECRET_CHARS] not in masked


@pytest.mark.parametrize("dots", ["…", "...", "....."])
def test_a_value_that_was_cut_in_the_middle_of_a_text_is_masked_on_both_sides(mask: Mask, dots: str) -> None:
    shown = mask.text(f"got '{VALUE[:8]}{dots}{VALUE[-7:]}', which is too long")
    assert shown == f"got '•••(key){dots}•••(key)', which is too long"
    assert mask.text(f"got '{VALUE[:9]}{dots} [type=int]") == f"got '•••(key){dots} [type=int]"
    assert mask.text(f"{dots}{VALUE[-9:]}") == f"{dots}•••(key)"
    assert mask.text(f"wait{dots} what") == f"wait{dots} what"


def test_what_pydantic_says_of_a_long_value_does_not_show_its_ends() -> None:
    token = "eyJhbGciOi" + "".join(f"{number:05}" for number in range(40)) + "-signature"
    adapter = TypeAdapter(int)
    with pytest.raises(ValidationError) as refused:
        adapter.validate_python(token)
    assert "eyJhbGciOi" in str(refused.value)
    masked = Mask({"jwt": token}).text(str(refused.value))
    assert "eyJhbGciOi" not in masked
    assert "signature" not in masked


def test_a_key_of_many_lines_does_not_take_longer_in_many_texts() -> None:
    lines = [hashlib.sha256(str(number).encode()).hexdigest()[:20] for number in range(3_000)]
    begun = time.monotonic()
    mask = Mask({"key": "\n".join(lines)})
    masked = mask.value([f"some text {number}" for number in range(5_000)] + [f"<{lines[2_000]}>"])
    assert masked[-1] == "<•••(key)>"
    assert masked[7] == "some text 7"
    # Less than a second; looking for each form in each text took a minute.
    assert time.monotonic() - begun < 20


def test_several_values_each_get_their_name() -> None:
    both = Mask({"short": "abcdef", "long": "abcdefghi"})
    assert both.text("abcdefghi abcdef xyz") == "•••(long) •••(short) xyz"
    assert both.finds("xx abcdef xx")
    assert not both.finds("nothing")
    assert "abcdef" not in repr(both)
    assert mask_of("a") == "•••(a)"
