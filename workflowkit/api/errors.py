"""Errors as the API answers them: RFC 9457 problem documents. The one place that knows HTTP statuses.

    {"type": "urn:workflowkit:problem:<code>", "title", "status", "detail", "code", "problems": [...], "request_id"}

``problems`` lists places: ``{"pointer", "code", "message", "severity"}``. A pointer leads into the request's body, or
into the workflow document where the code is ``invalid-definition``; a query parameter stands at ``/query/<name>``. What
went wrong inside never leaves the process: a 5xx carries the id under which the log has it.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from http import HTTPStatus

import sqlalchemy.exc
from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException

from workflowkit.base import errors as e
from workflowkit.base import jsonvalue
from workflowkit.base.errors import Problem, WorkflowKitError
from workflowkit.base.jsonvalue import Json
from workflowkit.runtime.deliveries import WebhookDisabled
from workflowkit.webhooks.delivery import UnreadableBody
from workflowkit.webhooks.signing import DeliveryRefused

logger = logging.getLogger("workflowkit.api")

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 2
_UNEXPECTED = "something went wrong on the server"
#: The endpoint whose clients look for ``error`` and ``ids`` in an answer, beside what all others find.
EVENT_KEY_ENDPOINT = "events.send_events_with_key_in_path"


class PreconditionRequired(WorkflowKitError):
    """A change was sent without saying what it was based on."""

    code = "precondition-required"


class CsrfRefused(e.Forbidden):
    """A change was sent with somebody's cookie, and nothing proves that they sent it."""

    code = "csrf-refused"


class UnsupportedMediaType(WorkflowKitError):
    """A body is not of the type that the route reads."""

    code = "unsupported-media-type"


#: The nearest class in an error's ancestry decides. Whatever is not below one of these is our fault: 500.
STATUSES: dict[type[WorkflowKitError], HTTPStatus] = {
    e.DefinitionError: HTTPStatus.UNPROCESSABLE_ENTITY,
    e.ExpressionError: HTTPStatus.UNPROCESSABLE_ENTITY,
    e.InvalidInput: HTTPStatus.BAD_REQUEST,
    e.InvalidForm: HTTPStatus.UNPROCESSABLE_ENTITY,
    e.InvalidData: HTTPStatus.UNPROCESSABLE_ENTITY,
    e.LimitExceeded: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    e.NotFound: HTTPStatus.NOT_FOUND,
    e.Gone: HTTPStatus.GONE,
    e.Conflict: HTTPStatus.CONFLICT,
    e.StaleRevision: HTTPStatus.PRECONDITION_FAILED,
    e.AuthError: HTTPStatus.FORBIDDEN,
    e.Unauthenticated: HTTPStatus.UNAUTHORIZED,
    e.TooManyAttempts: HTTPStatus.TOO_MANY_REQUESTS,
    e.TooManyAtOnce: HTTPStatus.TOO_MANY_REQUESTS,
    e.ProcessBusy: HTTPStatus.SERVICE_UNAVAILABLE,
    e.OptionsFailed: HTTPStatus.FAILED_DEPENDENCY,
    e.InvalidStub: HTTPStatus.UNPROCESSABLE_ENTITY,
    e.StoreUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    PreconditionRequired: HTTPStatus.PRECONDITION_REQUIRED,
    UnsupportedMediaType: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    UnreadableBody: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    WebhookDisabled: HTTPStatus.GONE,
}

#: What Flask itself refuses, in our words.
_FLASK_CODES = {
    HTTPStatus.NOT_FOUND: "not-found",
    HTTPStatus.METHOD_NOT_ALLOWED: "method-not-allowed",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "limit-exceeded",
}


def status_of(error: WorkflowKitError) -> HTTPStatus:
    """Return the status with which an error is answered."""
    for ancestor in type(error).__mro__:
        if (status := STATUSES.get(ancestor)) is not None:
            return status
    return HTTPStatus.INTERNAL_SERVER_ERROR


def register(app: Flask) -> None:
    """Answer every error of ``app`` with a problem document."""
    app.register_error_handler(WorkflowKitError, _answer_own)
    app.register_error_handler(e.RunFailed, _answer_run_failed)
    app.register_error_handler(HTTPException, _answer_flask)
    app.register_error_handler(sqlalchemy.exc.OperationalError, _answer_store_unavailable)
    app.register_error_handler(sqlalchemy.exc.TimeoutError, _answer_store_unavailable)
    app.register_error_handler(Exception, _answer_unexpected)


def problem(status: HTTPStatus, code: str, detail: str, problems: Sequence[Problem] = ()) -> Response:
    """Return a problem document as a response."""
    body = _document(status, code, detail, problems, g.get("request_id", ""))
    if request.endpoint == EVENT_KEY_ENDPOINT:
        body |= {"error": detail, "ids": []}
    response = Response(jsonvalue.dumps(body), status.value, content_type=MEDIA_TYPE)
    if status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = 'Bearer realm="workflowkit"'
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


def _document(
    status: HTTPStatus, code: str, detail: str, problems: Sequence[Problem], request_id: str
) -> dict[str, Json]:
    return {
        "type": f"urn:workflowkit:problem:{code}",
        "title": status.phrase,
        "status": status.value,
        "detail": detail,
        "code": code,
        "problems": [problem.as_dict() for problem in problems],
        "request_id": request_id,
    }


def document_of(error: Exception, request_id: str) -> dict[str, Json]:
    """Return the problem document of an error that came when the answer had begun; ours is written to the log."""
    if isinstance(error, WorkflowKitError) and status_of(error) < HTTPStatus.INTERNAL_SERVER_ERROR:
        return _document(status_of(error), error.code, error.message, problems_of(error), request_id)
    logger.error("request %s failed", request_id, exc_info=error)
    return _document(HTTPStatus.INTERNAL_SERVER_ERROR, WorkflowKitError.code, _UNEXPECTED, (), request_id)


def _answer_own(error: WorkflowKitError) -> Response:
    status = status_of(error)
    if isinstance(error, e.TooManyAtOnce):
        return _answer_later(status, error)
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        return _answer_store_unavailable(error)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _answer_unexpected(error)
    response = problem(status, error.code, error.message, problems_of(error))
    if isinstance(error, DeliveryRefused) and error.wants_password:
        response.headers["WWW-Authenticate"] = 'Basic realm="workflowkit"'
    if isinstance(error, e.TooManyAttempts):
        response.headers["Retry-After"] = str(error.retry_after_seconds)
    return response


def _answer_later(status: HTTPStatus, error: e.TooManyAtOnce) -> Response:
    response = problem(status, error.code, error.message)
    response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


def _answer_run_failed(error: e.RunFailed) -> Response:
    # Not a fault of ours, so there is nothing to log; what went wrong is in the run, for those who may read it.
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, error.code, error.message)


def problems_of(error: WorkflowKitError) -> Sequence[Problem]:
    """Return the places that an error is about."""
    if isinstance(error, e.DefinitionError | e.InvalidInput | e.Forbidden):
        return error.problems
    if isinstance(error, e.LimitExceeded):
        return (Problem(error.pointer, error.code, error.message),)
    return ()


def _answer_flask(error: HTTPException) -> Response:
    status = HTTPStatus(error.code or 500)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _answer_unexpected(error)
    # werkzeug's own headers, such as Allow and Location, matter; its HTML body does not.
    headers = {name: value for name, value in error.get_headers() if name != "Content-Type"}
    code = _FLASK_CODES.get(status, status.phrase.lower().replace(" ", "-"))
    response = problem(status, code, error.name)
    response.headers.update(headers)
    return response


def _answer_store_unavailable(error: Exception) -> Response:
    logger.warning("request %s: the database is not available: %s", g.get("request_id"), error)
    detail = "the database is not available; try again"
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, e.StoreUnavailable.code, detail)


def _answer_unexpected(error: Exception) -> Response:
    # SAFETY: S26 — stack and message go to the log only.
    logger.error("request %s failed", g.get("request_id"), exc_info=error)
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, WorkflowKitError.code, _UNEXPECTED)
