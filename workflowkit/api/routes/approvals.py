"""Approvals: listed, shown and decided, by those who have a key."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import Response

from workflowkit.api import views
from workflowkit.api.auth import Caller, caller, requires
from workflowkit.api.contract import answer, receives, returns, takes
from workflowkit.api.paging import Page
from workflowkit.api.schemas import approvals as schemas
from workflowkit.api.services import Services
from workflowkit.base.errors import Forbidden
from workflowkit.engine.approvals import Status, Verdict
from workflowkit.runtime.approvals import Choice
from workflowkit.store.approvals import ApprovalFilter

api = APIBlueprint("approvals", __name__, url_prefix="/api", tag="Approvals")

#: Who decides on a dev server without a key.
DEVELOPER = "developer"
IMPERSONATE, OVERRIDE = "approvals:impersonate", "approvals:override"


@api.get("/approvals")
@requires("approvals:read")
@takes(schemas.ApprovalQuery)
@returns(schemas.ApprovalPage)
def list_approvals(query: dict[str, Any]) -> Response:
    """List approvals.

    Newest first. With `status=open` and `assignee` it is somebody's inbox.
    """
    page = Page.asked(query)
    embed = caller().embed
    wanted = ApprovalFilter(
        status=None if "status" not in query else Status(query["status"]),
        assignee=query.get("assignee"),
        decider=None if embed is None else embed.user,
        run_id=query.get("run_id"),
        workflow_id=query.get("workflow_id"),
    )
    found = Services.current().approvals.find(caller().scope, limit=page.fetch, before=page.after, wanted=wanted)
    return answer(page.show(found, views.approval, lambda approval: approval.record.id))


@api.get("/approvals/<approval_id>")
@requires("approvals:read")
@returns(schemas.Approval)
def get_approval(approval_id: str) -> Response:
    """Show an approval.

    With everything that was decided so far. Links are nowhere to be had.
    """
    return answer(views.approval(Services.current().approvals.get(caller().scope, approval_id)))


@api.post("/approvals/<approval_id>/decision")
@requires("approvals:decide")
@receives(schemas.NewDecision)
@returns(
    schemas.Approval,
    _409="It is decided, or the actor has decided before.",
    _410="Its time is over, or its run has ended.",
    _422="The data does not fit the form.",
)
def decide_approval(body: dict[str, Any], approval_id: str) -> Response:
    """Decide.

    In one's own name, that of whoever is logged in or has made the key; or of `actor`, with `approvals:impersonate`;
    with an embed token in the name of its user. Where somebody in particular is asked it must be one of them; only with
    `approvals:override`, and in one's own name, others decide.
    """
    actor, is_someone_else = _actor(caller(), body.get("actor"))
    choice = Choice(
        actor, Verdict(body["decision"]), body.get("comment", ""), body.get("data"), must_be_assigned=is_someone_else
    )
    return answer(views.approval(Services.current().approvals.decide(caller().scope, approval_id, choice)))


def _actor(who: Caller, named: str | None) -> tuple[str, bool]:
    """Return in whose name a caller decides, and whether that person has to be one of those who are asked."""
    if who.embed is not None:
        if named not in (None, who.embed.user):
            raise Forbidden("an embed token decides in the name of its user")
        return who.embed.user, True
    if named is None:
        return _own_name(who), OVERRIDE not in who.permissions
    if IMPERSONATE not in who.permissions:
        raise Forbidden(f"to decide in somebody's name needs the permission {IMPERSONATE}")
    return named, True


def _own_name(who: Caller) -> str:
    if who.person is not None:
        return who.person.name
    if who.key is None:
        return DEVELOPER
    # Whoever makes keys for themselves is one person still.
    return Services.current().keys.person_behind(who.key) or f"key:{who.key.id}"
