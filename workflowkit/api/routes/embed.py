"""For pages of host applications: the modules that they load, and the page of an iframe.

The modules have fixed addresses and name the built files, whose names change with their content.
"""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import Response, render_template, request

from workflowkit.api.auth import public
from workflowkit.api.services import Services
from workflowkit.api.webbundle import CONNECT, ELEMENT, FOLLOW, FRAME, WebBundle

api = APIBlueprint(
    "embed", __name__, url_prefix="/embed", template_folder="../templates", static_folder=None, enable_openapi=False,
)  # fmt: skip

_ELEMENT_MODULE = """\
import {{ define }} from "../{script}";
define({{ styles: [new URL("../{style}", import.meta.url).href] }});
"""
_CONNECT_MODULE = """\
export {{ connectFrame }} from "../{script}";
"""
_FOLLOW_MODULE = """\
export {{ subscribe }} from "../{script}";
"""


@api.get("/workflow-editor.js")
@public
def element_module() -> Response:
    """Return the module that defines `<workflow-editor>`."""
    bundle = WebBundle.built()
    return _module(_ELEMENT_MODULE.format(script=bundle.script(ELEMENT).file, style=bundle.style))


@api.get("/workflow-frame.js")
@public
def connect_module() -> Response:
    """Return the module with which a page opens a workflow in an iframe."""
    return _module(_CONNECT_MODULE.format(script=WebBundle.built().script(CONNECT).file))


@api.get("/realtime.js")
@public
def realtime_module() -> Response:
    """Return the module with which a page follows a channel."""
    return _module(_FOLLOW_MODULE.format(script=WebBundle.built().script(FOLLOW).file))


@api.get("/frame")
@public
def frame_page() -> Response:
    """Return the page of an iframe, which pages of the configured origins, and our own, may show."""
    bundle, origins = WebBundle.built(), Services.current().embed_origins
    text = render_template(
        "frame.html", script=bundle.script(FRAME), style=bundle.style, root=request.script_root, hosts=" ".join(origins)
    )
    response = Response(text, content_type="text/html; charset=utf-8")
    response.headers["Cache-Control"] = "no-cache"
    response.headers["Content-Security-Policy"] = _frame_policy(origins)
    # Where both stand, browsers go by the policy, and this header cannot name origins.
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    return response


def _frame_policy(origins: tuple[str, ...]) -> str:
    # `style-src`: custom properties that the host sets are set by script, which needs no permission.
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data: https:",
            "font-src 'self'",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            " ".join(("frame-ancestors 'self'", *origins)),
        )
    )


def _module(text: str) -> Response:
    response = Response(text, content_type="text/javascript; charset=utf-8")
    response.headers["Cache-Control"] = "no-cache"
    return response
