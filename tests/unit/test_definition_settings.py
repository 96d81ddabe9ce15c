"""Settings of a whole workflow: read, bounded, and refused where they exclude each other."""

from __future__ import annotations

import json
from itertools import permutations
from typing import Any

import pytest
from builders import a_workflow
from kinds import KINDS

from workflowkit.assets import asset_dir
from workflowkit.base.errors import DefinitionError
from workflowkit.definition import build, parse_settings, validate
from workflowkit.definition.checks.flow import PAIRS
from workflowkit.definition.settings.flow import (
    Batch,
    Concurrency,
    ConcurrencyMode,
    Debounce,
    FlowControl,
    Idempotency,
    RateLimit,
    Scope,
    Singleton,
    SingletonMode,
    Throttle,
)
from workflowkit.definition.settings.workflow import NO_SETTINGS, CancelRule, Timeouts, WorkflowSettings

DAY_MS = 86_400_000


def document_with(settings: Any, **parts: Any) -> dict[str, Any]:
    return a_workflow().chain("a").document() | {"settings": settings} | parts


def found(settings: Any) -> list[tuple[str, str]]:
    """Return (pointer, code) of every problem, warnings with a ``?``; Python and documents must agree on them."""
    problems = validate(document_with(settings), KINDS)
    errors = [problem for problem in problems if problem.severity == "error"]
    if errors:
        with pytest.raises(DefinitionError) as caught:
            parse_settings(settings)
        assert set(caught.value.problems) == set(problems)
    else:
        assert parse_settings(settings) == build(document_with(settings)).settings
    return [(problem.pointer, problem.code + "?" * (problem.severity == "warning")) for problem in problems]


EVERYTHING = {
    "timeouts": {"start": "90s", "finish": "7d"},
    "cancel_on": [
        {"event": "shop/order.cancelled", "match": "data.id", "timeout": "30d"},
        {"event": "shop/*", "if": "async.data.id == event.data.id"},
        {"event": "shop/closed"},
    ],
    "on_failure": {"workflow": "alarm"},
    "on_cancel": {"workflow": "tidy"},
    "retries": 3,
    "concurrency": [
        {"limit": 5, "key": "event.data.customer"},
        {"limit": 50, "key": "'mail'", "scope": "installation"},
        {"limit": 9, "mode": "runs"},
    ],
    "throttle": {"limit": 10, "period": "1m", "burst": 3, "key": "event.data.customer"},
    "rate_limit": {"limit": 1, "period": "4h"},
    "debounce": {"period": 5, "timeout": "10s", "key": "event.data.id"},
    "priority": "event.data.plan == 'gold' ? 120 : 0",
    "singleton": {"mode": "queue_latest", "key": "event.data.id"},
    "idempotency": {"key": "event.data.id", "period": "1h"},
}


def test_everything_that_is_written_is_read() -> None:
    assert parse_settings(EVERYTHING) == WorkflowSettings(
        timeouts=Timeouts(90_000, 7 * DAY_MS),
        cancel_on=(
            CancelRule("shop/order.cancelled", match="data.id", timeout_ms=30 * DAY_MS),
            CancelRule("shop/*", "async.data.id == event.data.id"),
            CancelRule("shop/closed"),
        ),
        on_failure_workflow="alarm",
        on_cancel_workflow="tidy",
        retries=3,
        flow=FlowControl(
            concurrency=(
                Concurrency(5, "event.data.customer"),
                Concurrency(50, "'mail'", Scope.INSTALLATION),
                Concurrency(9, mode=ConcurrencyMode.RUNS),
            ),
            throttle=Throttle(10, 60_000, 3, "event.data.customer"),
            rate_limit=RateLimit(1, 4 * 3_600_000),
            debounce=Debounce(5_000, 10_000, "event.data.id"),
            priority="event.data.plan == 'gold' ? 120 : 0",
            singleton=Singleton(SingletonMode.QUEUE_LATEST, "event.data.id"),
            idempotency=Idempotency("event.data.id", 3_600_000),
        ),
    )
    conditions = [rule.condition for rule in parse_settings(EVERYTHING).cancel_on]
    matched = "async.data.id == event.data.id && event.data.id != null"
    assert conditions == [matched, "async.data.id == event.data.id", None]
    assert {code for _, code in found(EVERYTHING)} == {"conflicting-settings?"}


def test_short_forms_and_absences_have_their_defaults() -> None:
    flow = parse_settings({"concurrency": 4, "idempotency": "event.data.id"}).flow
    assert flow == FlowControl(concurrency=(Concurrency(4),), idempotency=Idempotency("event.data.id", DAY_MS))
    assert parse_settings({"concurrency": 0}).flow == FlowControl()
    assert parse_settings({"batch": {"max_size": 2, "timeout": 1}}).flow.batch == Batch(2, 1_000)
    nothings: tuple[Any, ...] = ({}, None)
    for nothing in nothings:
        assert parse_settings(nothing) == NO_SETTINGS


def test_the_default_of_retries_is_for_actions_that_say_nothing() -> None:
    document = a_workflow().action("own", retries=0).action("other").path("$source", "own", "other").document()

    workflow = build(document | {"settings": {"retries": 7}})

    assert [node.retries for node in workflow.nodes.values()] == [0, 7]
    assert build(document).nodes["other"].retries is None


@pytest.mark.parametrize(
    ("settings", "pointer", "code"),
    [
        (5, "", "invalid-type"),
        ({"timeouts": {"start": "500ms"}}, "/timeouts/start", "invalid-value"),
        ({"timeouts": {"finish": "367d"}}, "/timeouts/finish", "invalid-value"),
        ({"timeouts": {"finish": "never"}}, "/timeouts/finish", "invalid-value"),
        ({"retries": 21}, "/retries", "invalid-value"),
        ({"cancel_on": {}}, "/cancel_on", "invalid-type"),
        ({"cancel_on": [{}]}, "/cancel_on/0", "missing-key"),
        ({"cancel_on": [{"event": "a"}] * 6}, "/cancel_on", "limit-exceeded"),
        ({"cancel_on": [{"event": "upd*"}]}, "/cancel_on/0/event", "invalid-event-name"),
        ({"cancel_on": [{"event": "a", "timeout": "367d"}]}, "/cancel_on/0/timeout", "invalid-value"),
        ({"cancel_on": [{"event": "a", "if": "true", "match": "data.id"}]}, "/cancel_on/0", "conflicting-keys"),
        ({"cancel_on": [{"event": "a", "match": "data.id || true"}]}, "/cancel_on/0/match", "invalid-expression"),
        ({"cancel_on": [{"event": "a", "if": "has(async.data.x)"}]}, "/cancel_on/0/if", "invalid-expression"),
        ({"cancel_on": [{"event": "a", "if": "state.x == 1"}]}, "/cancel_on/0/if", "unknown-variable"),
        ({"on_failure": {}}, "/on_failure", "missing-key"),
        ({"on_cancel": {"workflow": ""}}, "/on_cancel/workflow", "invalid-value"),
        ({"on_cancel": "w"}, "/on_cancel", "invalid-type"),
        ({"concurrency": -1}, "/concurrency", "invalid-value"),
        ({"concurrency": {"key": "event.data.x"}}, "/concurrency", "missing-key"),
        ({"concurrency": {"limit": 1, "key": "event.data.x +"}}, "/concurrency/key", "invalid-expression"),
        ({"concurrency": {"limit": 1, "scope": "environment"}}, "/concurrency", "missing-key"),
        ({"concurrency": [{"limit": 1, "scope": "world"}]}, "/concurrency/0/scope", "invalid-value"),
        ({"concurrency": [{"limit": 1}] * 3}, "/concurrency/2", "invalid-value"),
        ({"concurrency": [{"limit": 1, "mode": "runs"}] * 2}, "/concurrency/1", "invalid-value"),
        ({"throttle": {"limit": 0, "period": "1m"}}, "/throttle/limit", "invalid-value"),
        ({"throttle": {"limit": 1}}, "/throttle", "missing-key"),
        ({"throttle": {"limit": 1, "period": "8d"}}, "/throttle/period", "invalid-value"),
        ({"throttle": {"limit": 1, "period": "999ms"}}, "/throttle/period", "invalid-value"),
        ({"throttle": {"limit": 1, "period": 1, "burst": 0}}, "/throttle/burst", "invalid-value"),
        ({"throttle": {"limit": 1, "period": 1, "key": "now_plus('1h')"}}, "/throttle/key", "unknown-variable"),
        ({"rate_limit": {"limit": 1, "period": "25h"}}, "/rate_limit/period", "invalid-value"),
        ({"debounce": {"period": "8d"}}, "/debounce/period", "invalid-value"),
        ({"debounce": {"period": "10s", "timeout": "5s"}}, "/debounce/timeout", "invalid-value"),
        ({"debounce": {"period": "10s", "older": "drop"}}, "/debounce/older", "invalid-value"),
        ({"batch": {"max_size": 1, "timeout": "5s"}}, "/batch/max_size", "invalid-value"),
        ({"batch": {"max_size": 10_001, "timeout": "5s"}}, "/batch/max_size", "invalid-value"),
        ({"batch": {"max_size": 2, "timeout": "8d"}}, "/batch/timeout", "invalid-value"),
        ({"batch": {"max_size": 2, "timeout": "6s", "if": "async.x"}}, "/batch/if", "unknown-variable"),
        ({"priority": 5}, "/priority", "invalid-value"),
        ({"priority": "event.data.x ? 1"}, "/priority", "invalid-expression"),
        ({"priority": {"by": "event.data.x ? 1"}}, "/priority/by", "invalid-expression"),
        ({"priority": {"most": 60}}, "/priority", "missing-key"),
        ({"priority": {"by": "1", "most": 43_201}}, "/priority/most", "invalid-value"),
        ({"rate_limit": {"limit": 1, "period": "1h", "burst": 0}}, "/rate_limit/burst", "invalid-value"),
        ({"singleton": {"mode": "replace"}}, "/singleton/mode", "invalid-value"),
        ({"singleton": {"mode": "skip", "key": "sizes(event.data.x)"}}, "/singleton/key", "invalid-expression"),
        ({"singleton": {"mode": "skip", "key": "string(now())"}}, "/singleton/key", "unknown-variable"),
        ({"idempotency": {"key": "event.data.x", "period": "59s"}}, "/idempotency/period", "invalid-value"),
        ({"idempotency": "event.data."}, "/idempotency", "invalid-expression"),
        ({"idempotency": {}}, "/idempotency", "missing-key"),
    ],
)
def test_a_bad_setting_is_refused_with_its_place(settings: Any, pointer: str, code: str) -> None:
    assert (f"/settings{pointer}", code) in found(settings)


def test_what_follows_the_end_is_a_workflow_or_a_graph() -> None:
    graph = {"actions": [{"id": "b", "kind": "noop"}], "edges": [{"from": "$source", "to": "b"}]}

    def codes(handler: dict[str, Any]) -> list[tuple[str, str]]:
        problems = validate(document_with({"on_cancel": handler}), KINDS)
        return [(problem.pointer.removeprefix("/settings/on_cancel"), problem.code) for problem in problems]

    assert codes(graph) == []
    assert codes({"workflow": "w"}) == []
    assert codes(graph | {"workflow": "w"}) == [("", "conflicting-keys")]
    assert codes({"actions": graph["actions"]}) == [("", "missing-key"), ("/edges", "no-start")]


def test_all_problems_are_found_at_once() -> None:
    broken = {"retries": -1, "throttle": {"period": "9d"}, "priority": "1 +", "cancel_on": [{"match": "a b"}]}

    assert [pointer for pointer, _ in found(broken)] == [
        "/settings/cancel_on/0",
        "/settings/cancel_on/0/match",
        "/settings/priority",
        "/settings/retries",
        "/settings/throttle",
        "/settings/throttle/period",
    ]


def test_what_is_no_json_is_refused_before_it_is_read() -> None:
    for settings in ({"cancel_on": ({"event": "x"},)}, {"retries": float("nan")}):
        with pytest.raises(DefinitionError) as caught:
            parse_settings(settings)
        assert [problem.code for problem in caught.value.problems] in (["not-json"], ["number-out-of-range"])


def test_a_setting_that_nobody_knows_is_a_warning() -> None:
    assert found({"rate_limt": {}, "retries": 1}) == [("/settings/rate_limt", "unknown-setting?")]


KEYS = (
    "lowercase(event.data.email)", "event.data.plan in ['a', 'b']", "string(event.data.id)", "size(event.data.items)",
    "has(event.data.x) ? event.data.x : event.data.y", "event.data.tags.exists(t, t == 'x')",
    "event.data.url.startsWith('x')",
)  # fmt: skip


@pytest.mark.parametrize("key", KEYS)
def test_keys_have_the_whole_language(key: str) -> None:
    keyed: list[dict[str, Any]] = [
        {"throttle": {"limit": 1, "period": "1m", "key": key}},
        {"rate_limit": {"limit": 1, "period": "1m", "key": key}},
        {"debounce": {"period": "5s", "key": key}}, {"batch": {"max_size": 2, "timeout": "5s", "key": key}},
        {"singleton": {"mode": "skip", "key": key}}, {"concurrency": {"limit": 1, "key": key}},
        {"idempotency": key}, {"idempotency": {"key": key}},
    ]  # fmt: skip
    assert [found(settings) for settings in keyed] == [[]] * len(keyed)


#: A misspelt key in every rule, and what it was meant for, ``None`` if that cannot be told.
MISSPELT: list[tuple[dict[str, Any], str, str | None]] = [
    ({"rate_limit": {"limit": 1, "period": "1h", "keys": "event.data.user"}}, "/rate_limit/keys", "key"),
    ({"cancel_on": [{"event": "a/b"}, {"event": "a/b", "matches": "data.id"}]}, "/cancel_on/1/matches", "match"),
    ({"batch": {"max_size": 5, "timeout": "5s", "IF": "event.data.x"}}, "/batch/IF", "if"),
    ({"singleton": {"mode": "skip", "kye": "event.data.x"}}, "/singleton/kye", "key"),
    ({"throttle": {"limit": 1, "period": "1m", "Burst": 5}}, "/throttle/Burst", "burst"),
    ({"debounce": {"period": "5s", "maxWait": "1m"}}, "/debounce/maxWait", None),
    ({"concurrency": [{"limit": 1, "keys": "event.data.x"}]}, "/concurrency/0/keys", "key"),
    ({"concurrency": {"limit": 1, "~keys/": "event.data.x"}}, "/concurrency/~0keys~1", "key"),
    ({"priority": {"by": "1", "mosts": 900}}, "/priority/mosts", "most"),
    ({"idempotency": {"key": "event.data.x", "ttl": "1h"}}, "/idempotency/ttl", None),
    ({"timeouts": {"strat": "1h"}}, "/timeouts/strat", "start"),
]


@pytest.mark.parametrize(("settings", "place", "meant"), MISSPELT)
def test_a_key_that_a_rule_does_not_have_is_an_error(settings: Any, place: str, meant: str | None) -> None:
    assert found(settings) == [(f"/settings{place}", "unknown-setting")]
    [problem] = validate(document_with(settings), KINDS)
    assert problem.message.partition(" (did you mean ")[2] == (f"{meant}?)" if meant else "")


def test_every_key_that_a_rule_does_not_have_is_told() -> None:
    settings = {"throttle": {"limt": 1, "period": "1m", "kye": "event.data.x"}}
    assert found(settings) == [
        ("/settings/throttle", "missing-key"),
        ("/settings/throttle/kye", "unknown-setting"),
        ("/settings/throttle/limt", "unknown-setting"),
    ]


def test_where_nobody_would_see_a_warning_an_unknown_setting_is_an_error() -> None:
    with pytest.raises(DefinitionError, match=r"rate_limt \(did you mean rate_limit\?\)"):
        parse_settings({"rate_limt": {}}, knows_all=True)
    settings = {"singleton": GOOD["singleton"], "concurrency": 3}
    assert parse_settings(settings, knows_all=True) == parse_settings(settings)


# --- which settings exclude each other

GOOD: dict[str, Any] = {
    "batch": {"max_size": 10, "timeout": "5s"},
    "debounce": {"period": "5s"},
    "singleton": {"mode": "skip"},
    "cancel_on": [{"event": "x/y"}],
    "priority": "event.data.p",
    "idempotency": "event.data.id",
    "rate_limit": {"limit": 1, "period": "1h"},
    "throttle": {"limit": 1, "period": "1h"},
    "concurrency": 3,
}
#: The matrix of L1, in either order.
REFUSED = {
    ("batch", other) for other in ("debounce", "singleton", "cancel_on", "priority", "idempotency", "rate_limit")
}
WARNED = {("idempotency", "rate_limit"), ("singleton", "concurrency")}


@pytest.mark.parametrize(("first", "second"), [*permutations(GOOD, 2)])
def test_each_pair_of_settings_has_the_outcome_of_the_matrix(first: str, second: str) -> None:
    outcome = found({first: GOOD[first], second: GOOD[second]})

    for pair in ((first, second), (second, first)):
        if pair in REFUSED:
            assert outcome == [(f"/settings/{pair[1]}", "conflicting-settings")]
            return
        if pair in WARNED:
            assert outcome == [(f"/settings/{pair[1]}", "conflicting-settings?")]
            return
    assert outcome == []


def test_a_start_timeout_does_nothing_for_a_batch() -> None:
    settings = {"batch": GOOD["batch"], "timeouts": {"start": "1h", "finish": "2h"}}

    assert found(settings) == [("/settings/timeouts/start", "conflicting-settings?")]


@pytest.mark.parametrize("name", sorted(GOOD.keys() - {"cancel_on"}))
def test_a_workflow_that_answers_requests_has_no_flow_control(name: str) -> None:
    document = document_with({name: GOOD[name], "retries": 1}, triggers=[{"http": {}}])

    [problem] = validate(document, KINDS)

    assert (problem.pointer, problem.code) == (f"/settings/{name}", "conflicting-settings")


def test_an_empty_setting_excludes_nothing() -> None:
    assert found({"batch": GOOD["batch"], "cancel_on": []}) == []
    assert found({"singleton": GOOD["singleton"], "concurrency": 0}) == []


def test_the_contract_says_which_settings_exclude_each_other() -> None:
    settings = json.loads((asset_dir("schemas") / "workflow.schema.json").read_text())["$defs"]["workflow_settings"][
        "properties"
    ]
    told = {(name, other): why for name, each in settings.items() for other, why in each.get("x-excludes", {}).items()}
    assert told == {(name, other): why for name, other, severity, why in PAIRS if severity == "error"}
