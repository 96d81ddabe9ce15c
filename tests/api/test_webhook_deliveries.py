"""Webhooks over HTTP: a genuine delivery becomes an event, anything else leaves nothing behind."""

from __future__ import annotations

import hashlib
import hmac
import io
import json

from webapi import a_document, problems_of
from webhooking import (
    EVENT,
    NOTHING,
    SECRET,
    STRIPE,
    a_stripe_webhook,
    created,
    deliver,
    opened,
    stored,
    stripe_headers,
)


def test_a_genuine_delivery_starts_the_workflows_that_wait_for_its_event(database_url: str) -> None:
    with opened(database_url) as web:
        web.harness.deploy(a_document(event="stripe/invoice.paid"))
        response = deliver(web, a_stripe_webhook(web))
        assert response.status_code == 202
        web.harness.drain()
        shown = web.client().get(f"/api/events/{response.get_json()['ids'][0]}").get_json()
        assert (shown["name"], shown["event_id"], shown["ts"]) == (
            "stripe/invoice.paid", "stripe:evt_1", 1_750_000_000_000,
        )  # fmt: skip
        assert shown["data"] == EVENT["data"]
        assert [run["status"] for run in shown["runs"]] == ["completed"]


def test_a_delivery_with_a_wrong_signature_is_stored_nowhere(database_url: str) -> None:
    with opened(database_url) as web:
        path = a_stripe_webhook(web)
        for headers in (
            {}, {"Stripe-Signature": "t=1,v1=00"}, stripe_headers(web, b"other"),
            stripe_headers(web, json.dumps(EVENT).encode(), secret="other"),
        ):  # fmt: skip
            response = deliver(web, path, headers=headers)
            assert (response.status_code, response.get_json()["detail"]) == (401, "the delivery was refused")
        assert stored(web) == NOTHING
        assert web.client().get("/api/webhooks/stripe").get_json()["last_received_at"] is None


def test_either_secret_counts_while_one_is_replaced(database_url: str) -> None:
    with opened(database_url) as web:
        path = a_stripe_webhook(web)
        body = {"verification": {"preset": "stripe"}, "transform": dict(STRIPE.transform)}
        assert web.client().put("/api/webhooks/stripe", body | {"secrets": ["new", SECRET]}).status_code == 200
        for number, secret in enumerate(("new", SECRET)):
            event = EVENT | {"id": f"evt_{number}"}
            headers = stripe_headers(web, json.dumps(event).encode(), secret=secret)
            assert deliver(web, path, event, headers=headers).status_code == 202
        web.client().put("/api/webhooks/stripe", body | {"secrets": ["new"]})
        assert deliver(web, path).status_code == 401


def test_an_unknown_url_a_disabled_webhook_and_a_foreign_network(database_url: str) -> None:
    with opened(database_url) as web:
        assert deliver(web, "/w/" + "0" * 52, headers={}).status_code == 404
        assert deliver(web, "/w/stripe", headers={}).status_code == 404
        disabled = deliver(web, created(web, "off", enabled=False), headers={})
        assert (disabled.status_code, disabled.get_json()["code"]) == (410, "webhook-disabled")
        assert deliver(web, created(web, "far", cidrs=["192.0.2.0/24", "2001:db8::/32"]), headers={}).status_code == 401
        assert deliver(web, created(web, "near", cidrs=["127.0.0.0/8"]), headers={}).status_code == 202
        assert web.count("events") == 1


def test_a_rotated_url_ends_at_once_and_a_deleted_webhook_too(database_url: str) -> None:
    with opened(database_url) as web:
        old = created(web, "hook")
        client = web.client()
        new = client.post("/api/webhooks/hook/rotate").get_json()["url"]
        assert new != old
        assert deliver(web, old, headers={}).status_code == 404
        assert deliver(web, new, headers={}).status_code == 202
        assert client.delete("/api/webhooks/hook").status_code == 200
        assert deliver(web, new, headers={}).status_code == 404
        assert web.count("events") == 1


def test_deliveries_by_put_get_and_form(database_url: str) -> None:
    with opened(database_url) as web:
        path = created(web, "hook", transform={"name": "a/b", "data": {"body": "!ref($.body)", "q": "!ref($.query)"}})
        anonymous = web.anonymous()
        assert anonymous.put(path, {"x": 1}).status_code == 202
        web.harness.clock.advance(seconds=1)
        assert anonymous.get(f"{path}?x=1&x=2&y=%C3%A9").status_code == 202
        web.harness.clock.advance(seconds=1)
        form = "application/x-www-form-urlencoded"
        assert anonymous.call("POST", path, data="a=1&b=2&b=3", content_type=form).status_code == 202
        items = web.client().get("/api/events").get_json()["items"]
        assert [item["data"] for item in reversed(items)] == [
            {"body": {"x": 1}, "q": {}},
            {"body": None, "q": {"x": ["1", "2"], "y": ["é"]}},
            {"body": {"a": "1", "b": ["2", "3"]}, "q": {}},
        ]


def test_a_probe_delivers_nothing(database_url: str) -> None:
    with opened(database_url) as web:
        path = created(web, "hook")
        assert web.anonymous().call("HEAD", path).status_code == 405
        for method in ("DELETE", "PATCH", "OPTIONS"):
            assert web.anonymous().call(method, path).status_code == 405
        assert stored(web) == NOTHING


def test_a_signature_without_a_body_says_nothing_about_the_query(database_url: str) -> None:
    with opened(database_url) as web:
        path = a_stripe_webhook(web)
        assert web.anonymous().get(path, headers=stripe_headers(web, b"")).status_code == 401
        assert stored(web) == NOTHING


def test_bodies_that_cannot_be_read_are_refused_and_stored_nowhere(database_url: str) -> None:
    with opened(database_url) as web:
        path, anonymous = created(web, "hook"), web.anonymous()

        def status(raw: bytes, content_type: str | None = "application/json") -> int:
            response = anonymous.call("POST", path, data=raw, content_type=content_type)
            return int(response.status_code)

        assert status(b'{"a": 1, "a": 2}') == status(b"{") == status(b"\xff") == status(b"NaN") == 400
        assert status(b"x", None) == status(b"x", "application/octet-stream") == 415
        most = web.services.limits.webhook_bytes
        assert status(b'"' + b"x" * most + b'"') == 413
        assert status(b"&" * 2_000, "application/x-www-form-urlencoded") == 413
        assert anonymous.get(f"{path}?a=%ff").status_code == 400
        stream = io.BytesIO(b'"' + b"x" * (most + 100) + b'"')
        chunked = anonymous.call(
            "POST", path, input_stream=stream, content_type="application/json",
            environ_overrides={"wsgi.input_terminated": True},
        )  # fmt: skip
        assert chunked.status_code == 413
        assert stored(web) == NOTHING


def test_what_a_transform_cannot_use_is_refused_without_a_word_about_it(database_url: str) -> None:
    with opened(database_url) as web:
        for name, transform in (
            ("a", {"name": "!ref($.body.nothing)"}), ("b", {"name": "x", "data": "!ref($.body.list)"}),
            ("c", {"if": "int(body.text) > 1"}), ("d", {"ts": "!ref($.body.text)"}), ("e", {"id": "!ref($.body.list)"}),
            ("f", {"name": "workflow/!ref($.body.text)"}), ("g", {"name": "$webhook/!ref($.body.text)"}),
        ):  # fmt: skip
            response = deliver(web, created(web, name, transform=transform), {"text": "x", "list": [1]}, headers={})
            assert (response.status_code, problems_of(response)) == (400, [("", "unusable-delivery")]), name
        assert stored(web) == NOTHING


def test_what_a_webhook_ignores_is_answered_with_its_reason(database_url: str) -> None:
    with opened(database_url) as web:
        path = created(web, "hook", transform={"if": "body.live"}, event_names=["shop/*", "exact"])
        for body, reason in (
            ({"live": False}, "condition-false"),
            ({"live": True, "type": "other/x"}, "event-name-not-allowed"),
            ({"live": True, "type": "exactly"}, "event-name-not-allowed"),
        ):
            response = deliver(web, path, body, headers={})
            assert response.status_code == 202
            assert response.get_json() == {"status": "ignored", "ids": [], "reason": reason}
        assert web.count("events") == 0
        for name in ("shop/x", "exact"):
            assert deliver(web, path, {"live": True, "type": name}, headers={}).get_json()["status"] == "accepted"
        assert web.client().get("/api/webhooks/hook").get_json()["last_received_at"] is not None


def test_slack_s_question_is_answered_once_it_is_proven_to_be_slack_s(database_url: str) -> None:
    with opened(database_url) as web:
        path = created(web, "slack", verification={"preset": "slack"}, secrets=["shh"])
        body = {"type": "url_verification", "challenge": "3eZbrw1aB"}
        raw, seconds = json.dumps(body).encode(), web.harness.clock.now_ms() // 1000
        signature = hmac.new(b"shh", f"v0:{seconds}:".encode() + raw, hashlib.sha256).hexdigest()
        headers = {"X-Slack-Request-Timestamp": str(seconds), "X-Slack-Signature": f"v0={signature}"}
        response = deliver(web, path, body, headers=headers)
        assert (response.status_code, response.get_json()["challenge"]) == (200, "3eZbrw1aB")
        assert "3eZ" not in deliver(web, path, body, headers={}).get_data(as_text=True)
        assert stored(web) == NOTHING
