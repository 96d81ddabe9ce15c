"""Webhooks in the browser: made for a service, delivered to, tried out, switched off, deleted; or only looked at."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

from accessibility import serious, serious_in_both_themes
from editing import EditorPage, NewPage, chain
from playwright.sync_api import Route, expect
from translations import english_on

from workflowkit.base.clock import SystemClock

SECRET = "whsec_C4n4ry0123456789"


def deliver(url: str, body: dict[str, Any], *, secret: str = SECRET) -> int:
    """Deliver as Stripe does; return the status of the answer."""
    raw, seconds = json.dumps(body).encode(), SystemClock().now_ms() // 1000
    signature = hmac.new(secret.encode(), f"{seconds}.".encode() + raw, hashlib.sha256).hexdigest()
    headers = {"Stripe-Signature": f"t={seconds},v1={signature}", "Content-Type": "application/json"}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, raw, headers)) as response:
            status: int = response.status
    except urllib.error.HTTPError as error:
        with error:
            status = error.code
    return status


def made(editor: EditorPage, name: str) -> str:
    """Make a webhook of Stripe's on the page; return its URL."""
    editor.get("new-webhook").click()
    editor.get("webhook-template").select_option("stripe")
    editor.get("webhook-name").fill(name)
    editor.get("webhook-secret-0").fill(SECRET)
    editor.get("create-webhook").click()
    return editor.get("webhook-url").input_value()


def test_a_service_is_connected_and_it_is_seen_what_became_of_its_deliveries(editor: EditorPage) -> None:
    page, server = editor.page, editor.server
    page.goto(f"{server.url}/webhooks")
    url = made(editor, "shop-stripe")
    assert url.startswith(f"{server.url}/w/")
    assert serious(page) == []
    page.get_by_role("button", name="Done").click()
    expect(page).to_have_url(f"{server.url}/webhooks/shop-stripe")
    expect(page.get_by_text("Nothing was delivered yet")).to_be_visible()

    paid = {"id": "evt_1", "type": "invoice.paid", "created": 1767225600, "data": {"object": {"id": "in_1"}}}
    assert [deliver(url, paid, secret="a guess"), deliver(url, paid)] == [401, 202]
    deliveries = editor.get("webhook-deliveries")
    expect(deliveries).to_contain_text("accepted")
    expect(deliveries.get_by_role("link", name="stripe/invoice.paid")).to_be_visible()
    expect(deliveries).to_contain_text("The signature is not made with one of the secrets.")

    editor.get("take-sample").click()
    expect(editor.get("sample-waits")).to_be_visible()
    assert deliver(url, paid | {"id": "evt_real"}) == 202
    editor.get("use-sample").click()
    expect(editor.get("sample-body")).to_have_value(re.compile("evt_real"))
    editor.get("mapping-name").fill("pay/!ref($.body.nothing)")
    editor.get("mapping-if").fill("body.livemode ==")
    editor.get("try-mapping").click()
    expect(editor.get("mapping-if")).to_have_attribute("aria-invalid", "true")
    editor.get("mapping-if").fill("body.type == 'invoice.paid'")
    editor.get("mapping-name").fill("pay/!ref($.body.type)")
    editor.get("try-mapping").click()
    expect(editor.get("tried")).to_contain_text("pay/invoice.paid")
    editor.get("save-mapping").click()
    expect(page.get_by_text("Saved", exact=True)).to_be_visible()
    assert server.get("/api/webhooks/shop-stripe")["transform"]["name"] == "pay/!ref($.body.type)"
    assert serious_in_both_themes(page) == []

    editor.get("webhook-enabled").click()
    expect(editor.get("webhook-off")).to_be_visible()
    assert deliver(url, paid | {"id": "evt_2"}) == 410
    assert SECRET not in page.content()


def test_a_webhook_names_what_it_starts_before_it_is_deleted(editor: EditorPage) -> None:
    page, server = editor.page, editor.server
    server.post("/api/webhooks", {"name": "goes", "verification": {"preset": "none"}})
    workflow_id = server.create(chain("log", triggers=[{"webhook": "goes"}]))
    draft = server.get(f"/api/workflows/{workflow_id}/draft")["document"]
    assert draft["triggers"] == [{"webhook": "goes"}]
    page.goto(f"{server.url}/workflows/{workflow_id}?node=%24source&panel=config")
    expect(page.get_by_role("link", name="Open the webhook goes")).to_have_attribute("href", "/webhooks/goes")
    page.goto(f"{server.url}/webhooks")
    row = editor.get("webhook-goes")
    row.get_by_test_id("webhook-more").click()
    page.get_by_role("menuitem", name="Delete").click()
    assert serious(page) == []
    editor.get("delete-webhook").click()
    expect(row).to_have_count(0)


def test_a_trigger_gets_a_webhook_that_is_made_for_it(editor: EditorPage) -> None:
    editor.open(chain("log", triggers=[{"webhook": "made-here"}]))
    editor.select("$source")
    editor.get("make-webhook").click()
    expect(editor.get("webhook-name")).to_have_value("made-here")
    editor.get("webhook-preset").select_option("none")
    editor.get("create-webhook").click()
    editor.page.get_by_role("button", name="Done").click()
    expect(editor.page.get_by_role("link", name="Open the webhook made-here")).to_be_visible()


def test_somebody_decides_whether_a_provider_gets_a_webhook(editor: EditorPage) -> None:
    page, server = editor.page, editor.server
    wish = {"name": "Clerk (prod)", "redirect_uri": f"{server.url}/runs"}
    address = f"{server.url}/webhooks/intent?{urllib.parse.urlencode(wish)}"
    page.goto(address)
    expect(page.get_by_role("alert")).to_contain_text("This redirect_uri is not allowed here")
    expect(editor.get("approve-intent")).to_have_count(0)

    told = wish | {"webhook": "clerk-prod", "redirect_host": "clerk.example"}
    asked: list[Any] = []

    def agreed(route: Route) -> None:
        if route.request.method == "GET":
            return route.fulfill(json=told)
        asked.append(route.request.post_data_json)
        return route.fulfill(status=201, json={"webhook": {}, "location": f"{server.url}/runs?url=x"})

    page.route("**/api/webhooks/intent**", agreed)
    page.goto(address)
    expect(page.get_by_text("Clerk (prod) asks for a webhook.")).to_contain_text("clerk.example")
    assert serious(page) == []
    editor.get("approve-intent").click()
    expect(page).to_have_url(f"{server.url}/runs?url=x")
    assert asked == [wish]


def test_who_may_only_look_changes_nothing_on_a_telephone_in_every_language(new_page: NewPage) -> None:
    editor = new_page(width=390, height=844, locale="ar")
    page, server = editor.page, editor.server
    server.post("/api/webhooks", {"name": "seen", "verification": {"preset": "none"}, "enabled": False})

    def restricted(route: Route) -> None:
        response = route.fetch()
        state = response.json()
        route.fulfill(response=response, json=state | {"permissions": ["webhooks:read", "workflows:read"]})

    page.route("**/api/session", restricted)
    for path in ("/webhooks", "/webhooks/seen"):
        page.goto(f"{server.url}{path}")
        expect(page.get_by_test_id("webhook-seen" if path == "/webhooks" else "webhook-off")).to_be_visible()
        for name in ("new-webhook", "webhook-more", "edit-webhook", "save-mapping"):
            expect(editor.get(name)).to_have_count(0)
        assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
        assert serious(page) == []
        assert english_on(page, "ar", {"seen"}) == []
    expect(editor.get("mapping-name")).not_to_be_editable()
