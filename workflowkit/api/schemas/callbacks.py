"""Callbacks: what a call is answered with."""

from __future__ import annotations

from marshmallow import validate

from workflowkit.api.schemas.base import Answer, text


class ReceivedCallback(Answer):
    """A call that was received."""

    id = text("The callback's id.")
    status = text("Always `received`.", validate=validate.OneOf(["received"]))
