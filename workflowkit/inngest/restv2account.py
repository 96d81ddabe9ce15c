"""The second version of the REST API: events that are sent, syncs of apps, and what there is of an account."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import Response, request

from workflowkit.base.clock import rfc3339
from workflowkit.base.errors import InvalidInput, Problem
from workflowkit.base.limits import Limits
from workflowkit.base.settings import Settings
from workflowkit.inngest.answers import limit_asked, read_body
from workflowkit.inngest.identities import identity
from workflowkit.inngest.naming import own_id
from workflowkit.inngest.server import AppServer, syncing_of
from workflowkit.inngest.signing import key_hash
from workflowkit.inngest.views import ACCOUNT_ID, ENVIRONMENT_ID
from workflowkit.runtime.keys import Keys
from workflowkit.store.appsyncs import SyncRow
from workflowkit.store.keys import KeyRecord

#: How many keys and syncs a page has, unless another number is asked for, and at most.
_PAGE, _MAX_PAGE = 20, 100
#: What a key must be able to do to count as one for events.
_SENDS = "events:send"
#: So much of what stands for a signing key tells it from another one.
_SHOWN_CHARS = 8

Show = Callable[..., Response]


class AccountV2:
    """The views. ``data`` makes an answer of a value, and of a page of values."""

    def __init__(self, server: AppServer, data: Show) -> None:
        self._server, self._data = server, data

    def rules(self) -> tuple[tuple[str, str, Callable[..., Response]], ...]:
        """Return methods, rules and views."""
        return (
            ("POST", "/events", self._send),
            ("POST", "/apps/<app_name>/syncs", self._sync),
            ("GET", "/apps/<app_name>/syncs", self._syncs),
            ("GET", "/account", self._account),
            ("GET", "/envs", self._environments),
            ("GET", "/keys/events", self._event_keys),
            ("GET", "/keys/signing", self._signing_keys),
        )

    @property
    def _settings(self) -> Settings:
        return self._server.parts().settings

    @property
    def _limits(self) -> Limits:
        return self._settings.limits

    def _send(self) -> Response:
        """Store one event, or a list of them: all or none."""
        body = read_body(self._limits)
        values = body if isinstance(body, list) else [body]
        accepted = self._server.parts().intake.send(self._settings.scope, values)
        return self._data({"ids": [each.id for each in accepted]}, status=201)

    # --- syncs

    def _sync(self, app_name: str) -> Response:
        """Ask an app for its functions: at the address of the body, else where it was."""
        parts, environment = self._server.parts(), self._settings.environment
        body = read_body(self._limits) if request.content_length else {}
        url = body.get("url") if isinstance(body, dict) else None
        if url is None:
            origin = parts.apps.get(environment, own_id(app_name)).origin
            url = None if origin is None else origin.url
        if not isinstance(url, str) or not url:
            raise InvalidInput([Problem("/url", "required", "the address of the app")])
        row = syncing_of(self._server.parts).sync(environment, url)
        return self._data(_shown_sync(row, app_name))

    def _syncs(self, app_name: str) -> Response:
        limit = limit_asked(_PAGE, _MAX_PAGE)
        found = self._server.parts().apps.syncs(
            self._settings.environment, limit=limit + 1, app_id=own_id(app_name), before=request.args.get("cursor")
        )
        return self._page([_shown_sync(row, app_name) for row in found], limit)

    # --- the account

    def _account(self) -> Response:
        # There are no accounts here: an installation is one.
        return self._data({"id": ACCOUNT_ID, "name": self._settings.scope.tenant, "email": ""})

    def _environments(self) -> Response:
        kind = "TEST" if self._settings.dev_apps else "PRODUCTION"
        shown = {"id": ENVIRONMENT_ID, "name": self._settings.environment, "type": kind}
        return self._page([shown], _PAGE)

    def _event_keys(self) -> Response:
        limit = limit_asked(_PAGE, _MAX_PAGE)
        keys = Keys(self._server.parts().database)
        found = keys.find(self._settings.scope, limit=limit + 1, before=request.args.get("cursor", ""))
        page = [self._key(each) for each in found[:limit] if _is_for_events(each)]
        return self._data(page, page=_page_of(found[:limit], limit, has_more=len(found) > limit))

    def _signing_keys(self) -> Response:
        """Tell which signing keys there are. Of a key itself, only what stands for it is shown."""
        named = {"current": self._settings.signing_key, "fallback": self._settings.signing_key_fallback}
        shown = [
            {
                "id": identity("signing-key", name), "name": name, "environment": self._settings.environment,
                "key": f"{key_hash(key)[:_SHOWN_CHARS]}…",
            }
            for name, key in named.items() if key
        ]  # fmt: skip
        return self._page(shown, _PAGE)

    def _key(self, record: KeyRecord) -> dict[str, Any]:
        return {
            "id": record.id, "name": record.name, "environment": record.scope.environment,
            "key": f"{record.prefix}…", "createdAt": rfc3339(record.created_at_ms),
        }  # fmt: skip

    def _page(self, found: list[dict[str, Any]], limit: int) -> Response:
        shown, has_more = found[:limit], len(found) > limit
        cursor = shown[-1]["id"] if has_more else None
        return self._data(shown, page={"cursor": cursor, "hasMore": has_more, "limit": limit})


def _is_for_events(record: KeyRecord) -> bool:
    return record.revoked_at_ms is None and _SENDS in record.permissions


def _page_of(records: list[KeyRecord], limit: int, *, has_more: bool) -> Mapping[str, Any]:
    return {"cursor": records[-1].id if has_more and records else None, "hasMore": has_more, "limit": limit}


def _shown_sync(row: SyncRow, app_name: str) -> dict[str, Any]:
    return {
        "id": row.id or None, "app": {"id": app_name}, "status": row.status.upper(), "error": row.error,
        "url": row.url, "sdk": row.sdk, "functionCount": row.function_count, "syncedAt": rfc3339(row.at_ms),
    }  # fmt: skip
