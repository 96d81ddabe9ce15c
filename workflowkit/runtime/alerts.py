"""Rules of alerts: made and changed by their owners, looked at by a timer each, told of by events.

The timer of a rule comes again as long as the rule is enabled. When its state changes, one event tells of that, stored
in the transaction that changes it; workflows with that event as their trigger send it on.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from workflowkit.base.clock import rfc3339
from workflowkit.base.errors import InvalidInput, LimitExceeded, NotFound
from workflowkit.base.ids import new_id, timed_id
from workflowkit.base.limits import Limits
from workflowkit.base.scope import Scope, owner_of
from workflowkit.engine.alerts import (
    ALERT_FIRED,
    ALERT_RECOVERED,
    AlertKind,
    AlertSettings,
    AlertState,
    Observation,
    Standing,
    check_settings,
    judge,
)
from workflowkit.runtime.auditing import PROGRAM, Act, By, note
from workflowkit.runtime.timers import NOTHING, Fired, Timers
from workflowkit.store import alerts, events, timers, workflows
from workflowkit.store.alerts import AlertRow, FailedRun
from workflowkit.store.database import Database
from workflowkit.store.events import EventRecord
from workflowkit.store.timers import TimerRow
from workflowkit.store.transactions import Transaction

TIMER_KIND: Final = "alert"
#: How often an enabled rule looks at the runs.
LOOK_MS: Final = 15_000
#: Failed runs that the event of an alert names, and how much of the message of each.
SAMPLES, SAMPLE_CHARS = 5, 500


class Alerts:
    """The rules of tenants."""

    def __init__(self, database: Database, limits: Limits, *, grace_ms: int) -> None:
        self._database = database
        self._limits = limits
        self._grace_ms = grace_ms

    def register(self, timers: Timers) -> None:
        """Handle the timers of this module."""
        timers.handle(TIMER_KIND, self._look)

    def create(self, scope: Scope, settings: AlertSettings, *, by: By = PROGRAM) -> AlertRow:
        """Make a rule. Raises ``InvalidInput`` with all problems, ``LimitExceeded``."""
        check_settings(settings)
        with self._database.transaction("alert") as tx:
            _check_workflow(tx, scope, settings)
            if (there := alerts.count(tx, scope)) >= self._limits.alert_rules:
                raise LimitExceeded("alert_rules", self._limits.alert_rules, there + 1)
            rule = AlertRow(new_id(tx.now_ms), settings, tx.now_ms, tx.now_ms)
            alerts.insert(tx, scope, rule)
            _plan(tx, scope, rule)
            _note(tx, scope, by, Act.ALERT_CREATED, rule)
        return rule

    def update(self, scope: Scope, alert_id: str, settings: AlertSettings, *, by: By = PROGRAM) -> AlertRow:
        """Replace what a rule is told. One that fires goes on firing, unless it is disabled: then nothing tells of it.

        Raises ``NotFound``, ``InvalidInput``.
        """
        check_settings(settings)
        with self._database.transaction("alert") as tx:
            before = alerts.get(tx, scope, alert_id)
            _check_workflow(tx, scope, settings)
            # The timer first, then the rule: in that order whoever fires the timer locks them.
            _plan(tx, scope, replace(before, settings=settings))
            rule = alerts.lock(tx, scope, alert_id)
            if rule is None:
                raise NotFound(f"there is no alert rule {alert_id}")
            standing = rule.standing if settings.enabled else Standing(since_ms=tx.now_ms)
            rule = replace(rule, settings=settings, standing=standing, updated_at_ms=tx.now_ms)
            alerts.update(tx, scope, rule)
            if settings != before.settings:
                _note(tx, scope, by, Act.ALERT_CHANGED, rule)
        return rule

    def delete(self, scope: Scope, alert_id: str, *, by: By = PROGRAM) -> AlertRow:
        """Delete a rule and return it. Raises ``NotFound``."""
        with self._database.transaction("alert") as tx:
            rule = alerts.get(tx, scope, alert_id)
            timers.delete(tx, _timer_id(alert_id))
            if not alerts.delete(tx, scope, alert_id):
                raise NotFound(f"there is no alert rule {alert_id}")
            _note(tx, scope, by, Act.ALERT_DELETED, rule)
        return rule

    def get(self, scope: Scope, alert_id: str) -> AlertRow:
        """Return a rule. Raises ``NotFound``."""
        with self._database.read() as tx:
            return alerts.get(tx, scope, alert_id)

    def find(self, scope: Scope, *, limit: int, after: str = "") -> list[AlertRow]:
        """Return up to ``limit`` rules, oldest first, those behind the id ``after``."""
        with self._database.read() as tx:
            return alerts.find(tx, scope, limit=limit, after=after)

    # --- the timer

    def _look(self, tx: Transaction, timer: TimerRow) -> Fired:
        """Look at the runs of a rule; write how it stands now and what tells of that, and come again."""
        scope = timer.scope
        rule = alerts.lock(tx, scope, timer.subject)
        if rule is None or not rule.settings.enabled:
            return NOTHING
        again_at_ms = tx.now_ms + LOOK_MS
        standing = judge(rule.settings, rule.standing, self._observe(tx, scope, rule), tx.now_ms)
        if standing == rule.standing:
            return Fired(again_at_ms=again_at_ms)
        if standing.state is rule.standing.state:
            alerts.update(tx, scope, replace(rule, standing=standing))
            return Fired(again_at_ms=again_at_ms)
        record = self._change(tx, scope, rule, standing)
        return Fired(event_ids=(record.id,), again_at_ms=again_at_ms)

    def _observe(self, tx: Transaction, scope: Scope, rule: AlertRow) -> Observation:
        settings = rule.settings
        window: dict[str, Any] = {"after_ms": _window_start_ms(tx, settings)}
        limit = self._limits.alert_counted_runs
        if settings.condition.kind is not AlertKind.CONSECUTIVE_FAILURES:
            return alerts.observe(tx, scope, settings.workflow_id, **window, limit=limit)
        most = settings.condition.failures
        in_a_row = alerts.failed_in_a_row(tx, scope, settings.workflow_id, **window, limit=most)
        return Observation(in_a_row, in_a_row, in_a_row)

    def _change(self, tx: Transaction, scope: Scope, rule: AlertRow, standing: Standing) -> EventRecord:
        """Write the other state of a rule, and the event that tells of it."""
        has_fired = standing.state is AlertState.FIRING
        if has_fired:
            rule = replace(rule, fired_from_ms=_window_start_ms(tx, rule.settings))
        since_ms = standing.since_ms if has_fired else rule.standing.since_ms
        rule = replace(rule, standing=standing, transitions=rule.transitions + 1)
        alerts.update(tx, scope, rule)
        about = {"after_ms": rule.fired_from_ms, "limit": self._limits.alert_counted_runs}
        seen = alerts.observe(tx, scope, rule.settings.workflow_id, **about)
        sample = alerts.failed(tx, scope, rule.settings.workflow_id, after_ms=rule.fired_from_ms, limit=SAMPLES)
        name = ALERT_FIRED if has_fired else ALERT_RECOVERED
        record = EventRecord(
            # SAFETY: I7 — the id follows from the rule and the number of the change: each is told once.
            id=timed_id(tx.now_ms, TIMER_KIND, rule.id, str(rule.transitions)),
            event_id=f"{rule.id}.{rule.transitions}", scope=scope, name=name,
            data=_data(rule, seen, sample, since_ms), ts_ms=tx.now_ms, received_at_ms=tx.now_ms,
            depth=1,  # which no event from outside has: what follows from alerts is told apart by it
        )  # fmt: skip
        events.insert(tx, scope, [record], wake_at_ms=tx.now_ms + self._grace_ms)
        return record


def _note(tx: Transaction, scope: Scope, by: By, act: Act, rule: AlertRow) -> None:
    detail = {"name": rule.settings.name, "enabled": rule.settings.enabled}
    note(tx, scope, by, act, f"alert:{rule.id}", detail)


def _data(rule: AlertRow, seen: Observation, sample: list[FailedRun], since_ms: int) -> dict[str, Any]:
    """Return the data of an event: the figures are those from the beginning of the window in which the rule fired."""
    settings = rule.settings
    return {
        "rule": {"id": rule.id, "name": settings.name},
        "workflow_id": settings.workflow_id or None,
        "condition": settings.condition.as_json(),
        "window_seconds": settings.window_seconds,
        "since": rfc3339(since_ms),
        "count": seen.failures,
        "ended": seen.ended,
        "rate": round(seen.rate, 4),
        "runs": [
            {
                "run_id": run.id,
                "workflow_id": run.workflow_id,
                "finished_at": rfc3339(run.finished_at_ms),
                "error": None if run.error is None else run.error.message[:SAMPLE_CHARS],
            }
            for run in sample
        ],
    }


def _window_start_ms(tx: Transaction, settings: AlertSettings) -> int:
    return tx.now_ms - settings.window_seconds * 1000


def _check_workflow(tx: Transaction, scope: Scope, settings: AlertSettings) -> None:
    if settings.workflow_id:
        try:
            workflows.get(tx, owner_of(scope, settings.workflow_id), settings.workflow_id)
        except NotFound as error:
            raise InvalidInput.at("/workflow_id", "invalid-value", error.message) from error


def _plan(tx: Transaction, scope: Scope, rule: AlertRow) -> None:
    """Let an enabled rule be looked at soon, and a disabled one no more."""
    timer_id = _timer_id(rule.id)
    if rule.settings.enabled:
        timers.arm(tx, TimerRow(timer_id, TIMER_KIND, scope, rule.id, tx.now_ms))
    else:
        timers.delete(tx, timer_id)


def _timer_id(alert_id: str) -> str:
    return f"{TIMER_KIND}:{alert_id}"
