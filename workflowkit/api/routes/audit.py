"""The audit log, for those who may read it. Nothing here writes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from apiflask import APIBlueprint
from flask import Response

from workflowkit.api import views
from workflowkit.api.auth import caller, requires
from workflowkit.api.contract import answer, returns, takes
from workflowkit.api.paging import Page
from workflowkit.api.schemas import audit as schemas
from workflowkit.api.services import Services
from workflowkit.base.clock import epoch_ms
from workflowkit.base.errors import InvalidInput
from workflowkit.store.audit import AuditFilter

api = APIBlueprint("audit", __name__, url_prefix="/api", tag="Users")

_ANY = AuditFilter()


@api.get("/audit")
@requires("audit:read")
@takes(schemas.AuditQuery)
@returns(schemas.AuditPage)
def list_audit_entries(query: dict[str, Any]) -> Response:
    """List the audit log.

    Logins, and what was done to users, keys, workflows and webhooks of your tenant, newest first. Entries never change.
    """
    page = Page.asked(query)
    chosen = AuditFilter(
        action=query.get("action", ""),
        actor=query.get("actor", ""),
        subject=query.get("subject", ""),
        from_ms=_milliseconds(query.get("created_after"), _ANY.from_ms),
        until_ms=_milliseconds(query.get("created_before"), _ANY.until_ms),
    )
    before = {} if page.after is None else {"before": _number(page.after)}
    found = Services.current().audit.find(caller().scope, chosen, limit=page.fetch, **before)
    return answer(page.show(found, views.audit_entry, lambda entry: str(entry.seq)))


def _milliseconds(at: datetime | None, otherwise: int) -> int:
    return otherwise if at is None else epoch_ms(at)


def _number(name: str) -> int:
    if not name.isdecimal() or not name.isascii() or len(name) > 18:
        raise InvalidInput.at("/query/cursor", "invalid-value", "take the cursor from next_cursor")
    return int(name)
