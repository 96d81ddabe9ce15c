"""The numbers of the installation, for programs that watch it."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import Response

from workflowkit.api.auth import caller, requires
from workflowkit.api.contract import returns_text
from workflowkit.api.scraping import MEDIA_TYPES, scraped
from workflowkit.api.services import Services
from workflowkit.base.errors import Forbidden

api = APIBlueprint("metrics", __name__, tag="System")


@api.get("/metrics")
@requires("metrics:read")
@returns_text("The numbers, in Prometheus's text format, or as OpenMetrics if the client accepts that.", MEDIA_TYPES)
def get_metrics() -> Response:
    """Show the numbers of the installation.

    For Prometheus and what reads its format. They are sums over all tenants, so only callers of the application's own
    tenant get them.
    """
    services = Services.current()
    # Whatever its permissions: a tenant's credential tells nothing of the other tenants.
    if caller().scope != services.default_scope:
        raise Forbidden("metrics are of the whole installation: they need a key of the application's own tenant")
    return scraped(services.metrics)
