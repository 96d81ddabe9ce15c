"""An order desk that any server which speaks Inngest's protocol performs: a function, and a workflow document."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from flask import Flask

from workflowkit import Event, StepContext, WorkflowKit

wk = WorkflowKit("desk")


@wk.action("weigh", category="Orders")
def weigh(items: list[dict[str, Any]]) -> float:
    """Return what all items weigh together."""
    return float(sum(item["quantity"] * item.get("kilograms", 1.0) for item in items))


@wk.action("carrier", category="Orders")
def carrier(kilograms: float) -> str:
    """Return who carries a parcel."""
    return "freight" if kilograms > 20 else "post"


@wk.function("order", trigger=Event("shop/order.placed"), retries=2)
def order(ctx: StepContext) -> dict[str, Any]:
    """Weigh an order, wait for its payment, and say what came of it."""
    data = ctx.event["data"]
    kilograms = ctx.step.run("weigh", weigh, data["items"])
    paid = ctx.step.wait_for_event("payment", "shop/order.paid", match="data.id", timeout="3d")
    return {"id": data["id"], "kilograms": kilograms, "paid": paid is not None}


def create_app() -> Flask:
    """Return the web application, for ``flask --app examples.served.app run``."""
    app = Flask("desk")
    document = json.loads((Path(__file__).parent / "parcel.json").read_text("utf-8"))
    wk.serve(app, workflows={"parcel": document})
    return app
