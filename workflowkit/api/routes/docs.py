"""The API's own documentation: the OpenAPI document, and a page of it that needs no other site and no script."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import Response, current_app, render_template, request
from markupsafe import Markup, escape

from workflowkit.api import openapi
from workflowkit.api.auth import public
from workflowkit.api.contract import answer

api = APIBlueprint(
    "docs", __name__, template_folder="../templates", static_folder=None, enable_openapi=False,
)  # fmt: skip

_PAGE_POLICY = "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"


@api.get("/api/openapi.json")
@public
def openapi_document() -> Response:
    """Return the OpenAPI document, with paths below where the application is mounted."""
    return answer({**_document(), "servers": [{"url": request.script_root or "/"}]})


@api.get("/api/docs")
@public
def docs_page() -> Response:
    """Return the documentation as a page."""
    page = render_template("docs.html", document=_document(), operations=_operations_by_tag(), prose=_prose)
    response = Response(page, content_type="text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = _PAGE_POLICY
    return response


@api.get("/api/docs.css")
@public
def docs_style() -> Response:
    """Return the page's style sheet."""
    return Response(render_template("docs.css"), content_type="text/css; charset=utf-8")


def _document() -> dict[str, Any]:
    document: dict[str, Any] = current_app.extensions[openapi.EXTENSION]
    return document


def _prose(text: str) -> Markup:
    """Return text as HTML, with what stands between backquotes as code."""
    code = Markup("<code>{}</code>")
    return Markup("").join(
        code.format(part) if index % 2 else escape(part) for index, part in enumerate(text.split("`"))
    )


def _operations_by_tag() -> dict[str, list[dict[str, Any]]]:
    by_tag: dict[str, list[dict[str, Any]]] = {tag["name"]: [] for tag in _document()["tags"]}
    for path, item in _document()["paths"].items():
        for method, operation in item.items():
            by_tag[operation["tags"][0]].append({"method": method, "path": path, **operation})
    return by_tag
