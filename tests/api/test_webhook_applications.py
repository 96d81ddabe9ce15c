"""Webhooks that an application has itself, as functions (``wk.webhook``)."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import replace
from typing import Any

import pytest
from functions import Code, output_of
from runtimes import a_runtime
from webapi import OTHER_TENANT, Web, a_document
from webhooking import EVENT, deliver
from werkzeug.test import TestResponse

from workflowkit import StepContext, WorkflowKit
from workflowkit.api.services import services_of
from workflowkit.base.errors import AlreadyExists, InvalidInput
from workflowkit.base.scope import DEFAULT_SCOPE, Scope
from workflowkit.runtime.deliveries import Source
from workflowkit.store.statements import Sql
from workflowkit.webhooks import Delivery, github, stripe, unverified
from workflowkit.webhooks.settings import WebhookSettings


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
