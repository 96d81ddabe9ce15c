"""The context of the application that a request came through, for functions of its own that are called meanwhile.

Behind a blueprint a request is served by an application of ours (docs/decisions/0002), so ``current_app`` is that one.
What the host has registered is called in the host's own context, where its extensions, such as the session of
Flask-SQLAlchemy, find their application. On another thread it is a context of the same application, not the request's.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from contextvars import Context, copy_context
from typing import Any, ParamSpec, TypeVar

from flask import Flask, current_app, has_request_context, request

#: Where a blueprint leaves it. Clients cannot set it: their headers are named ``HTTP_...``.
_HOST_CONTEXT = "workflowkit.host_context"
_HOST_APP = "workflowkit.host_app"

P = ParamSpec("P")
R = TypeVar("R")


def keep_context(environ: dict[str, Any]) -> None:
    """Leave the present context and application, which are the host's, in what the request is served with."""
    environ[_HOST_CONTEXT] = copy_context()
    environ[_HOST_APP] = current_app._get_current_object()  # type: ignore[attr-defined]  # as Flask's documentation has it


def app_context_of_host() -> Callable[[], AbstractContextManager[object]]:
    """Return what opens a context of the host's application on another thread; without a host, what does nothing."""
    app = request.environ.get(_HOST_APP)
    return app.app_context if isinstance(app, Flask) else nullcontext


def of_host(function: Callable[P, R]) -> Callable[P, R]:
    """Return what calls ``function`` in the host's context, where there is one; else where it is called."""

    @functools.wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> R:
        context = request.environ.get(_HOST_CONTEXT) if has_request_context() else None
        if not isinstance(context, Context):
            return function(*args, **kwargs)
        # A copy: one context cannot be entered twice at a time, as where one such function comes to another.
        return context.copy().run(function, *args, **kwargs)

    return called
