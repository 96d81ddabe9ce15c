"""What no event has is told where it is asked for: such a rule would match nothing, ever, and nobody would know."""

from __future__ import annotations

from typing import Any

import pytest
from builders import a_workflow

from workflowkit import Event, StepContext, WorkflowKit
from workflowkit.base.errors import DefinitionError, ExpressionError
from workflowkit.base.limits import DEFAULT_LIMITS
from workflowkit.definition import parse_settings, parse_triggers, validate
from workflowkit.definition.checks.expressions import EVENT, compiled
from workflowkit.definition.correlation import unmatched_reason
from workflowkit.registry import Registry, load_builtin_actions

HAS = "an event has id, name, data, ts, v, user, meta, and no"


@pytest.mark.parametrize(
    ("settings", "pointer", "reason"),
    [
        (
            {"cancel_on": [{"event": "b/c", "match": "event.data.id"}]}, "/settings/cancel_on/0/match",
            f"event.data.id: {HAS} 'event' (leave that out, as in data.id: it is a place in both events)",
        ),
        (
            {"cancel_on": [{"event": "b/c", "match": "dta.id"}]}, "/settings/cancel_on/0/match",
            f"dta.id: {HAS} 'dta' (did you mean data?)",
        ),
        (
            {"cancel_on": [{"event": "b/c", "if": "async.id == event.data.id && event.nr == 1"}]},
            "/settings/cancel_on/0/if", f"event.nr: {HAS} 'nr' (did you mean event.data.nr?)",
        ),
        (
            {"concurrency": {"limit": 1, "key": "event.dta.customer"}}, "/settings/concurrency/key",
            f"event.dta: {HAS} 'dta' (did you mean data?)",
        ),
        (
            {"throttle": {"limit": 1, "period": "1m", "key": "event['customer']"}}, "/settings/throttle/key",
            f"event.customer: {HAS} 'customer' (did you mean event.data.customer?)",
        ),
    ],
)  # fmt: skip
def test_a_rule_that_can_never_match_is_refused(settings: Any, pointer: str, reason: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        parse_settings(settings)
    (problem,) = caught.value.problems
    assert (problem.pointer, problem.code, problem.message) == (pointer, "unknown-variable", reason)


def test_what_an_event_may_have_can_be_asked_for() -> None:
    names = ("id", "name", "data.x", "ts", "v", "user.id", "meta.x", "webhook")
    parse_triggers([{"event": "a/b", "if": " && ".join(f"event.{name}" for name in names)}])
    parse_settings({"cancel_on": [{"event": "b", "match": name} for name in ("id", "data.a.b", "user.id")]})


@pytest.mark.parametrize("of", ["[{'total': 1}]", "event.data.items"])
def test_a_variable_of_a_macro_may_be_called_event(of: str) -> None:
    text = f"{of}.exists(event, event.total > 0)"
    assert [*compiled(text, "", EVENT, DEFAULT_LIMITS)] == []


def test_conditions_of_triggers_are_looked_at_in_functions_and_documents() -> None:
    wk = WorkflowKit("shop")
    with pytest.raises(DefinitionError, match="did you mean data"):

        @wk.function("f", trigger=Event("a/b", if_="event.dta.total > 3"))
        def f(ctx: StepContext) -> None: ...

    document = a_workflow().chain("a").trigger("a/b").document()
    document["triggers"][0]["if"] = "event.total > 3"
    registry = Registry()
    load_builtin_actions(registry)
    found = [(each.pointer, each.severity) for each in validate(document, registry) if each.code == "unknown-variable"]
    assert found == [("/triggers/0/if", "error")]


@pytest.mark.parametrize(
    "rule",
    [
        {"match": "event.data.id"}, {"if_": "async.dta.id == event.data.id"}, {"if_": "event.nr == async.data.nr"},
        {"equals": ("dta.id", 1)},
    ],
)  # fmt: skip
def test_a_wait_for_what_never_comes_fails_the_run_at_once(rule: dict[str, Any]) -> None:
    wk = WorkflowKit("shop")

    @wk.function("f", triggers=[], retries=3)
    def f(ctx: StepContext) -> Any:
        return ctx.step.wait_for_event("x", "b/c", timeout="1d", **rule)

    result = wk.engine.run(f, {"name": "a/b", "data": {"id": 1}})
    assert result.error is not None
    assert HAS in result.error.message
    assert len(result.steps) == 1


def test_what_is_no_path_is_still_that() -> None:
    with pytest.raises(ExpressionError):
        unmatched_reason("data.id || true")
