"""What became of deliveries, as their owners are told it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from webapi import a_document
from webhooking import EVENT, NOTHING, a_stripe_webhook, created, deliver, opened, outcomes, stored, stripe_headers

from workflowkit import WorkflowKit
from workflowkit.base.scope import Scope
from workflowkit.store import webhookoutcomes
from workflowkit.webhooks import Delivery, github, unverified


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
