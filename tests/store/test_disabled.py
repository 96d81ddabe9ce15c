"""A workflow that is switched off: nothing starts it, also not what it had collected, and each event is told so."""

from __future__ import annotations

from typing import Any

import pytest
from builders import a_workflow
from functions import ENVIRONMENT, Code, happen
from runtimes import Harness, a_registry, a_runtime

from workflowkit.base.scope import APP_TENANT, DEFAULT_SCOPE, Scope
from workflowkit.engine.context import StepContext
from workflowkit.engine.ends import RUN_FINISHED
from workflowkit.registry import Registry
from workflowkit.runtime import eventtypes
from workflowkit.runtime.pausing import Target

EVENT = "test/happened"


def _registry() -> Registry:
    registry = a_registry()

    @registry.action("nap")
    def nap(ctx: StepContext) -> None:
        ctx.step.sleep("nap", "30s")

    return registry


def _document(kind: str = "noop", *, condition: str | None = None, **settings: Any) -> dict[str, Any]:
    document = a_workflow().action("a", kind=kind).path("$source", "a").settings(**settings).document()
    return {**document, "triggers": [{"event": EVENT} if condition is None else {"event": EVENT, "if": condition}]}


def _switch(harness: Harness, enabled: bool) -> None:
    harness.runtime.authoring.set_enabled(DEFAULT_SCOPE, "test", enabled)


def _reasons(harness: Harness) -> list[str]:
    return harness.column("SELECT reason FROM decisions ORDER BY event_id")


def _run_count(harness: Harness) -> int:
    return len(harness.rows("SELECT id FROM runs"))


def test_an_event_for_a_workflow_that_is_off_is_told_so_if_it_matches(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        harness.deploy(_document(condition="event.data.n > 1"))
        _switch(harness, False)
        harness.deploy({**_document(condition="event.data.n > 1"), "name": "Published while it is off"})
        for number in (1, 2):
            harness.send(EVENT, {"n": number})
            harness.drain()
        assert (_reasons(harness), _run_count(harness)) == (["condition-false", "disabled"], 0)
        _switch(harness, True)
        harness.send(EVENT, {"n": 3})
        harness.drain()
        assert (_reasons(harness), _run_count(harness)) == (["condition-false", "disabled"], 1)


def test_an_event_that_is_sent_again_after_that_starts_a_run(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        harness.deploy(_document())
        _switch(harness, False)
        for enabled in (False, True, True):
            _switch(harness, enabled)
            harness.send(EVENT, {"n": 1}, id="same")
            harness.drain()
        assert (_reasons(harness), _run_count(harness)) == (["disabled", "duplicate"], 1)


@pytest.mark.parametrize(
    "settings",
    [{"rate_limit": {"limit": 1, "period": "1h"}}, {"idempotency": {"key": "event.data.n", "period": "1h"}}],
    ids=["rate limit", "idempotency"],
)
def test_an_event_that_comes_while_it_is_off_uses_nothing_up(database_url: str, settings: dict[str, Any]) -> None:
    with a_runtime(database_url) as harness:
        harness.deploy(_document(**settings))
        _switch(harness, False)
        harness.send(EVENT, {"n": 1})
        harness.drain()
        _switch(harness, True)
        harness.send(EVENT, {"n": 1})
        harness.drain()
        assert (_reasons(harness), _run_count(harness)) == (["disabled"], 1)


@pytest.mark.parametrize(
    "settings", [{"debounce": {"period": "1m"}}, {"batch": {"max_size": 9, "timeout": "1m"}}], ids=["debounce", "batch"]
)
def test_what_was_collected_before_starts_nothing(database_url: str, settings: dict[str, Any]) -> None:
    with a_runtime(database_url) as harness:
        harness.deploy(_document(**settings))
        harness.send(EVENT)
        harness.drain()
        _switch(harness, False)
        harness.skip(61)
        assert harness.column("SELECT reason FROM collections") == ["disabled"]
        _switch(harness, True)
        harness.skip(61)
        assert _run_count(harness) == 0


def test_what_waits_for_a_singleton_starts_nothing_and_the_next_event_after_does(database_url: str) -> None:
    with a_runtime(database_url, _registry()) as harness:
        harness.deploy(_document("nap", singleton={"mode": "queue_latest"}))
        for _ in range(2):
            harness.send(EVENT)
            harness.drain()
        _switch(harness, False)
        harness.skip(31)
        harness.skip(31)
        assert (_reasons(harness), _run_count(harness)) == (["disabled"], 1)
        _switch(harness, True)
        harness.send(EVENT)
        harness.drain()
        assert _run_count(harness) == 2


def test_being_off_is_the_reason_before_a_pause_and_after_being_archived(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        harness.deploy(_document())
        _switch(harness, False)
        harness.runtime.pausing.pause(Target(DEFAULT_SCOPE))
        harness.send(EVENT)
        harness.drain()
        harness.runtime.authoring.archive(DEFAULT_SCOPE, "test")
        harness.send(EVENT)
        harness.drain()
        assert _reasons(harness) == ["disabled", "archived"]


def test_a_function_that_is_gone_leaves_no_decisions_and_one_switched_off_by_hand_does(database_url: str) -> None:
    first, without = Code("1"), Code("2")
    for name in ("gone", "off", "off-and-gone"):
        first.function(name)(lambda ctx: None)
    without.function("off")(lambda ctx: None)
    with first.running(database_url) as harness:
        for name in ("off", "off-and-gone"):
            harness.runtime.authoring.set_enabled(Scope(ENVIRONMENT, APP_TENANT), f"shop/{name}", False)
        without.sync(harness)
        happen(harness)
        rows = harness.rows("SELECT workflow_id, reason FROM decisions")
        assert rows == [{"workflow_id": "shop/off", "reason": "disabled"}]


def test_what_is_off_is_not_said_to_listen_and_ends_of_runs_are_not_told_for_it(sqlite_url: str) -> None:
    with a_runtime(sqlite_url) as harness:
        harness.deploy(_document())
        harness.deploy({**_document(), "triggers": [{"event": RUN_FINISHED}, {"event": EVENT}]}, "off")
        harness.runtime.authoring.set_enabled(DEFAULT_SCOPE, "off", False)
        harness.send(EVENT)
        harness.drain()
        assert harness.column("SELECT name FROM events") == [EVENT]
        found = eventtypes.look(
            harness.runtime.database, DEFAULT_SCOPE, eventtypes.SPANS["1h"], limit=9, name=EVENT,
            limits=harness.runtime.settings.limits,
        )  # fmt: skip
        assert [each.workflow_ids for each in found.types] == [("test",)]
