"""What people are asked."""

from __future__ import annotations

from workflowkit.api.views.base import Shown
from workflowkit.base.clock import rfc3339
from workflowkit.runtime.approvals import Approval


def approval(shown: Approval) -> Shown:
    """Show an approval (``schemas.approvals.Approval``)."""
    record = shown.record
    request = record.request
    return {
        "id": record.id,
        "run_id": record.run_id,
        "workflow_id": record.workflow_id,
        "workflow_name": shown.workflow_name,
        "step": record.step_key,
        "title": request.title,
        "description": request.description,
        "form": request.form,
        "assignees": list(request.assignees),
        "needed": request.needed,
        "reject_on": request.reject_on.value,
        "status": shown.status.value,
        "created_at": rfc3339(record.created_at_ms),
        "expires_at": rfc3339(record.expires_at_ms),
        "closed_at": rfc3339(record.closed_at_ms),
        "decisions": [decision.as_dict() for decision in shown.decisions],
    }
