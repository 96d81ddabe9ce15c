"""One attempt of an action: what its handler gets, and what becomes of what it does."""

from __future__ import annotations

import asyncio
import threading
import warnings
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflowkit.base.errors import (
    DestinationForbidden,
    InvalidInput,
    LimitExceeded,
    NonRetriableError,
    Problem,
    RetryAfterError,
    StoreUnavailable,
)
from workflowkit.base.jsonvalue import check_json
from workflowkit.base.limits import Limits
from workflowkit.engine.context import ActionConfig, RunInfo, StepContext, StepInfo
from workflowkit.engine.executor import execute
from workflowkit.engine.facts import ErrorInfo
from workflowkit.engine.failures import ERROR_MESSAGE_CHARS, failed_by
from workflowkit.engine.outcome import Attempted, EmittedEvent, Failed, Succeeded
from workflowkit.registry import define


def a_context(**changes: Any) -> StepContext:
    values: dict[str, Any] = {
        "event": {"id": "e1", "name": "shop/ordered", "data": {"total": 5}, "ts": 1},
        "run": RunInfo("run-1", "workflow-1", "version-1", "default", "default"),
        "step": StepInfo("a", "a", "kind", "A"),
        "attempt": 0,
        "idempotency_key": "key-1",
        "state": {},
        "workflow": {"name": "w"},
        "config": ActionConfig(),
    }
    return StepContext(**(values | changes))


def attempt(handler: Callable[..., Any], *, limits: Limits | None = None, **inputs: Any) -> Attempted:
    spec = define("kind", handler)
    return execute(spec, a_context(), inputs, deadline_seconds=None, limits=limits or Limits())


def the_error(outcome: Attempted) -> ErrorInfo:
    assert isinstance(outcome, Failed)
    return outcome.error


class Color(Enum):
    RED = "red"


@dataclass
class Order:
    sku: str
    at: date


# --- calls


def test_a_handler_gets_the_context_and_its_inputs_by_name() -> None:
    def handler(ctx: StepContext, a: int, b: str = "x") -> list[Any]:
        return [ctx.run.id, ctx.step.key, ctx.attempt, ctx.idempotency_key, a, b]

    assert attempt(handler, a=1) == Succeeded(["run-1", "a", 0, "key-1", 1, "x"])


def test_a_handler_without_context_gets_inputs_only() -> None:
    def handler(a: int) -> int:
        return a + 1

    assert attempt(handler, a=1) == Succeeded(2)


def test_an_async_handler_is_awaited() -> None:
    async def handler(ctx: StepContext, a: int) -> int:
        await asyncio.sleep(0)
        return a + 1

    assert attempt(handler, a=1) == Succeeded(2)


def test_a_plain_function_may_return_something_to_await() -> None:
    async def inner() -> int:
        return 3

    def handler() -> Awaitable[int]:
        return inner()

    spec = define("kind", handler, outputs={})
    assert execute(spec, a_context(), {}, deadline_seconds=None) == Succeeded(3)


def test_the_inputs_reach_the_handler_as_its_types_and_the_output_comes_back_as_json() -> None:
    def handler(order: Order, color: Color) -> dict[str, Any]:
        return {"order": order, "color": color, "both": (order.at, color)}

    order = {"sku": "x", "at": "2026-01-02"}
    handler.__annotations__ = {"order": Order, "color": Color, "return": dict[str, Any]}

    assert attempt(handler, order=order, color="red") == Succeeded(
        {"order": order, "color": "red", "both": ["2026-01-02", "red"]}
    )


@pytest.mark.parametrize("value", [None, 0, 1.5, True, "", "text", [], {}, {"a": [None, {"b": "c"}]}])
def test_json_comes_out_as_it_is(value: Any) -> None:
    assert attempt(lambda: value) == Succeeded(value)


def test_the_output_shares_nothing_with_what_the_handler_keeps() -> None:
    kept: dict[str, list[int]] = {"a": [1]}
    outcome = attempt(lambda: kept)

    kept["a"].append(2)

    assert outcome == Succeeded({"a": [1]})


# --- failures


class ShopError(Exception):
    pass


class Unprintable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ShopError("sold out"), ErrorInfo("ShopError", "sold out", "action-failed", True)),
        (ValueError(), ErrorInfo("ValueError", "", "action-failed", True)),
        (NonRetriableError("no such item"), ErrorInfo("NonRetriableError", "no such item", "non-retriable", False)),
        (RetryAfterError("busy", 90), ErrorInfo("RetryAfterError", "busy", "retry-after", True)),
        (
            DestinationForbidden("10.0.0.1"),
            ErrorInfo("DestinationForbidden", "10.0.0.1", "destination-forbidden", False),
        ),
        (StoreUnavailable("gone"), ErrorInfo("StoreUnavailable", "gone", "store-unavailable", True)),
        (
            InvalidInput([Problem("/inputs/a", "x", "must be text")]),
            ErrorInfo("InvalidInput", "/inputs/a: must be text", "invalid-input", False),
        ),
        (
            LimitExceeded("x", 1),
            ErrorInfo("LimitExceeded", "limit x exceeded: at most 1", "limit-exceeded", False),
        ),
        (SystemExit(3), ErrorInfo("SystemExit", "3", "action-failed", True)),
        (GeneratorExit(), ErrorInfo("GeneratorExit", "", "action-failed", True)),
        (asyncio.CancelledError(), ErrorInfo("CancelledError", "", "action-failed", True)),
        (Unprintable(), ErrorInfo("Unprintable", "a Unprintable that cannot be shown", "action-failed", True)),
        (ShopError("a\0b\ud800c"), ErrorInfo("ShopError", "a\N{REPLACEMENT CHARACTER}b?c", "action-failed", True)),
    ],
)
@pytest.mark.parametrize("is_async", [False, True])
def test_whatever_a_handler_raises_is_a_failure(error: BaseException, expected: ErrorInfo, is_async: bool) -> None:
    def handler() -> None:
        raise error

    async def async_handler() -> None:
        raise error

    assert the_error(attempt(async_handler if is_async else handler)) == expected


def test_a_long_message_is_cut() -> None:
    message = the_error(failed_by(ShopError("x" * 10_000))).message

    assert len(message) == ERROR_MESSAGE_CHARS
    assert message.endswith("x…")


@pytest.mark.parametrize(
    ("delay", "seconds"),
    [(90, 90.0), (0.5, 0.5), (timedelta(minutes=2), 120.0), (float("nan"), None), (float("inf"), None), ("1m", None)],
)
def test_an_action_may_say_when_to_try_again(delay: Any, seconds: float | None) -> None:
    def handler() -> None:
        raise RetryAfterError("busy", delay)

    outcome = attempt(handler)

    assert isinstance(outcome, Failed)
    assert outcome.retry_after_seconds == seconds


@pytest.mark.parametrize(
    ("at", "at_ms"),
    [
        (datetime(2026, 1, 1, tzinfo=UTC), 1_767_225_600_000),
        (datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None), None),
        ("now", None),
    ],
)
def test_an_action_may_name_the_time_at_which_to_try_again(at: Any, at_ms: int | None) -> None:
    def handler() -> None:
        raise RetryAfterError("busy", at=at)

    outcome = attempt(handler)

    assert isinstance(outcome, Failed)
    assert (outcome.retry_at_ms, outcome.retry_after_seconds) == (at_ms, None)
    if at_ms is not None:
        assert outcome.asked_seconds(at_ms - 90_000) == 90.0


def test_other_failures_leave_the_time_to_the_engine() -> None:
    outcome = failed_by(ShopError())

    assert outcome.retry_after_seconds is None


def test_ctrl_c_in_the_main_thread_is_the_users() -> None:
    def handler() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        attempt(handler)


def test_ctrl_c_anywhere_else_is_a_failure() -> None:
    outcomes: list[Attempted] = []

    def handler() -> None:
        raise KeyboardInterrupt

    thread = threading.Thread(target=lambda: outcomes.append(attempt(handler)))
    thread.start()
    thread.join()

    assert the_error(outcomes[0]).name == "KeyboardInterrupt"


def test_wrong_arguments_are_a_failure_of_the_step() -> None:
    def handler(a: int) -> int:
        return a

    assert the_error(attempt(handler)).name == "TypeError"


def test_a_value_that_does_not_fit_the_python_type_is_not_tried_again() -> None:
    def handler(at: date) -> None: ...

    handler.__annotations__ = {"at": date}
    error = the_error(attempt(handler, at="tomorrow"))

    assert (error.code, error.retryable) == ("invalid-input", False)
    assert "/inputs/at" in error.message


# --- outputs

_loop: list[Any] = []
_loop.append(_loop)
_laughs: Any = ["ha"]
for _ in range(40):
    _laughs = [_laughs, _laughs]


@pytest.mark.parametrize(
    ("value", "code", "words"),
    [
        (object(), "invalid-output", "object has no JSON form"),
        ({"a": [{1, 2}]}, "invalid-output", "/a/0"),
        (float("nan"), "invalid-output", "nan"),
        ({"a": float("inf")}, "invalid-output", "/a"),
        (2**60, "invalid-output", "2^53"),
        ("a\0b", "invalid-output", "U+0000"),
        ("\ud800", "invalid-output", "surrogate"),
        ({1: 2}, "invalid-output", "not text"),
        (_laughs, "output-too-large", "output_bytes"),
        ("x" * 100, "output-too-large", "output_bytes exceeded: at most 64"),
        ("é" * 40, "output-too-large", "got 82"),
        (["x" * 30, "x" * 30, "x"], "output-too-large", "output_bytes"),
        ((("x" * 30,), ("x" * 40,)), "output-too-large", "output_bytes"),
    ],
)
def test_an_output_that_cannot_be_stored_fails_the_step_for_good(value: Any, code: str, words: str) -> None:
    error = the_error(attempt(lambda: value, limits=Limits(output_bytes=64)))

    assert (error.name, error.code, error.retryable) == ("InvalidOutput", code, False)
    assert words in error.message


def test_an_output_that_contains_itself_is_too_deep() -> None:
    error = the_error(attempt(lambda: _loop))

    assert (error.code, error.retryable) == ("invalid-output", False)
    assert "deep" in error.message


def test_an_output_of_exactly_the_limit_is_stored() -> None:
    assert isinstance(attempt(lambda: "é" * 31, limits=Limits(output_bytes=64)), Succeeded)
    assert isinstance(attempt(lambda: "é" * 31 + "x", limits=Limits(output_bytes=64)), Failed)


_values: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(), st.dates(), st.sampled_from(Color)
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.tuples(inner, inner),
        st.dictionaries(st.one_of(st.text(), st.integers()), inner, max_size=4),
    ),
    max_leaves=20,
)


@given(_values)
def test_an_output_is_strict_json_or_a_failure(value: Any) -> None:
    outcome = attempt(lambda: value)

    if isinstance(outcome, Succeeded):
        check_json(outcome.output)
    else:
        assert isinstance(outcome, Failed)
        assert outcome.error.code == "invalid-output"


# --- events and stop


def test_events_come_with_the_result_in_order() -> None:
    def handler(ctx: StepContext) -> int:
        ctx.send_event("shop/a", {"n": 1})
        ctx.send_event("shop/b", {"at": date(2026, 1, 2)}, id="b-1", ts_ms=1_700_000_000_000)
        return 1

    handler.__annotations__ = {"ctx": StepContext, "return": int}

    assert attempt(handler) == Succeeded(
        1, (EmittedEvent("shop/a", {"n": 1}), EmittedEvent("shop/b", {"at": "2026-01-02"}, "b-1", 1_700_000_000_000))
    )


def test_a_step_that_fails_sends_nothing() -> None:
    def handler(ctx: StepContext) -> None:
        ctx.send_event("shop/a", {})
        raise ShopError

    assert isinstance(attempt(handler), Failed)


def test_stop_ends_the_run_with_its_own_output() -> None:
    def handler(ctx: StepContext) -> str:
        ctx.stop({"why": "enough"})
        return "ignored"

    assert attempt(handler) == Succeeded({"why": "enough"}, (), stop=True)


def test_the_output_of_stop_is_checked_like_any_other() -> None:
    def handler(ctx: StepContext) -> None:
        ctx.stop(object())

    assert the_error(attempt(handler)).code == "invalid-output"


def test_a_declared_marshmallow_output_is_dumped() -> None:
    import marshmallow as ma

    class Reply(ma.Schema):
        at = ma.fields.Date(data_key="when")

    def handler() -> dict[str, date]:
        return {"at": date(2026, 1, 2)}

    spec = define("kind", handler, outputs=Reply)

    assert execute(spec, a_context(), {}, deadline_seconds=None) == Succeeded({"when": "2026-01-02"})


def test_an_async_handler_that_fails_leaves_no_warning() -> None:
    async def handler() -> None:
        raise ShopError

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert isinstance(attempt(handler), Failed)
