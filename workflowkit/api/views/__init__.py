"""Records as the API and the command line show them. Pure; the shapes are described in ``schemas/``."""

from workflowkit.api.views.approvals import approval
from workflowkit.api.views.apps import app, app_sync, function
from workflowkit.api.views.base import Shown, problems
from workflowkit.api.views.credentials import key, own_secret, secret
from workflowkit.api.views.events import (
    event,
    event_detail,
    event_type,
    simulation,
    tried,
)
from workflowkit.api.views.runs import (
    child,
    editable,
    gathered,
    job,
    listed_run,
    log_line,
    looked,
    move,
    run,
    run_move,
    step,
)
from workflowkit.api.views.system import connection, system, worker
from workflowkit.api.views.users import audit_entry, own_session, session_state, user
from workflowkit.api.views.webhooks import delivery_outcome, own_webhook, webhook, webhook_sample
from workflowkit.api.views.workflows import (
    alert,
    draft,
    listed_workflow,
    pause,
    pause_state,
    schedule,
    version,
    version_summary,
    workflow,
)

__all__ = [
    "Shown",
    "alert",
    "app",
    "app_sync",
    "approval",
    "audit_entry",
    "child",
    "connection",
    "delivery_outcome",
    "draft",
    "editable",
    "event",
    "event_detail",
    "event_type",
    "function",
    "gathered",
    "job",
    "key",
    "listed_run",
    "listed_workflow",
    "log_line",
    "looked",
    "move",
    "own_secret",
    "own_session",
    "own_webhook",
    "pause",
    "pause_state",
    "problems",
    "run",
    "run_move",
    "schedule",
    "secret",
    "session_state",
    "simulation",
    "step",
    "system",
    "tried",
    "user",
    "version",
    "version_summary",
    "webhook",
    "webhook_sample",
    "worker",
    "workflow",
]
