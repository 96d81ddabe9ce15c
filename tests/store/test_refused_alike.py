"""What a workflow must not have is refused when it is published, and when it is registered as a function: alike."""

from __future__ import annotations

from typing import Any

import pytest
from builders import a_workflow
from functions import Code
from runtimes import Harness, a_registry, a_runtime

from workflowkit.base.errors import DefinitionError, NotFound
from workflowkit.base.scope import DEFAULT_SCOPE, Scope
from workflowkit.store import workflows

#: Beyond the budget of an expression: deeper than it may be, and longer.
TOO_DEEP = "(" * 200 + "event.data.id == 1" + ")" * 200
TOO_LONG = " && ".join(f"event.data.a{number} == {number}" for number in range(2_000))

CASES: list[tuple[str, list[Any], dict[str, Any], str, str, str]] = [
    ("eleven triggers", [{"event": f"a/{n}"} for n in range(11)], {}, "/triggers", "limit-exceeded", "10"),
    ("half a wildcard", [{"event": "app/user.upd*"}], {}, "/triggers/0/event", "invalid-event-name", "upd*"),
    ("a wildcard inside", [{"event": "a.*.b"}], {}, "/triggers/0/event", "invalid-event-name", "a.*.b"),
    ("the same trigger twice", [{"event": "a/b"}] * 2, {}, "/triggers/1", "duplicate-trigger", "a/b"),
    ("the same cron twice", [{"cron": "0 8 * * *"}] * 2, {}, "/triggers/1", "duplicate-trigger", "0 8 * * *"),
    ("a bad cron", [{"cron": "61 8 * * *"}], {}, "/triggers/0/cron", "invalid-cron", "61"),
    (
        "an unknown zone",
        [{"cron": "0 8 * * *", "timezone": "Moon/Sea"}],
        {},
        "/triggers/0/timezone",
        "unknown-timezone",
        "Moon/Sea",
    ),
    (
        "a condition that is no expression",
        [{"event": "a/b", "if": "event.data.n >"}],
        {},
        "/triggers/0/if",
        "invalid-expression",
        "character 15",
    ),
    (
        "a condition that is too deep",
        [{"event": "a/b", "if": TOO_DEEP}],
        {},
        "/triggers/0/if",
        "invalid-expression",
        "32 levels",
    ),
    (
        "a condition that is too long",
        [{"event": "a/b", "if": TOO_LONG}],
        {},
        "/triggers/0/if",
        "invalid-expression",
        "4096 characters",
    ),
    (
        "batch and debounce",
        [{"event": "a/b"}],
        {"batch": {"max_size": 5, "timeout": "5s"}, "debounce": {"period": "5s"}},
        "/settings/debounce",
        "conflicting-settings",
        "batch",
    ),
    (
        "six rules of cancellation",
        [{"event": "a/b"}],
        {"cancel_on": [{"event": f"a/{n}"} for n in range(6)]},
        "/settings/cancel_on",
        "limit-exceeded",
        "5",
    ),
    ("21 retries", [{"event": "a/b"}], {"retries": 21}, "/settings/retries", "invalid-value", "20"),
]


def _published(harness: Harness, triggers: list[Any], settings: dict[str, Any]) -> set[tuple[str, str, str]]:
    document = a_workflow().chain("a").document() | {"triggers": triggers, "settings": settings}
    with pytest.raises(DefinitionError) as refused:
        harness.runtime.authoring.deploy(DEFAULT_SCOPE, "bad", document)
    with harness.runtime.database.read() as tx, pytest.raises(NotFound):
        workflows.get(tx, Scope("default", "default"), "bad")
    return {(each.pointer, each.code, each.message) for each in refused.value.problems}


def _registered(triggers: list[Any], settings: dict[str, Any]) -> set[tuple[str, str, str]]:
    code, options = Code(), {"triggers": triggers, **settings}
    with pytest.raises(DefinitionError) as refused:
        code.function(**options)(lambda ctx: None)
    assert code.registry.functions == {}
    return {(each.pointer, each.code, each.message) for each in refused.value.problems}


@pytest.mark.parametrize(
    ("triggers", "settings", "pointer", "code", "named"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_a_bad_setting_is_refused_with_its_place_and_its_reason_at_both_levels(
    sqlite_url: str, triggers: list[Any], settings: dict[str, Any], pointer: str, code: str, named: str
) -> None:
    with a_runtime(sqlite_url, a_registry()) as harness:
        published = _published(harness, triggers, settings)
    found = {problem for problem in published if problem[0] == pointer}
    assert found, published
    assert all(problem[1] == code and named in problem[2] for problem in found)
    # The same places with the same words, so that nobody has to learn two lists.
    assert _registered(triggers, settings) == published
