"""The page behind the link of an approval: what is asked, and a form to decide. It needs no script and no key.

The link is the credential. Looking has no effect, so mail programs may follow it; deciding takes a POST to the same
address, which no other site can make without knowing it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

from apiflask import APIBlueprint
from flask import Response, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from workflowkit.api import views
from workflowkit.api.auth import public
from workflowkit.api.contract import JSON_MEDIA_TYPE, answer, load, read_json
from workflowkit.api.errors import UnsupportedMediaType, problems_of, status_of
from workflowkit.api.forms import PREFIX, FormField, data_of, fields_of
from workflowkit.api.schemas.approvals import InvitedDecision
from workflowkit.api.services import Services
from workflowkit.base import ids
from workflowkit.base.clock import rfc3339
from workflowkit.base.errors import InvalidInput, LimitExceeded, NotFound, Problem, WorkflowKitError
from workflowkit.base.jsonvalue import check_json, child_pointer
from workflowkit.engine.approvals import Decision, Status, Verdict
from workflowkit.runtime.approvals import Choice, Invited

api = APIBlueprint(
    "invitations", __name__, template_folder="../templates", static_folder=None, enable_openapi=False,
)  # fmt: skip

FORM_MEDIA_TYPE = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Page:
    """What the page shows. ``entered`` is what stood in the form that is shown again because of ``problems``."""

    invited: Invited | None
    status: HTTPStatus = HTTPStatus.OK
    notice: str = ""
    problems: Sequence[Problem] = ()
    entered: Mapping[str, str] | None = None

    @property
    def is_open(self) -> bool:
        """Whether whoever looks at it can decide."""
        return (
            self.invited is not None
            and self.invited.approval.status is Status.OPEN
            and self.invited.approval.decision_of(self.invited.assignee) is None
        )

    @property
    def own_decision(self) -> Decision | None:
        """What whoever looks at it has decided."""
        return None if self.invited is None else self.invited.approval.decision_of(self.invited.assignee)

    @property
    def fields(self) -> list[FormField]:
        """The controls of the form."""
        form = None if self.invited is None else self.invited.approval.record.request.form
        return fields_of(form, self.entered, self.problems)

    @property
    def general_problems(self) -> list[str]:
        """What is wrong and has no field of its own."""
        places = {child_pointer("/data", field.name.removeprefix(PREFIX)) for field in self.fields}
        return [problem.message for problem in self.problems if problem.pointer not in places]


@api.get("/a/<token>")
@public
def show_invitation(token: str) -> BaseResponse:
    """Return the page, or the approval as JSON for who asks for that."""
    try:
        invited = Services.current().approvals.invited(token)
    except NotFound as error:
        if not _wants_html():
            raise
        return _html(Page(None, HTTPStatus.NOT_FOUND, error.message))
    if _wants_json():
        return answer(_shown(invited))
    is_over = invited.approval.status in (Status.EXPIRED, Status.CANCELLED)
    return _html(Page(invited, HTTPStatus.GONE if is_over else HTTPStatus.OK))


@api.post("/a/<token>")
@public
def decide_invitation(token: str) -> BaseResponse:
    """Decide: by the page's form, whose answer is a page, or by JSON, whose answer is JSON."""
    # SAFETY: S15 — the content type chooses the one parser; whatever is neither is refused.
    if request.mimetype == JSON_MEDIA_TYPE:
        body = load(InvitedDecision(), read_json("approval_bytes"))
        invited = Services.current().approvals.invited(token)
        choice = Choice(
            invited.assignee, Verdict(body["decision"]), body.get("comment", ""), body.get("data")
        )  # fmt: skip
        return answer(_shown(_decide(invited, choice)))
    if request.mimetype == FORM_MEDIA_TYPE:
        return _decide_by_form(token)
    raise UnsupportedMediaType(f"send the decision as {JSON_MEDIA_TYPE} or {FORM_MEDIA_TYPE}")


def _decide_by_form(token: str) -> BaseResponse:
    approvals, entered = Services.current().approvals, None
    page = Page(None)
    try:
        page = Page(approvals.invited(token))
        entered = _entered()
        assert page.invited is not None  # noqa: S101 - set above
        _decide(page.invited, _choice(page, entered))
    except WorkflowKitError as error:
        if page.invited is not None:
            page = Page(approvals.invited(token))  # as it is now
        status, problems = status_of(error), problems_of(error)
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise
        return _html(replace(page, status=status, notice=error.message, problems=problems, entered=entered))
    # So that reloading the page does not send the form once more. Relative to the page's own address, which only the
    # browser knows where a proxy stands between.
    return redirect(token, HTTPStatus.SEE_OTHER)


def _choice(page: Page, entered: Mapping[str, str]) -> Choice:
    assert page.invited is not None  # noqa: S101 - there is a form only where somebody is asked
    word = entered.get("decision", "")
    if word not in [*Verdict]:
        raise InvalidInput.at("/decision", "invalid-value", "approve or reject")
    verdict, form = Verdict(word), page.invited.approval.record.request.form
    data: dict[str, Any] | None = None
    if verdict is Verdict.APPROVED and form is not None and page.is_open:
        data = data_of(form, entered, Services.current().limits)
    comment = entered.get("comment", "").replace("\r\n", "\n")
    return Choice(page.invited.assignee, verdict, comment, data)


def _decide(invited: Invited, choice: Choice) -> Invited:
    record = invited.approval.record
    return replace(invited, approval=Services.current().approvals.decide(record.scope, record.id, choice))


def _entered() -> dict[str, str]:
    """Return the fields of the form that was sent. Raises ``InvalidInput``, ``LimitExceeded``."""
    limits = Services.current().limits
    raw = request.get_data(cache=False)
    if len(raw) > limits.approval_bytes:
        raise LimitExceeded("approval_bytes", limits.approval_bytes)
    try:
        pairs = parse_qsl(
            raw.decode(), keep_blank_values=True, max_num_fields=limits.form_fields, errors="strict"
        )  # fmt: skip
    except UnicodeDecodeError:
        raise InvalidInput.at("", "invalid-value", "the form is not UTF-8") from None
    except ValueError:
        raise LimitExceeded("form_fields", limits.form_fields) from None
    entered = dict(pairs)
    check_json(entered)
    return entered


def _shown(invited: Invited) -> views.Shown:
    """Return an approval as those see it who are asked: what others decided is no business of theirs until the end."""
    own = invited.approval.decision_of(invited.assignee)
    shown = views.approval(invited.approval)
    kept = ("id", "title", "description", "form", "status", "created_at", "expires_at")
    return {key: shown[key] for key in kept} | {
        "assignee": invited.assignee,
        "decision": None if own is None else own.as_dict(),
    }


def _html(page: Page) -> Response:
    nonce = ids.random_token(16)
    invited = page.invited
    text = render_template(
        "approval.html",
        page=page,
        record=None if invited is None else invited.approval.record,
        status=None if invited is None else invited.approval.status.value,
        expires=None if invited is None else _moment(invited.approval.record.expires_at_ms),
        comment_chars=Services.current().limits.approval_comment_chars,
        nonce=nonce,
    )
    response = Response(text, page.status.value, content_type="text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = _policy(nonce)
    response.headers["X-Robots-Tag"] = "noindex"
    return response


def _policy(nonce: str) -> str:
    """Return what the page may do: look as it does, and send its form to where it came from."""
    return "; ".join(
        (
            "default-src 'none'",
            f"style-src 'nonce-{nonce}'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    )


def _moment(at_ms: int) -> str:
    return rfc3339(at_ms)[:16].replace("T", " ") + " UTC"


def _wants_html() -> bool:
    return "text/html" in request.accept_mimetypes.values()


def _wants_json() -> bool:
    return not _wants_html() and JSON_MEDIA_TYPE in request.accept_mimetypes.values()
