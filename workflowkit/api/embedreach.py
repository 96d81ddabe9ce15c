"""How far an embed token reaches: of all routes those that an editor needs, and there one workflow and its runs.

Deny by default: a route that is not named here answers 403, whatever it demands of keys.
"""

from __future__ import annotations

from flask import request

from workflowkit.api.services import Services
from workflowkit.base.errors import Forbidden, NotFound
from workflowkit.runtime.embedding import Embed
from workflowkit.store import approvals, queries

#: Views about nobody's data: the catalogue, and a document or a schedule that the caller has.
_OF_NOBODY = frozenset(
    {
        "actions.list_actions", "actions.get_action", "actions.list_options", "workflows.validate_document",
        "schedules.next_times",
    }
)  # fmt: skip
#: Views about what all workflows of the tenant share: names, for those who may pick one; what may start them.
_SHARED = frozenset({"secrets.list_secrets", "workflows.show_triggers"})
#: Views about the workflow that the path names.
_OF_A_WORKFLOW = frozenset(
    {
        "workflows.get_workflow", "workflows.get_draft", "workflows.update_draft", "workflows.validate_draft",
        "workflows.publish_workflow", "workflows.enable_workflow", "workflows.disable_workflow",
        "workflows.list_versions", "workflows.get_version", "dryruns.dry_run_workflow", "dryruns.follow_dry_run",
        "calls.start_run",
    }
)  # fmt: skip
#: Views about the run that the path names.
_OF_A_RUN = frozenset({"runs.get_run", "realtime.create_run_token"})
#: Views about the approval that the path names: one that its user may decide.
_OF_AN_APPROVAL = frozenset({"approvals.get_approval", "approvals.decide_approval"})
#: Views about all workflows of the tenant, for tokens that are.
_OF_ALL = frozenset(
    {
        "workflows.list_workflows",
        "workflows.create_workflow",
        "workflows.duplicate_workflow",
        "workflows.archive_workflow",
        "workflows.restore_workflow",
    }
)


def check(embed: Embed) -> None:
    """Let the present request pass if ``embed`` reaches what it is about. Raises ``Forbidden``, ``NotFound``.

    What another workflow has answers like what does not exist.
    """
    view, path = request.endpoint, request.view_args or {}
    if view in _OF_NOBODY or (view in _SHARED and "usage" not in request.args):
        return
    if view in _OF_A_WORKFLOW:
        _check_workflow(embed, path["workflow_id"])
    elif view == "runs.list_runs":
        _check_list(embed)
    elif view == "approvals.list_approvals":
        _check_approvals(embed)
    elif view in _OF_AN_APPROVAL:
        _check_approval(embed, path["approval_id"])
    elif view in _OF_A_RUN:
        _check_run(embed, path["run_id"])
    elif view not in _OF_ALL or embed.workflow_id is not None:
        raise Forbidden("embed tokens do not reach this")


def _check_workflow(embed: Embed, workflow_id: str) -> None:
    if embed.workflow_id is not None and workflow_id != embed.workflow_id:
        raise NotFound(f"there is no workflow {workflow_id!r}")


def _check_list(embed: Embed) -> None:
    if embed.workflow_id is not None and request.args.getlist("workflow_id") != [embed.workflow_id]:
        raise Forbidden(f"this embed token reaches what one workflow has: ?workflow_id={embed.workflow_id}")


def _check_run(embed: Embed, run_id: str) -> None:
    if embed.workflow_id is None:
        return
    with Services.current().database.read() as tx:
        run = queries.get_run(tx, embed.scope, run_id)
    if run.workflow_id != embed.workflow_id:
        raise NotFound(f"there is no run {run_id!r}")


def _check_approvals(embed: Embed) -> None:
    run_ids = request.args.getlist("run_id")
    if len(run_ids) == 1:
        _check_run(embed, run_ids[0])
    else:
        _check_list(embed)


def _check_approval(embed: Embed, approval_id: str) -> None:
    with Services.current().database.read() as tx:
        record = approvals.get(tx, embed.scope, approval_id)
    asked = record.request.assignees
    if embed.workflow_id not in (None, record.workflow_id) or (asked and embed.user not in asked):
        raise NotFound(f"there is no approval {approval_id!r}")
