"""Workflows: drafts, validation, published versions, and the switch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from apiflask import APIBlueprint
from flask import Response, request

from workflowkit.api import views
from workflowkit.api.auth import by, caller, requires
from workflowkit.api.contract import answer, receives, returns, takes
from workflowkit.api.errors import PreconditionRequired
from workflowkit.api.paging import Page
from workflowkit.api.schemas import workflows as schemas
from workflowkit.api.schemas.base import PageQuery
from workflowkit.api.services import Services
from workflowkit.base.errors import InvalidInput, NotFound, StaleRevision
from workflowkit.definition.model import Json
from workflowkit.definition.patterns import is_listed
from workflowkit.runtime.authoring import Authoring
from workflowkit.store import queries
from workflowkit.store.queries import RunView
from workflowkit.store.workflows import DraftRecord

api = APIBlueprint("workflows", __name__, url_prefix="/api", tag="Workflows")

#: Versions are 64-bit numbers in the database.
_MAX_VERSION = 2**63 - 1
#: How many names of webhooks are told to the editor.
_MOST_WEBHOOKS = 200


def _authoring() -> Authoring:
    return Services.current().authoring


@api.post("/workflows")
@requires("workflows:write")
@receives(schemas.NewWorkflow)
@returns(schemas.Workflow, 201, _409="There is a workflow with this id.")
def create_workflow(body: dict[str, Any]) -> Response:
    """Create a workflow.

    The document becomes its first draft (revision 1). It may be incomplete; nothing runs until it is published.
    """
    workflow = _authoring().create(caller().scope, body["document"], workflow_id=body.get("id"))
    return answer(views.workflow(workflow), 201)


@api.get("/workflows")
@requires("workflows:read")
@takes(schemas.WorkflowQuery)
@returns(schemas.WorkflowPage)
def list_workflows(query: dict[str, Any]) -> Response:
    """List workflows.

    In order of id, with how the last runs of each stand, if those are asked for. Those that are archived are left out
    unless they are asked for.
    """
    page, scope, most_runs = Page.asked(query), caller().scope, query["last_runs"]
    if most_runs:
        caller().check_may("runs:read")
    found = _authoring().find(
        scope, limit=page.fetch, after=page.after or "", archived=schemas.ARCHIVED[query["archived"]]
    )
    last: Mapping[str, Sequence[RunView]] = {}
    if most_runs:
        with Services.current().database.read() as tx:
            last = queries.last_runs(tx, scope, [record.id for record in found[: page.limit]], limit=most_runs)
    return answer(
        page.show(found, lambda each: views.listed_workflow(each, last.get(each.id, ())), lambda each: each.id)
    )  # fmt: skip


@api.get("/workflows/<workflow_id>")
@requires("workflows:read")
@returns(schemas.Workflow)
def get_workflow(workflow_id: str) -> Response:
    """Show a workflow.

    Its documents are at `/draft` and `/versions`.
    """
    return answer(views.workflow(_authoring().get(caller().scope, workflow_id)))


@api.post("/workflows/<workflow_id>/duplicate")
@requires("workflows:write")
@receives(schemas.NewDuplicate, is_optional=True)
@returns(schemas.Workflow, 201, _409="There is a workflow with this id.")
def duplicate_workflow(workflow_id: str, body: dict[str, Any]) -> Response:
    """Duplicate a workflow.

    The draft of the new one is the present draft of this one. It has no versions, and nothing starts it until it is
    published.
    """
    workflow = _authoring().duplicate(
        caller().scope, workflow_id, name=body.get("name"), new_id=body.get("id")
    )  # fmt: skip
    return answer(views.workflow(workflow), 201)


@api.get("/workflows/<workflow_id>/draft")
@requires("workflows:read")
@returns(schemas.Draft)
def get_draft(workflow_id: str) -> Response:
    """Show the draft.

    The `ETag` header is its revision; send it back as `If-Match` with your edit.
    """
    return _answer_draft(_authoring().get_draft(caller().scope, workflow_id))


@api.put("/workflows/<workflow_id>/draft")
@requires("workflows:write")
@receives(schemas.DocumentBody)
@returns(
    schemas.Draft,
    _409="The workflow is archived.",
    _412="The draft has changed since; read it again.",
    _428="Send `If-Match` with the `ETag` of the draft you edited.",
)
def update_draft(workflow_id: str, body: dict[str, Any]) -> Response:
    """Save the draft.

    Needs `If-Match`, so that nobody's work is overwritten unseen. The draft may be invalid. Saving again what is
    stored already changes nothing and always succeeds.
    """
    if "If-Match" not in request.headers:
        raise PreconditionRequired("send If-Match with the ETag of the draft that you edited")
    revision = _expected_revision(workflow_id)
    return _answer_draft(_authoring().update_draft(caller().scope, workflow_id, body["document"], revision=revision))


@api.post("/validate")
@requires("workflows:read")
@receives(schemas.DocumentBody)
@returns(schemas.Validation)
def validate_document(body: dict[str, Any]) -> Response:
    """Validate a document.

    Finds all problems at once. Nothing is stored and nothing in the document is executed.
    """
    return _answer_problems(body["document"])


@api.post("/workflows/<workflow_id>/validate")
@requires("workflows:read")
@returns(schemas.Validation)
def validate_draft(workflow_id: str) -> Response:
    """Validate the stored draft.

    Finds all problems at once: what publishing would refuse, and warnings.
    """
    return _answer_problems(_authoring().get_draft(caller().scope, workflow_id).document)


@api.post("/workflows/<workflow_id>/publish")
@requires("workflows:publish")
@receives(schemas.Publishing, is_optional=True)
@returns(
    schemas.PublishedVersion,
    201,
    _200="The draft was the published version already; `created` is false.",
    _409="The workflow is archived.",
    _412="The draft is not the one named by `If-Match`.",
    _422="The draft is not valid; `problems` lists everything that is wrong with it.",
)
def publish_workflow(workflow_id: str, body: dict[str, Any]) -> Response:
    """Publish the draft.

    Makes an immutable version with the next number, which runs that start from now on execute; running ones stay on
    theirs. It keeps who published it, and the note. With `If-Match` exactly the draft you have seen is published.
    """
    revision = _expected_revision(workflow_id) if "If-Match" in request.headers else None
    published = _authoring().publish(
        caller().scope, workflow_id, revision=revision, note=body.get("note"), by=by(), may_share_limits=_may_share()
    )  # fmt: skip
    shown = {
        **views.version(published.version),
        "created": published.created,
        "warnings": views.problems(published.warnings),
    }
    return answer(shown, 201 if published.created else 200)


@api.post("/workflows/<workflow_id>/enable")
@requires("workflows:publish")
@returns(schemas.Workflow, _409="It is archived.")
def enable_workflow(workflow_id: str) -> Response:
    """Enable a workflow.

    Events start it again, once it is published. Idempotent.
    """
    return answer(views.workflow(_authoring().set_enabled(caller().scope, workflow_id, True, by=by())))


@api.post("/workflows/<workflow_id>/disable")
@requires("workflows:publish")
@returns(schemas.Workflow, _409="It is archived.")
def disable_workflow(workflow_id: str) -> Response:
    """Disable a workflow.

    Events no longer start it; runs that have started go on. Idempotent.
    """
    return answer(views.workflow(_authoring().set_enabled(caller().scope, workflow_id, False, by=by())))


@api.post("/workflows/<workflow_id>/archive")
@requires("workflows:publish")
@returns(schemas.Workflow)
def archive_workflow(workflow_id: str) -> Response:
    """Archive a workflow.

    It starts no runs, is not in lists unless asked for, and nobody changes it until it is restored. Runs that have
    started go on, and everything is kept. Idempotent.
    """
    return answer(views.workflow(_authoring().archive(caller().scope, workflow_id, by=by())))


@api.post("/workflows/<workflow_id>/restore")
@requires("workflows:publish")
@returns(schemas.Workflow)
def restore_workflow(workflow_id: str) -> Response:
    """Bring an archived workflow back.

    As it was when it was archived: published and enabled, if it was. Idempotent.
    """
    return answer(views.workflow(_authoring().restore(caller().scope, workflow_id, by=by())))


@api.get("/workflows/<workflow_id>/versions")
@requires("workflows:read")
@takes(PageQuery)
@returns(schemas.VersionPage)
def list_versions(workflow_id: str, query: dict[str, Any]) -> Response:
    """List the published versions.

    Newest first.
    """
    page = Page.asked(query)
    if page.after is not None and not page.after.isdecimal():
        raise InvalidInput.at("/query/cursor", "invalid-value", "take the cursor from next_cursor")
    before = None if page.after is None else min(int(page.after), _MAX_VERSION)
    found = _authoring().find_versions(caller().scope, workflow_id, limit=page.fetch, before=before)
    return answer(page.show(found, views.version_summary, lambda record: str(record.version)))


@api.get("/workflows/<workflow_id>/versions/<int:version>")
@requires("workflows:read")
@returns(schemas.Version)
def get_version(workflow_id: str, version: int) -> Response:
    """Show a published version.

    Its document never changes.
    """
    if version > _MAX_VERSION:
        raise NotFound(f"there is no such version of workflow {workflow_id!r}")
    return answer(views.version(_authoring().get_version(caller().scope, workflow_id, version)))


@api.get("/triggers")
@requires("workflows:read")
@returns(schemas.PossibleTriggers)
def show_triggers() -> Response:
    """Show what may start workflows.

    As the application allows it to the tenant, what the data of its events looks like, and which webhooks there are.
    """
    authoring = _authoring()
    rules = authoring.tenants.rules_for(caller().scope)
    usable = [name for name in sorted(authoring.events) if is_listed(rules.event_names, name)]
    names = None if rules.event_names is None else list(rules.event_names)
    events = [{"name": name, "data": dict(authoring.events[name])} for name in usable]
    known = Services.current().deliveries.known(caller().scope, limit=_MOST_WEBHOOKS)
    webhooks = [name for name in known if is_listed(rules.webhook_names, name)]
    return answer({"kinds": list(rules.usable_kinds), "event_names": names, "events": events, "webhooks": webhooks})


def _answer_draft(draft: DraftRecord) -> Response:
    response = answer(views.draft(draft))
    response.set_etag(str(draft.revision))
    return response


def _answer_problems(document: Json) -> Response:
    found = _authoring().validate(document, caller().scope, may_share_limits=_may_share())
    is_valid = all(problem.severity != "error" for problem in found)
    return answer({"is_valid": is_valid, "problems": views.problems(found)})


def _may_share() -> bool:
    return "limits:share" in caller().permissions


def _expected_revision(workflow_id: str) -> int:
    """Return the revision that ``If-Match`` names: the stored one, if it is among those. Raises ``StaleRevision``."""
    draft = _authoring().get_draft(caller().scope, workflow_id)
    if request.if_match.contains(str(draft.revision)):
        return draft.revision
    named = sorted(tag for tag in request.if_match.as_set() if tag.isdecimal() and len(tag) < 18)
    if not named:
        raise StaleRevision("If-Match does not name a revision of this draft")
    return int(named[0])
