"""The application of the fourth crash matrix: the control nodes and steps that the other ones do not have.

A document chooses, filters, catches, skips, delays, waits for an event, joins and stops; another one fails, and its
actions undo themselves. An asynchronous function works side by side, tells, waits for a signal, invokes another one,
fails and is undone, and its failure is handled. Effects append a line to the ledger before they act.
"""

from __future__ import annotations

import asyncio
import itertools
import os
from typing import Any

from workflowkit import AsyncStepContext, NonRetriableError, Settings, WorkflowKit

BEGUN, HEARD, ORDER = "passage/begun", "passage/heard", "passage-order"


def _effect(name: str, **settings: Any) -> dict[str, Any]:
    return {"id": name, "kind": "effect", "inputs": {"name": name}, "settings": settings}


def _path(*ids: str) -> list[dict[str, Any]]:
    return [{"from": source, "to": target} for source, target in itertools.pairwise(ids)]


def _match(source: str, target: str, value: str) -> dict[str, Any]:
    condition = {"type": "match", "ref": "!ref($.output.result)", "value": value}
    return {"from": source, "to": target, "conditional": condition}


DOCUMENT = {
    "name": "Passage",
    "triggers": [{"event": BEGUN}],
    "actions": [
        {"id": "choose", "kind": "switch", "inputs": {"value": "!ref($.event.data.class)"}},
        _effect("gold"),
        _effect("steel"),
        {
            "id": "sift",
            "kind": "builtin:filter",
            "inputs": {"items": "!ref($.event.data.crates)", "condition": "item > 1"},
        },
        _effect("leak", retries=0, on_error="branch"),
        {"id": "caught", "kind": "builtin:catch", "inputs": {}},
        _effect("patch"),
        _effect("never", skip_if="event.data.class == 'gold'"),
        {"id": "tide", "kind": "builtin:delay_until", "inputs": {"until": "2020-01-01T00:00:00Z"}},
        {"id": "rest", "kind": "builtin:wait", "inputs": {"duration": 0.3}},
        {
            "id": "hear",
            "kind": "builtin:wait_for_event",
            "inputs": {"event": HEARD, "timeout": "10m", "lookback": "10m"},
        },
        {**_effect("meet", join="all"), "settings": {"join": "all", "compensate": "none"}},
        {"id": "halt", "kind": "stop", "inputs": {"output": "!ref($.state.sift.items)"}},
    ],
    "edges": [
        *_path("$source", "choose"),
        _match("choose", "gold", "gold"),
        _match("choose", "steel", "steel"),
        *_path("$source", "sift"),
        *_path("$source", "leak"),
        {"from": "leak", "to": "caught", "conditional": {"type": "error"}},
        *_path("caught", "patch"),
        *_path("$source", "never"),
        *_path("$source", "tide", "rest", "hear"),
        *({"from": source, "to": "meet"} for source in ("gold", "sift", "patch", "never", "hear")),
        *_path("meet", "halt"),
    ],
}
HOLD = {
    "name": "Hold",
    "triggers": [{"event": BEGUN}],
    "actions": [
        {"id": "stow", "kind": "stow", "inputs": {"what": "tea"}},
        {"id": "lash", "kind": "stow", "inputs": {"what": "silk"}},
        {**_effect("leak", retries=0), "id": "flood"},
    ],
    "edges": _path("$source", "stow", "lash", "flood"),
}


def make_app(settings: Settings | None = None) -> WorkflowKit:
    """Return the application; without ``settings`` they come from the environment."""
    wk = WorkflowKit("passage", settings=settings)
    ledger = os.environ.get("CRASH_LEDGER", os.devnull)

    def note(name: str) -> str:
        descriptor = os.open(ledger, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(descriptor, f"{name.replace(' ', '-')} {os.getpid()}\n".encode())
        os.close(descriptor)
        return name

    @wk.action("effect")
    def effect(name: str) -> str:
        if note(name) == "leak":
            raise ValueError("a leak")
        return name

    def unload(output: str, what: str) -> None:
        note(f"unload {what} of {output}")

    @wk.action("stow", compensate=unload)
    def stow(what: str) -> str:
        return note(f"stow {what}")

    @wk.function("deck", triggers=[])
    async def deck(ctx: AsyncStepContext) -> str:
        return str(await ctx.step.run("scrub", note, "scrub"))

    async def mourn(ctx: AsyncStepContext) -> None:
        await ctx.step.run("mourn", note, "mourn")

    def undo(output: str) -> None:
        note(f"undo {output}")

    @wk.function("helm", trigger={"event": BEGUN}, retries=1, on_failure=mourn)
    async def helm(ctx: AsyncStepContext) -> None:
        await ctx.compensations.add("flag", note, "lower flag")
        await asyncio.gather(
            ctx.step.run("port", note, "port", compensate=undo),
            ctx.step.run("starboard", note, "starboard", compensate=undo),
        )
        await ctx.step.send_event("say", {"name": HEARD, "data": {}})
        await ctx.step.sleep_until("tide", "2020-01-01T00:00:00Z")
        await ctx.step.sleep("nap", 0.3)
        order = await ctx.step.wait_for_signal("order", ORDER, timeout="10m")
        scrubbed = await ctx.step.invoke("deck", deck, {})
        raise NonRetriableError(f"{order}, {scrubbed}: aground")

    return wk


def deploy(wk: WorkflowKit) -> None:
    """Publish what the processes execute."""
    wk.publish("passage", DOCUMENT)
    wk.publish("hold", HOLD)
    wk.sync()


def work() -> int:
    """Be a worker process."""
    return make_app().work(concurrency=2)
