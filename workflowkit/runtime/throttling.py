"""The rate of a throttle that is published: what queues for it follows that, whichever version it began with."""

from __future__ import annotations

from workflowkit import definition
from workflowkit.base.errors import DefinitionError, NotFound
from workflowkit.base.scope import Scope
from workflowkit.definition.settings.flow import FlowControl
from workflowkit.flow.gcra import UNLIMITED, Rate
from workflowkit.runtime.runflow import rate_json
from workflowkit.runtime.timers import NOTHING, Fired
from workflowkit.store import rates, timers, workflows
from workflowkit.store.timers import TimerRow
from workflowkit.store.transactions import Transaction

#: The kind of the timers that let those follow who could not when a rate was published.
RATE_TIMER = "throttle.rate"
#: How long after that. By then those transactions are over that have read what was published before.
AGAIN_MS = 1_000


def change_rate(
    tx: Transaction, scope: Scope, workflow_id: str, version: int, before: FlowControl, after: FlowControl
) -> None:
    """Let the runs that queue for a throttle follow what is published: its rate, as long as its key is the same.

    Those of one that is taken away stay where they are, at a rate that holds nobody up: it may be put back before they
    have begun, and then later runs queue there with them.
    """
    old, new = before.throttle, after.throttle
    if old == new:
        return
    if old is not None and new is not None and new.key != old.key:
        # Those with the old key, which no lane tells, keep the rate that they had.
        rates.forget(tx, scope, workflow_id)
        return
    rates.keep(tx, scope, workflow_id, _rate_of(after))
    rates.change(tx, scope, workflow_id, _rate_of(after))
    name = f"{RATE_TIMER}:{scope.environment}/{scope.tenant}/{workflow_id}/{version}"
    timers.plan(tx, [TimerRow(name, RATE_TIMER, scope, workflow_id, tx.now_ms + AGAIN_MS, {"version": version})])


def repeat(tx: Transaction, timer: TimerRow) -> Fired:
    """Change the rate once more: of lanes that somebody served, or opened or held up, at the old one at that moment."""
    scope, workflow_id, data = timer.scope, timer.subject, timer.data or {}
    try:
        published = workflows.get(tx, scope, workflow_id).published_version
        versions = [workflows.get_version(tx, scope, workflow_id, each) for each in (data["version"], published or 0)]
        then, now = (definition.build(each.document).settings.flow for each in versions)
    except (NotFound, DefinitionError):
        return NOTHING
    if then.throttle != now.throttle:
        return NOTHING  # who has published that one has changed the rate since
    if rates.change(tx, scope, workflow_id, _rate_of(now)):
        return NOTHING
    return Fired(again_at_ms=tx.now_ms + AGAIN_MS, data=data)


def _rate_of(flow: FlowControl) -> dict[str, int]:
    return rate_json(UNLIMITED if flow.throttle is None else Rate.of(flow.throttle))
