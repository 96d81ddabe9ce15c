"""Where providers deliver: whoever knows the URL may try, and learns nothing but whether it was taken."""

from __future__ import annotations

from dataclasses import replace

from apiflask import APIBlueprint
from flask import Response, request
from werkzeug.exceptions import MethodNotAllowed

from workflowkit.api.auth import public
from workflowkit.api.contract import answer, returns
from workflowkit.api.hostcontext import of_host
from workflowkit.api.schemas import webhooks as schemas
from workflowkit.api.services import Services
from workflowkit.base.errors import InvalidInput, LimitExceeded, WorkflowKitError
from workflowkit.base.limits import Limits
from workflowkit.runtime.deliveries import Source
from workflowkit.webhooks.delivery import Delivery, read_query
from workflowkit.webhooks.transform import Transform

api = APIBlueprint("deliveries", __name__, tag="Webhooks")

_ALSO = {"_200": "The answer to Slack's question when the URL is entered."}


@api.post("/w/<token>")
@public
@returns(schemas.ReceivedDelivery, 202, **_ALSO)
def deliver(token: str) -> Response:
    """Deliver to a webhook.

    The body is JSON, a form or text, as its Content-Type says. 202 means that the delivery is dealt with for good:
    its events are stored, or it repeats one that is, or the webhook ignores deliveries like it. 401: it is not
    genuine; 404: there is no such webhook; 410: it is switched off; 400, 413 or 415: it cannot be read.
    """
    return _receive(token)


@api.put("/w/<token>")
@public
@returns(schemas.ReceivedDelivery, 202, **_ALSO)
def deliver_by_put(token: str) -> Response:
    """Deliver to a webhook by PUT.

    As by POST.
    """
    return _receive(token)


@api.get("/w/<token>")
@public
@returns(schemas.ReceivedDelivery, 202, **_ALSO)
def deliver_by_get(token: str) -> Response:
    """Deliver to a webhook by GET.

    What there is to say stands in the query string. Only for webhooks without a signature: signatures cover bodies.
    """
    if request.method == "HEAD":  # which comes with every GET route: a probe, and no delivery
        raise MethodNotAllowed(["GET", "POST", "PUT"])
    return _receive(token)


def _receive(token: str) -> Response:
    services = Services.current()
    source = services.deliveries.find(token, request.remote_addr or "")
    try:
        delivery = _read(services.limits)
    except WorkflowKitError as error:
        services.deliveries.note_refused(source, error)
        raise
    received = services.deliveries.receive(_called_at_home(source), delivery)
    shown = {
        "status": received.status,
        "ids": [event.id for event in received.events],
        "reason": received.reason or None,
    }
    if received.challenge is not None:
        return answer({**shown, "challenge": received.challenge}, 200)
    return answer(shown, 202)


def _called_at_home(source: Source) -> Source:
    """Return a webhook whose functions, if it is one of the application's, are called in its own context."""
    if isinstance(source.maker, Transform):
        return source
    scope_of = None if source.scope_of is None else of_host(source.scope_of)
    return replace(source, maker=of_host(source.maker), scope_of=scope_of)


def _read(limits: Limits) -> Delivery:
    """Return the request with its body as it came. Raises ``LimitExceeded``, ``InvalidInput``."""
    most = limits.webhook_bytes
    # One byte more than is taken: werkzeug cuts a body without a length off at this mark without a word.
    request.max_content_length = most + 1
    raw = request.get_data(cache=False)
    if len(raw) > most:
        raise LimitExceeded("webhook_bytes", most)
    try:
        query = request.query_string.decode()
    except UnicodeDecodeError:
        raise InvalidInput.at("/query", "invalid-value", "not UTF-8") from None
    return Delivery(
        method=request.method,
        headers={name.lower(): value for name, value in request.headers.items()},
        query=read_query(query, limits),
        raw=raw,
        limits=limits,
    )
