"""The application of the third crash matrix: two voyages that loop, ask, hand out a URL, are undone, and a function.

The first one is approved and called back, and then fails; the second one is called off by an event while it asks. Both
undo what they did. Effects append a line to the ledger before they act. ``work`` is what the worker processes do.
"""

from __future__ import annotations

import itertools
import os
from typing import Any

from workflowkit import Settings, StepContext, WorkflowKit

#: The events that begin the voyages, and the one that is sent to call the second one off.
FAILS, CALLED_OFF = "voyage-1", "voyage-2"
BEGUN, CALL_OFF, LOGGED = "voyage/begun", "voyage/called-off", "voyage/logged"
CAPTAIN = "captain@example.com"
PARCELS = ("tea", "broken", "silk", "salt")


def _effect(name: str, **settings: Any) -> dict[str, Any]:
    inputs = {"who": "!ref($.event.data.id)", "name": name}
    return {"id": name, "kind": "effect", "inputs": inputs, "settings": settings}


def _undoable(name: str) -> dict[str, Any]:
    undo = {"kind": "effect", "inputs": {"who": "!ref($.event.data.id)", "name": f"undo !ref($.state.{name}.name)"}}
    return _effect(name, compensate=undo)


def _path(*ids: str) -> list[dict[str, Any]]:
    return [{"from": source, "to": target} for source, target in itertools.pairwise(ids)]


LOOP = {
    "id": "each",
    "kind": "builtin:for_each",
    "inputs": {"items": "!ref($.event.data.parcels)", "key": "item", "concurrency": 2, "on_item_error": "continue"},
    "body": {
        "actions": [
            {
                "id": "pack",
                "kind": "effect",
                "inputs": {"who": "!ref($.event.data.id)", "name": "pack !ref($.key)"},
                "settings": {"retries": 0},
            }
        ],
        "edges": _path("$source", "pack"),
        "output": "!ref($.state.pack.name)",
    },
}
DOCUMENT = {
    "name": "Voyage",
    "triggers": [{"event": BEGUN}],
    "actions": [
        _undoable("book"),
        LOOP,
        {
            "id": "insure",
            "kind": "builtin:run_workflow",
            "inputs": {"workflow": "insurance", "data": {"id": "!ref($.event.data.id)"}},
        },
        _undoable("load"),
        {
            "id": "ask",
            "kind": "builtin:approval",
            "inputs": {"title": "Set sail?", "assignees": CAPTAIN, "timeout": "10m"},
        },
        {"id": "link", "kind": "builtin:create_callback", "inputs": {"timeout": "10m"}},
        {"id": "arrive", "kind": "builtin:wait_for_callback", "inputs": {"callback": "!ref($.state.link.id)"}},
        _effect("sink", retries=0),
    ],
    "edges": [
        *_path("$source", "book", "each", "insure", "load", "ask"),
        {
            "from": "ask",
            "to": "link",
            "conditional": {"type": "match", "ref": "!ref($.output.status)", "value": "approved"},
        },
        *_path("link", "arrive", "sink"),
    ],
    "settings": {
        "cancel_on": [{"event": CALL_OFF, "match": "data.id"}],
        "on_failure": {"actions": [_effect("mourn")], "edges": _path("$source", "mourn")},
        "on_cancel": {"actions": [_effect("unpack")], "edges": _path("$source", "unpack")},
    },
}
INSURANCE = {"name": "Insurance", "actions": [_effect("insured")], "edges": _path("$source", "insured")}


def make_app(settings: Settings | None = None) -> WorkflowKit:
    """Return the application; without ``settings`` they come from the environment."""
    wk = WorkflowKit("voyage", settings=settings)
    ledger = os.environ.get("CRASH_LEDGER", os.devnull)

    @wk.action("effect")
    def effect(who: str, name: str) -> dict[str, str]:
        descriptor = os.open(ledger, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(descriptor, f"{who}:{name.replace(' ', '-')} {os.getpid()}\n".encode())
        os.close(descriptor)
        if name in ("pack broken", "sink"):
            raise ValueError(f"{name}: no luck")
        return {"name": name}

    @wk.function("watch", trigger={"event": BEGUN}, retries=1)
    def watch(ctx: StepContext) -> str:
        who = ctx.event["data"]["id"]
        ctx.step.run("seen", effect, who, "seen")
        ctx.step.sleep("nap", 0.3)
        ctx.step.send_event("tell", {"name": LOGGED, "data": {"id": who}})
        return str(ctx.step.run("noted", effect, who, "noted")["name"])

    return wk


def deploy(wk: WorkflowKit) -> None:
    """Publish what the processes execute."""
    wk.publish("insurance", INSURANCE)
    wk.publish("voyage", DOCUMENT)
    wk.sync()


def work() -> int:
    """Be a worker process."""
    return make_app().work(concurrency=2)
