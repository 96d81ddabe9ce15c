"""The application of the soak: workflows and functions under every control of flow control, loops and waits among them.

Each event has a ``customer``, by whom most limits are counted. Whoever executes something writes to the ledger when it
begins and when it ends: that is what limits are held against. ``work`` is what the worker processes do.
"""

from __future__ import annotations

import itertools
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from typing import Any

from workflowkit import RetryAfterError, Settings, StepContext, WorkflowKit

CUSTOMERS = ("ann", "bob", "cid", "dot")
BY_CUSTOMER = "event.data.customer"
THROTTLE = {"limit": 40, "period": "1s", "burst": 4, "key": BY_CUSTOMER}
RATE_LIMIT = {"limit": 10, "period": "1s", "key": BY_CUSTOMER}
BATCH = {"max_size": 5, "timeout": "2s", "key": BY_CUSTOMER, "if": "!event.data.alone"}


@dataclass(frozen=True, slots=True)
class Limit:
    """At most so many bodies of steps of each workflow's runs go on at once, all workflows counted together.

    By customer, or for all of them. With ``of_runs`` it is runs that are counted, from their first to their last step.
    """

    most: dict[str, int]
    by_customer: bool = True
    of_runs: bool = False


def _toil(node_id: str) -> dict[str, Any]:
    return {"id": node_id, "kind": "toil", "inputs": {"milliseconds": "!ref($.event.data.milliseconds)"}}


def _path(*ids: str) -> list[dict[str, str]]:
    return [{"from": source, "to": target} for source, target in itertools.pairwise(("$source", *ids))]


def _document(name: str, *actions: dict[str, Any], **settings: Any) -> dict[str, Any]:
    return {
        "name": name,
        "triggers": [{"event": f"mix/{name}"}],
        "actions": list(actions),
        "edges": _path(*(action["id"] for action in actions)),
        "settings": settings,
    }


_LOOP = {
    "id": "each",
    "kind": "builtin:for_each",
    "inputs": {"items": [1, 2, 3, 4], "concurrency": 3},
    "body": {"actions": [_toil("item")], "edges": _path("item")},
}
_NAP = {"id": "nap", "kind": "builtin:wait", "inputs": {"duration": "1s"}}
_LONG_NAP = {**_NAP, "inputs": {"duration": "3s"}}
_INVOKE = {"id": "call", "kind": "builtin:run_workflow", "inputs": {"workflow": "callee", "data": "!ref($.event.data)"}}
DOCUMENTS = [
    _document(
        "keyed", _toil("one"), {**_toil("two"), "kind": "flaky"}, _toil("three"),
        concurrency=[{"limit": 2, "key": BY_CUSTOMER}, {"limit": 5}],
    ),
    _document("narrow", _toil("one"), concurrency={"limit": 1, "key": BY_CUSTOMER, "scope": "environment"}),
    _document("wide", _toil("one"), _toil("two"), concurrency={"limit": 3, "key": BY_CUSTOMER, "scope": "environment"}),
    _document("whole", _toil("one"), _NAP, _toil("two"), concurrency={"limit": 6, "mode": "runs"}),
    # On PostgreSQL the first few are had without counting.
    _document("broad", _toil("one"), _LONG_NAP, _toil("two"), concurrency={"limit": 10, "mode": "runs"}),
    _document("throttled", _toil("one"), throttle=THROTTLE),
    _document("rated", _toil("one"), rate_limit=RATE_LIMIT),
    _document("debounced", _toil("one"), debounce={"period": "1s", "timeout": "3s", "key": BY_CUSTOMER}),
    _document("batched", _toil("one"), batch=BATCH, concurrency=4),
    _document("urgent", _toil("one"), concurrency=2, priority="event.data.urgency"),
    _document("skip", _toil("one"), _toil("two"), singleton={"mode": "skip", "key": BY_CUSTOMER}),
    _document("cancel", _toil("one"), _NAP, _toil("two"), singleton={"mode": "cancel", "key": BY_CUSTOMER}),
    _document("latest", _toil("one"), _toil("two"), singleton={"mode": "queue_latest", "key": BY_CUSTOMER}),
    _document("once", _toil("one"), idempotency="event.data.order"),
    _document("posted", {**_toil("one"), "settings": {"concurrency": 1}}),
    _document("guarded", {**_toil("one"), "kind": "rare"}, {**_toil("two"), "kind": "rare"}),
    _document("guarded-too", {**_toil("one"), "kind": "rare"}, concurrency={"limit": 1, "key": BY_CUSTOMER}),
    _document("looped", _toil("one"), _LOOP, concurrency={"limit": 3}),
    _document("caller", _toil("one"), _INVOKE, concurrency=3),
    _document("callee", _toil("one"), concurrency={"limit": 2, "key": BY_CUSTOMER}),
]  # fmt: skip
FUNCTION = "mixture/waiting"
#: Which workflow each event matches; ``callee`` is mostly invoked.
ROUTES = {f"mix/{document['name']}": document["name"] for document in DOCUMENTS} | {"mix/waiting": FUNCTION}
LIMITS = (
    Limit({"keyed": 2}),
    Limit({"keyed": 5}, by_customer=False),
    Limit({"narrow": 1, "wide": 3}),
    Limit({"whole": 6}, by_customer=False, of_runs=True),
    Limit({"broad": 10}, by_customer=False, of_runs=True),
    Limit({"batched": 4}, by_customer=False),
    Limit({"urgent": 2}, by_customer=False),
    Limit({"skip": 1}, of_runs=True),
    Limit({"latest": 1}, of_runs=True),
    Limit({"posted": 1}, by_customer=False),
    Limit({"guarded": 2, "guarded-too": 2}, by_customer=False),
    Limit({"guarded-too": 1}),
    Limit({"looped": 3}, by_customer=False),
    Limit({"caller": 3}, by_customer=False),
    Limit({"callee": 2}),
    Limit({FUNCTION: 3}, by_customer=False),
)


def an_event(dice: Random, number: int) -> dict[str, Any]:
    """Return the event of a number."""
    data = {
        "id": number,
        "customer": dice.choice(CUSTOMERS),
        "milliseconds": dice.randint(0, 20),
        "urgency": dice.choice((0, 0, 120)),
        "alone": dice.random() < 0.1,
        "fails_at_first": dice.random() < 0.1,
        "order": f"order-{dice.randint(0, number // 20)}",
    }
    return {"name": dice.choice(sorted(ROUTES)), "data": data, "id": f"mix-{number}"}


@contextmanager
def _noted(run_id: str) -> Iterator[None]:
    """Write down when a run executes something, in a file that all processes append to."""
    who = f"{os.getpid()}:{threading.get_ident()}"

    def note(mark: str) -> None:
        descriptor = os.open(os.environ.get("CRASH_LEDGER", os.devnull), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(descriptor, f"{mark} {time.time_ns()} {run_id} {who}\n".encode())
        os.close(descriptor)

    note("begin")
    try:
        yield
    finally:
        note("end")


def _labour(ctx: Any, milliseconds: int) -> None:
    with _noted(ctx.run.id):
        threading.Event().wait(milliseconds / 1000)


def make_app(settings: Settings | None = None) -> WorkflowKit:
    """Return the application; without ``settings`` they come from the environment."""
    wk = WorkflowKit("mixture", settings=settings)

    @wk.action("toil")
    def toil(ctx: Any, milliseconds: int) -> None:
        _labour(ctx, milliseconds)

    @wk.action("rare", concurrency=2)
    def rare(ctx: Any, milliseconds: int) -> None:
        _labour(ctx, milliseconds)

    @wk.action("flaky", retries=4)
    def flaky(ctx: Any, milliseconds: int) -> None:
        _labour(ctx, milliseconds)
        if ctx.attempt == 0 and ctx.event["data"]["fails_at_first"]:
            raise RetryAfterError("the first attempt fails", 1)

    @wk.function("waiting", trigger={"event": "mix/waiting"}, retries=4, concurrency=3)
    def waiting(ctx: StepContext) -> None:
        data = ctx.event["data"]
        ctx.step.run("one", _labour, ctx, data["milliseconds"])
        ctx.step.sleep("nap", 0.5)
        ctx.step.send_event("ask", {"name": "mix/asked", "data": {"id": data["id"]}})
        ctx.step.wait_for_event("answer", "mix/asked", timeout=1, match="data.id")
        ctx.step.run("two", _labour, ctx, data["milliseconds"])

    return wk


def deploy(wk: WorkflowKit) -> None:
    """Publish what the processes execute."""
    for document in reversed(DOCUMENTS):  # what is invoked comes before its callers
        wk.publish(document["name"], document)
    wk.sync()


def work() -> int:
    """Be a worker process."""
    return make_app().work(concurrency=4)
