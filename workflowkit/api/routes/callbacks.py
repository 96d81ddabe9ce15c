"""Where callbacks are received: whoever has the URL may call it, once."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import Response

from workflowkit.api.auth import public
from workflowkit.api.contract import answer, read_json, returns
from workflowkit.api.schemas import callbacks as schemas
from workflowkit.api.services import Services

api = APIBlueprint("callbacks", __name__, tag="Callbacks")


@api.post("/c/<token>")
@public
@returns(
    schemas.ReceivedCallback,
    _409="It was called before.",
    _410="Its time is over, or its run has ended.",
    _413="The body is too large.",
    _415="The body is not JSON.",
)
def receive_callback(token: str) -> Response:
    """Call back.

    The body is any JSON; it is what the run gets. The URL is the credential, and can be called once.
    """
    callback_id = Services.current().callbacks.receive(token, read_json("event_bytes"))
    return answer({"id": callback_id, "status": "received"})
