"""Signals: what is sent, and which run it resumed."""

from __future__ import annotations

from marshmallow import validate

from workflowkit.api.schemas.base import Answer, Request, any_json, text


class Signal(Request):
    """A signal to send."""

    signal = text("The name that a run waits for; those that begin with `workflow/` are reserved.",
                  validate=validate.Length(1, 256))  # fmt: skip
    data = any_json("What the run is given; null if left out.", required=False)


class Signalled(Answer):
    """What a signal did."""

    run_id = text("The run that was resumed.")
