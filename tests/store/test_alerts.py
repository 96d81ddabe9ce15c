"""Alert rules: one event when runs fail too often, however many do, and one when that is over."""

from __future__ import annotations

from typing import Any

import pytest
from builders import a_workflow
from runtimes import Harness, a_runtime, at_once

from workflowkit.base.errors import InvalidInput, LimitExceeded, NotFound
from workflowkit.base.limits import Limits
from workflowkit.base.scope import DEFAULT_SCOPE, Scope
from workflowkit.engine.alerts import AlertSettings, AlertState, parse_condition
from workflowkit.store.alerts import AlertRow

TEN_FAILURES = {"kind": "failure_count", "failures": 10}
HALF = {"kind": "failure_rate", "rate": 0.5, "min_runs": 4}
THREE_IN_A_ROW = {"kind": "consecutive_failures", "failures": 3}


def _fails(trigger: str = "test/bad") -> dict[str, Any]:
    return a_workflow().action("a", kind="boom", retries=0).path("$source", "a").trigger(trigger).document()


def _succeeds(trigger: str = "test/good") -> dict[str, Any]:
    return a_workflow().action("a").path("$source", "a").trigger(trigger).document()


def _rule(harness: Harness, condition: dict[str, Any], *, scope: Scope = DEFAULT_SCOPE, **settings: Any) -> AlertRow:
    told: dict[str, Any] = {"name": "Too many", "window_seconds": 60, "quiet_seconds": 120} | settings
    return harness.runtime.alerts.create(scope, AlertSettings(condition=parse_condition(condition), **told))


def _happen(harness: Harness, name: str, times: int = 1, scope: Scope = DEFAULT_SCOPE) -> None:
    for _ in range(times):
        harness.clock.advance(milliseconds=10)
        harness.send(name, scope=scope)
        harness.drain()


def _told(harness: Harness) -> list[tuple[str, dict[str, Any]]]:
    from workflowkit.base.jsonvalue import loads

    rows = harness.rows("SELECT name, data FROM events WHERE name LIKE 'workflow/alert.%' ORDER BY received_at_ms, id")
    return [(row["name"].rpartition(".")[2], loads(row["data"])) for row in rows]


def _look(harness: Harness, times: int = 1) -> list[str]:
    for _ in range(times):
        harness.skip(15)
    return [name for name, _ in _told(harness)]


def test_a_hundred_failures_in_a_minute_are_one_alert_with_a_count_and_one_recovery(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        harness.deploy(_fails(), "orders")
        harness.deploy(_succeeds("workflow/alert.*"), "pager")
        rule = _rule(harness, TEN_FAILURES, workflow_id="orders")
        _happen(harness, "test/bad", 100)
        assert _look(harness, 2) == ["fired"]
        ((_, fired),) = _told(harness)
        assert (fired["rule"], fired["workflow_id"]) == ({"id": rule.id, "name": "Too many"}, "orders")
        assert (fired["count"], fired["ended"], fired["rate"]) == (100, 100, 1.0)
        assert {run["error"] for run in fired["runs"]} == {"boom"}
        assert len({run["run_id"] for run in fired["runs"]}) == 5
        _happen(harness, "test/bad", 10)
        # The last of them leaves the window after a minute; then two quiet ones go by.
        assert _look(harness, 10) == ["fired"]
        assert _look(harness) == ["fired", "recovered"]
        _, recovered = _told(harness)[1]
        assert (recovered["count"], recovered["since"]) == (110, fired["since"])
        assert _look(harness, 5) == ["fired", "recovered"]
        assert harness.rows("SELECT status FROM runs WHERE workflow_id = 'pager'") == [{"status": "completed"}] * 2
        assert harness.runtime.alerts.get(DEFAULT_SCOPE, rule.id).standing.state is AlertState.OK


def test_a_second_flood_is_a_second_alert(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        harness.deploy(_fails())
        _rule(harness, TEN_FAILURES)
        for _ in range(2):
            _happen(harness, "test/bad", 10)
            _look(harness, 14)
        assert _look(harness) == ["fired", "recovered"] * 2
        assert [data["count"] for _, data in _told(harness)] == [10] * 4


@pytest.mark.parametrize(("good", "bad", "expected"), [(2, 2, ["fired"]), (3, 2, []), (0, 3, [])])
def test_a_rate_needs_enough_runs(database_url: str, good: int, bad: int, expected: list[str]) -> None:
    with a_runtime(database_url) as harness:
        harness.deploy(_fails(), "bad")
        harness.deploy(_succeeds(), "good")
        _rule(harness, HALF)
        _happen(harness, "test/bad", bad)
        _happen(harness, "test/good", good)
        assert _look(harness) == expected


@pytest.mark.parametrize(("story", "expected"), [("bbb", ["fired"]), ("bbgb", []), ("gbbb", ["fired"]), ("bbbg", [])])
def test_failures_one_after_the_other(database_url: str, story: str, expected: list[str]) -> None:
    choice = a_workflow().action("a", kind="boom", retries=0).trigger("test/bad").trigger("test/good")
    document = choice.edge("$source", "a", type="if", ref="!ref($.event.data.bad)").document()
    with a_runtime(database_url) as harness:
        harness.deploy(document, "orders")
        _rule(harness, THREE_IN_A_ROW, workflow_id="orders")
        for letter in story:
            harness.clock.advance(milliseconds=10)
            harness.send("test/bad", {"bad": letter == "b"})
            harness.drain()
        assert _look(harness) == expected


def test_other_workflows_other_tenants_and_old_failures_do_not_count(database_url: str) -> None:
    other = Scope("default", "other")
    with a_runtime(database_url) as harness:
        for workflow_id, scope in (("orders", DEFAULT_SCOPE), ("else", DEFAULT_SCOPE), ("orders", other)):
            harness.deploy(_fails(f"test/{workflow_id}"), workflow_id, scope)
        _rule(harness, {"kind": "failure_count", "failures": 2}, workflow_id="orders")
        _happen(harness, "test/else", 3)
        _happen(harness, "test/orders", 3, other)
        _happen(harness, "test/orders")
        harness.clock.advance(seconds=61)
        _happen(harness, "test/orders")
        assert _look(harness) == []
        _happen(harness, "test/orders")
        assert _look(harness) == ["fired"]


def test_failures_of_parts_of_a_run_do_not_count(database_url: str) -> None:
    loop = a_workflow().action("each", "builtin:for_each", {"items": [1, 2, 3], "on_item_error": "continue"})
    document = loop.path("$source", "each").trigger("test/loop").document()
    document["actions"][0]["body"] = a_workflow().action("a", "boom", retries=0).path("$source", "a").document()
    with a_runtime(database_url) as harness:
        harness.deploy(document)
        _rule(harness, {"kind": "failure_count", "failures": 1})
        _happen(harness, "test/loop")
        statuses = harness.rows("SELECT status, path FROM runs")
        assert sum(row["status"] == "failed" and row["path"] is not None for row in statuses) == 3
        assert _look(harness) == []


def test_what_follows_from_an_alert_leads_to_no_alert(database_url: str) -> None:
    with a_runtime(database_url, limits=Limits(handler_depth=3)) as harness:
        harness.deploy(_fails("test/bad"), "orders")
        harness.deploy(_fails("workflow/alert.*"), "pager")
        rule = _rule(harness, {"kind": "failure_count", "failures": 1}, window_seconds=30, quiet_seconds=30)
        _happen(harness, "test/bad")
        _look(harness)
        # Told of failures only now: of that of the pager, when the recovery has come.
        harness.deploy(_fails("workflow/run.failed"), "sink")
        assert _look(harness, 12) == ["fired", "recovered"]
        failed = harness.rows("SELECT workflow_id FROM runs WHERE status = 'failed'")
        assert sorted(row["workflow_id"] for row in failed)[:3] == ["orders", "pager", "pager"]
        assert len(failed) > 4  # the sink's too, of which one handles the failure of another
        assert harness.runtime.alerts.get(DEFAULT_SCOPE, rule.id).transitions == 2


def test_a_disabled_rule_looks_no_more_and_a_deleted_one_is_gone(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        harness.deploy(_fails())
        alerts = harness.runtime.alerts
        rule = _rule(harness, TEN_FAILURES)
        off = AlertSettings(name="Off", condition=rule.settings.condition, enabled=False)
        assert alerts.update(DEFAULT_SCOPE, rule.id, off).settings == off
        _happen(harness, "test/bad", 10)
        assert _look(harness) == []
        assert harness.rows("SELECT id FROM timers") == []
        on = AlertSettings(name="On", condition=rule.settings.condition)
        alerts.update(DEFAULT_SCOPE, rule.id, on)
        assert _look(harness) == ["fired"]
        assert alerts.update(DEFAULT_SCOPE, rule.id, off).standing.state is AlertState.OK
        alerts.delete(DEFAULT_SCOPE, rule.id)
        for call in (alerts.get, alerts.delete):
            with pytest.raises(NotFound):
                call(DEFAULT_SCOPE, rule.id)
        with pytest.raises(NotFound):
            alerts.update(DEFAULT_SCOPE, rule.id, on)
        assert _look(harness) == ["fired"]


def test_two_schedulers_tell_of_a_change_once(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        harness.deploy(_fails())
        _rule(harness, TEN_FAILURES)
        _happen(harness, "test/bad", 10)
        harness.clock.advance(seconds=15)
        runtimes = [harness.new_process(), harness.new_process()]
        fired = at_once(*(runtime.timers.fire_due for runtime in runtimes))
        assert sum(fired) == 1
        assert [name for name, _ in _told(harness)] == ["fired"]


def test_the_state_and_its_event_are_one_commit(database_url: str, tmp_path: Any) -> None:
    from workflowkit.base import failpoints

    with a_runtime(database_url) as harness:
        harness.deploy(_fails())
        rule = _rule(harness, TEN_FAILURES)
        _happen(harness, "test/bad", 10)
        harness.clock.advance(seconds=15)
        failpoints.arm(f"timer.before_commit:raise:1:{tmp_path / 'hits'}")
        try:
            harness.runtime.timers.fire_due()
        finally:
            failpoints.arm("")
        assert _told(harness) == []
        assert harness.runtime.alerts.get(DEFAULT_SCOPE, rule.id).transitions == 0
        assert _look(harness, 3) == []  # put off for a minute, as any timer whose handler failed
        assert _look(harness, 2) == []  # by then the failures have left the window


@pytest.mark.parametrize(
    ("settings", "pointers"),
    [
        ({"name": " "}, ["/name"]),
        ({"window_seconds": 9, "quiet_seconds": 86_401}, ["/window_seconds", "/quiet_seconds"]),
        ({"workflow_id": "nothing"}, ["/workflow_id"]),
        ({"condition": THREE_IN_A_ROW}, ["/workflow_id"]),
        ({"condition": {"kind": "moon"}}, ["/condition/kind"]),
        ({"condition": {"kind": "failure_count"}}, ["/condition/failures"]),
        (
            {"condition": {"kind": "failure_count", "failures": 0, "rate": 1}},
            ["/condition/failures", "/condition/rate"],
        ),
        ({"condition": {"kind": "failure_rate", "rate": 1.5}}, ["/condition/rate", "/condition/min_runs"]),
        ({"condition": {"kind": "failure_rate", "rate": float("nan"), "min_runs": 1}}, ["/condition/rate"]),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(sqlite_url: str, settings: dict[str, Any], pointers: Any) -> None:
    with a_runtime(sqlite_url) as harness:
        with pytest.raises(InvalidInput) as caught:
            _rule(harness, settings.pop("condition", TEN_FAILURES), **settings)
        assert [problem.pointer for problem in caught.value.problems] == pointers
        assert harness.rows("SELECT id FROM alert_rules") == []


def test_a_tenant_has_a_bounded_number_of_rules(sqlite_url: str) -> None:
    with a_runtime(sqlite_url, limits=Limits(alert_rules=1)) as harness:
        _rule(harness, TEN_FAILURES)
        with pytest.raises(LimitExceeded, match="alert_rules"):
            _rule(harness, TEN_FAILURES)
        _rule(harness, TEN_FAILURES, scope=Scope("default", "other"))


def test_an_application_makes_rules_of_its_tenants(sqlite_url: str) -> None:
    from workflowkit import WorkflowKit

    other = Scope("default", "other")
    wk = WorkflowKit(database_url=sqlite_url)
    rule = wk.alerts.create("Too many", TEN_FAILURES, scope=other)
    assert wk.alerts.list(scope=other) == [rule] == [wk.alerts.get(rule.id, scope=other)]
    assert wk.alerts.list() == []
    wk.alerts.delete(rule.id, scope=other)
    assert wk.alerts.list(scope=other) == []
    wk.stop()


def test_a_look_goes_by_the_index_of_ended_runs(sqlite_url: str) -> None:
    from workflowkit.store import alerts

    with a_runtime(sqlite_url) as harness, harness.runtime.database.read() as tx:
        driver: Any = tx.connection.connection.driver_connection
        for statement in (alerts._OBSERVE, alerts._LATEST, alerts._FAILED):
            about = alerts._about(DEFAULT_SCOPE, "orders") | {"after_ms": 1, "limit": 5}
            plan = " ".join(row[3] for row in driver.execute(f"EXPLAIN QUERY PLAN {statement.sqlite}", about))
            assert "USING INDEX ix_runs_ended (environment=? AND tenant=? AND finished_at_ms>?)" in plan
