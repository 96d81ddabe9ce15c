"""Differential: a run in memory is cancelled, undone and followed as one that the database has."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from builders import WorkflowBuilder, a_workflow
from functions import Code
from runtimes import Harness, a_registry, a_runtime

from workflowkit import AsyncStepContext, NonRetriableError, StepContext, StepError
from workflowkit.registry import Function, Registry
from workflowkit.testing import EventStub, RunResult, Timeout, run, stub

STARTED, STOPPED = "test/happened", "stop/it"
#: When the event comes that may cancel a run; things sleep for an hour.
AFTER_SECONDS = 600


@dataclass(frozen=True)
class Seen:
    """What can be seen of a run that is over: what its code did, how it ended, and how its steps did."""

    log: tuple[Any, ...]
    status: str
    reason: str | None
    steps: dict[str, str]
    #: The states of the runs that followed.
    compensations: str | None
    handler: str | None


# --- both engines


def in_memory(tested: Any, registry: Registry, log: list[Any], *, data: Any, stopped: Any, **options: Any) -> Seen:
    log.clear()
    events = [] if stopped is None else [EventStub(STOPPED, stopped, after=AFTER_SECONDS)]
    result: RunResult = run(tested, {"name": STARTED, "data": data}, actions=registry, events=events, **options)
    return Seen(
        tuple(log), result.status.value, result.reason, {step.id: step.status.value for step in result.steps},
        _status(result.compensations), _status(result.handler),
    )  # fmt: skip


def _status(part: RunResult | None) -> str | None:
    return None if part is None else part.status.value


def in_database(harness: Harness, log: list[Any], *, data: Any, stopped: Any) -> Seen:
    log.clear()
    event_id = harness.send(STARTED, data)
    harness.drain()
    harness.skip(AFTER_SECONDS)
    if stopped is not None:
        harness.send(STOPPED, stopped)
        harness.drain()
    for seconds in (1, 60, 3600, 3600, 60):
        harness.skip(seconds)
    (row,) = harness.rows("SELECT * FROM runs WHERE path IS NULL AND event_id = :id", id=event_id)
    parts = harness.rows("SELECT path, status FROM runs WHERE parent_run_id = :id", id=row["id"])
    states = {part["path"]: part["status"] for part in parts}
    handlers = [states[path] for path in ("$on_failure", "$on_cancel") if path in states]
    handlers += [
        each["status"]
        for each in harness.rows("SELECT status FROM runs WHERE path IS NULL AND event_id <> :id", id=event_id)
    ]
    final = "('completed', 'failed', 'skipped', 'cancelled')"
    steps = harness.rows(f"SELECT step_key, kind FROM journal WHERE run_id = :id AND kind IN {final}", id=row["id"])
    ends = {
        each["step_key"]: each["kind"]
        for each in steps
        if each["step_key"] != "$source" and "/" not in each["step_key"]
    }
    return Seen(
        tuple(log), row["status"], row["reason"], ends,
        states.get("$compensate"), handlers[0] if handlers else None,
    )  # fmt: skip


# --- documents


def _registry(log: list[Any]) -> Registry:
    registry = Registry()
    for spec in a_registry():
        registry.add_builtin(spec)

    @registry.action("do", retries=0, external=False)
    def do(name: Any) -> Any:
        if name == "bad":
            raise ValueError("no luck")
        log.append(f"do {name}")
        return {"name": name}

    @registry.action("undo", retries=1, external=False)
    def undo(name: Any) -> None:
        log.append(f"undo {name}")
        if name == "stuck":
            raise RuntimeError("cannot be undone")

    @registry.action("nap", external=False)
    def nap(ctx: StepContext) -> None:
        ctx.step.sleep("nap", "1h")

    def give_back(output: Any, room: str) -> None:
        log.append(f"give back {room}, which was {output}")

    @registry.action("book", compensate=give_back, external=False)
    def book(room: str) -> str:
        log.append(f"book {room}")
        return room.upper()

    @registry.action("note", external=False)
    def note(value: Any) -> None:
        log.append(value)

    return registry


def _doing(*names: str) -> WorkflowBuilder:
    """Return steps in a row that can be undone; the last one is called after what the event says."""
    document = a_workflow().trigger(STARTED)
    for name in names:
        document.action(name, "do", {"name": name}, compensate=_undo(f"!ref($.state.{name}.name)"))
    return document.path("$source", *names)


def _undo(name: str) -> dict[str, Any]:
    return {"kind": "undo", "inputs": {"name": name}}


def _graph(step: str, value: Any) -> dict[str, Any]:
    found = a_workflow().action(step, "note", {"value": value}).path("$source", step).document()
    return {"actions": found["actions"], "edges": found["edges"]}


TOLD = {"why": "!ref($.error.message)", "code": "!ref($.error.code)", "who": "!ref($.event.data.id)",
        "one": "!ref($.state.one.name)", "last": "!ref($.state.last)"}  # fmt: skip
SETTINGS = {
    "cancel_on": [{"event": "stop/*", "match": "data.id"}],
    "on_failure": _graph("failure", {"failed": TOLD}),
    "on_cancel": _graph("cancelled", {"cancelled": TOLD}),
}


def _row() -> dict[str, Any]:
    """Return three steps in a row, a nap, and one more that may fail."""
    flow = _doing("one", "stuck", "three").action("room", "book", {"room": "blue"}).action("nap", "nap")
    flow.action("last", "do", {"name": "!ref($.event.data.then)"})
    return flow.path("three", "room", "nap", "last").settings(**SETTINGS).document()


def _branches() -> dict[str, Any]:
    """Return a branch that naps, and one that does not."""
    flow = _doing("one", "two").action("nap", "nap").action("last", "do", {"name": "!ref($.event.data.then)"})
    return flow.path("$source", "nap", "last").settings(**SETTINGS).document()


def _loop(on_item_error: str = "fail", concurrency: int = 1) -> Callable[[], dict[str, Any]]:
    def document() -> dict[str, Any]:
        """Return a loop in the middle whose items can be undone; "b" naps before it fails or not."""
        body = a_workflow().action("in", "do", {"name": "!ref($.item)"}, compensate=_undo("!ref($.state.in.name)"))
        body.action("nap", "nap").action("then", "do", {"name": "!ref($.event.data.item)"})
        body.edge_match("in", "nap", "b", "!ref($.item)").path("nap", "then").path("$source", "in")
        inputs = {"items": ["a", "b", "c"], "on_item_error": on_item_error, "concurrency": concurrency}
        flow = _doing("one").action("each", "builtin:for_each", inputs)
        flow.action("last", "do", {"name": "!ref($.event.data.then)"})
        written = flow.path("one", "each", "last").settings(**SETTINGS).document()
        written["actions"][1]["body"] = body.document()
        return written

    return document


def _late() -> dict[str, Any]:
    """Return a run that takes longer than it may."""
    flow = _doing("one").action("nap", "nap").action("last", "do", {"name": "last"}).path("one", "nap", "last")
    return flow.settings(**SETTINGS, timeouts={"finish": "20m"}).document()


DOCUMENTS = {
    "row": _row, "branches": _branches, "loop": _loop(), "loop side by side": _loop(concurrency=3),
    "loop that goes on": _loop("continue"), "late": _late,
}  # fmt: skip
ENDS: dict[str, tuple[dict[str, Any], Any]] = {
    "completes": ({"id": 1, "then": "end", "item": "fine"}, None),
    "fails": ({"id": 1, "then": "bad", "item": "fine"}, None),
    "fails in an item": ({"id": 1, "then": "end", "item": "bad"}, None),
    "fails in both": ({"id": 1, "then": "bad", "item": "bad"}, None),
    "is cancelled": ({"id": 1, "then": "end", "item": "fine"}, {"id": 1}),
    "is not the one": ({"id": 1, "then": "bad", "item": "fine"}, {"id": 2}),
}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("document", DOCUMENTS)
def test_a_document_ends_in_memory_as_in_the_database(sqlite_url: str, document: str, end: str) -> None:
    log: list[Any] = []
    registry, written, (data, stopped) = _registry(log), DOCUMENTS[document](), ENDS[end]
    with a_runtime(sqlite_url, registry) as harness:
        harness.deploy(written)
        real = in_database(harness, log, data=data, stopped=stopped)
    seen = in_memory(written, registry, log, data=data, stopped=stopped)
    if "loop" in document:
        seen, real = _told_apart(seen), _told_apart(real)
    assert seen == real


def _told_apart(seen: Seen) -> Seen:
    """Return what was done in any order, and then what was undone or told in that order: but for the item "b", which
    may be undone by itself beside the others."""
    after = (each for each in seen.log if not str(each).startswith("do ") and each != "undo b")
    return replace(seen, log=(*sorted(str(each) for each in seen.log), *after))


# --- functions


class Trips:
    """Functions that book, and give back what they have booked."""

    def __init__(self, log: list[Any]) -> None:
        self.log = log

    def book(self, what: str) -> str:
        if what == "bad":
            raise NonRetriableError("no luck")
        self.log.append(f"book {what}")
        return f"{what}-1"

    def release(self, booking: str) -> None:
        self.log.append(f"release {booking}")
        if booking.startswith("stuck"):
            raise NonRetriableError("cannot be undone")

    def handle(self, ctx: StepContext) -> None:
        ctx.step.run("note", self.log.append, _told(ctx))

    async def handle_too(self, ctx: AsyncStepContext) -> None:
        await ctx.step.run("note", self.log.append, _told(ctx))

    def plain(self, ctx: StepContext) -> None:
        ctx.compensations.add("close", self.log.append, "closed")
        ctx.step.run("flight", self.book, "flight", compensate=self.release)
        ctx.step.run("stuck", self.book, "stuck", compensate=self.release)
        ctx.step.run("kept", self.book, "kept")
        ctx.step.sleep("nap", "1h")
        ctx.step.run("last", self.book, ctx.event["data"]["then"], compensate=self.release)

    def careful(self, ctx: StepContext) -> str:
        ctx.step.run("flight", self.book, "flight", compensate=self.release)
        try:
            ctx.step.sleep("nap", "1h")
            ctx.step.run("last", self.book, ctx.event["data"]["then"], compensate=self.release)
        except StepError:
            return str(ctx.step.run("instead", self.book, "train", compensate=self.release))
        finally:
            self.log.append("finally")
        return "fine"

    async def side_by_side(self, ctx: AsyncStepContext) -> None:
        await ctx.compensations.add("close", self.log.append, "closed")
        parts = (ctx.step.run("part", self.book, each, key=each, compensate=self.release) for each in "ab")
        await asyncio.gather(*parts)
        await ctx.step.wait_for_event("reply", "never/comes", timeout="1h")
        await ctx.step.run("last", self.book, ctx.event["data"]["then"], compensate=self.release)

    def made(self, code: Code, which: str) -> Function[..., Any]:
        """Return one of the functions, registered with what follows its end."""
        settings: Any = {"cancel_on": [{"event": STOPPED, "if": "async.data.id == event.data.id"}], "retries": 0}
        if which == "late":
            settings = {"timeouts": {"finish": "30m"}, "retries": 0}
        handle: Any = self.handle_too if which == "side_by_side" else self.handle
        handler = self.plain if which == "late" else getattr(self, which)
        return code.function("fn", on_failure=handle, on_cancel=handle, **settings)(handler)


def _told(ctx: StepContext | AsyncStepContext) -> dict[str, Any]:
    data = ctx.event["data"]
    return {
        "event": ctx.event["name"],
        "of": data["workflow_id"],
        "is": data["status"],
        "reason": data["reason"],
        "error": data["error"],
        "data": data["event"]["data"],
        "by": ctx.run.workflow_id,
    }


@pytest.mark.parametrize("end", ["completes", "fails", "is cancelled", "is not the one"])
@pytest.mark.parametrize("function", ["plain", "careful", "side_by_side", "late"])
def test_a_function_ends_in_memory_as_in_the_database(sqlite_url: str, function: str, end: str) -> None:
    log: list[Any] = []
    code, (data, stopped) = Code(), ENDS[end]
    made = Trips(log).made(code, function)
    with code.running(sqlite_url) as harness:
        real = in_database(harness, log, data=data, stopped=stopped)
    stubs = {"step:reply": stub(Timeout, optional=True)}
    assert in_memory(made, code.registry, log, data=data, stopped=stopped, stubs=stubs) == real
