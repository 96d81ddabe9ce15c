"""Tokens that are signed and expire."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflowkit.base.clock import FakeClock
from workflowkit.base.secrets import Keyring
from workflowkit.base.tokens import EXPIRES, MAX_TOKEN_LENGTH, Tokens

KEYS = Keyring({"old": b"o" * 32})
CLAIMS = {"tenant": "acme", "rights": ["view"]}


def test_a_token_is_read_as_it_was_written() -> None:
    clock = FakeClock()
    tokens = Tokens(KEYS, clock)

    assert tokens.read("embed", tokens.mint("embed", CLAIMS, ttl_seconds=60)) == {
        **CLAIMS,
        EXPIRES: clock.now_ms() + 60_000,
    }


def test_a_token_expires() -> None:
    clock = FakeClock()
    tokens = Tokens(KEYS, clock)
    token = tokens.mint("embed", CLAIMS, ttl_seconds=60)

    clock.advance(milliseconds=59_999)
    assert tokens.read("embed", token) is not None
    clock.advance(milliseconds=1)
    assert tokens.read("embed", token) is None


def test_a_token_is_good_for_its_own_purpose_only() -> None:
    tokens = Tokens(KEYS, FakeClock())
    assert tokens.read("realtime", tokens.mint("embed", CLAIMS, ttl_seconds=60)) is None


def test_tokens_outlive_a_rotation_until_their_key_is_dropped() -> None:
    clock = FakeClock()
    token = Tokens(KEYS, clock).mint("embed", CLAIMS, ttl_seconds=60)

    assert Tokens(Keyring({"new": b"n" * 32, **KEYS.keys}), clock).read("embed", token) is not None
    assert Tokens(Keyring({"new": b"n" * 32}), clock).read("embed", token) is None


@given(st.integers(0, 10_000), st.characters(codec="ascii"))
def test_a_token_that_was_touched_is_none(place: int, character: str) -> None:
    tokens = Tokens(KEYS, FakeClock())
    token = tokens.mint("embed", CLAIMS, ttl_seconds=60)
    place %= len(token)
    touched = token[:place] + character + token[place + 1 :]
    assert (tokens.read("embed", touched) is None) is (touched != token)


@given(st.text())
def test_what_is_no_token_is_none(text: str) -> None:
    assert Tokens(KEYS, FakeClock()).read("embed", text) is None


@pytest.mark.parametrize("text", [b"[]", b"{}", b"null", b'{"expires_at_ms": "soon"}', b"\xff", b"{"])
def test_signed_text_that_holds_no_claims_is_none(text: bytes) -> None:
    payload = base64.urlsafe_b64encode(text).decode().rstrip("=")
    assert Tokens(KEYS, FakeClock()).read("embed", f"{payload}.{KEYS.sign(payload, 'embed')}") is None


def test_tokens_that_make_no_sense_are_refused() -> None:
    tokens = Tokens(KEYS, FakeClock())
    with pytest.raises(ValueError, match="ttl_seconds"):
        tokens.mint("embed", CLAIMS, ttl_seconds=0)
    with pytest.raises(ValueError, match="too long"):
        tokens.mint("embed", {"text": "x" * MAX_TOKEN_LENGTH}, ttl_seconds=60)
