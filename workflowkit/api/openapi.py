"""The OpenAPI 3.1 document: what APIFlask gathers from the views, completed with what our decorators know."""

from __future__ import annotations

import re
import warnings
from http import HTTPStatus
from typing import Any, cast

from apiflask import APIFlask
from flask import Flask

from workflowkit.api.auth import Access, access_of
from workflowkit.api.contract import JSON_MEDIA_TYPE
from workflowkit.api.cookies import CSRF_HEADER
from workflowkit.api.errors import MEDIA_TYPE
from workflowkit.api.schemas.base import ProblemDocument
from workflowkit.api.schemas.calls import Result
from workflowkit.base import jsonvalue

Document = dict[str, Any]

DESCRIPTION = """\
Send events, author workflows, and see what their runs did. Every request but the public ones needs an API key
(`Authorization: Bearer wk_...`) that belongs to one tenant in one environment, or a login; what belongs to others
answers 404 as if it were not there. Errors are RFC 9457 problem documents with a stable `code` and JSON pointers."""

_KEY_SCHEME, _SESSION_SCHEME = "ApiKey", "Session"
_PATH_PARAMETERS = {
    "key": "An API key that may send events.",
    "event_id": "Our id of the event.",
    "workflow_id": "The workflow's id.",
    "version": "The version's number.",
    "kind": "The kind of action.",
    "job_id": "The job's id.",
    "alert_id": "The id of the alert rule.",
    "app_id": "The id of the application.",
    "function_id": "The id of the function in its application.",
    "run_id": "The run's id.",
    "key_id": "The key's id.",
    "webhook_name": "The webhook's name.",
    "secret_name": "The secret's name.",
    "token": "The secret part of the URL.",
    "approval_id": "The approval's id.",
    "user_id": "The user's id.",
    "session_id": "The session's id.",
}
_ERRORS_OF_BODIES = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
)


#: Where an application keeps its document.
EXTENSION = "workflowkit.openapi"


def configure(app: APIFlask) -> None:
    """Let ``app`` describe itself truly."""
    app.config.update(
        OPENAPI_VERSION="3.1.0",
        DESCRIPTION=DESCRIPTION,
        LICENSE={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        AUTO_SERVERS=False,  # it would put the Host header of the first request into everybody's document
        AUTO_404_RESPONSE=False,
        AUTO_VALIDATION_ERROR_RESPONSE=False,
        HTTP_ERROR_SCHEMA=ProblemDocument,
        SYNC_LOCAL_SPEC=False,
        SECURITY_SCHEMES={
            _KEY_SCHEME: {"type": "http", "scheme": "bearer", "description": "An API key: `wk_<environment>_...`."},
            _SESSION_SCHEME: {
                "type": "apiKey",
                "in": "cookie",
                "name": "__Host-workflowkit",
                "description": "Somebody who has logged in. Changes carry `csrf` of `GET /api/session` as "
                f"`{CSRF_HEADER}`.",
            },
        },
    )
    app.spec_processor(lambda document: _complete(app, document))


#: The documents of this process by the routes that they describe: what it says follows from the code alone.
_published: dict[frozenset[tuple[str, str]], Document] = {}


def publish(app: APIFlask) -> None:
    """Make the document, once all routes are there; it is the same for every request and every such application."""
    routes = frozenset((rule.rule, rule.endpoint) for rule in app.url_map.iter_rules())
    if routes not in _published:
        with warnings.catch_warnings():
            # A schema that is a part of one answer and the whole of another is added twice; _merge_copies repairs it.
            warnings.filterwarnings("ignore", message=".* has already been added to the spec")
            _published[routes] = cast(Document, app.spec)
    app.extensions[EXTENSION] = _published[routes]


def _complete(app: Flask, document: Document | str) -> Document:
    assert isinstance(document, dict)  # noqa: S101 - text is for YAML
    document = _merge_copies(document)
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        path = re.sub(r"<(?:[^<:]+:)?([^>]+)>", r"{\1}", rule.rule)
        for operation in _operations(document["paths"].get(path, {}), rule.methods or set()):
            operation["operationId"] = view.__name__
            _secure(operation, access_of(view))
            _describe_parameters(operation)
            if getattr(view, "takes_batch", False):
                _describe_batch(operation)
            _describe_errors(operation, access_of(view))
    # A result is whatever the workflow says: an empty schema admits all of it.
    result = document["components"]["schemas"].get(Result.__name__, {})
    document["components"]["schemas"][Result.__name__] = {"description": result.get("description", "")}
    return document


def _merge_copies(document: Document) -> Document:
    """Undo APIFlask's copies of schemas: ``Run1`` is ``Run`` once more."""
    schemas_by_name = document["components"]["schemas"]
    originals = {name: name.rstrip("0123456789") for name in schemas_by_name}
    text = jsonvalue.dumps(document)
    for name, original in originals.items():
        if name != original and original in originals:
            text = text.replace(f'"#/components/schemas/{name}"', f'"#/components/schemas/{original}"')
    merged: Document = jsonvalue.loads(text)
    for name, original in originals.items():
        if name != original and original in originals:
            del merged["components"]["schemas"][name]
    return merged


def _operations(item: Document, methods: set[str]) -> list[Document]:
    return [operation for method, operation in item.items() if method.upper() in methods]


def _secure(operation: Document, access: Access) -> None:
    if access.permission is None or access.credential == "path":
        operation["security"] = []
    else:
        # OpenAPI 3.1 lets a bearer scheme name the roles that an operation needs.
        operation["security"] = [{_KEY_SCHEME: [access.permission]}, {_SESSION_SCHEME: [access.permission]}]
    if access.credential == "session":
        operation["security"] = [{_SESSION_SCHEME: []}]
        operation["description"] += "\n\nNeeds a login."
    elif access.permission is not None:
        operation["description"] += f"\n\nNeeds the permission `{access.permission}`."


def _describe_parameters(operation: Document) -> None:
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path":
            parameter["description"] = _PATH_PARAMETERS[parameter["name"]]


def _describe_batch(operation: Document) -> None:
    body = operation["requestBody"]["content"][JSON_MEDIA_TYPE]
    items = {"type": "array", "items": body["schema"], "minItems": 1}
    wrapped = {"type": "object", "properties": {"events": items}, "required": ["events"], "additionalProperties": False}
    body["schema"] = {"anyOf": [body["schema"], items, wrapped]}


def _describe_errors(operation: Document, access: Access) -> None:
    """Add the errors that follow from what an operation takes, and give all of them the one shape."""
    responses = operation["responses"]
    parameters = operation.get("parameters", ())
    expected: list[HTTPStatus] = []
    if "requestBody" in operation:
        operation["requestBody"]["required"] = True
        expected.extend(_ERRORS_OF_BODIES)
    if any(parameter["in"] == "query" for parameter in parameters):
        expected.append(HTTPStatus.BAD_REQUEST)
    if any(parameter["in"] == "path" for parameter in parameters):
        expected.append(HTTPStatus.NOT_FOUND)
    if access.permission is not None:
        expected.extend((HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.SERVICE_UNAVAILABLE))
    for status in expected:
        responses.setdefault(str(status.value), {"description": status.phrase})
    responses["default"] = {"description": "Any other error"}
    success = next(response for code, response in responses.items() if code.startswith("2"))
    for code, response in responses.items():
        if code == "default" or code >= "400":
            response["content"] = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}}
        elif "content" not in response or not response["content"].get(JSON_MEDIA_TYPE, {}).get("schema"):
            response["content"] = success["content"]
