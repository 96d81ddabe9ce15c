"""An order desk that any server which speaks Inngest's protocol performs: a function, and workflow documents."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from flask import Flask

from workflowkit import Event, NonRetriableError, StepContext, WorkflowKit

wk = WorkflowKit("desk")
reserved: set[str] = set()


@wk.action("weigh", category="Orders")
def weigh(items: list[dict[str, Any]]) -> float:
    """Return what all items weigh together."""
    return float(sum(item["quantity"] * item.get("kilograms", 1.0) for item in items))


@wk.action("carrier", category="Orders")
def carrier(kilograms: float) -> str:
    """Return who carries a parcel."""
    return "freight" if kilograms > 20 else "post"


@wk.action("reserve", category="Orders")
def reserve(what: str) -> str:
    """Reserve something, and return what it is called then."""
    reserved.add(what)
    return what


@wk.action("release", category="Orders")
def release(reservation: str) -> None:
    """Give back what was reserved."""
    reserved.discard(reservation)


@wk.action("driver", category="Orders")
def driver(name: str | None = None) -> str:
    """Return who drives."""
    if name is None:
        raise NonRetriableError("nobody drives today")
    return name


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
    here = Path(__file__).parent
    documents = {name: json.loads((here / f"{name}.json").read_text("utf-8")) for name in ("parcel", "shipment")}
    wk.serve(app, workflows=documents, checkpointing=True)
    return app
