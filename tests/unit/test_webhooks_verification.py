"""Deliveries are genuine or refused: providers' published examples, and everything an attacker may try with them."""

from __future__ import annotations

import base64
import hashlib
import hmac as stdlib_hmac
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from workflowkit.base.errors import InvalidInput
from workflowkit.webhooks import (
    Delivery,
    DeliveryRefused,
    Verify,
    basic,
    github,
    hmac,
    shopify,
    slack,
    stripe,
    svix,
    unverified,
)
from workflowkit.webhooks.signing import TOLERANCE_SECONDS

#: Published by GitHub, Slack and Svix for those who write such code; the others are computed by their description.
GITHUB_DELIVERY = Delivery(
    headers={
        "x-hub-signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
    },
    raw=b"Hello, World!",
)
GITHUB_SECRET = "It's a Secret to Everybody"
SLACK_TIME = 1531420618
SLACK_DELIVERY = Delivery(
    headers={
        "x-slack-request-timestamp": str(SLACK_TIME),
        "x-slack-signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
    },
    raw=b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
    b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
    b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
    b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c",
)
SLACK_SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
SVIX_TIME = 1614265330
SVIX_DELIVERY = Delivery(
    headers={
        "svix-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "svix-timestamp": str(SVIX_TIME),
        "svix-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    },
    raw=b'{"test": 2432232314}',
)
SVIX_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

STRIPE_TIME = 1492774577
STRIPE_SECRET = "whsec_stripe"
STRIPE_BODY = b'{"id": "evt_1", "type": "charge.succeeded"}'


def mac(secret: str, content: bytes, algorithm: str = "sha256") -> bytes:
    return stdlib_hmac.new(secret.encode(), content, algorithm).digest()


def stripe_header(time: object = STRIPE_TIME, secret: str = STRIPE_SECRET, body: bytes = STRIPE_BODY) -> str:
    return f"t={time},v1={mac(secret, f'{time}.'.encode() + body).hex()}"


STRIPE_DELIVERY = Delivery(headers={"stripe-signature": stripe_header()}, raw=STRIPE_BODY)
SHOPIFY_DELIVERY = Delivery(
    headers={"x-shopify-hmac-sha256": base64.b64encode(mac("shpss", b'{"id": 1}')).decode()}, raw=b'{"id": 1}'
)
BASIC_DELIVERY = Delivery(headers={"authorization": "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="}, raw=b"{}")  # RFC 7617

#: Name to a genuine delivery, how it is verified, the time of its signature (0: it has none) and its header.
GENUINE: dict[str, tuple[Delivery, Callable[..., Verify], str, int, str]] = {
    "github": (GITHUB_DELIVERY, github, GITHUB_SECRET, 0, "x-hub-signature-256"),
    "slack": (SLACK_DELIVERY, slack, SLACK_SECRET, SLACK_TIME, "x-slack-signature"),
    "svix": (SVIX_DELIVERY, svix, SVIX_SECRET, SVIX_TIME, "svix-signature"),
    "stripe": (STRIPE_DELIVERY, stripe, STRIPE_SECRET, STRIPE_TIME, "stripe-signature"),
    "shopify": (SHOPIFY_DELIVERY, shopify, "shpss", 0, "x-shopify-hmac-sha256"),
    "basic": (BASIC_DELIVERY, basic, "Aladdin:open sesame", 0, "authorization"),
}
SIGNED = [name for name in GENUINE if name != "basic"]
TIMED = [name for name in GENUINE if GENUINE[name][3]]


def verify(name: str, delivery: Delivery | None = None, *, shift_seconds: float = 0) -> str | None:
    genuine, scheme, secret, time, _ = GENUINE[name]
    return scheme(secret)(delivery or genuine, int((time + shift_seconds) * 1000))


def with_header(delivery: Delivery, name: str, value: str | None) -> Delivery:
    headers = {key: text for key, text in delivery.headers.items() if key != name}
    return replace(delivery, headers=headers if value is None else headers | {name: value})


@pytest.mark.parametrize("name", GENUINE)
def test_the_genuine_delivery_is_taken(name: str) -> None:
    assert (verify(name) is None) is (name == "basic")


@pytest.mark.parametrize("name", SIGNED)
def test_any_changed_byte_is_refused(name: str) -> None:
    delivery = GENUINE[name][0]
    for index in range(len(delivery.raw)):
        changed = bytes(byte ^ (index == at) for at, byte in enumerate(delivery.raw))
        with pytest.raises(DeliveryRefused):
            verify(name, replace(delivery, raw=changed))
    for raw in (b"", delivery.raw[:-1], delivery.raw + b" "):
        with pytest.raises(DeliveryRefused):
            verify(name, replace(delivery, raw=raw))


@pytest.mark.parametrize("name", GENUINE)
def test_any_changed_character_of_a_signature_is_refused(name: str) -> None:
    delivery, _, _, _, header = GENUINE[name]
    text = delivery.headers[header]
    start = text.index("v1") + 3 if name in ("stripe", "svix") else 0
    for index in range(start, len(text)):
        # Another letter of either alphabet; the last bits of base64's last character mean nothing.
        letter = "0" if text[index] != "0" else "1"
        if text[index] in "= " or (text[index + 1 : index + 2] in ("=", "") and name != "github"):
            letter = "!"
        with pytest.raises(DeliveryRefused):
            verify(name, with_header(delivery, header, text[:index] + letter + text[index + 1 :]))


@pytest.mark.parametrize("name", GENUINE)
def test_another_secret_is_refused(name: str) -> None:
    delivery, scheme, secret, time, _ = GENUINE[name]
    other = "whsec_" + base64.b64encode(b"other").decode() if name == "svix" else secret + "x"
    with pytest.raises(DeliveryRefused):
        scheme(other)(delivery, time * 1000)


@pytest.mark.parametrize("name", GENUINE)
def test_each_of_several_secrets_is_in_force(name: str) -> None:
    delivery, scheme, secret, time, _ = GENUINE[name]
    other = "whsec_" + base64.b64encode(b"other").decode() if name == "svix" else "new:er"
    assert scheme(other, secret)(delivery, time * 1000) == scheme(secret, other)(delivery, time * 1000) == verify(name)


@pytest.mark.parametrize("name", GENUINE)
def test_a_missing_or_empty_header_is_refused(name: str) -> None:
    delivery = GENUINE[name][0]
    for header in delivery.headers:
        for value in (None, "", " ", ","):
            with pytest.raises(DeliveryRefused):
                verify(name, with_header(delivery, header, value))


@pytest.mark.parametrize("name", GENUINE)
@pytest.mark.parametrize(
    "value", ["x", "=", "==", "t", "t=", "v1,", "sha256=", "v0=", "Basic", "Basic =", "é", "0" * 9999]
)
def test_a_malformed_header_is_refused(name: str, value: str) -> None:
    delivery, _, _, _, header = GENUINE[name]
    with pytest.raises(DeliveryRefused):
        verify(name, with_header(delivery, header, value))


@pytest.mark.parametrize("name", GENUINE)
def test_a_header_that_came_twice_is_refused(name: str) -> None:
    delivery, _, _, _, header = GENUINE[name]
    twice = f"{delivery.headers[header]},{delivery.headers[header]}"
    with pytest.raises(DeliveryRefused):
        verify(name, with_header(delivery, header, twice))


@pytest.mark.parametrize("name", TIMED)
def test_times_outside_of_the_tolerance_are_refused_both_ways(name: str) -> None:
    for seconds in (-TOLERANCE_SECONDS, -1, 0, 1, TOLERANCE_SECONDS):
        assert verify(name, shift_seconds=seconds)
    for far in (-TOLERANCE_SECONDS - 0.001, TOLERANCE_SECONDS + 0.001, -1e6, 1e6):
        with pytest.raises(DeliveryRefused, match="refused"):
            verify(name, shift_seconds=far)


@pytest.mark.parametrize(
    "time", ["", "-1", "+1492774577", "1e9", "1492774577.0", "0x58f9eb71", "NaN", "٣", "9" * 13, " 1"]
)
def test_a_time_that_is_no_plain_number_is_refused_though_it_is_signed(time: str) -> None:
    header = f"t={time},v1={mac(STRIPE_SECRET, f'{time}.'.encode() + STRIPE_BODY).hex()}"
    with pytest.raises(DeliveryRefused):
        verify("stripe", with_header(STRIPE_DELIVERY, "stripe-signature", header))


def test_a_second_time_is_refused() -> None:
    signature = stripe_header().partition(",")[2]
    for header in (
        f"t={STRIPE_TIME},t={STRIPE_TIME},{signature}",
        f"t=1,{stripe_header()}",
        f"{stripe_header()},t=1",
        signature,
    ):
        with pytest.raises(DeliveryRefused):
            verify("stripe", with_header(STRIPE_DELIVERY, "stripe-signature", header))


def test_other_schemes_of_a_stripe_header_do_not_count() -> None:
    text = stripe_header()
    assert verify("stripe", with_header(STRIPE_DELIVERY, "stripe-signature", f"{text},v0=6ffb"))
    with pytest.raises(DeliveryRefused):
        verify("stripe", with_header(STRIPE_DELIVERY, "stripe-signature", text.replace("v1=", "v0=")))


def test_while_a_secret_is_replaced_one_matching_signature_is_enough() -> None:
    old = stripe_header(secret="old").partition(",")[2]
    for text in (f"{stripe_header()},{old}", f"t={STRIPE_TIME},{old},{stripe_header().partition(',')[2]}"):
        assert verify("stripe", with_header(STRIPE_DELIVERY, "stripe-signature", text)) == verify("stripe")


def test_leaving_out_a_signature_makes_no_new_delivery() -> None:
    both = stripe("old", STRIPE_SECRET)
    old = stripe_header(secret="old").partition(",")[2]
    delivery = with_header(STRIPE_DELIVERY, "stripe-signature", f"{stripe_header()},{old}")
    stripped = with_header(STRIPE_DELIVERY, "stripe-signature", f"t={STRIPE_TIME},{old}")
    assert both(delivery, STRIPE_TIME * 1000) == both(stripped, STRIPE_TIME * 1000) is not None


def test_too_many_signatures_are_refused() -> None:
    text = stripe_header() + ",v1=00" * 16
    with pytest.raises(DeliveryRefused):
        verify("stripe", with_header(STRIPE_DELIVERY, "stripe-signature", text))


def test_svix_takes_the_headers_of_standard_webhooks_but_no_mixture() -> None:
    renamed = {name.replace("svix", "webhook"): value for name, value in SVIX_DELIVERY.headers.items()}
    assert verify("svix", replace(SVIX_DELIVERY, headers=renamed)) == verify("svix")
    with pytest.raises(DeliveryRefused):
        verify("svix", replace(SVIX_DELIVERY, headers=renamed | {"svix-id": "msg_other"}))


def test_svix_does_not_take_one_split_of_id_and_time_for_another() -> None:
    key = base64.b64decode(SVIX_SECRET.removeprefix("whsec_"))
    content = f"a.{SVIX_TIME}.b.{SVIX_TIME}.".encode()
    signature = base64.b64encode(stdlib_hmac.new(key, content, hashlib.sha256).digest()).decode()
    headers = {"svix-id": f"a.{SVIX_TIME}.b", "svix-timestamp": str(SVIX_TIME), "svix-signature": f"v1,{signature}"}
    with pytest.raises(DeliveryRefused):
        verify("svix", Delivery(headers=headers))


@pytest.mark.parametrize("name", SIGNED)
@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
def test_a_request_whose_meaning_is_not_signed_is_refused(name: str, method: str) -> None:
    with pytest.raises(DeliveryRefused):
        verify(name, replace(GENUINE[name][0], method=method))


@pytest.mark.parametrize(
    ("algorithm", "expected"),  # RFC 2202 and RFC 4231, case 2
    [
        ("sha1", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
        ("sha256", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
        (
            "sha512",
            "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4"
            "a6b4b636e070a38bce737",
        ),
    ],
)
@pytest.mark.parametrize("encoding", ["hex", "base64"])
def test_any_algorithm_and_encoding(algorithm: Any, expected: str, encoding: Any) -> None:
    text = expected if encoding == "hex" else base64.b64encode(bytes.fromhex(expected)).decode()
    scheme = hmac("Jefe", header="X-Sign", algorithm=algorithm, encoding=encoding, prefix="mac ")
    delivery = Delivery(headers={"x-sign": f"mac {text}"}, raw=b"what do ya want for nothing?")
    assert scheme(delivery, 0)
    with pytest.raises(DeliveryRefused):
        scheme(with_header(delivery, "x-sign", text), 0)


def test_a_hash_with_a_time_of_its_own() -> None:
    scheme = hmac("secret", header="x-sign", timestamp_header="X-Time")
    delivery = Delivery(headers={"x-time": "1000", "x-sign": mac("secret", b"1000.{}").hex()}, raw=b"{}")
    assert scheme(delivery, 1_000_000)
    for now_ms in (1_300_001, 699_999):
        with pytest.raises(DeliveryRefused):
            scheme(delivery, now_ms)
    with pytest.raises(DeliveryRefused):
        scheme(with_header(delivery, "x-time", "1001"), 1_000_000)


def test_what_is_not_verified_is_taken_as_it_is() -> None:
    assert unverified()(Delivery(method="GET"), 0) is None


@pytest.mark.parametrize("scheme", [stripe, github, slack, shopify, svix, basic])
def test_a_verification_without_a_secret_cannot_be_made(scheme: Callable[..., Verify]) -> None:
    with pytest.raises(InvalidInput):
        scheme()


@pytest.mark.parametrize(
    ("scheme", "secret"),
    [(svix, "whsec_"), (svix, "whsec_!"), (basic, "user"), (basic, "user:"), (basic, ":password"), (stripe, "")],
)
def test_a_secret_that_cannot_be_one_is_refused(scheme: Callable[..., Verify], secret: str) -> None:
    with pytest.raises(InvalidInput, match="/secrets/0"):
        scheme(secret)


def test_no_representation_shows_a_secret_or_a_body() -> None:
    assert "Everybody" not in repr(github(GITHUB_SECRET))
    assert "Hello" not in repr(GITHUB_DELIVERY)
    with pytest.raises(DeliveryRefused) as refused:
        github("x")(GITHUB_DELIVERY, 0)
    assert (refused.value.code, refused.value.message) == ("unauthenticated", "the delivery was refused")
