"""Signals: a run that waits for one by name is resumed."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import Response

from workflowkit.api.auth import caller, requires
from workflowkit.api.contract import answer, receives, returns
from workflowkit.api.schemas import signals as schemas
from workflowkit.api.services import Services

api = APIBlueprint("signals", __name__, url_prefix="/api", tag="Runs")


@api.post("/signals")
@requires("signals:send")
@receives(schemas.Signal)
@returns(schemas.Signalled, _404="No run ever waited for it.", _409="The wait has ended: received, or timed out.")
def send_signal(body: dict[str, Any]) -> Response:
    """Send a signal.

    Resumes the one run that waits for it, with `data`.
    """
    run_id = Services.current().signal(caller().scope, body["signal"], body.get("data"))
    return answer({"run_id": run_id})
