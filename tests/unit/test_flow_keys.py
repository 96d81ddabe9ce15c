"""What expressions of the settings make of an event: keys, conditions of batches, priorities."""

from __future__ import annotations

from typing import Any

import pytest

from workflowkit.base.limits import Limits
from workflowkit.definition.settings.flow import (
    Batch,
    Concurrency,
    Debounce,
    FlowControl,
    Idempotency,
    RateLimit,
    Singleton,
    SingletonMode,
    Throttle,
)
from workflowkit.flow.keys import (
    INVALID_TEXT,
    MAX_KEY_CHARS,
    NO_KEY,
    FlowKeys,
    Key,
    canonical_text,
    evaluate_key,
    freeze_keys,
    holds,
)
from workflowkit.flow.priority import priority_seconds, score_ms

NOW = 1_750_000_000_000
EVENT: Any = {
    "name": "shop/order.paid",
    "ts": NOW,
    "data": {"user": "u1", "number": 7, "double": 7.0, "vip": False, "half": 1.5, "tags": ["a", 1.0], "text": "false"},
}


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("event.data.user", '"u1"'),
        ("event.data.number", "7"),
        ("event.data.double", "7"),
        ("event.data.half", "1.5"),
        ("event.data.missing", "null"),
        ("event.data.vip", "false"),
        ("event.data.text", '"false"'),
        ("event.data.tags", '["a",1]'),
        ("event.data.number == 7", "true"),
        ('"user:" + event.data.user', '"user:u1"'),
        ("'constant'", '"constant"'),
    ],
)
def test_a_key_is_the_json_text_of_its_value(expression: str, text: str) -> None:
    key = evaluate_key(expression, EVENT)
    assert key == Key(text)
    assert key.is_false is (text == "false")


def test_no_expression_is_the_one_key_of_all_events() -> None:
    assert evaluate_key(None, EVENT) is NO_KEY
    assert not NO_KEY.is_false


@pytest.mark.parametrize("expression", ["1 / 0", "event.data.user > 1", "event.", "nonsense("])
def test_a_key_that_fails_says_why_and_nothing_of_the_event(expression: str) -> None:
    key = evaluate_key(expression, EVENT)
    assert key.text == INVALID_TEXT
    assert key.fault
    assert "u1" not in key.fault


def test_a_long_key_is_kept_as_its_hash() -> None:
    longest = "x" * (MAX_KEY_CHARS - 2)
    assert canonical_text(longest) == f'"{longest}"'
    assert canonical_text(longest + "x").startswith("sha256:")
    assert canonical_text(longest + "x") != canonical_text(longest + "y")


def test_an_event_has_a_key_for_each_control_of_its_workflow() -> None:
    flow = FlowControl(
        concurrency=(Concurrency(5), Concurrency(2, "event.data.user")),
        throttle=Throttle(1, 1_000, key="'throttle'"),
        rate_limit=RateLimit(1, 1_000, "'rate'"),
        debounce=Debounce(1_000),
        batch=Batch(2, 1_000, "'batch'"),
        singleton=Singleton(SingletonMode.SKIP, "1 / 0"),
        idempotency=Idempotency("'once'"),
    )
    keys = freeze_keys(flow, EVENT)
    assert keys.concurrency == (NO_KEY, Key('"u1"'))
    assert (keys.throttle.text, keys.rate_limit.text, keys.batch.text) == ('"throttle"', '"rate"', '"batch"')
    assert (keys.debounce, keys.idempotency) == (NO_KEY, Key('"once"'))
    assert keys.singleton.text == INVALID_TEXT
    assert freeze_keys(FlowControl(), EVENT) == FlowKeys()


def test_limits_of_expressions_hold_for_keys() -> None:
    assert evaluate_key("event.data.user", EVENT, limits=Limits(expression_chars=5)).fault


@pytest.mark.parametrize(
    ("condition", "expected"),
    [(None, True), ("event.data.number == 7", True), ("event.data.vip", False), ("1 / 0", False), ("(", False)],
)
def test_a_batch_takes_an_event_if_its_condition_holds(condition: str | None, expected: bool) -> None:
    assert holds(condition, EVENT, now_ms=NOW) is expected


@pytest.mark.parametrize(
    ("expression", "seconds"),
    [
        (None, 0),
        ("120", 120),
        ("event.data.number", 7),
        ("event.data.double", 7),
        ("event.data.half", 0),
        ("event.data.user", 0),
        ("event.data.missing", 0),
        ("event.data.vip == false", 0),
        ("1 / 0", 0),
        ("nonsense(", 0),
        ("10000", 600),
        ("-10000", -600),
        ("event.data.user == 'u1' ? -60 : 60", -60),
    ],
)
def test_a_priority_is_whole_seconds_within_bounds(expression: str | None, seconds: int) -> None:
    assert priority_seconds(FlowControl(priority=expression), EVENT, now_ms=NOW) == seconds


def test_the_bound_of_priorities_is_a_limit() -> None:
    farther = FlowControl(priority="50000", priority_most=43_200)
    assert priority_seconds(farther, EVENT, now_ms=NOW) == 43_200
    assert priority_seconds(farther, EVENT, now_ms=NOW, limits=Limits(priority_seconds=900)) == 900


def test_a_priority_is_a_head_start() -> None:
    backlog = [(score_ms(NOW + 1_000 * second, 0), str(second)) for second in range(30)]
    assert min([*backlog, (score_ms(NOW + 30_000, 120), "urgent")])[1] == "urgent"
    assert score_ms(NOW + 600_001, 600) > score_ms(NOW, 0)
