"""The pages of the web interface: one document for all of them, whose script reads the address, and its assets."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from workflowkit.api.auth import public
from workflowkit.api.webbundle import PAGES, WebBundle
from workflowkit.base import ids
from workflowkit.base.errors import NotFound

api = APIBlueprint(
    "pages", __name__, template_folder="../templates", static_folder=None, enable_openapi=False,
)  # fmt: skip

#: The first parts of the addresses that the script knows (web/src/shell/routes.ts).
SECTIONS = (
    "workflows", "runs", "events", "approvals", "functions", "alerts", "secrets", "webhooks", "workers", "users",
    "audit",
)  # fmt: skip
_SECTION = f"<any({', '.join(SECTIONS)}):section>"
#: Assets have a hash of their content in their names.
_FOREVER = "public, max-age=31536000, immutable"


@api.get("/")
@public
def index() -> BaseResponse:
    """Return the web interface, or lead to the API's documentation where it was not built."""
    bundle = WebBundle.find()
    return redirect(url_for("docs.docs_page")) if bundle is None else _page(bundle)


@api.get(f"/{_SECTION}")
@public
def section_page(section: str) -> Response:
    """Return the web interface for one of its sections."""
    return _page(WebBundle.built())


@api.get(f"/{_SECTION}/<path:rest>")
@public
def nested_page(section: str, rest: str) -> Response:
    """Return the web interface for something inside a section."""
    return _page(WebBundle.built())


@api.get("/assets/<name>")
@public
def asset(name: str) -> Response:
    """Return a script or a style sheet of the web interface."""
    found = WebBundle.built().asset(name)
    if found is None:
        raise NotFound("there is no such asset")
    is_gzipped = found.gzipped is not None and request.accept_encodings["gzip"] > 0
    path = found.gzipped if is_gzipped and found.gzipped is not None else found.path
    response = Response(path.read_bytes(), content_type=found.content_type)
    response.headers["Cache-Control"] = _FOREVER
    response.headers["Vary"] = "Accept-Encoding"
    if is_gzipped:
        response.headers["Content-Encoding"] = "gzip"
    return response


def _page(bundle: WebBundle) -> Response:
    nonce = ids.random_token(16)
    script = bundle.script(PAGES)
    text = render_template("page.html", script=script, style=bundle.style, root=request.script_root, nonce=nonce)
    response = Response(text, content_type="text/html; charset=utf-8")
    response.headers["Cache-Control"] = "no-cache"
    response.headers["Content-Security-Policy"] = _policy(nonce)
    return response


def _policy(nonce: str) -> str:
    """Return what a page may load: its own files, pictures of actions, and styles by whoever knows the nonce."""
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            f"style-src 'self' 'nonce-{nonce}'",  # the code editor writes a style element
            "img-src 'self' data: https:",
            "font-src 'self'",
            "connect-src 'self'",
            "worker-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )
