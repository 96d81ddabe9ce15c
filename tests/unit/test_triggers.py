"""From an event to the workflows it starts."""

from __future__ import annotations

import pytest

from workflowkit.base.limits import Limits
from workflowkit.triggers import Match, NoMatch, Subscription, check_pattern, match, patterns_for

EVENT = {"id": "1", "name": "shop/order.paid", "ts": 1_750_000_000_000, "data": {"total": 120, "card": "4242-secret"}}


def subscription(*conditions: str | None, workflow_id: str = "w", version_id: str = "v1") -> Subscription:
    return Subscription(workflow_id, version_id, conditions)


def decide(*conditions: str | None) -> Match:
    (only,) = match(EVENT, [subscription(*conditions)])
    return only


@pytest.mark.parametrize(
    ("name", "patterns"),
    [
        ("paid", ("paid",)),
        ("shop/order.paid", ("shop/order.paid", "shop/*", "shop/order.*")),
        ("app/user.a.b", ("app/user.a.b", "app/*", "app/user.*", "app/user.a.*")),
        ("a.b", ("a.b", "a.*")),
        ("app/", ("app/",)),
        ("/x", ("/x", "/*")),
        ("a//b", ("a//b", "a/*", "a//*")),
        ("shop/*", ("shop/*",)),
        ("a b/c", ("a b/c", "a b/*")),
    ],
)
def test_an_event_is_found_by_its_name_and_by_every_wildcard_above_it(name: str, patterns: tuple[str, ...]) -> None:
    assert patterns_for(name) == patterns


def test_an_event_of_a_webhook_matches_the_triggers_on_it_and_no_name_does() -> None:
    assert patterns_for("shop/paid", "stripe") == ("shop/paid", "shop/*", "$webhook/stripe")
    for forged in ("$webhook/stripe", "$webhook/stripe/x", "$webhook/stripe.x"):
        assert patterns_for(forged) == ()
        assert patterns_for(forged, "other") == ("$webhook/other",)


@pytest.mark.parametrize("pattern", ["a", "app/*", "app/user.*", "app/user.created", "a.*", "x" * 256, "né/*"])
def test_a_name_and_a_wildcard_after_a_separator_are_patterns(pattern: str) -> None:
    assert check_pattern(pattern) is None


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("", "1 to 256"),
        ("x" * 257, "1 to 256"),
        ("a b", "spaces"),
        ("a\tb", "spaces"),
        ("a\0b", "control"),
        ("a\u200bb", "control"),
        ("*", "wildcard"),
        ("app*", "wildcard"),
        ("app/user.upd*", "wildcard"),
        ("$webhook/stripe", "webhook"),
        ("a.*.b", "wildcard"),
        ("a/*/b", "wildcard"),
        ("a/**", "wildcard"),
        ("a.*.*", "wildcard"),
    ],
)
def test_anything_else_is_no_pattern_and_says_why(pattern: str, reason: str) -> None:
    assert reason in (check_pattern(pattern) or "")


def test_every_pattern_that_covers_a_name_is_a_valid_pattern() -> None:
    assert [check_pattern(pattern) for pattern in patterns_for("app/user.created.v2")] == [None] * 4


@pytest.mark.parametrize(
    "conditions",
    [(None,), ("event.data.total > 100",), ("false", None), (None, None), ("false", "event.name == 'shop/order.paid'")],
)
def test_a_workflow_starts_when_any_of_its_triggers_holds(conditions: tuple[str | None, ...]) -> None:
    assert decide(*conditions) == Match(subscription(*conditions), True, None)


@pytest.mark.parametrize("conditions", [("event.data.total > 500",), ("false", "event.data.missing"), ()])
def test_a_workflow_whose_conditions_are_all_false_does_not_start(conditions: tuple[str | None, ...]) -> None:
    assert decide(*conditions) == Match(subscription(*conditions), False, NoMatch.CONDITION_FALSE)


@pytest.mark.parametrize(
    ("condition", "detail"),
    [
        ("event.data.total >", "unexpected end (at character 19)"),
        ("event.data.total > 'x'", "cannot order int and string with '>' (at character 18)"),
        ("int(event.data.card) > 1", "whole number"),
        ("nosuch(event)", "unknown function nosuch() (at character 1)"),
        ("1 +" * 3000, "expression_chars"),
    ],
)
def test_a_broken_condition_is_no_match_and_says_what_is_wrong(condition: str, detail: str) -> None:
    result = decide(condition)

    assert (result.started, result.reason) == (False, "trigger-error")
    assert detail in result.detail
    assert "secret" not in result.detail


def test_a_condition_that_uses_up_its_budget_is_a_trigger_error() -> None:
    event = {**EVENT, "data": {"l": list(range(500))}}
    endless = subscription("event.data.l.all(a, event.data.l.all(b, a + b >= 0))")

    (result,) = match(event, [endless])

    assert result.reason is NoMatch.TRIGGER_ERROR
    assert "expression_steps" in result.detail


def test_limits_of_the_installation_apply() -> None:
    (result,) = match(EVENT, [subscription("1 + 1 == 2")], limits=Limits(expression_nodes=2))

    assert result.reason is NoMatch.TRIGGER_ERROR


def test_one_workflow_cannot_disturb_another() -> None:
    results = match(
        EVENT,
        [
            subscription("event.data.total >", workflow_id="broken"),
            subscription(None, workflow_id="any"),
            subscription("event.data.total < 100", workflow_id="no"),
            subscription("event.data.total > 100", workflow_id="yes"),
        ],
    )

    assert [(result.subscription.workflow_id, result.started, result.reason) for result in results] == [
        ("broken", False, "trigger-error"),
        ("any", True, None),
        ("no", False, "condition-false"),
        ("yes", True, None),
    ]


def test_a_broken_trigger_does_not_keep_another_trigger_of_its_workflow_from_starting_it() -> None:
    result = decide("event.data.total >", "event.data.total > 100")

    assert (result.started, result.reason) == (True, None)
    assert "unexpected end" in result.detail


def test_several_triggers_of_one_version_start_it_once() -> None:
    apart = [subscription("event.data.total > 1"), subscription("event.data.total > 2"), subscription("false")]

    results = match(EVENT, apart)

    assert [(result.subscription, result.started) for result in results] == [
        (subscription("event.data.total > 1", "event.data.total > 2", "false"), True)
    ]


def test_two_versions_are_two_subscriptions() -> None:
    results = match(EVENT, [subscription(None), subscription(None, version_id="v2")])

    assert [result.subscription.version_id for result in results] == ["v1", "v2"]


def test_a_condition_can_ask_for_the_time_only_when_it_is_given() -> None:
    recent = subscription("date(event.ts) > now_minus('1h')")

    (at_once,) = match(EVENT, [recent], now_ms=1_750_000_001_000)
    (much_later,) = match(EVENT, [recent], now_ms=1_760_000_000_000)
    (timeless,) = match(EVENT, [recent])

    assert (at_once.started, much_later.started) == (True, False)
    assert timeless.reason is NoMatch.TRIGGER_ERROR


def test_no_subscription_no_match() -> None:
    assert match(EVENT, []) == []
