"""Webhooks over HTTP, as a test needs them: made, and delivered to."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from webapi import Client, Web, a_web
from werkzeug.test import TestResponse

from workflowkit.base.secrets import Keyring
from workflowkit.webhooks.templates import TEMPLATES

SECRET = "whsec_test"
KEY = Keyring.generate().render()
STRIPE = next(template for template in TEMPLATES if template.id == "stripe")
EVENT = {"id": "evt_1", "type": "invoice.paid", "created": 1_750_000_000, "data": {"object": {"id": "in_1"}}}
NOTHING = dict.fromkeys(("events", "event_ids", "webhook_event_ids", "pending_events", "webhook_deliveries", "runs"), 0)


def opened(database_url: str, **settings: Any) -> Any:
    """Open a server that can store secrets."""
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


def stored(web: Web) -> dict[str, int]:
    """Return how many rows there are of each kind that a delivery may leave."""
    return {table: web.count(table) for table in NOTHING}


def outcomes(web: Web, name: str = "stripe") -> list[tuple[str, str | None]]:
    """Return what the owner of a webhook is told of its deliveries, the last one first."""
    response = web.client().get(f"/api/webhooks/{name}/deliveries")
    assert response.status_code == 200
    return [(item["status"], item["reason"]) for item in response.get_json()["items"]]
