"""Handlers that follow a script: what Hypothesis makes up for the runs of a history to do."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import strategies as st
from runtimes import a_registry

from workflowkit.base.errors import NonRetriableError, StepError
from workflowkit.engine.context import StepContext
from workflowkit.registry import Registry

names = st.sampled_from("xyz")
plain_ops = st.one_of(
    st.just(["run"]),
    st.just(["flaky"]),
    st.tuples(st.just("sleep"), st.sampled_from([1, 20, 500])).map(list),
    st.tuples(st.just("event"), names, st.sampled_from([10, 400])).map(list),
    st.tuples(st.just("event"), names, st.just(200), st.just(60)).map(list),
    st.tuples(st.just("signal"), names, st.sampled_from([10, 400])).map(list),
    st.tuples(st.just("send"), names).map(list),
    st.just(["invoke"]),
)
scripts = st.lists(
    st.one_of(plain_ops, st.lists(plain_ops, min_size=1, max_size=3).map(lambda ops: ["parallel", ops])),
    min_size=1,
    max_size=4,
)
#: The scripts of a loop's items; "bad" ends the item.
items = st.lists(
    st.lists(st.one_of(plain_ops, st.just(["bad"])), min_size=1, max_size=2),
    min_size=1,
    max_size=4,
)


class _NotYet(Exception):
    """The first attempt of a flaky step."""


class Script:
    """What one attempt of the handler does: the methods are the kinds of operations."""

    def __init__(self, ctx: StepContext, executed: Counter[tuple[str, str]]) -> None:
        self.ctx, self.step, self.executed = ctx, ctx.step, executed

    def follow(self, op: list[Any], key: str) -> Any:
        kind, *rest = op
        return getattr(self, kind)(key, *rest)

    def run(self, key: str) -> Any:
        return self.step.run(key, self._work, key)

    def flaky(self, key: str) -> Any:
        return self.step.run(key, self._work, key, fails_first=True)

    def bad(self, key: str) -> Any:
        raise NonRetriableError("a bad item")

    def sleep(self, key: str, seconds: int) -> Any:
        return self.step.sleep(key, seconds)

    def event(self, key: str, name: str, timeout: int, lookback: int | None = None) -> Any:
        found = self.step.wait_for_event(key, f"test/{name}", timeout=timeout, lookback=lookback)
        return found and found["id"]

    def signal(self, key: str, name: str, timeout: int) -> Any:
        try:
            return self.step.wait_for_signal(key, f"{self.ctx.run.id}-{name}", timeout=timeout)
        except StepError as error:
            return error.cause_code

    def send(self, key: str, name: str) -> Any:
        return self.step.send_event(key, {"name": f"test/{name}", "data": {}})

    def invoke(self, key: str) -> Any:
        try:
            return self.step.invoke(key, "child", {})
        except StepError as error:
            return error.cause_code

    def parallel(self, key: str, ops: list[Any]) -> Any:
        branches = [lambda n=n, op=op: self.follow(op, f"{key}.{n}") for n, op in enumerate(ops)]
        return list(self.ctx.group.parallel(branches))

    def _work(self, key: str, *, fails_first: bool = False) -> str:
        self.executed[self.ctx.run.id, key] += 1
        if fails_first and self.executed[self.ctx.run.id, key] == 1:
            raise _NotYet
        return key


def a_scripted_registry(executed: Counter[tuple[str, str]]) -> Registry:
    """Return a registry whose action ``script`` follows ``ops``; ``executed`` counts by run and step."""
    registry = a_registry()

    @registry.action("script", retries=3)
    def script(ctx: StepContext, ops: list[Any]) -> list[Any]:
        follower = Script(ctx, executed)
        return [follower.follow(op, str(number)) for number, op in enumerate(ops)]

    return registry
