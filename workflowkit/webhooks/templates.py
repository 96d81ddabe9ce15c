"""Webhooks of well-known providers, ready to be made: verification, transform, and what a delivery looks like.

The examples are invented, in the shapes that the providers document. An ``id`` that the provider repeats with every
attempt makes sure that a repeated delivery starts nothing twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from workflowkit.definition.model import Json


@dataclass(frozen=True, slots=True)
class WebhookTemplate:
    """What a provider's webhook is made of. ``example_headers`` and ``example_body`` are those of one delivery;
    ``secret_hint`` says where the secret is found."""

    id: str
    title: str
    verification: Mapping[str, Json]
    transform: Mapping[str, Json]
    secret_hint: str
    example_headers: Mapping[str, str]
    example_body: Json


TEMPLATES: Final = (
    WebhookTemplate(
        "stripe",
        "Stripe",
        {"preset": "stripe"},
        {
            "name": "stripe/!ref($.body.type)",
            "data": "!ref($.body.data)",
            "id": "!ref($.body.id)",
            "ts": "!ref($.body.created)",
        },
        "Stripe's dashboard, Webhooks, the endpoint: signing secret (whsec_…)",
        {"stripe-signature": "t=1767225600,v1=…"},
        {
            "id": "evt_1",
            "object": "event",
            "type": "invoice.paid",
            "created": 1767225600,
            "livemode": False,
            "data": {"object": {"id": "in_1", "amount_paid": 12950, "currency": "eur"}},
        },
    ),
    WebhookTemplate(
        "github",
        "GitHub",
        {"preset": "github"},
        {
            "name": "github/!ref($.headers.x-github-event)",
            "data": "!ref($.body)",
            "id": "!ref($.headers.x-github-delivery)",
        },
        "the secret that you type in when you add the webhook on GitHub; choose application/json",
        {
            "x-github-event": "push",
            "x-github-delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
            "x-hub-signature-256": "sha256=…",
        },
        {"ref": "refs/heads/main", "repository": {"full_name": "acme/shop"}, "pusher": {"name": "ada"}},
    ),
    WebhookTemplate(
        "clerk",
        "Clerk",
        {"preset": "svix"},
        {
            "name": "clerk/!ref($.body.type)",
            "data": "!ref($.body.data)",
            "id": "!ref($.headers.svix-id)",
            "ts": "!ref($.headers.svix-timestamp)",
        },
        "Clerk's dashboard, Webhooks, the endpoint: signing secret (whsec_…)",
        {"svix-id": "msg_1", "svix-timestamp": "1767225600", "svix-signature": "v1,…"},
        {"type": "user.created", "object": "event", "data": {"id": "user_1", "first_name": "Ada"}},
    ),
    WebhookTemplate(
        "resend",
        "Resend",
        {"preset": "svix"},
        {
            "name": "resend/!ref($.body.type)",
            "data": "!ref($.body.data)",
            "id": "!ref($.headers.svix-id)",
            "ts": "!ref($.body.created_at)",
        },
        "Resend's dashboard, Webhooks, the endpoint: signing secret (whsec_…)",
        {"svix-id": "msg_2", "svix-timestamp": "1767225600", "svix-signature": "v1,…"},
        {
            "type": "email.bounced",
            "created_at": "2026-01-01T00:00:00.000Z",
            "data": {"email_id": "em_1", "to": ["ada@example.com"], "subject": "Welcome"},
        },
    ),
    WebhookTemplate(
        "slack",
        "Slack (Events API)",
        {"preset": "slack"},
        {
            "name": "slack/!ref($.body.event.type)",
            "data": "!ref($.body)",
            "id": "!ref($.body.event_id)",
            "ts": "!ref($.body.event_time)",
            "if": "body.type == 'event_callback'",
        },
        "Slack's page of your app, Basic Information: signing secret",
        {"x-slack-request-timestamp": "1767225600", "x-slack-signature": "v0=…"},
        {
            "type": "event_callback",
            "event_id": "Ev1",
            "event_time": 1767225600,
            "team_id": "T1",
            "event": {"type": "app_mention", "user": "U1", "text": "hello", "channel": "C1"},
        },
    ),
    WebhookTemplate(
        "shopify",
        "Shopify",
        {"preset": "shopify"},
        {
            "name": "shopify/!ref($.headers.x-shopify-topic)",
            "data": {"shop": "!ref($.headers.x-shopify-shop-domain)", "payload": "!ref($.body)"},
            "id": "!ref($.headers.x-shopify-webhook-id)",
        },
        "the client secret of your app in Shopify's partner dashboard",
        {
            "x-shopify-topic": "orders/create",
            "x-shopify-shop-domain": "acme.myshopify.com",
            "x-shopify-webhook-id": "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043",
            "x-shopify-hmac-sha256": "…",
        },
        {"id": 820982911946, "email": "ada@example.com", "total_price": "129.50"},
    ),
)
