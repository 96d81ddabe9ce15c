"""Requests for the numbers of an installation: here, and in an application of somebody else's."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from flask import Blueprint, Response, request

from workflowkit.api.errors import RETRY_AFTER_SECONDS
from workflowkit.base.errors import StoreUnavailable
from workflowkit.runtime.metrics import Metrics

#: What requests are answered with: Prometheus's format, and OpenMetrics for those who accept that.
MEDIA_TYPES = ("text/plain", "application/openmetrics-text")
_TEXT = f"{MEDIA_TYPES[0]}; charset=utf-8"


def scraped(metrics: Metrics) -> Response:
    """Return the numbers as the present request wants them. Raises ``StoreUnavailable``."""
    from workflowkit.api.exposition import expose

    body, content_type = expose(metrics.read(), is_openmetrics=MEDIA_TYPES[1] in request.headers.get("Accept", ""))
    return Response(body, content_type=content_type)


def create_metrics_blueprint(
    metrics: Callable[[], Metrics], *, name: str, url_prefix: str, allow: Callable[[], bool]
) -> Blueprint:
    """Return a blueprint that shows the numbers at ``url_prefix`` to whom the host allows it.

    ``allow`` is called with each request, in the host's own context; who is not allowed sees what is not there.
    """
    blueprint = Blueprint(name, __name__)

    def show() -> Response:
        if allow() is not True:
            return Response("not found\n", HTTPStatus.NOT_FOUND, content_type=_TEXT)
        try:
            return scraped(metrics())
        except StoreUnavailable as error:
            headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
            return Response(f"{error.message}\n", HTTPStatus.SERVICE_UNAVAILABLE, headers, content_type=_TEXT)

    blueprint.add_url_rule(url_prefix, "metrics", show, methods=["GET"])
    return blueprint
