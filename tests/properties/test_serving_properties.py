"""A function gives the same result in memory as on a server that calls it step by step, and executes no step twice."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from servedapps import Caller, an_app

from workflowkit import NonRetriableError, StepError
from workflowkit.inngest.canonical import canonical_json
from workflowkit.inngest.serving.endpoint import ServeEndpoint
from workflowkit.inngest.serving.exchange import Request

Program = list[Any]

_STEPS = st.sampled_from(["run", "fail", "sleep"])
_PROGRAMS: st.SearchStrategy[Program] = st.recursive(
    st.lists(_STEPS, min_size=1, max_size=3),
    lambda inner: st.lists(_STEPS | st.lists(inner, min_size=1, max_size=3).map(tuple), min_size=1, max_size=3),
    max_leaves=6,
)


class Played:
    """Executes a program of steps; ``executed`` counts what was really done."""

    def __init__(self) -> None:
        self.executed: Counter[str] = Counter()

    def do(self, name: str) -> str:
        self.executed[name] += 1
        return name

    def fail(self, name: str) -> None:
        self.executed[name] += 1
        raise NonRetriableError(name)

    def perform(self, ctx: Any, program: Program, path: str = "") -> list[Any]:
        results: list[Any] = []
        for index, each in enumerate(program):
            name = f"{path}{index}"
            if isinstance(each, tuple):
                branches = [
                    lambda part=part, own=f"{name}.{number}.": self.perform(ctx, part, own)
                    for number, part in enumerate(each)
                ]
                results.append(list(ctx.group.parallel(branches)))
            elif each == "run":
                results.append(ctx.step.run(name, self.do, name))
            elif each == "sleep":
                results.append(ctx.step.sleep(name, "1h"))
            else:
                try:
                    ctx.step.run(name, self.fail, name)
                except StepError as error:
                    results.append(str(error))
        return results

    async def perform_awaited(self, ctx: Any, program: Program, path: str = "") -> list[Any]:
        results: list[Any] = []
        for index, each in enumerate(program):
            name = f"{path}{index}"
            if isinstance(each, tuple):
                parts = (self.perform_awaited(ctx, part, f"{name}.{number}.") for number, part in enumerate(each))
                results.append(list(await asyncio.gather(*parts)))
            elif each == "run":
                results.append(await ctx.step.run(name, self.do, name))
            elif each == "sleep":
                results.append(await ctx.step.sleep(name, "1h"))
            else:
                try:
                    await ctx.step.run(name, self.fail, name)
                except StepError as error:
                    results.append(str(error))
        return results


class Server:
    """Plays a server: remembers what it is told, executes what is planned, lets no time pass."""

    def __init__(self, endpoint: ServeEndpoint) -> None:
        self._endpoint, self._steps = endpoint, dict[str, Any]()
        self.calls = 0

    def run(self) -> Any:
        while True:
            status, told = self._call("step")
            if status == 200:
                return told
            assert status == 206, told
            assert told, "nothing is next, and nothing is done"
            self._settle(told)

    def _settle(self, told: list[dict[str, Any]]) -> None:
        for each in told:
            match each["op"]:
                case "StepRun":
                    self._keep(each["id"], {"data": each["data"]})
                case "StepFailed":
                    self._keep(each["id"], {"error": each["error"]})
                case "Sleep":
                    self._keep(each["id"], None)
                case "StepPlanned":
                    status, own = self._call(each["id"])
                    assert status == 206, own
                    assert [one["id"] for one in own] == [each["id"]]
                    self._settle(own)

    def _keep(self, hashed: str, value: Any) -> None:
        assert hashed not in self._steps, "a step is told twice"
        self._steps[hashed] = value

    def _call(self, target: str) -> tuple[int, Any]:
        self.calls += 1
        payload = Caller("").payload({}, plans_only=target != "step")
        payload["steps"] = self._steps
        query = {"fnId": "shop-fn", "stepId": target}
        response = self._endpoint.handle(Request("POST", "http://app/api/inngest", query, {}, canonical_json(payload)))
        return response.status, json.loads(response.body)


@settings(max_examples=25, deadline=None)
@given(_PROGRAMS, st.booleans())
def test_served_functions_end_as_they_do_in_memory_and_each_step_is_executed_once(
    program: Program, is_async: bool
) -> None:
    wk, played = an_app(), Played()
    fn: Any
    if is_async:

        async def awaited(ctx: Any) -> Any:
            return await played.perform_awaited(ctx, program)

        fn = wk.function("fn", trigger={"event": "go"})(awaited)
    else:
        fn = wk.function("fn", trigger={"event": "go"})(lambda ctx: played.perform(ctx, program))
    expected = wk.engine.run(fn, {"name": "go", "data": {}})
    in_memory, played.executed = played.executed, Counter()
    server = Server(wk.serve(is_dev=True)._make("test"))
    assert server.run() == expected.output
    assert played.executed == in_memory
    assert set(played.executed.values()) <= {1}
