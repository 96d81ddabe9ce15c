"""Laws of webhooks: nothing that a stranger can send passes for genuine, or breaks anything but its own delivery."""

from __future__ import annotations

import base64
import hashlib
import hmac as stdlib_hmac
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from workflowkit.base import jsonvalue
from workflowkit.base.errors import ExpressionError, InvalidInput, LimitExceeded
from workflowkit.base.limits import DEFAULT_LIMITS
from workflowkit.runtime.incoming import parse_event
from workflowkit.webhooks import Delivery, DeliveryRefused, Verify, basic, github, hmac, shopify, slack, stripe, svix
from workflowkit.webhooks.delivery import UnreadableBody, read_query
from workflowkit.webhooks.templates import TEMPLATES
from workflowkit.webhooks.transform import Transform, default_name

NOW_SECONDS = 1_767_225_600
SCHEMES: list[Verify] = [
    stripe("secret"), github("secret"), slack("secret"), shopify("secret"), svix("whsec_c2VjcmV0"), basic("a:secret"),
    hmac("secret", header="x-sign", algorithm="sha512", encoding="base64", timestamp_header="x-time"),
]  # fmt: skip
HEADERS = (
    "stripe-signature", "x-hub-signature-256", "x-slack-signature", "x-slack-request-timestamp",
    "x-shopify-hmac-sha256", "svix-id", "svix-timestamp", "svix-signature", "webhook-id", "webhook-timestamp",
    "webhook-signature", "authorization", "x-sign", "x-time",
)  # fmt: skip

#: Pieces of which valid headers are made, so that guesses get past the first checks.
PIECES = st.sampled_from(
    ["t=", "v1=", "v0=", "v1,", "v1a,", "sha256=", "Basic ", "basic ", str(NOW_SECONDS), str(NOW_SECONDS + 300), "-1",
     "00" * 32, base64.b64encode(b"\0" * 32).decode(), ",", " ", "=", ".", "\t", "é", "A", "00", "=="]
)  # fmt: skip
TEXTS = st.one_of(
    st.lists(PIECES, max_size=8).map("".join),
    st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=40),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from(["type", "name", "event", "event_type", "data", "id", "created", "event_id", "event_time"]),
        inner, max_size=5,
    ),
    max_leaves=20,
)  # fmt: skip


@given(
    headers=st.dictionaries(st.sampled_from(HEADERS), TEXTS, max_size=len(HEADERS)),
    raw=st.binary(max_size=40),
    method=st.sampled_from(["POST", "PUT", "GET"]),
)
@example(headers={"stripe-signature": f"t={NOW_SECONDS},v1={'00' * 32}"}, raw=b"", method="POST")
def test_no_guess_is_genuine_and_none_raises_anything_else(headers: dict[str, str], raw: bytes, method: str) -> None:
    delivery = Delivery(method, headers, {}, raw)
    for scheme in SCHEMES:
        with pytest.raises(DeliveryRefused):
            scheme(delivery, NOW_SECONDS * 1000)


@given(raw=st.binary(max_size=40), skew=st.integers(-300, 300), others=st.lists(st.binary(max_size=40), max_size=3))
def test_a_signature_stands_for_its_content_and_no_other(raw: bytes, skew: int, others: list[bytes]) -> None:
    seconds = NOW_SECONDS + skew
    signature = stdlib_hmac.new(b"secret", f"{seconds}.".encode() + raw, hashlib.sha256).hexdigest()
    headers = {"stripe-signature": f"t={seconds},v1={signature}"}
    scheme = stripe("secret", "another")
    assert scheme(Delivery(headers=headers, raw=raw), NOW_SECONDS * 1000)
    for other in others:
        if other != raw:
            with pytest.raises(DeliveryRefused):
                scheme(Delivery(headers=headers, raw=other), NOW_SECONDS * 1000)


@given(body=JSON, headers=st.dictionaries(st.sampled_from(["x-github-event", "svix-id"]), TEXTS))
def test_whatever_a_delivery_says_it_becomes_a_valid_event_or_is_refused(body: Any, headers: dict[str, str]) -> None:
    raw = jsonvalue.dumps(body).encode()
    roots = Delivery(headers={**headers, "content-type": "application/json"}, raw=raw).as_roots()
    for transform in (None, *(template.transform for template in TEMPLATES)):
        try:
            mapped = Transform("hook", transform).apply(roots, now_ms=NOW_SECONDS * 1000)
            if mapped.event is not None:
                event = parse_event(mapped.event, DEFAULT_LIMITS)
                assert event.event_id is None or event.event_id.startswith("hook:")
        except (InvalidInput, LimitExceeded, ExpressionError):
            assert transform is not None, "by default every delivery becomes an event"


@given(body=JSON)
def test_the_default_name_is_always_one_that_anybody_may_send(body: Any) -> None:
    parse_event({"name": default_name("hook", body), "data": {}}, DEFAULT_LIMITS)


@given(
    raw=st.binary(max_size=60),
    content_type=st.sampled_from(["application/json", "application/x-www-form-urlencoded", "text/plain", "a/b", ""]),
)
def test_no_body_raises_anything_but_our_errors(raw: bytes, content_type: str) -> None:
    delivery = Delivery(headers={"content-type": content_type}, raw=raw)
    try:
        jsonvalue.check_json(delivery.as_roots())
    except (InvalidInput, LimitExceeded, UnreadableBody):
        return


@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_a_query_string_gives_lists_or_is_refused(text: str) -> None:
    try:
        found = read_query(text, DEFAULT_LIMITS)
    except (InvalidInput, LimitExceeded):
        return
    jsonvalue.check_json(found)
    assert all(values for values in found.values())
