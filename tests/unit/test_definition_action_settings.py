"""Settings of single actions: backoff, which errors are tried again, skipping, cache and compensation."""

from __future__ import annotations

from typing import Any

import pytest
from builders import a_workflow
from kinds import KINDS

from workflowkit.definition import build, validate
from workflowkit.definition.model import SOURCE, Node
from workflowkit.definition.settings.action import BackoffRule, BackoffType, CacheRule, Compensation


def document_with(**settings: Any) -> dict[str, Any]:
    """Return a document of ``first``, ``a`` with the settings, and ``last``, in a row."""
    return (
        a_workflow()
        .actions("first")
        .action("a", **settings)
        .actions("last")
        .path(SOURCE, "first", "a", "last")
        .document()
    )


def node_with(**settings: Any) -> Node:
    return build(document_with(**settings)).nodes["a"]


def found(document: dict[str, Any]) -> list[tuple[str, str]]:
    """Return (pointer below the settings, code) of every problem, warnings with a ``?``."""
    return [
        (problem.pointer.removeprefix("/actions/1/settings/"), problem.code + "?" * (problem.severity == "warning"))
        for problem in validate(document, KINDS)
    ]


EVERYTHING = {
    "backoff": {"type": "exponential", "delay": "10s", "max_delay": "1h", "factor": 3},
    "retry_on": ["ConnectionError", "action-timeout"],
    "skip_if": "event.data.total == 0 || state.first.done",
    "disabled": True,
    "cache": {"key": ["!ref($.event.data.id)", "!ref($.state.first.x)"], "ttl": "1h"},
    "compensate": {"kind": "mail", "inputs": {"to": "!ref($.state.a.to)", "note": "!ref($.state.first.x)"}},
}


def test_everything_that_is_written_is_read() -> None:
    node = node_with(**EVERYTHING)

    assert node.backoff == BackoffRule(BackoffType.EXPONENTIAL, 10_000, 3_600_000, 3.0)
    assert node.retry_on == ("ConnectionError", "action-timeout")
    assert node.skip_if == "event.data.total == 0 || state.first.done"
    assert node.disabled
    assert node.cache == CacheRule(["!ref($.event.data.id)", "!ref($.state.first.x)"], 3_600_000)
    assert node.compensate == Compensation("mail", {"to": "!ref($.state.a.to)", "note": "!ref($.state.first.x)"})
    assert found(document_with(**EVERYTHING)) == []


def test_what_is_not_written_leaves_everything_to_the_engine() -> None:
    for node in (node_with(), node_with(backoff="table", disabled=False)):
        assert (node.backoff, node.retry_on, node.skip_if, node.disabled, node.cache, node.compensate) == (
            None, None, None, False, None, None,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("backoff", "delays_ms"),
    [
        ({"type": "fixed", "delay": "5s"}, [5_000, 5_000, 5_000, 5_000]),
        ({"type": "linear", "delay": "5s", "max_delay": "12s"}, [5_000, 10_000, 12_000, 12_000]),
        ({"type": "exponential", "delay": 1}, [1_000, 2_000, 4_000, 8_000]),
        ({"type": "exponential", "delay": 1, "factor": 1.5}, [1_000, 1_500, 2_250, 3_375]),
        ({"type": "exponential", "delay": "24h", "factor": 10}, [86_400_000] * 4),
    ],
)
def test_pauses_grow_as_the_rule_says_and_no_further_than_its_longest(backoff: Any, delays_ms: list[int]) -> None:
    rule = node_with(backoff=backoff).backoff

    assert rule is not None
    assert list(rule.delays_ms()[:4]) == delays_ms
    assert len(rule.delays_ms()) == 20
    assert max(rule.delays_ms()) <= rule.max_delay_ms


@pytest.mark.parametrize(
    ("settings", "pointer", "code"),
    [
        ({"backoff": "often"}, "backoff", "invalid-value"),
        ({"backoff": {"type": "fixed"}}, "backoff", "missing-key"),
        ({"backoff": {"type": "random", "delay": 1}}, "backoff/type", "invalid-value"),
        ({"backoff": {"type": "fixed", "delay": "500ms"}}, "backoff/delay", "invalid-value"),
        ({"backoff": {"type": "fixed", "delay": "25h"}}, "backoff/delay", "invalid-value"),
        ({"backoff": {"type": "fixed", "delay": 1, "max_delay": "25h"}}, "backoff/max_delay", "invalid-value"),
        ({"backoff": {"type": "exponential", "delay": 1, "factor": 11}}, "backoff/factor", "invalid-value"),
        ({"retry_on": "ConnectionError"}, "retry_on", "invalid-type"),
        ({"retry_on": [5]}, "retry_on/0", "invalid-type"),
        ({"disabled": "yes"}, "disabled", "invalid-type"),
        ({"skip_if": True}, "skip_if", "invalid-type"),
        ({"skip_if": "event.data.x =="}, "skip_if", "invalid-expression"),
        ({"skip_if": "output.x"}, "skip_if", "unknown-variable"),
        ({"skip_if": "item.x"}, "skip_if", "unknown-variable"),
        ({"skip_if": "state.gone.x"}, "skip_if", "unknown-reference"),
        ({"skip_if": "state['gone'].x == 1"}, "skip_if", "unknown-reference"),
        ({"skip_if": "[1].exists(s, state.last.x == s)"}, "skip_if", "not-an-ancestor"),
        ({"skip_if": "state.a.x"}, "skip_if", "not-an-ancestor"),
        ({"cache": {"ttl": "1h"}}, "cache", "missing-key"),
        ({"cache": {"key": 1}}, "cache", "missing-key"),
        ({"cache": {"key": 1, "ttl": "367d"}}, "cache/ttl", "invalid-value"),
        ({"cache": {"key": {"a": "!ref($.state.last.x)"}, "ttl": 60}}, "cache/key/a", "not-an-ancestor"),
        ({"compensate": {}}, "compensate", "missing-key"),
        ({"compensate": {"kind": "nope"}}, "compensate/kind", "unknown-kind"),
        ({"compensate": {"kind": "mail"}}, "compensate/inputs/to", "missing-input"),
        ({"compensate": {"kind": "mail", "inputs": {"to": 5}}}, "compensate/inputs/to", "invalid-input"),
        (
            {"compensate": {"kind": "noop", "inputs": {"x": "!ref($.state.last)"}}},
            "compensate/inputs/x",
            "not-an-ancestor",
        ),
        ({"compensate": {"kind": "noop", "inputs": {"x": "!ref($.error)"}}}, "compensate/inputs/x", "unknown-root"),
    ],
)
def test_a_bad_setting_is_refused_with_its_place(settings: dict[str, Any], pointer: str, code: str) -> None:
    assert (pointer, code) in found(document_with(**settings))


def test_in_a_loop_an_expression_may_ask_for_the_item() -> None:
    document = a_workflow().chain("each").document()
    body = document_with(skip_if="item.total == 0 && index > 1 && key != 'x' && state.first.x")
    document["actions"][0] |= {"kind": "builtin:for_each", "inputs": {"items": []}, "body": body}

    assert found(document) == []


@pytest.mark.parametrize("settings", [{"disabled": True}, {"skip_if": "event.data.x"}])
def test_what_is_passed_over_may_be_missing_for_what_follows(settings: dict[str, Any]) -> None:
    document = document_with(**settings)
    document["actions"][2]["inputs"] = {"x": "!ref($.state.a)", "y": "!ref($.state.first)"}

    assert found(document) == [("/actions/2/inputs/x", "maybe-skipped?")]
