"""Webhooks: made, listed, changed, tried out, given new URLs, deleted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from apiflask import APIBlueprint
from flask import Response, request

from workflowkit.api import views
from workflowkit.api.auth import by, caller, requires
from workflowkit.api.contract import answer, receives, returns, takes
from workflowkit.api.paging import Page
from workflowkit.api.schemas import webhooks as schemas
from workflowkit.api.services import Services
from workflowkit.base import jsonvalue
from workflowkit.webhooks.delivery import Delivery
from workflowkit.webhooks.intents import IntentRequest, approved_location
from workflowkit.webhooks.settings import WebhookSettings
from workflowkit.webhooks.templates import TEMPLATES

api = APIBlueprint("webhooks", __name__, url_prefix="/api", tag="Webhooks")


@api.post("/webhooks")
@requires("webhooks:write")
@receives(schemas.NewWebhook)
@returns(schemas.WebhookWithUrl, 201)
def create_webhook(body: dict[str, Any]) -> Response:
    """Make a webhook.

    The answer has its URL, of which only a hash is stored, so it cannot be shown again.
    """
    record, token = Services.current().webhooks.create(
        caller().scope, body["name"], _settings(body), secrets=body.get("secrets") or (), by=by()
    )
    return answer({**views.webhook(record), "url": _url(token)}, 201)


@api.get("/webhooks")
@requires("webhooks:read")
@takes(schemas.WebhookQuery)
@returns(schemas.WebhookPage)
def list_webhooks(query: dict[str, Any]) -> Response:
    """List the webhooks.

    In the order of their names. Without URLs and secrets.
    """
    page, services, scope = Page.asked(query), Services.current(), caller().scope
    found = services.webhooks.find(scope, limit=page.fetch, after=page.after or "")
    own = services.deliveries.own_of(scope) if page.after is None else []
    names = [*(record.name for record in found), *(source.name for source in own)]
    users, outcomes = _users(names, query), services.deliveries.last_outcomes(scope, names)
    shown = page.show(found, lambda record: views.webhook(record, users, outcomes), lambda record: record.name)
    return answer({**shown, "application": [views.own_webhook(source, users, outcomes) for source in own]})


@api.get("/webhooks/<webhook_name>")
@requires("webhooks:read")
@takes(schemas.UsageQuery)
@returns(schemas.Webhook)
def get_webhook(webhook_name: str, query: dict[str, Any]) -> Response:
    """Show a webhook.

    Without its URL and its secrets.
    """
    services, scope = Services.current(), caller().scope
    record = services.webhooks.get(scope, webhook_name)
    outcomes = services.deliveries.last_outcomes(scope, [webhook_name])
    return answer(views.webhook(record, _users([webhook_name], query), outcomes))


@api.get("/webhooks/<webhook_name>/deliveries")
@requires("webhooks:read")
@returns(schemas.DeliveryOutcomes)
def list_deliveries(webhook_name: str) -> Response:
    """List the last deliveries to a webhook.

    What became of them, newest first. Nothing of what was delivered is kept but the events that were made of it.
    """
    found = Services.current().deliveries.outcomes_of(caller().scope, webhook_name)
    return answer({"items": [views.delivery_outcome(outcome) for outcome in found]})


@api.put("/webhooks/<webhook_name>")
@requires("webhooks:write")
@receives(schemas.WebhookBody)
@returns(schemas.Webhook)
def update_webhook(body: dict[str, Any], webhook_name: str) -> Response:
    """Change a webhook.

    What is left out gets its default, but secrets stay as they are. The URL stays.
    """
    record = Services.current().webhooks.update(
        caller().scope, webhook_name, _settings(body), secrets=body.get("secrets"), by=by()
    )
    return answer(views.webhook(record))


@api.delete("/webhooks/<webhook_name>")
@requires("webhooks:write")
@returns(schemas.Webhook)
def delete_webhook(webhook_name: str) -> Response:
    """Delete a webhook.

    Its URL ends at once. Events that came through it stay.
    """
    webhooks, scope = Services.current().webhooks, caller().scope
    record = webhooks.get(scope, webhook_name)
    webhooks.delete(scope, webhook_name, by=by())
    return answer(views.webhook(record))


@api.post("/webhooks/<webhook_name>/rotate")
@requires("webhooks:write")
@returns(schemas.WebhookWithUrl)
def rotate_webhook(webhook_name: str) -> Response:
    """Give a webhook a new URL.

    The old one ends at once. To replace a secret without a gap, change the webhook's `secrets` to the new and the old
    one.
    """
    record, token = Services.current().webhooks.rotate(caller().scope, webhook_name, by=by())
    return answer({**views.webhook(record), "url": _url(token)})


@api.post("/webhooks/<webhook_name>/test")
@requires("webhooks:read")
@receives(schemas.DeliveryToTry)
@returns(schemas.TriedDelivery)
def try_delivery(body: dict[str, Any], webhook_name: str) -> Response:
    """Show what a webhook would make of a delivery.

    Nothing is stored and no signature is checked. With `transform`, another one than the stored one is tried.
    """
    webhooks = Services.current().webhooks
    record = webhooks.get(caller().scope, webhook_name)
    tried = webhooks.preview(record, _delivery(body), transform=body.get("transform"))
    shown = {"event": tried.event, "reason": tried.reason or None, "problems": views.problems(tried.problems)}
    return answer(shown)


@api.post("/webhooks/<webhook_name>/sample")
@requires("webhooks:write")
@returns(schemas.WebhookSample)
def want_sample(webhook_name: str) -> Response:
    """Take the next delivery.

    To try a transform on it. The next genuine delivery within an hour is kept for a day, encrypted, unless it is larger
    than 64 KiB; the one that was taken before goes.
    """
    samples = Services.current().deliveries.samples
    return answer(views.webhook_sample(samples.want(caller().scope, webhook_name, by=by())))


@api.get("/webhooks/<webhook_name>/sample")
@requires("webhooks:write")
@returns(schemas.WebhookSample)
def get_sample(webhook_name: str) -> Response:
    """Show the delivery that was taken.

    Or until when it is waited for.
    """
    return answer(views.webhook_sample(Services.current().deliveries.samples.get(caller().scope, webhook_name)))


@api.delete("/webhooks/<webhook_name>/sample")
@requires("webhooks:write")
@returns(schemas.WebhookSample)
def forget_sample(webhook_name: str) -> Response:
    """Forget the delivery that was taken.

    Or wait for none any more.
    """
    samples, scope = Services.current().deliveries.samples, caller().scope
    samples.forget(scope, webhook_name)
    return answer(views.webhook_sample(samples.get(scope, webhook_name)))


@api.get("/webhook-templates")
@requires("webhooks:read")
@returns(schemas.WebhookTemplates)
def list_webhook_templates() -> Response:
    """List the templates.

    Webhooks of well-known providers: how they are verified, what events their deliveries become, and an example.
    """
    return answer({"items": [asdict(template) for template in TEMPLATES]})


@api.get("/webhooks/intent")
@requires("webhooks:write")
@takes(schemas.IntentQuery)
@returns(schemas.Intent)
def get_webhook_intent(query: dict[str, Any]) -> Response:
    """Show a provider's wish to have a webhook.

    For the page on which a person approves it; nothing is made. Refused unless `redirect_uri` is, letter by letter, one
    of the server's setting `webhook_redirects`.
    """
    return answer(_intent(query).as_dict())


@api.post("/webhooks/intent")
@requires("webhooks:write")
@receives(schemas.NewIntent)
@returns(schemas.ApprovedIntent, 201)
def approve_webhook_intent(body: dict[str, Any]) -> Response:
    """Approve a provider's wish.

    Makes a webhook with the default transform and no verification but its URL, and says where to send the browser: back
    to the provider, with that URL.
    """
    services, intent = Services.current(), _intent(body)
    location = approved_location(intent, services.public_url)  # refuses before anything is made
    settings = WebhookSettings({"preset": "none"})
    record, token = services.webhooks.create(caller().scope, intent.webhook, settings, by=by())
    return answer({"webhook": views.webhook(record), "location": location(token)}, 201)


def _users(names: Sequence[str], query: Mapping[str, Any]) -> Mapping[str, Sequence[str]] | None:
    """Return which workflows webhooks start, by the webhooks' names; ``None`` where that was not asked."""
    if not query["usage"]:
        return None
    caller().check_may("workflows:read")
    return Services.current().deliveries.started_by(caller().scope, names)


def _intent(values: dict[str, Any]) -> IntentRequest:
    return IntentRequest.checked(values["name"], values["redirect_uri"], allowed=Services.current().webhook_redirects)


def _settings(body: dict[str, Any]) -> WebhookSettings:
    event_names, cidrs = body.get("event_names"), body.get("cidrs")
    return WebhookSettings(
        verification=body["verification"],
        transform=body.get("transform"),
        event_names=None if event_names is None else tuple(event_names),
        cidrs=None if cidrs is None else tuple(cidrs),
        enabled=body.get("enabled", True),
    )


def _delivery(body: dict[str, Any]) -> Delivery:
    headers = {name.lower(): value for name, value in body.get("headers", {}).items()}
    if "raw" in body:
        raw = body["raw"].encode()
    else:
        raw = jsonvalue.dumps(body["body"]).encode() if "body" in body else b""
        headers.setdefault("content-type", "application/json")
    limits = Services.current().limits
    return Delivery(body.get("method", "POST"), headers, body.get("query", {}), raw, limits)


def _url(token: str) -> str:
    """Return the URL of a token: absolute where the installation knows how it is reached."""
    # Never from the Host header, which is whatever the caller says.
    return f"{Services.current().public_url or request.script_root}/w/{token}"
