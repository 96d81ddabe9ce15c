"""Asking functions for options: what they may return, what they are given, and that they cannot take too much."""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from workflowkit import NonRetriableError, OptionsContext
from workflowkit.base.errors import OptionsFailed, TooManyAtOnce
from workflowkit.base.limits import DEFAULT_LIMITS, Limits
from workflowkit.base.scope import Scope
from workflowkit.engine.deps import Provider
from workflowkit.engine.optionlists import OptionLists
from workflowkit.registry import define

ACME = Scope("live", "acme")


def listed(function: Callable[..., Any], limits: Limits = DEFAULT_LIMITS, **providers: Any) -> dict[str, Any]:
    """Return what a form is answered that asks ``function``."""
    lists = OptionLists(limits, {name: Provider.of(each) for name, each in providers.items()})
    return asked(lists, function)


def asked(lists: OptionLists, function: Callable[..., Any]) -> dict[str, Any]:
    def act(value: str, other: str = "") -> None:
        """Do something."""

    source = define("act", act, options={"value": function}).options["value"]
    return lists.list(source, ACME, {"other": "o"}, "typed").as_dict()


def values_of(answer: dict[str, Any]) -> list[tuple[Any, str]]:
    return [(item["value"], item["label"]) for item in answer["items"]]


def test_options_are_values_pairs_or_objects() -> None:
    mixed = ["a", 7, 0.5, ("b", "B"), ["c", "C"], {"value": "d", "label": "D"}, {"value": 8}]
    answer = listed(lambda: mixed)
    assert values_of(answer) == [
        ("a", "a"), (7, "7"), (0.5, "0.5"), ("b", "B"), ("c", "C"), ("d", "D"), (8, "8"),
    ]  # fmt: skip
    assert answer["is_complete"]


def test_a_function_gets_what_it_asks_for() -> None:
    def function(ctx: OptionsContext, other: str, search: str) -> list[str]:
        return [ctx.environment, ctx.tenant, other, search, ctx.deps.client]

    assert values_of(listed(function, client="c")) == [(each, each) for each in ("live", "acme", "o", "typed", "c")]


def test_what_is_provided_is_closed_again() -> None:
    events: list[str] = []

    def client() -> Iterator[str]:
        events.append("opened")
        yield "c"
        events.append("closed")

    async def function(ctx: OptionsContext) -> list[str]:
        return [ctx.deps.client]

    assert values_of(listed(lambda ctx: [ctx.deps.client], client=client)) == [("c", "c")]
    assert values_of(listed(function, client=lambda: "plain")) == [("plain", "plain")]
    assert events == ["opened", "closed"]


def test_a_list_is_cut_at_its_limits_even_if_it_never_ends() -> None:
    answer = listed(lambda: itertools.count(), replace(DEFAULT_LIMITS, options=3))
    assert values_of(answer) == [(0, "0"), (1, "1"), (2, "2")]
    assert not answer["is_complete"]
    exact = listed(lambda: ["a", "b", "c"], replace(DEFAULT_LIMITS, options=3))
    assert exact["is_complete"]
    long = listed(lambda: ["x" * 400, "y" * 400], replace(DEFAULT_LIMITS, options_bytes=1_000))
    assert len(long["items"]) == 1
    assert not long["is_complete"]


@pytest.mark.parametrize("returned", ["text", None, {"a": 1}, [True], [None], [{"label": "x"}], [("a", "b", "c")],
                                      [float("nan")], ["\ud800"]])  # fmt: skip
def test_what_is_no_list_of_options_is_logged_and_not_shown(returned: Any, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(OptionsFailed, match=r"^the options of .value. cannot be listed at the moment$"):
        listed(lambda: returned)
    assert "the options of 'value'" in caplog.text


def test_only_what_is_said_on_purpose_is_shown(caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> list[str]:
        raise RuntimeError("password=hunter2")

    def refusing() -> list[str]:
        raise NonRetriableError("log in at the carrier first")

    with pytest.raises(OptionsFailed) as failed:
        listed(broken)
    assert "hunter2" not in failed.value.message
    assert "hunter2" in caplog.text
    with pytest.raises(OptionsFailed, match="log in at the carrier first"):
        listed(refusing)


def test_a_function_that_exits_ends_nothing_else() -> None:
    def leaving() -> list[str]:
        raise SystemExit(3)

    with pytest.raises(OptionsFailed):
        listed(leaving)


def test_a_time_out_of_the_function_itself_is_not_taken_for_ours(caplog: pytest.LogCaptureFixture) -> None:
    def waiting() -> list[str]:
        raise TimeoutError("the carrier did not answer")

    with pytest.raises(OptionsFailed, match="cannot be listed"):
        listed(waiting)


@pytest.mark.parametrize("is_async", [False, True])
def test_a_function_that_takes_too_long_is_interrupted(is_async: bool, caplog: pytest.LogCaptureFixture) -> None:
    ended = threading.Event()

    def spin() -> list[str]:
        try:
            while True:
                threading.Event().wait(0.01)
        finally:
            ended.set()

    async def sleep() -> list[str]:
        import asyncio

        try:
            await asyncio.sleep(60)
        finally:
            ended.set()
        return []

    with caplog.at_level(logging.WARNING), pytest.raises(OptionsFailed, match="took longer than 1 seconds"):
        listed(sleep if is_async else spin, replace(DEFAULT_LIMITS, options_seconds=1))
    assert ended.wait(60)


def test_what_hangs_keeps_its_place_and_others_are_refused() -> None:
    lists = OptionLists(replace(DEFAULT_LIMITS, tenant_option_lists=1), {})
    begun, over = threading.Event(), threading.Event()
    answers: list[dict[str, Any]] = []

    def patient() -> list[str]:
        begun.set()
        over.wait(30)
        return ["done"]

    first = threading.Thread(target=lambda: answers.append(asked(lists, patient)))
    first.start()
    assert begun.wait(30)
    with pytest.raises(TooManyAtOnce, match="tenant_option_lists"):
        asked(lists, lambda: ["x"])
    over.set()
    first.join(30)
    assert values_of(answers[0]) == [("done", "done")]
    assert values_of(asked(lists, lambda: ["x"])) == [("x", "x")]
