"""A server of the protocol in one thread: it keeps a run's state, calls the app, and lets time pass at once.

It does what the protocol says a server does, in the order in which things are due: results are kept once, a planned
step is called by itself, the function is asked again when all planned steps of an answer have ended (or after each,
where they race), waits end by an event, a signal or their time.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from heapq import heappop, heappush
from typing import Any

from werkzeug.test import Client

from workflowkit import WorkflowKit
from workflowkit.base.clock import FakeClock
from workflowkit.base.settings import Settings
from workflowkit.definition.cel import compile_expression
from workflowkit.inngest.naming import hash_of

PATH = "/api/inngest"
_MOST_CALLS = 2_000
_PAUSE_MS = 15_000
_UNITS = {"ms": 1, "s": 1_000}


def a_clocked_app(app_id: str = "shop", **settings: Any) -> tuple[WorkflowKit, FakeClock]:
    """Return an application without a database, and the clock that it goes by."""
    clock = FakeClock(1_800_000_000_000)
    return WorkflowKit(app_id, settings=Settings(database_url="sqlite://", **settings), clock=clock), clock


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended. ``steps`` are the results by the names that the app gave them, in the order of their ends;
    ``calls`` how often the app was called."""

    status: str
    output: Any
    error: dict[str, Any] | None
    steps: dict[str, Any]
    calls: int
    at_ms: int


@dataclass
class ProtocolServer:
    """Runs functions of one app, each run to its end. ``events`` come so many seconds after its beginning."""

    app: Any
    clock: FakeClock
    max_attempts: int = 21
    events: Sequence[tuple[float, dict[str, Any]]] = ()
    signals: Mapping[str, Any] = field(default_factory=dict)
    #: The answers as they came, for tests that look at them.
    answers: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._client = Client(self.app)

    def run(self, slug: str, event: Mapping[str, Any]) -> Ended:
        """Run a function for an event, to its end."""
        return _Run(self, slug, {"id": "e1", "ts": self.clock.now_ms(), "user": {}, "data": {}, **event}).run()

    def call(self, slug: str, target: str, payload: dict[str, Any]) -> tuple[int, Mapping[str, str], Any]:
        """Call the app; return status, headers and value of its answer."""
        query = {"fnId": slug, "stepId": target}
        answer = self._client.post(PATH, query_string=query, data=json.dumps(payload).encode())
        value = json.loads(answer.data)
        self.answers.append((target, answer.status_code, value))
        return answer.status_code, {name.lower(): text for name, text in answer.headers}, value


class _Run:
    """One run on its way. Work is (due at ms, number, what, step, attempt)."""

    _count = 0

    def __init__(self, server: ProtocolServer, slug: str, event: dict[str, Any]) -> None:
        _Run._count += 1
        self._id = f"01M80XVY8W5S89X6WH07{_Run._count:06d}"
        self._server, self._slug, self._event = server, slug, event
        self._clock = server.clock
        self._steps: dict[str, Any] = {}
        self._names: dict[str, str] = {}
        self._work: list[tuple[int, int, str, str, int]] = []
        self._number = 0
        self._begun: set[tuple[str, str]] = set()
        self._pending: set[str] = set()
        self._races: set[str] = set()
        self._waits: dict[str, dict[str, Any]] = {}
        self._calls = 0
        self._ended: Ended | None = None

    def run(self) -> Ended:
        self._push(0, "ask", "step")
        for after, event in self._server.events:
            self._number += 1
            due_ms = self._clock.now_ms() + round(1000 * after)
            heappush(self._work, (due_ms, self._number, "event", json.dumps(event), 0))
        while self._ended is None:
            assert self._work, "the run can never go on"
            due_ms, _, what, step, attempt = heappop(self._work)
            self._clock.advance_to(max(due_ms, self._clock.now_ms()))
            self._do(what, step, attempt)
        return self._ended

    def _do(self, what: str, step: str, attempt: int) -> None:
        if what == "ask":
            self._ask(step, attempt)
        elif what == "event":
            self._happened(json.loads(step))
        elif what == "slept" or step in self._waits:
            self._waits.pop(step, None)
            self._keep(step, None)

    def _push(self, after_ms: int, what: str, step: str, attempt: int = 0) -> None:
        self._number += 1
        heappush(self._work, (self._clock.now_ms() + after_ms, self._number, what, step, attempt))

    def _ask(self, target: str, attempt: int) -> None:
        self._calls += 1
        assert self._calls < _MOST_CALLS, "the app never comes to an end"
        stack = [*self._steps]
        context = {
            "attempt": attempt, "disable_immediate_execution": bool(self._pending), "env": "", "fn_id": "f",
            "max_attempts": self._server.max_attempts, "run_id": self._id, "step_id": "step", "qi_id": f"qi-{target}",
            "generation_id": 1, "stack": {"current": len(stack), "stack": stack}, "use_api": False,
        }  # fmt: skip
        payload = {
            "ctx": context, "event": self._event, "events": [self._event], "steps": self._steps, "use_api": False,
            "version": 2,
        }  # fmt: skip
        status, headers, value = self._server.call(self._slug, target, payload)
        if status == 206:
            self._settle(target, attempt, headers, value)
        elif status == 200:
            self._end("completed", value, None)
        elif headers.get("x-inngest-no-retry") == "true" or attempt + 1 >= self._server.max_attempts:
            self._end("failed", None, value)
        else:
            self._push(_pause_ms(headers), "ask", target, attempt + 1)

    def _settle(self, target: str, attempt: int, headers: Mapping[str, str], operations: list[dict[str, Any]]) -> None:
        planned = {each["id"] for each in operations if each["op"] == "StepPlanned"}
        races = {each["id"] for each in operations if (each["opts"] or {}).get("parallelMode") == "race"}
        self._races |= races
        if len(operations) > 1 and planned and not races:
            self._pending |= {each["id"] for each in operations}
        for each in operations:
            self._names[each["id"]] = each["displayName"]
            self._one(each, target, attempt, headers)

    def _one(self, each: dict[str, Any], target: str, attempt: int, headers: Mapping[str, str]) -> None:
        code, step = each["op"], each["id"]
        if code == "StepRun":
            self._keep(step, {"data": each["data"]})
        elif code == "StepFailed":
            self._keep(step, {"error": each["error"]})
        elif code == "StepError":
            self._push(_pause_ms(headers), "ask", target, attempt + 1)
        elif (code, step) not in self._begun and step not in self._steps:
            self._begun |= {(code, step)}
            self._begin(code, step, each)

    def _begin(self, code: str, step: str, each: dict[str, Any]) -> None:
        options = each["opts"] or {}
        if code == "StepPlanned":
            self._push(0, "ask", step)
        elif code == "Sleep":
            until_ms = round(datetime.fromisoformat(each["name"]).timestamp() * 1000)
            self._push(max(0, until_ms - self._clock.now_ms()), "slept", step)
        elif code == "WaitForSignal" and options["signal"] in self._server.signals:
            data = self._server.signals[options["signal"]]
            self._keep(step, {"data": {"signal": options["signal"], "data": data}})
        elif code in ("WaitForEvent", "WaitForSignal"):
            self._waits[step] = {"name": each["name"], "if": options.get("if")}
            self._push(_duration_ms(options["timeout"]), "timeout", step)
        else:
            assert code == "InvokeFunction", code
            self._invoke(step, options)

    def _invoke(self, step: str, options: dict[str, Any]) -> None:
        event = {"name": "inngest/function.invoked", "data": options["payload"]["data"]}
        ended = self._server.run(options["function_id"], event)
        self._keep(step, {"data": ended.output} if ended.error is None else {"error": ended.error})

    def _happened(self, event: dict[str, Any]) -> None:
        for step, wait in [*self._waits.items()]:
            condition = None if wait["if"] is None else compile_expression(wait["if"])
            seen = {"event": self._event, "async": event}
            if wait["name"] == event["name"] and (condition is None or condition.matches(seen)):
                del self._waits[step]
                self._keep(step, {"id": "e2", "ts": self._clock.now_ms(), "user": {}, "data": {}, **event})

    def _keep(self, step: str, value: Any) -> None:
        """Keep a result, the first of a step; ask the function how to go on, once all planned steps have ended."""
        self._steps.setdefault(step, value)
        self._pending.discard(step)
        if not self._pending or step in self._races:
            self._push(0, "ask", "step")

    def _end(self, status: str, output: Any, error: Any) -> None:
        named = {self._names[step]: value for step, value in self._steps.items()}
        assert all(hash_of(name) == step for step, name in self._names.items())
        self._ended = Ended(status, output, error, named, self._calls, self._clock.now_ms())


def _pause_ms(headers: Mapping[str, str]) -> int:
    after = headers.get("retry-after")
    return _PAUSE_MS if after is None else 1_000 * int(after)


def _duration_ms(text: str) -> int:
    unit = "ms" if text.endswith("ms") else "s"
    return int(text.removesuffix(unit)) * _UNITS[unit]
