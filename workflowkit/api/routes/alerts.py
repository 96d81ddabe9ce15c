"""Rules of alerts: made, listed, changed, deleted."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import Response

from workflowkit.api import views
from workflowkit.api.auth import by, caller, requires
from workflowkit.api.contract import answer, receives, returns, takes
from workflowkit.api.paging import Page
from workflowkit.api.schemas import alerts as schemas
from workflowkit.api.schemas.base import PageQuery
from workflowkit.api.services import Services
from workflowkit.engine.alerts import AlertSettings, parse_condition
from workflowkit.runtime.alerts import Alerts

api = APIBlueprint("alerts", __name__, url_prefix="/api", tag="Alerts")


@api.post("/alerts")
@requires("alerts:write")
@receives(schemas.AlertRule)
@returns(schemas.Alert, 201)
def create_alert(body: dict[str, Any]) -> Response:
    """Make an alert rule.

    When it fires, and when it recovers, an event tells of that: `workflow/alert.fired`, `workflow/alert.recovered`.
    """
    return answer(views.alert(_alerts().create(caller().scope, _settings(body), by=by())), 201)


@api.get("/alerts")
@requires("alerts:read")
@takes(PageQuery)
@returns(schemas.AlertPage)
def list_alerts(query: dict[str, Any]) -> Response:
    """List the alert rules.

    Oldest first, with how each stands.
    """
    page = Page.asked(query)
    found = _alerts().find(caller().scope, limit=page.fetch, after=page.after or "")
    return answer(page.show(found, views.alert, lambda rule: rule.id))


@api.get("/alerts/<alert_id>")
@requires("alerts:read")
@returns(schemas.Alert)
def get_alert(alert_id: str) -> Response:
    """Show an alert rule.

    And how it stands.
    """
    return answer(views.alert(_alerts().get(caller().scope, alert_id)))


@api.put("/alerts/<alert_id>")
@requires("alerts:write")
@receives(schemas.AlertRule)
@returns(schemas.Alert)
def update_alert(body: dict[str, Any], alert_id: str) -> Response:
    """Change an alert rule.

    What is left out gets its default. One that fires goes on firing; disabled, it does so no more, and no event tells.
    """
    return answer(views.alert(_alerts().update(caller().scope, alert_id, _settings(body), by=by())))


@api.delete("/alerts/<alert_id>")
@requires("alerts:write")
@returns(schemas.Alert)
def delete_alert(alert_id: str) -> Response:
    """Delete an alert rule.

    If it fires, no event tells of its end.
    """
    return answer(views.alert(_alerts().delete(caller().scope, alert_id, by=by())))


def _alerts() -> Alerts:
    return Services.current().alerts


def _settings(body: dict[str, Any]) -> AlertSettings:
    given = {name: body[name] for name in ("window_seconds", "quiet_seconds", "enabled") if name in body}
    condition = parse_condition(body["condition"])
    return AlertSettings(name=body["name"], condition=condition, workflow_id=body.get("workflow_id") or "", **given)
