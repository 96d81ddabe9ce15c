"""Webhooks: made, changed, tried out, and what a delivery is answered with."""

from __future__ import annotations

from marshmallow import fields, validate

from workflowkit.api.schemas.base import (
    Answer,
    PageQuery,
    Problem,
    Request,
    any_json,
    described,
    flag,
    json_object,
    many,
    moment,
    next_cursor,
    text,
)


class WebhookBody(Request):
    """What a webhook is told."""

    verification = fields.Dict(keys=fields.String(), **described(
        'How deliveries are verified: `{"preset": "stripe"}`; presets are none, basic, hmac, stripe, github, slack, '
        "shopify, svix."))  # fmt: skip
    secrets = fields.List(fields.String(), allow_none=True, metadata={
        "description": "The secrets in force, up to 5: several while one is replaced. Stored encrypted and never "
                       "shown. Left out in a change: as they are."})  # fmt: skip
    transform = json_object("What event a delivery becomes; null for the default.", required=False, nullable=True)
    event_names = fields.List(fields.String(), allow_none=True, metadata={
        "description": "The only events it may make: names, or beginnings of names with * at the end. "
                       "Default: all."})  # fmt: skip
    cidrs = fields.List(fields.String(), allow_none=True, metadata={
        "description": "The only networks that may send. Default: all."})  # fmt: skip
    enabled = fields.Boolean(metadata={"description": "Whether it takes deliveries. Default: true."})


class NewWebhook(WebhookBody):
    """A webhook to make."""

    name = text("Its name, which triggers refer to: a-z, 0-9, _ and -.")


class NamedEvent(Answer):
    """An event by its id and its name."""

    id = text("Our id of it.")
    name = text("Its name.")


class DeliveryOutcome(Answer):
    """What became of a delivery, of which nothing else is kept."""

    status = text("What became of it.", validate=validate.OneOf(["accepted", "duplicate", "ignored", "refused"]))
    at = moment("When.")
    reason = text("Why it was ignored or refused, or that it was `sent-again`, as a code; else null.", nullable=True)
    detail = text("What was wrong with a genuine one of which no event could be made; else null.", nullable=True)
    events = many(NamedEvent, "The first 20 of its events.")
    is_last_of_its_kind = flag(
        "Whether there may have been more that ended in this way: of refused ones, and of those that were sent again, "
        "only the last for each reason is kept, to 10 seconds."
    )


class WebhookQuery(PageQuery):
    """Which page, and what about each webhook."""

    usage = fields.Boolean(load_default=False, metadata={
        "description": "Whether to tell which workflows each starts; needs workflows:read. "
                       "Default: false."})  # fmt: skip


class UsageQuery(Request):
    """What about a webhook."""

    usage = fields.Boolean(load_default=False, metadata={
        "description": "Whether to tell which workflows it starts; needs workflows:read. Default: false."})  # fmt: skip


class Webhook(Answer):
    """A webhook, without its URL and its secrets."""

    name = text("Its name.")
    verification = json_object("How deliveries are verified.")
    has_secrets = flag("Whether secrets are stored for it.")
    transform = json_object("What event a delivery becomes; null for the default.", nullable=True)
    event_names = fields.List(fields.String(), **described("The only events it may make; null for all.", nullable=True))
    cidrs = fields.List(fields.String(), **described("The only networks that may send; null for all.", nullable=True))
    enabled = flag("Whether it takes deliveries.")
    created_at = moment("When it was made.")
    updated_at = moment("When it was last changed.")
    last_received_at = moment("When it last took a delivery, to the minute.", nullable=True)
    last_delivery = fields.Nested(DeliveryOutcome, **described(
        "What became of the last delivery; null if there was none, and in answers to changes.",
        nullable=True))  # fmt: skip
    used_by = fields.List(fields.String(), **described(
        "The ids of the published workflows that it starts; null unless asked for.", nullable=True))  # fmt: skip


class OwnWebhook(Answer):
    """A webhook of the application, in code. It cannot be changed here."""

    name = text("Its name. Its URL ends in it.")
    preset = text("How deliveries are verified.")
    event_names = fields.List(fields.String(), **described("The only events it may make; null for all.", nullable=True))
    last_delivery = fields.Nested(DeliveryOutcome, **described(
        "What became of the last delivery; null if there was none, and where it serves many tenants.",
        nullable=True))  # fmt: skip
    used_by = fields.List(fields.String(), **described(
        "The ids of the published workflows that it starts; null unless asked for.", nullable=True))  # fmt: skip


class WebhookWithUrl(Webhook):
    """A webhook with its new URL."""

    url = text("Where to send: shown this once. A path, unless the server knows its public URL.")


class WebhookPage(Answer):
    """Webhooks."""

    items = many(Webhook, "In the order of their names.")
    next_cursor = next_cursor()
    application = many(OwnWebhook, "Those of the application, on the first page.")


class DeliveryOutcomes(Answer):
    """What became of the last deliveries to a webhook."""

    items = many(DeliveryOutcome, "Newest first: up to 50 genuine ones, and the last for each reason of the others.")


class DeliveryToTry(Request):
    """A delivery as it might come."""

    method = fields.String(
        validate=validate.OneOf(["POST", "PUT", "GET"]), metadata={"description": "The method. Default: POST."}
    )
    headers = fields.Dict(
        keys=fields.String(), values=fields.String(), metadata={"description": "The headers, by name."}
    )
    query = fields.Dict(keys=fields.String(), values=fields.List(fields.String()), metadata={
        "description": "The query string's parameters; each has a list of values."})  # fmt: skip
    body = any_json("The body, as JSON.", required=False)
    raw = text("The body as text, in place of `body`; its type stands in the headers.", required=False)
    transform = json_object("A transform to try instead of the stored one.", required=False, nullable=True)


class TriedDelivery(Answer):
    """What would become of a delivery. Nothing was stored, and no signature was checked."""

    event = json_object("The event that it would become; null if none.", nullable=True)
    reason = text("Why it would be ignored; null if it would not.", nullable=True)
    problems = many(Problem, "Why no event can be made of it; below `/event` or `/transform`.")


class TakenDelivery(Answer):
    """A delivery as it came, without credentials."""

    method = text("Its method.")
    headers = json_object("Its headers, by their names in lower case.")
    query = json_object("The query string's parameters; each has a list of values.")
    raw = text("Its body as text.")


class WebhookSample(Answer):
    """A delivery to try a mapping on."""

    wanted_until = moment("Until when the next genuine delivery is waited for; null if none is.", nullable=True)
    taken_at = moment("When one was taken; null if none was, or it is older than a day.", nullable=True)
    delivery = fields.Nested(TakenDelivery, **described("That one.", nullable=True))


class WebhookTemplate(Answer):
    """A webhook of a well-known provider, ready to be made."""

    id = text("The provider's id, a good name for the webhook.")
    title = text("The provider's name.")
    verification = json_object("How its deliveries are verified.")
    transform = json_object("What events they become.")
    secret_hint = text("Where the secret is found.")
    example_headers = json_object("Headers of a delivery.")
    example_body = any_json("The body of a delivery.")


class WebhookTemplates(Answer):
    """All templates."""

    items = many(WebhookTemplate, "By provider.")


class ReceivedDelivery(Answer):
    """What became of a delivery."""

    status = text("What became of it.", validate=validate.OneOf(["accepted", "duplicate", "ignored"]))
    ids = fields.List(fields.String(), **described("Our ids of its events."))
    reason = text("Why it was ignored; null if it was not.", nullable=True)
    challenge = text("What Slack asked to have repeated when the URL was entered.", required=False)


class IntentQuery(Request):
    """A provider's wish to have a webhook."""

    name = fields.String(
        required=True, validate=validate.Length(1, 64), metadata={"description": "What the provider calls it."}
    )
    redirect_uri = fields.String(required=True, validate=validate.Length(1, 2_000), metadata={
        "description": "Where the new URL is to go: one of the server's setting `webhook_redirects`."})  # fmt: skip


class NewIntent(Request):
    """A provider's wish, approved."""

    name = text("What the provider calls it.", validate=validate.Length(1, 64))
    redirect_uri = text("Where the new URL is to go.", validate=validate.Length(1, 2_000))


class Intent(Answer):
    """A provider's wish to have a webhook, to be approved by a person."""

    name = text("What the provider calls it.")
    webhook = text("The name that the webhook would have.")
    redirect_uri = text("Where the new URL would go.")
    redirect_host = text("The host of that address, to be shown to whoever approves.")


class ApprovedIntent(Answer):
    """The webhook that was made, and where to send the browser."""

    webhook = fields.Nested(Webhook, **described("The webhook."))
    location = text("The provider's address, with the webhook's URL as its parameter `url`.")
