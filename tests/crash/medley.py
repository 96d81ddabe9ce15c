"""The application of the second soak: workflows that are each under several controls, which are changed meanwhile.

One event matches all of them. As in ``mixture``, whoever executes something writes to the ledger.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from random import Random
from typing import Any

from mixture import BY_CUSTOMER, CUSTOMERS, _labour

from workflowkit import Settings, StepContext, WorkflowKit

#: How high the limits are that change while runs wait for them.
HEIGHTS = (1, 2, 4)
#: How many steps of one kind execute at once, whichever workflow they are of.
OF_KIND = 3
FUNCTION = "medley/coded"
BY_URGENCY = "event.data.urgency"


def _toil(node_id: str, **more: Any) -> dict[str, Any]:
    return {"id": node_id, "kind": "toil", "inputs": {"milliseconds": "!ref($.event.data.milliseconds)"}, **more}


_NAP = {"id": "nap", "kind": "builtin:wait", "inputs": {"duration": "1s"}}


def _document(name: str, *actions: dict[str, Any], **settings: Any) -> dict[str, Any]:
    ids = ["$source", *(each["id"] for each in actions)]
    return {
        "name": name,
        "triggers": [{"event": "medley/came"}],
        "actions": list(actions),
        "edges": [{"from": one, "to": other} for one, other in pairwise(ids)],
        "settings": settings,
    }


def documents(height: int) -> dict[str, dict[str, Any]]:
    """Return the workflows, with limits that are so high, and throttles that let so many start."""
    throttle = {"limit": 20 * height, "period": "1s", "burst": 2}
    by_customer = {"limit": height, "key": BY_CUSTOMER}
    made = (
        _document(
            "queued", _toil("one"), _toil("two"), concurrency=[by_customer, {"limit": 2 * height}], throttle=throttle,
            priority=BY_URGENCY,
        ),
        _document(
            "single", _toil("one"), _NAP, _toil("two"), concurrency={"limit": 2 * height}, throttle=throttle,
            singleton={"mode": "cancel", "key": BY_CUSTOMER}, priority=BY_URGENCY,
        ),
        _document(
            "lot", _toil("one"), _toil("two"), concurrency=by_customer, throttle={**throttle, "key": BY_CUSTOMER},
            batch={"max_size": 4, "timeout": "1s", "key": BY_CUSTOMER, "if": "!event.data.alone"},
        ),
        _document(
            "calm", _toil("one"), _toil("two"), concurrency=by_customer,
            singleton={"mode": "queue_latest", "key": BY_CUSTOMER},
            debounce={"period": "1s", "timeout": "2s", "key": BY_CUSTOMER},
        ),
        _document(
            "whole", _toil("one"), _NAP, _toil("two"), priority=BY_URGENCY,
            concurrency=[{**by_customer, "mode": "runs"}, {"limit": 2 * height}],
        ),
        _document("kinds", _toil("one", settings={"concurrency": height}), _toil("two", kind="rare"),
            priority=BY_URGENCY, rate_limit={"limit": 50, "period": "1s", "key": BY_CUSTOMER}),
        _document("shared", _toil("one", kind="rare"), concurrency={**by_customer, "scope": "environment"}),
        _document("shared-too", _toil("one"), concurrency={**by_customer, "scope": "environment"},
            idempotency="event.data.order"),
    )  # fmt: skip
    return {document["name"]: document for document in made}


def an_event(dice: Random, number: int) -> dict[str, Any]:
    """Return the event of a number."""
    data = {
        "id": number,
        "customer": dice.choice(CUSTOMERS),
        "milliseconds": dice.randint(0, 20),
        "urgency": dice.choice((0, 0, 120)),
        "alone": dice.random() < 0.1,
        "order": f"order-{dice.randint(0, number)}",
    }
    return {"name": "medley/came", "data": data, "id": f"medley-{number}"}


def make_app(settings: Settings | None = None) -> WorkflowKit:
    """Return the application; without ``settings`` they come from the environment."""
    wk = WorkflowKit("medley", settings=settings)

    @wk.action("toil")
    def toil(ctx: Any, milliseconds: int) -> None:
        _labour(ctx, milliseconds)

    @wk.action("rare", concurrency=OF_KIND)
    def rare(ctx: Any, milliseconds: int) -> None:
        _labour(ctx, milliseconds)

    @wk.function(
        "coded", trigger={"event": "medley/came"}, priority=BY_URGENCY, throttle={"limit": 40, "period": "1s"},
        concurrency=[{"limit": 2, "key": BY_CUSTOMER}, {"limit": 5}],
    )  # fmt: skip
    def coded(ctx: StepContext) -> None:
        ctx.step.run("one", _labour, ctx, ctx.event["data"]["milliseconds"])
        ctx.step.sleep("nap", 0.5)
        ctx.step.run("two", _labour, ctx, ctx.event["data"]["milliseconds"])

    return wk


def workflow_ids() -> Mapping[str, None]:
    """Return the ids of all that an event starts."""
    return dict.fromkeys([*documents(1), FUNCTION])


def work() -> int:
    """Be a worker process."""
    return make_app().work(concurrency=4)
