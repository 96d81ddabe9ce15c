"""Every table, as SQLAlchemy metadata. ``migrations/`` brings a database to this shape; a test compares the two.

Conventions: times are whole milliseconds UTC (``*_at_ms``); JSON is text, written by ``base.jsonvalue`` and never
parsed by the database; every tenant-owned row carries ``environment`` and ``tenant``. Tables of facts (``events``,
``journal``, ``decisions``, ``workflow_versions``, ``audit_log``) are insert-only: triggers made by the migrations
refuse changes (I3).

The hot tables (``runs``, ``steps``, ``journal``) have no foreign keys: each check would cost a look-up and a row lock
per step, and their rows are only ever written together in one transaction.
"""

from __future__ import annotations

from workflowkit.store.schema.access import (
    SYNC_STATUSES,
    api_keys,
    app_syncs,
    apps,
    login_failures,
    secrets,
    sessions,
    user_roles,
    users,
    webhooks,
    workers,
)
from workflowkit.store.schema.auditing import audit_chains, audit_log
from workflowkit.store.schema.authoring import (
    OVERLAPS,
    schedules,
    workflow_drafts,
    workflow_triggers,
    workflow_versions,
    workflows,
)
from workflowkit.store.schema.base import metadata
from workflowkit.store.schema.connect import (
    CONNECTION_STATUSES,
    connected_apps,
    connections,
    gateways,
    worker_requests,
    worker_waits,
)
from workflowkit.store.schema.eventlog import (
    decisions,
    event_ids,
    events,
    pending_events,
    request_keys,
    webhook_deliveries,
)
from workflowkit.store.schema.execution import (
    HOLDS,
    RUN_STATUSES,
    RUNNING,
    STEP_STATUSES,
    alert_rules,
    jobs,
    journal,
    log_lines,
    pauses,
    run_totals,
    runs,
    step_cache,
    steps,
    total_marks,
)
from workflowkit.store.schema.flow import (
    COLLECTION_KINDS,
    ceilings,
    collected_events,
    collections,
    flow_states,
    lane_groups,
    lanes,
    queued_steps,
    slots,
)
from workflowkit.store.schema.realtime import messages
from workflowkit.store.schema.waiting import (
    APPROVAL_STATUSES,
    VERDICTS,
    WAIT_KINDS,
    WAIT_STATES,
    approval_assignees,
    approval_decisions,
    approvals,
    callbacks,
    timers,
    wait_paths,
    waits,
)

__all__ = [
    "APPROVAL_STATUSES",
    "COLLECTION_KINDS",
    "CONNECTION_STATUSES",
    "HOLDS",
    "OVERLAPS",
    "RUNNING",
    "RUN_STATUSES",
    "STEP_STATUSES",
    "SYNC_STATUSES",
    "VERDICTS",
    "WAIT_KINDS",
    "WAIT_STATES",
    "alert_rules",
    "api_keys",
    "app_syncs",
    "approval_assignees",
    "approval_decisions",
    "approvals",
    "apps",
    "audit_chains",
    "audit_log",
    "callbacks",
    "ceilings",
    "collected_events",
    "collections",
    "connected_apps",
    "connections",
    "decisions",
    "event_ids",
    "events",
    "flow_states",
    "gateways",
    "jobs",
    "journal",
    "lane_groups",
    "lanes",
    "log_lines",
    "login_failures",
    "messages",
    "metadata",
    "pauses",
    "pending_events",
    "queued_steps",
    "request_keys",
    "run_totals",
    "runs",
    "schedules",
    "secrets",
    "sessions",
    "slots",
    "step_cache",
    "steps",
    "timers",
    "total_marks",
    "user_roles",
    "users",
    "wait_paths",
    "waits",
    "webhook_deliveries",
    "webhooks",
    "worker_requests",
    "worker_waits",
    "workers",
    "workflow_drafts",
    "workflow_triggers",
    "workflow_versions",
    "workflows",
]
