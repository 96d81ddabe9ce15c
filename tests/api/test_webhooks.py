"""Webhooks over HTTP: a genuine delivery becomes an event, anything else leaves nothing behind."""

from __future__ import annotations

import hashlib
import hmac
import io
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from functions import Code, output_of
from runtimes import a_runtime, at_once
from webapi import OTHER_TENANT, Client, Web, a_document, a_web, problems_of
from werkzeug.test import TestResponse

from workflowkit import StepContext, WorkflowKit
from workflowkit.api.services import services_of
from workflowkit.base import failpoints
from workflowkit.base.errors import AlreadyExists, InvalidInput
from workflowkit.base.scope import DEFAULT_SCOPE, Scope
from workflowkit.base.secrets import Keyring
from workflowkit.runtime.deliveries import REPLAY_WINDOW_MS, Source
from workflowkit.runtime.pruning import Counted, Kept, Pruning
from workflowkit.store import webhookoutcomes
from workflowkit.store.statements import Sql
from workflowkit.webhooks import Delivery, github, stripe, unverified
from workflowkit.webhooks.settings import WebhookSettings
from workflowkit.webhooks.templates import TEMPLATES

SECRET = "whsec_test"
KEY = Keyring.generate().render()
STRIPE = next(template for template in TEMPLATES if template.id == "stripe")
EVENT = {"id": "evt_1", "type": "invoice.paid", "created": 1_750_000_000, "data": {"object": {"id": "in_1"}}}


def opened(database_url: str, **settings: Any) -> Any:
    return a_web(database_url, secret_key=KEY, **settings)


def created(web: Web, name: str = "stripe", *, client: Client | None = None, **body: Any) -> str:
    """Make a webhook and return the path of its URL."""
    whole = {"name": name, "verification": {"preset": "none"}} | body
    response = (client or web.client()).post("/api/webhooks", whole)
    assert response.status_code == 201, response.get_json()
    url: str = response.get_json()["url"]
    return url


def a_stripe_webhook(web: Web, **body: Any) -> str:
    return created(
        web,
        **{"verification": dict(STRIPE.verification), "transform": dict(STRIPE.transform), "secrets": [SECRET]} | body,
    )


def stripe_headers(web: Web, raw: bytes, *, secret: str = SECRET) -> dict[str, str]:
    seconds = web.harness.clock.now_ms() // 1000
    signature = hmac.new(secret.encode(), f"{seconds}.".encode() + raw, hashlib.sha256).hexdigest()
    return {"Stripe-Signature": f"t={seconds},v1={signature}"}


def deliver(web: Web, path: str, body: Any = EVENT, *, headers: Mapping[str, str] | None = None) -> TestResponse:
    """Deliver JSON, signed as Stripe signs unless ``headers`` are given."""
    raw = json.dumps(body).encode()
    own = stripe_headers(web, raw) if headers is None else dict(headers)
    return web.anonymous().call("POST", path, data=raw, content_type="application/json", headers=own)


NOTHING = dict.fromkeys(("events", "event_ids", "webhook_event_ids", "pending_events", "webhook_deliveries", "runs"), 0)


def stored(web: Web) -> dict[str, int]:
    return {table: web.count(table) for table in NOTHING}


# --- deliveries


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


def test_a_captured_delivery_has_no_effect_a_second_time(database_url: str) -> None:
    with opened(database_url) as web:
        # Without an id of the provider's, so that nothing but the signature tells.
        path = a_stripe_webhook(web, transform={"name": "a/b"})
        headers = stripe_headers(web, json.dumps(EVENT).encode())
        first = deliver(web, path, headers=headers)
        web.harness.clock.advance(seconds=299)
        again = deliver(web, path, headers=headers)
        assert (first.get_json()["status"], again.get_json()["status"]) == ("accepted", "duplicate")
        assert again.get_json()["ids"] == []
        assert web.count("events") == 1
        web.harness.clock.advance(seconds=2)
        assert deliver(web, path, headers=headers).status_code == 401


def test_a_delivery_from_the_far_end_of_the_tolerance_is_remembered_as_long_as_it_is_valid(database_url: str) -> None:
    with opened(database_url) as web:
        path = a_stripe_webhook(web, transform={"name": "a/b"})
        web.harness.clock.advance(seconds=300)
        headers = stripe_headers(web, json.dumps(EVENT).encode())  # of a provider whose clock is 300 s ahead
        web.harness.clock._now_ms -= 300_000
        assert deliver(web, path, headers=headers).get_json()["status"] == "accepted"
        web.harness.clock.advance(seconds=600)
        assert deliver(web, path, headers=headers).get_json()["status"] == "duplicate"
        web.harness.clock.advance(milliseconds=1)
        assert deliver(web, path, headers=headers).status_code == 401


def test_the_ids_of_a_webhook_are_remembered_however_short_events_are_kept_and_then_forgotten(
    database_url: str,
) -> None:
    day = 86_400
    with opened(database_url, event_dedup_seconds=7 * day) as web:
        path = a_stripe_webhook(web)
        deliver(web, path)
        web.harness.drain()
        web.harness.skip(6 * day)
        pruning = Pruning(web.harness.runtime.database, Kept(1, 1))
        assert pruning.run() == Counted()
        assert deliver(web, path).get_json()["status"] == "duplicate"
        web.harness.drain()
        web.harness.skip(2 * day)
        assert pruning.run() == Counted(events=2)
        assert web.count("webhook_event_ids") == 0
        assert deliver(web, path).get_json()["status"] == "accepted"


def test_deliveries_are_forgotten_when_they_can_no_longer_be_repeated(database_url: str) -> None:
    with opened(database_url) as web:
        path = a_stripe_webhook(web, transform={"name": "a/b"})
        for number in range(3):
            deliver(web, path, EVENT | {"number": number})
        assert web.count("webhook_deliveries") == 3
        web.harness.clock.advance(milliseconds=REPLAY_WINDOW_MS)
        deliver(web, path)
        assert web.count("webhook_deliveries") == 1


def test_the_same_id_of_the_provider_starts_one_run(database_url: str) -> None:
    with opened(database_url) as web:
        web.harness.deploy(a_document(event="stripe/invoice.paid"))
        path = a_stripe_webhook(web)
        statuses = []
        for _ in range(3):
            # A provider signs each attempt anew.
            statuses.append(deliver(web, path).get_json()["status"])
            web.harness.clock.advance(seconds=60)
        web.harness.drain()
        assert statuses == ["accepted", "duplicate", "duplicate"]
        assert web.count("runs") == 1


def test_no_id_that_somebody_sends_keeps_a_delivery_from_counting(database_url: str) -> None:
    with opened(database_url) as web:
        web.harness.deploy(a_document(triggers=[{"webhook": "stripe"}]))
        path = a_stripe_webhook(web)
        weak = web.client(["events:send"], event_names=["noise/*"])
        noise = {"name": "noise/made", "data": {}, "id": "stripe:evt_1"}
        assert weak.post("/api/events", noise).status_code == 200
        other = created(web, "open", transform={"name": "noise/came", "id": "evt_1"})
        assert deliver(web, other).get_json()["status"] == "accepted"
        first = deliver(web, path)
        web.harness.clock.advance(seconds=1)
        again = deliver(web, path)
        # And nobody who may deliver something keeps others from sending.
        sent = weak.post("/api/events", {"name": "noise/made", "data": {}, "id": "open:evt_1"}).get_json()
        web.harness.drain()
        assert [each.get_json()["status"] for each in (first, again)] == ["accepted", "duplicate"]
        assert (sent["results"][0]["duplicate_of"], web.count("runs")) == (None, 1)


def test_an_event_in_a_batch_keeps_no_delivery_with_its_id_out(database_url: str) -> None:
    batch = {"max_size": 3, "timeout": "1h"}
    with opened(database_url) as web:
        document = a_document(triggers=[{"webhook": "stripe"}, {"event": "noise/made"}])
        web.harness.deploy({**document, "settings": {"batch": batch}})
        path = a_stripe_webhook(web)
        for name, id in (("noise/made", "stripe:evt_1"), ("noise/made", "stripe:evt_1")):
            web.harness.send(name, {}, id=id)
        web.harness.drain()
        for _ in range(2):
            web.harness.clock.advance(seconds=1)
            deliver(web, path)
        web.harness.drain()
        deliver(web, path, {**EVENT, "id": "evt_2"})
        web.harness.drain()
        assert web.count("runs") == 1
        rows = web.harness.rows("SELECT events.event_id FROM collected_events m JOIN events ON events.id = m.event_id")
        assert sorted(row["event_id"] for row in rows) == ["stripe:evt_1", "stripe:evt_1", "stripe:evt_2"]


def test_what_a_version_before_has_taken_counts_once(database_url: str) -> None:
    with opened(database_url) as web:
        path = a_stripe_webhook(web)
        (first,) = deliver(web, path).get_json()["ids"]
        with web.harness.runtime.database.transaction("delivery") as tx:  # as a version before has left it
            columns = "environment, tenant, event_id, first_id, expires_at_ms"
            tx.run(Sql(f"INSERT INTO event_ids ({columns}) SELECT {columns} FROM webhook_event_ids"))
            tx.run(Sql("DELETE FROM webhook_event_ids"))
        web.harness.clock.advance(seconds=60)
        for _ in range(2):
            web.harness.clock.advance(seconds=1)
            assert deliver(web, path).get_json()["status"] == "duplicate"
        rows = web.harness.rows("SELECT duplicate_of FROM events ORDER BY id")
        assert [row["duplicate_of"] for row in rows] == [None, first, first]
        web.harness.clock.advance(seconds=86_400)
        assert deliver(web, path).get_json()["status"] == "accepted"


def test_of_the_same_delivery_twice_at_once_one_is_accepted(database_url: str) -> None:
    with opened(database_url) as web:
        token = a_stripe_webhook(web, transform={"name": "a/b"}).removeprefix("/w/")
        raw = json.dumps(EVENT).encode()
        headers = {name.lower(): text for name, text in stripe_headers(web, raw).items()}
        delivery = Delivery(headers=headers | {"content-type": "application/json"}, raw=raw)
        source = web.services.deliveries.find(token, "")
        received = at_once(*[lambda: web.services.deliveries.receive(source, delivery)] * 4)
        assert sorted(each.status for each in received) == ["accepted", "duplicate", "duplicate", "duplicate"]
        assert web.count("events") == 1


def test_a_delivery_whose_transaction_fails_can_be_sent_again(database_url: str, tmp_path: Path) -> None:
    with opened(database_url) as web:
        path = a_stripe_webhook(web)
        headers = stripe_headers(web, json.dumps(EVENT).encode())
        failpoints.arm(f"delivery.before_commit:raise:1:{tmp_path / 'hits'}")
        try:
            assert deliver(web, path, headers=headers).status_code == 500
        finally:
            failpoints.arm("")
        assert stored(web) == NOTHING
        assert deliver(web, path, headers=headers).get_json()["status"] == "accepted"


def test_a_delivery_whose_answer_is_lost_starts_one_run_though_it_is_sent_again(
    database_url: str, tmp_path: Path
) -> None:
    with opened(database_url) as web:
        web.harness.deploy(a_document(triggers=[{"webhook": "stripe"}]))
        path = a_stripe_webhook(web)
        headers = stripe_headers(web, json.dumps(EVENT).encode())
        failpoints.arm(f"delivery.after_commit:raise:1:{tmp_path / 'hits'}")
        try:
            assert deliver(web, path, headers=headers).status_code == 500
        finally:
            failpoints.arm("")
        assert web.harness.dispatcher.message_count == 0  # nobody was told of the event
        assert deliver(web, path, headers=headers).get_json()["status"] == "duplicate"
        web.harness.skip(seconds=10)  # the relay finds it
        assert web.harness.run()["status"] == "completed"


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


# --- triggers on a webhook


def test_a_trigger_on_a_webhook_starts_from_exactly_its_events(database_url: str) -> None:
    with opened(database_url) as web:
        web.harness.deploy(a_document(triggers=[{"webhook": "hook"}]), "listens")
        client = web.client()
        path, other = created(web, "hook"), created(web, "other")
        for body in ({"type": "any/name"}, {"type": "an/other"}, {}):
            assert deliver(web, path, body, headers={}).status_code == 202
        deliver(web, other, {"type": "any/name"}, headers={})
        client.post("/api/events", {"name": "any/name", "data": {}, "webhook": "hook", "extra": {"webhook": "hook"}})
        web.harness.drain()
        runs = web.harness.rows("SELECT event_id FROM runs")
        through = {row["id"] for row in web.harness.rows("SELECT id FROM events WHERE extra LIKE '%\"hook\"%'")}
        assert len(runs) == len(through) == 3
        assert {run["event_id"] for run in runs} == through


def test_a_condition_of_a_trigger_on_a_webhook_sees_the_event(database_url: str) -> None:
    with opened(database_url) as web:
        condition = "event.data.total > 10 && event.webhook == 'hook'"
        web.harness.deploy(a_document(triggers=[{"webhook": "hook", "if": condition}, {"event": "shop/*"}]), "w")
        path = created(web, "hook")
        for total in (5, 15):
            deliver(web, path, {"type": "any", "total": total}, headers={})
        deliver(web, path, {"type": "shop/paid", "total": 15}, headers={})  # by both triggers: once
        web.harness.drain()
        assert web.count("runs") == 2
        web.services.authoring.set_enabled(DEFAULT_SCOPE, "w", False)
        deliver(web, path, {"type": "any", "total": 15}, headers={})
        web.harness.drain()
        assert web.count("runs") == 2


def test_no_sender_makes_an_event_that_looks_as_if_it_came_through_a_webhook(database_url: str) -> None:
    with opened(database_url) as web:
        web.harness.deploy(a_document(triggers=[{"webhook": "hook"}]), "listens")
        client = web.client()
        refused = client.post("/api/events", {"name": "$webhook/hook", "data": {}})
        assert (refused.status_code, problems_of(refused)) == (400, [("/name", "reserved-name")])
        for key in ("meta", "user"):
            assert client.post("/api/events", {"name": "a/b", "data": {}, key: {"webhook": "hook"}}).status_code == 200
        # Even stored, by an older version for example, such a name means nothing.
        incoming = web.services.intake.parse({"name": "a/b", "data": {}})
        web.services.intake.accept(web.services.default_scope, [replace(incoming, name="$webhook/hook")])
        web.harness.drain()
        assert web.count("runs") == 0


def test_a_webhook_of_another_tenant_with_the_same_name_starts_nothing_here(database_url: str) -> None:
    with opened(database_url) as web:
        web.harness.deploy(a_document(triggers=[{"webhook": "hook"}]), "listens")
        theirs = created(web, "hook", client=web.client(scope=OTHER_TENANT))
        assert deliver(web, theirs, headers={}).status_code == 202
        web.harness.drain()
        assert web.count("runs") == 0
        assert web.client().get("/api/events").get_json()["items"] == []


# --- management


def test_a_webhook_shows_neither_its_url_nor_its_secrets_again(database_url: str) -> None:
    with opened(database_url) as web:
        client = web.client()
        url = a_stripe_webhook(web)
        token = url.removeprefix("/w/")
        assert len(token) == 52
        shown = client.get("/api/webhooks/stripe").get_json()
        assert shown["has_secrets"] is True
        listed = client.get("/api/webhooks")
        assert listed.get_json()["items"] == [shown]
        for text in (listed.get_data(as_text=True), str(web.harness.rows("SELECT * FROM webhooks"))):
            assert token not in text
            assert SECRET not in text
        (row,) = web.harness.rows("SELECT * FROM webhooks")
        assert row["token_hash"] == hashlib.sha256(token.encode()).hexdigest()


def test_without_a_key_no_secret_is_stored(postgres_url: str) -> None:
    with a_web(postgres_url) as web:
        body = {"name": "stripe", "verification": {"preset": "stripe"}, "secrets": [SECRET]}
        response = web.client().post("/api/webhooks", body)
        assert (response.status_code, problems_of(response)) == (400, [("/secrets", "no-secret-key")])
        assert web.count("webhooks") == 0


def test_a_secret_whose_key_is_gone_refuses_deliveries_and_says_so_in_the_log_only(
    postgres_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with opened(postgres_url) as web:
        path = a_stripe_webhook(web)
    for other in (None, Keyring.generate().render()):
        with a_web(postgres_url, secret_key=other) as web:
            response = deliver(web, path)
            assert response.status_code == 500
            assert "key" not in response.get_json()["detail"]
            assert web.count("events") == 0
    assert "WORKFLOWKIT_SECRET_KEY" in caplog.text


def test_on_sqlite_a_key_is_made_beside_the_database(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:
        path = a_stripe_webhook(web)
    with a_web(sqlite_url) as web:  # another process
        assert deliver(web, path).status_code == 202


def test_webhooks_are_listed_in_pages_by_name(database_url: str) -> None:
    with opened(database_url) as web:
        for name in ("b", "c", "a"):
            created(web, name)
        created(web, "theirs", client=web.client(scope=OTHER_TENANT))
        client = web.client()
        first = client.get("/api/webhooks?limit=2").get_json()
        rest = client.get(f"/api/webhooks?limit=2&cursor={first['next_cursor']}").get_json()
        assert [item["name"] for item in first["items"] + rest["items"]] == ["a", "b", "c"]


def test_a_change_keeps_url_and_secrets_and_resets_the_rest(database_url: str) -> None:
    with opened(database_url) as web:
        client, path = web.client(), a_stripe_webhook(web, event_names=["stripe/*"])
        before = client.get("/api/webhooks/stripe").get_json()
        web.harness.clock.advance(seconds=5)
        after = client.put("/api/webhooks/stripe", {"verification": {"preset": "stripe"}}).get_json()
        assert (after["event_names"], after["transform"], after["has_secrets"]) == (None, None, True)
        assert after["created_at"] == before["created_at"] < after["updated_at"]
        assert client.get("/api/webhooks/stripe").get_json() == after
        assert deliver(web, path).status_code == 202
        # Secrets of one scheme are not those of another.
        response = client.put("/api/webhooks/stripe", {"verification": {"preset": "basic"}})
        assert problems_of(response) == [("/secrets/0", "invalid-value")]
        assert client.put("/api/webhooks/nobody", {"verification": {"preset": "none"}}).status_code == 404
        assert client.post("/api/webhooks", {"name": "stripe", "verification": {"preset": "none"}}).status_code == 409


@pytest.mark.parametrize(
    ("body", "problems"),
    [
        ({"name": "Ä"}, [("/name", "invalid-value")]),
        ({"name": "intent"}, [("/name", "invalid-value")]),
        ({"name": "x" * 65}, [("/name", "invalid-value")]),
        ({"verification": {}}, [("/verification/preset", "invalid-value")]),
        ({"verification": {"preset": "paypal"}}, [("/verification/preset", "invalid-value")]),
        ({"verification": {"preset": "stripe", "header": "x"}}, [("/verification/header", "unknown-key")]),
        ({"verification": {"preset": "hmac"}}, [("/verification/header", "missing-key")]),
        ({"verification": {"preset": "hmac", "header": "a b"}}, [("/verification/header", "invalid-value")]),
        (
            {"verification": {"preset": "hmac", "header": "x", "algorithm": "md5"}},
            [("/verification/algorithm", "invalid-value")],
        ),
        ({"verification": {"preset": "stripe"}}, [("/secrets", "required")]),
        ({"secrets": ["x"]}, [("/secrets/0", "invalid-value")]),
        ({"verification": {"preset": "github"}, "secrets": ["x"] * 6}, [("/secrets", "invalid-value")]),
        ({"transform": {"name": "!ref($.event.x)", "if": "1 +"}},
         [("/transform/name", "unknown-root"), ("/transform/if", "invalid-expression")]),
        ({"event_names": []}, [("/event_names", "invalid-value")]),
        ({"event_names": ["a*b"]}, [("/event_names/0", "invalid-value")]),
        ({"cidrs": ["192.0.2.1/24"]}, [("/cidrs/0", "invalid-value")]),
        ({"cidrs": ["here"]}, [("/cidrs/0", "invalid-value")]),
        ({"name": "Ä", "cidrs": ["x"], "verification": {"preset": "x"}},
         [("/name", "invalid-value"), ("/cidrs/0", "invalid-value"), ("/verification/preset", "invalid-value")]),
    ],
)  # fmt: skip
def test_a_webhook_that_cannot_work_is_refused_with_every_reason(
    sqlite_url: str, body: Any, problems: list[tuple[str, str]]
) -> None:
    with opened(sqlite_url) as web:
        response = web.client().post("/api/webhooks", {"name": "hook", "verification": {"preset": "none"}} | body)
        assert (response.status_code, problems_of(response)) == (400, problems)
        assert web.count("webhooks") == 0


def test_a_delivery_can_be_tried_without_a_trace(database_url: str) -> None:
    with opened(database_url) as web:
        client = web.client()
        a_stripe_webhook(web, event_names=["stripe/*"])
        tried = client.post("/api/webhooks/stripe/test", {"body": EVENT}).get_json()
        assert tried["event"]["name"] == "stripe/invoice.paid"
        assert (tried["reason"], tried["problems"]) == (None, [])

        def other(transform: Any, **body: Any) -> Any:
            return client.post("/api/webhooks/stripe/test", {"body": EVENT, "transform": transform} | body).get_json()

        assert other({"if": "false"})["reason"] == "condition-false"
        assert other({"name": "x/y"})["reason"] == "event-name-not-allowed"
        assert other({"name": "workflow/x"})["problems"][0]["pointer"] == "/event/name"
        assert other({"if": "int(body.type) > 1"})["problems"][0]["pointer"] == "/transform/if"
        form = {"raw": "a=1", "headers": {"Content-Type": "application/x-www-form-urlencoded"}, "query": {"q": ["2"]}}
        mapped = other({"name": "stripe/x", "data": {"a": "!ref($.body.a)", "q": "!ref($.query.q[0])"}}, **form)
        assert mapped["event"]["data"] == {"a": "1", "q": "2"}
        assert problems_of(client.post("/api/webhooks/stripe/test", {"transform": {"x": 1}})) == [
            ("/transform/x", "unknown-key")
        ]
        assert stored(web) == NOTHING


def test_every_template_can_be_made_as_it_is(database_url: str) -> None:
    with opened(database_url) as web:
        client = web.client()
        templates = client.get("/api/webhook-templates").get_json()["items"]
        assert {"stripe", "github", "clerk", "resend", "slack", "shopify"} == {each["id"] for each in templates}
        for each in templates:
            secret = "whsec_c2VjcmV0" if each["verification"]["preset"] == "svix" else "secret"
            created(web, each["id"], verification=each["verification"], transform=each["transform"], secrets=[secret])
            body = {"body": each["example_body"], "headers": each["example_headers"]}
            tried = client.post(f"/api/webhooks/{each['id']}/test", body).get_json()
            assert tried["problems"] == []
            assert tried["event"]["name"].startswith(f"{each['id']}/")


def test_a_transform_cannot_read_the_credentials_of_a_delivery(database_url: str) -> None:
    with opened(database_url) as web:
        path = created(
            web, "hook", verification={"preset": "basic"}, secrets=["user:password"],
            transform={"name": "a/b", "data": {"all": "!ref($.headers)"}},
        )  # fmt: skip
        response = deliver(web, path, headers={"Authorization": "Basic dXNlcjpwYXNzd29yZA==", "Cookie": "session=1"})
        assert response.status_code == 202
        (event,) = web.client().get("/api/events").get_json()["items"]
        assert "content-type" in event["data"]["all"]
        assert not {"authorization", "cookie"} & event["data"]["all"].keys()


def test_a_provider_is_asked_for_its_password_and_sends_it_then(database_url: str) -> None:
    with opened(database_url) as web:
        path = created(web, "hook", verification={"preset": "basic"}, secrets=["user:password"])
        for headers in ({}, {"Authorization": "Bearer x"}, {"Authorization": "Basic eDp5"}):
            refused = deliver(web, path, headers=headers)
            assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, 'Basic realm="workflowkit"')
        assert deliver(web, path, headers={"Authorization": "Basic dXNlcjpwYXNzd29yZA=="}).status_code == 202
        assert web.count("events") == 1


# --- intents

REDIRECT = "https://provider.example/connect?from=us"


def test_an_intent_is_shown_and_then_approved(database_url: str) -> None:
    with opened(database_url, webhook_redirects=(REDIRECT,), public_url="https://flows.example.com/wk") as web:
        client = web.client()
        query = {"name": "Clerk (prod)", "redirect_uri": REDIRECT}
        shown = client.get("/api/webhooks/intent", query_string=query).get_json()
        assert shown == query | {"webhook": "clerk-prod", "redirect_host": "provider.example"}
        assert web.count("webhooks") == 0
        approved = client.post("/api/webhooks/intent", query).get_json()
        start, _, token = approved["location"].partition("%2Fw%2F")
        assert start == f"{REDIRECT}&url=https%3A%2F%2Fflows.example.com%2Fwk"
        assert deliver(web, f"/w/{token}", headers={}).status_code == 202
        assert client.post("/api/webhooks/intent", query).status_code == 409


@pytest.mark.parametrize(
    "uri",
    [
        "https://evil.example/", "https://provider.example/connect", f"{REDIRECT}#", f"{REDIRECT}&x=1",
        "https://provider.example@evil.example/connect?from=us", "HTTPS://provider.example/connect?from=us",
        "https://provider.example/connect/../x?from=us", "javascript:alert(1)", "//provider.example/connect?from=us",
    ],
)  # fmt: skip
def test_an_intent_with_another_redirect_is_refused(sqlite_url: str, uri: str) -> None:
    with opened(sqlite_url, webhook_redirects=(REDIRECT,), public_url="https://flows.example.com") as web:
        body = {"name": "clerk", "redirect_uri": uri}
        for response in (
            web.client().get("/api/webhooks/intent", query_string=body),
            web.client().post("/api/webhooks/intent", body),
        ):
            assert (response.status_code, response.get_json()["code"]) == (403, "forbidden")
        assert web.count("webhooks") == 0


def test_no_redirect_is_allowed_unless_the_operator_lists_it_and_says_where_the_server_is(sqlite_url: str) -> None:
    body = {"name": "clerk", "redirect_uri": REDIRECT}
    with opened(sqlite_url, public_url="https://flows.example.com") as web:
        assert web.client().post("/api/webhooks/intent", body).status_code == 403
    with opened(sqlite_url, webhook_redirects=(REDIRECT,)) as web:
        assert web.client().post("/api/webhooks/intent", body).status_code == 409
        assert problems_of(web.client().post("/api/webhooks/intent", body | {"name": "!"})) == [
            ("/name", "invalid-value")
        ]
        assert web.count("webhooks") == 0


# --- the application's own


def test_an_application_takes_deliveries_with_a_function(database_url: str) -> None:
    wk = WorkflowKit(database_url=database_url)

    @wk.webhook("push", verify=github("secret"), event_names=["git/*"])
    def from_github(delivery: Delivery) -> Any:
        if delivery.body["ref"] == "none":
            return None
        return [{"name": name, "data": {"ref": delivery.body["ref"]}} for name in ("git/push", "other/push")]

    @wk.webhook("open", verify=unverified())
    def from_anybody(delivery: Delivery) -> Any:
        return {"name": "open/called", "data": dict(delivery.query)}

    http = wk.api().test_client()

    def push(ref: str, secret: str = "secret") -> TestResponse:
        raw = json.dumps({"ref": ref}).encode()
        signature = "sha256=" + hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()
        headers = {"X-Hub-Signature-256": signature, "Content-Type": "application/json"}
        return http.post("/w/push", data=raw, headers=headers)

    assert push("main").get_json()["status"] == "accepted"
    assert push("main").get_json()["status"] == "duplicate"
    assert push("none").get_json() == {"status": "ignored", "ids": [], "reason": "no-event"}
    assert push("main", "wrong").status_code == 401
    assert http.get("/w/open?a=1").status_code == 202
    with wk.runtime.database.read() as tx:
        rows = tx.connection.exec_driver_sql("SELECT name, extra FROM events ORDER BY id").all()
    assert [tuple(row) for row in rows] == [("git/push", '{"webhook":"push"}'), ("open/called", '{"webhook":"open"}')]
    wk.stop()


def test_ids_of_an_application_s_webhook_are_its_own(database_url: str) -> None:
    wk = WorkflowKit(database_url=database_url)
    for name in ("one", "two"):
        wk.webhook(name, verify=unverified())(lambda delivery: {"name": "a/b", "data": {}, "id": "commit:7f3a"})
    http = wk.api().test_client()
    wk.send({"name": "noise/made", "data": {}, "id": "commit:7f3a"})
    told = [http.get(f"/w/{name}").get_json()["status"] for name in ("one", "two", "one")]
    assert told == ["accepted", "accepted", "duplicate"]
    with wk.runtime.database.read() as tx:
        assert {row[0] for row in tx.rows(Sql("SELECT event_id FROM events"))} == {"commit:7f3a"}
    wk.stop()


def test_an_application_says_to_which_tenant_a_delivery_goes(database_url: str) -> None:
    asked: list[Any] = []

    def customer_of(delivery: Delivery) -> Scope | None:
        asked.append(delivery.body)
        customer = delivery.body["account"]
        return None if customer is None else Scope("default", customer)

    def moved(delivery: Delivery) -> Any:
        return {"name": "parcel/moved", "data": delivery.body}

    with a_runtime(database_url) as harness:
        harness.runtime.own_webhooks = {"carrier": Source("carrier", github("secret"), moved, scope_of=customer_of)}
        web = Web(harness, services_of(harness.runtime))

        def push(account: Any, secret: str = "secret") -> TestResponse:
            raw = json.dumps({"account": account}).encode()
            signature = "sha256=" + hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()
            return deliver(web, "/w/carrier", {"account": account}, headers={"X-Hub-Signature-256": signature})

        for tenant in ("acme", "other", "default"):
            harness.deploy(a_document(triggers=[{"webhook": "carrier"}]), scope=Scope("default", tenant))
        assert push("acme", "wrong").status_code == 401
        assert asked == []  # only what is genuine is asked whose it is
        assert push("acme").get_json()["status"] == "accepted"
        assert push("acme").get_json()["status"] == "duplicate"
        assert push(None).get_json() == {"status": "ignored", "ids": [], "reason": "no-tenant"}
        assert push("*").status_code == 400  # stands for the application itself
        assert push(7).status_code == 400
        harness.drain()
        with harness.runtime.database.read() as tx:
            events = tx.connection.exec_driver_sql("SELECT tenant, name, extra FROM events").all()
            runs = tx.connection.exec_driver_sql("SELECT tenant, status FROM runs").all()
        assert [tuple(row) for row in events] == [("acme", "parcel/moved", '{"webhook":"carrier"}')]
        assert [tuple(row) for row in runs] == [("acme", "completed")]


def test_a_delivery_that_was_taken_for_one_tenant_counts_for_no_other(database_url: str) -> None:
    wk = WorkflowKit(database_url=database_url)
    # Whose it is stands in the address, which nobody has signed.
    wk.webhook("any", verify=github("secret"), scope=lambda delivery: Scope("default", delivery.query["for"][0]))(
        lambda delivery: {"name": "a/b", "data": {}}
    )
    http, raw = wk.api().test_client(), b"{}"
    signature = "sha256=" + hmac.new(b"secret", raw, hashlib.sha256).hexdigest()
    headers = {"X-Hub-Signature-256": signature, "Content-Type": "application/json"}
    told = [http.post(f"/w/any?for={name}", data=raw, headers=headers).get_json()["status"] for name in ("a", "b")]
    assert told == ["accepted", "duplicate"]
    wk.stop()


def test_a_trigger_names_a_webhook_that_the_tenant_does_not_have(database_url: str) -> None:
    source = Source("shared", unverified(), lambda delivery: None, scope_of=lambda delivery: None)
    mine = Source("mine", unverified(), lambda delivery: None, DEFAULT_SCOPE)
    with a_runtime(database_url, secret_key=KEY) as harness:
        harness.runtime.own_webhooks = {"shared": source, "mine": mine}
        web = Web(harness, services_of(harness.runtime))
        created(web, "carrier")

        def problems(client: Client, *names: str) -> list[tuple[str, str, str]]:
            document = a_document(triggers=[{"webhook": name} for name in names])
            told = client.post("/api/validate", {"document": document}).get_json()
            assert told["is_valid"]
            return [(each["pointer"], each["code"], each["severity"]) for each in told["problems"]]

        names = ("carrier", "carier", "shared", "mine")
        assert problems(web.client(), *names) == [("/triggers/1/webhook", "unknown-webhook", "warning")]
        theirs = web.client(scope=OTHER_TENANT)
        assert [pointer for pointer, _, _ in problems(theirs, *names)] == [
            f"/triggers/{index}/webhook" for index in (0, 1, 3)
        ]
        document = a_document(triggers=[{"webhook": "carier"}])
        assert web.client().post("/api/workflows", {"id": "w", "document": document}).status_code == 201
        published = web.client().post("/api/workflows/w/publish")
        assert published.status_code == 201
        assert [each["code"] for each in published.get_json()["warnings"]] == ["unknown-webhook"]
        assert web.client().get("/api/triggers").get_json()["webhooks"] == ["carrier", "mine", "shared"]
        assert theirs.get("/api/triggers").get_json()["webhooks"] == ["shared"]


def test_an_application_s_webhooks_have_names_of_their_own(sqlite_url: str) -> None:
    wk = WorkflowKit(database_url=sqlite_url)
    wk.webhook("hook", verify=stripe("s"))(lambda delivery: None)
    with pytest.raises(AlreadyExists):
        wk.webhook("hook", verify=unverified())
    with pytest.raises(InvalidInput):
        wk.webhook("Hook", verify=unverified())
    with pytest.raises(AlreadyExists):
        # Else whoever may make webhooks could start what waits for the application's.
        wk.runtime.webhooks.create(DEFAULT_SCOPE, "hook", WebhookSettings({"preset": "none"}))
    wk.stop()


def test_a_tenant_s_webhook_cannot_start_what_waits_for_the_application_s(database_url: str) -> None:
    code = Code()

    @code.function("charged", trigger={"webhook": "pay"})
    def charged(ctx: StepContext) -> Any:
        return ctx.event["data"]

    with code.running(database_url) as harness:
        services = services_of(harness.runtime)
        # Made before the application had a webhook of this name, and not verified at all.
        _, token = services.webhooks.create(OTHER_TENANT, "pay", WebhookSettings({"preset": "none"}))
        own = {"pay": Source("pay", github("secret"), lambda delivery: {"name": "paid", "data": delivery.body})}
        web = Web(harness, replace(services, deliveries=replace(services.deliveries, own=own)))
        assert deliver(web, f"/w/{token}", headers={}).status_code == 404
        assert web.count("events") == 0
        signature = hmac.new(b"secret", json.dumps(EVENT).encode(), hashlib.sha256).hexdigest()
        genuine = deliver(web, "/w/pay", headers={"X-Hub-Signature-256": f"sha256={signature}"})
        assert genuine.status_code == 202
        harness.drain()
        assert output_of(harness, "shop/charged") == EVENT


def test_a_fault_of_the_function_is_a_500_that_can_be_sent_again(sqlite_url: str) -> None:
    def maker(delivery: Delivery) -> Any:
        raise RuntimeError("secret detail")

    with a_runtime(sqlite_url) as harness:
        services = services_of(harness.runtime)
        deliveries = replace(services.deliveries, own={"hook": Source("hook", unverified(), maker)})
        web = Web(harness, replace(services, deliveries=deliveries))
        response = web.anonymous().post("/w/hook", {})
        assert response.status_code == 500
        assert "secret detail" not in response.get_data(as_text=True)
        assert web.count("events") == 0


# --- what became of deliveries


def outcomes(web: Web, name: str = "stripe") -> list[tuple[str, str | None]]:
    response = web.client().get(f"/api/webhooks/{name}/deliveries")
    assert response.status_code == 200
    return [(item["status"], item["reason"]) for item in response.get_json()["items"]]


def test_it_is_told_what_became_of_deliveries(database_url: str) -> None:
    with opened(database_url) as web:
        path = a_stripe_webhook(web, event_names=["stripe/invoice.*"])
        assert outcomes(web) == []
        accepted = deliver(web, path)
        web.harness.clock.advance(seconds=1)
        deliver(web, path, EVENT | {"id": "evt_2", "type": "charge.failed"})
        web.harness.clock.advance(seconds=1)
        deliver(web, path, EVENT | {"livemode": True})
        assert outcomes(web) == [("duplicate", None), ("ignored", "event-name-not-allowed"), ("accepted", None)]
        (*_, first) = web.client().get("/api/webhooks/stripe/deliveries").get_json()["items"]
        assert first["events"] == [{"id": accepted.get_json()["ids"][0], "name": "stripe/invoice.paid"}]
        assert first["is_last_of_its_kind"] is False
        last = web.client().get("/api/webhooks").get_json()["items"][0]["last_delivery"]
        assert (last["status"], last) == (
            "duplicate",
            web.client().get("/api/webhooks/stripe").get_json()["last_delivery"],
        )
        assert web.client().get("/api/webhooks/other/deliveries").status_code == 404


def test_refused_deliveries_leave_the_last_time_for_each_reason_and_nothing_else(database_url: str) -> None:
    with opened(database_url) as web:
        path = a_stripe_webhook(web)
        for second in range(25):
            deliver(web, path, {"canary": second}, headers={})
            deliver(web, path, headers=stripe_headers(web, b"canary"))
            web.harness.clock.advance(seconds=1)
        assert sorted(outcomes(web)) == [("refused", "missing-signature"), ("refused", "wrong-signature")]
        rows = web.harness.rows("SELECT * FROM webhook_outcomes")
        assert "canary" not in repr(rows)
        times = {row["at_ms"] for row in rows}
        assert len(times) == 1
        assert 0 <= web.harness.clock.now_ms() - max(times) <= 10_000
        assert stored(web) == NOTHING


def test_an_owner_is_told_why_a_delivery_is_refused(database_url: str) -> None:
    with opened(database_url) as web:
        paths = {
            "sender-not-allowed": created(web, "far", cidrs=["192.0.2.0/24"]),
            "unusable-delivery": created(web, "odd", transform={"name": "!ref($.body.no)"}),
            "webhook-disabled": created(web, "mute", enabled=False),
            "stale-signature": a_stripe_webhook(web),
        }
        old = {"Stripe-Signature": "t=1,v1=00"}
        for path in paths.values():
            assert deliver(web, path, headers=old).status_code >= 400
        told = {name: outcomes(web, name)[0][1] for name in ("far", "odd", "mute", "stripe")}
        assert list(told.values()) == list(paths)
        (odd,) = web.client().get("/api/webhooks/odd/deliveries").get_json()["items"]
        assert "/name" in odd["detail"]
        large = web.anonymous().call("POST", paths["unusable-delivery"], data=b"{", content_type="application/json")
        assert large.status_code == 400
        assert ("refused", "invalid-json") in outcomes(web, "odd")


def test_a_delivery_that_is_sent_again_and_again_takes_no_place_of_others(database_url: str) -> None:
    with opened(database_url) as web:
        path = a_stripe_webhook(web)
        headers = stripe_headers(web, json.dumps(EVENT).encode())
        for _ in range(4):
            deliver(web, path, headers=headers)
        assert sorted(outcomes(web)) == [("accepted", None), ("duplicate", "sent-again")]


def test_a_fixed_number_of_outcomes_is_kept_and_goes_with_the_webhook(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhookoutcomes, "KEPT", 3)
    with opened(database_url) as web:
        path = created(web)
        for number in range(6):
            web.harness.clock.advance(seconds=1)
            deliver(web, path, {"type": f"shop/{number}"}, headers={})
        items = web.client().get("/api/webhooks/stripe/deliveries").get_json()["items"]
        assert [item["events"][0]["name"] for item in items] == ["shop/5", "shop/4", "shop/3"]
        assert web.count("webhook_outcomes") == 3
        web.client().delete("/api/webhooks/stripe")
        assert web.count("webhook_outcomes") == 0


def test_it_is_told_which_workflows_a_webhook_starts(database_url: str) -> None:
    document = a_document() | {"triggers": [{"webhook": "stripe"}]}
    with opened(database_url) as web:
        a_stripe_webhook(web)
        web.harness.deploy(document)
        shown = web.client().get("/api/webhooks?usage=true").get_json()["items"][0]
        (used_by,) = shown["used_by"]
        assert web.client().get("/api/webhooks/stripe?usage=true").get_json()["used_by"] == [used_by]
        assert web.client().get("/api/webhooks").get_json()["items"][0]["used_by"] is None
        web.client().post(f"/api/workflows/{used_by}/disable")
        assert web.client().get("/api/webhooks/stripe?usage=true").get_json()["used_by"] == [used_by]
        web.client().post(f"/api/workflows/{used_by}/archive")
        assert web.client().get("/api/webhooks/stripe?usage=true").get_json()["used_by"] == []


def test_the_application_s_webhooks_are_shown_beside_those_of_the_tenant(database_url: str) -> None:
    wk = WorkflowKit("shop", database_url=database_url)

    @wk.webhook("deploys", verify=github("a secret"), event_names=["git/*"])
    def from_github(delivery: Delivery) -> Any:
        return {"name": "git/committed", "data": {}}

    wk.webhook("theirs", verify=unverified(), scope=Scope("default", "acme"))(lambda _: None)
    wk.webhook("everybody", verify=unverified(), scope=lambda _: None)(lambda _: None)
    wk.migrate()
    client = wk.api(dev_mode=True).test_client()
    shown = client.get("/api/webhooks?usage=true").get_json()
    assert [(each["name"], each["preset"], each["event_names"]) for each in shown["application"]] == [
        ("deploys", "github", ["git/*"]), ("everybody", "none", None),
    ]  # fmt: skip
    assert shown["items"] == []
    assert "a secret" not in json.dumps(shown)
    assert client.post("/w/deploys", json={}).status_code == 401
    assert client.post("/w/everybody", json={}).status_code == 202
    assert client.get("/api/webhooks/deploys/deliveries").get_json()["items"][0]["reason"] == "missing-signature"
    assert client.get("/api/webhooks/everybody/deliveries").get_json()["items"] == []
    assert client.get("/api/webhooks/theirs/deliveries").status_code == 404
    wk.stop()


# --- a delivery to try a mapping on


def test_the_next_genuine_delivery_is_taken_once_and_kept_encrypted_for_a_day(database_url: str) -> None:
    with opened(database_url) as web:
        path, client = a_stripe_webhook(web, transform={"name": "!ref($.body.no)"}), web.client()
        sample = "/api/webhooks/stripe/sample"
        nothing = {"wanted_until": None, "taken_at": None, "delivery": None}
        deliver(web, path)
        assert client.get(sample).get_json() == nothing, "nobody has asked for one"
        assert client.post(sample).get_json()["wanted_until"] is not None
        deliver(web, path, {"canary": "forged"}, headers={})
        assert client.get(sample).get_json()["delivery"] is None
        # No event can be made of it: this is the one to look at.
        assert deliver(web, path, {"canary": 1}).status_code == 400
        deliver(web, path, {"canary": 2})
        taken = client.get(sample).get_json()
        assert json.loads(taken["delivery"]["raw"]) == {"canary": 1}
        assert taken["delivery"]["headers"]["stripe-signature"].startswith("t=")
        assert taken["wanted_until"] is None
        assert "canary" not in repr(web.harness.rows("SELECT * FROM webhook_samples"))
        web.harness.clock.advance(seconds=86_401)
        assert client.get(sample).get_json() == nothing
        client.post(sample)
        assert client.delete(sample).get_json() == nothing
        assert web.count("webhook_samples") == 0


def test_a_delivery_is_waited_for_an_hour_and_not_taken_if_it_is_large_or_secret(database_url: str) -> None:
    with opened(database_url) as web:
        path, client, sample = created(web), web.client(), "/api/webhooks/stripe/sample"
        client.post(sample)
        deliver(web, path, {"type": "a/b", "data": {"long": "x" * 66_000}}, headers={})
        assert client.get(sample).get_json()["delivery"] is None
        deliver(web, path, {"type": "a/b"}, headers={"Authorization": "Basic canary", "Cookie": "canary"})
        assert "canary" not in json.dumps(client.get(sample).get_json())
        client.post(sample)
        web.harness.clock.advance(seconds=3_601)
        deliver(web, path, {"type": "a/b"}, headers={})
        assert client.get(sample).get_json()["delivery"] is None
        client.delete("/api/webhooks/stripe")
        assert web.count("webhook_samples") == 0
        assert client.post(sample).status_code == 404
