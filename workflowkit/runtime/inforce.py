"""What follows from what is published: which triggers start runs, which schedules fire, how high limits are.

Each function is a part of the transaction that publishes a workflow, switches it or archives it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from workflowkit import definition
from workflowkit.base.errors import DefinitionError, Problem
from workflowkit.base.scope import Scope
from workflowkit.definition.model import Json, Trigger, Workflow
from workflowkit.definition.patterns import WEBHOOK_PREFIX
from workflowkit.definition.settings.flow import FlowControl
from workflowkit.definition.settings.workflow import NO_FLOW_CONTROL
from workflowkit.flow.concurrency import Owner, action_heights, heights
from workflowkit.runtime import schedules, throttling
from workflowkit.runtime.actionlimits import own_limits
from workflowkit.store import ceilings
from workflowkit.store import workflows as rows
from workflowkit.store.transactions import Transaction
from workflowkit.store.workflows import VersionRecord, WorkflowRecord


@dataclass(frozen=True, slots=True)
class Published:
    """What publishing came to. ``created`` is false where the draft is the published version already.

    ``ceilings`` are how high its limits are, by rule (``flow.concurrency``), and those that it has no more.
    ``rates`` are the flow control of the version before and of this, if this is a new one.
    """

    version: VersionRecord
    created: bool
    warnings: tuple[Problem, ...] = ()
    ceilings: Mapping[str, int] = field(default_factory=dict)
    rates: tuple[FlowControl, FlowControl] | None = None


def built(document: Json) -> Workflow | None:
    """Return a version; ``None`` if it was published by code that knew what this does not."""
    try:
        return definition.build(document)
    except DefinitionError:
        return None


def flow_of(version: Workflow | None) -> FlowControl:
    """Return the flow control of a version, if there is one."""
    return NO_FLOW_CONTROL if version is None else version.settings.flow


def limit_heights(before: Workflow | None, after: Workflow, owner: Owner) -> dict[str, int]:
    """Return how high the limits are, by rule, with a version after the one before."""
    old = {} if before is None else own_limits(before)
    limits = heights(flow_of(before).concurrency, after.settings.flow.concurrency, owner)
    return limits | action_heights(old, own_limits(after), owner)


def correct_triggers(tx: Transaction, scope: Scope, workflow: WorkflowRecord) -> None:
    """Let triggers start nothing if their workflow is to start nothing (``store.workflows.correct_triggers``)."""
    archived_at_ms, enabled = workflow.archived_at_ms, workflow.enabled
    rows.correct_triggers(tx, scope, workflow.id, archived_at_ms=archived_at_ms, enabled=enabled)


def renew_triggers(tx: Transaction, scope: Scope, workflow: WorkflowRecord) -> None:
    """Let the triggers of the published version be in force as the workflow is now. The caller holds its lock."""
    if (version := workflow.published_version) is not None:
        parsed = definition.build(rows.get_version(tx, scope, workflow.id, version).document)
        put_triggers_in_force(tx, scope, workflow, parsed)


def put_triggers_in_force(tx: Transaction, scope: Scope, workflow: WorkflowRecord, parsed: Workflow) -> None:
    """Let the triggers of a version start runs, if the workflow is to. The caller holds its lock.

    Those of a disabled or archived one are there, so that it is told of each event why it starts nothing; its schedules
    are not.
    """
    assert workflow.published_version is not None  # noqa: S101 - that is what is put in force
    through_webhooks = (Trigger(WEBHOOK_PREFIX + each.name, each.condition, each.pointer) for each in parsed.webhooks)
    rows.replace_triggers(
        tx, scope, workflow.id, version=workflow.published_version, triggers=(*parsed.triggers, *through_webhooks),
        archived_at_ms=workflow.archived_at_ms, enabled=workflow.enabled,
    )  # fmt: skip
    is_paused = not workflow.enabled or workflow.is_archived
    schedules.plan(tx, scope, workflow.id, parsed.schedules, is_paused=is_paused)


def put_limits_in_force(
    tx: Transaction, scope: Scope, published: Iterable[Published], heights: Mapping[str, int] | None = None
) -> None:
    """Let what queues follow the limits and the rates that are published, the last in a transaction.

    ``heights`` are those of other limits, by rule.

    The limits first: whoever waits there, and has locked lanes to change their rate, holds up those it waits for.
    """
    published = list(published)
    all_heights = dict(heights or {})
    for each in published:
        all_heights |= each.ceilings
    ceilings.change(tx, all_heights)
    for each in published:
        if each.rates is not None:
            throttling.change_rate(tx, scope, each.version.workflow_id, each.version.version, *each.rates)
