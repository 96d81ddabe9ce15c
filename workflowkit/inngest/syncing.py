"""Syncing an app whose address is known: it is asked for its functions, and the sync kept in the history.

An app tells them in its answer (in-band), signed, or registers by itself with the server that it knows (out-of-band);
which of the two is its SDK's to say.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

from workflowkit.base.errors import NonRetriableError, WorkflowKitError
from workflowkit.base.jsonvalue import loads_strict
from workflowkit.base.settings import Settings
from workflowkit.definition.model import Json
from workflowkit.engine.calling import AttemptFailed
from workflowkit.inngest.client import AppClient
from workflowkit.inngest.naming import own_id
from workflowkit.inngest.parts import Stored
from workflowkit.inngest.replies import SDK_HEADER, RawReply
from workflowkit.inngest.signing import SIGNATURE_HEADER
from workflowkit.runtime.apps import Apps
from workflowkit.store.apps import AppRecord
from workflowkit.store.appsyncs import UNATTACHED, SyncRow

SYNC_KIND_HEADER, IN_BAND = "x-inngest-sync-kind", "in_band"
_EXCERPT_CHARS = 300


class Parts(Stored, Protocol):
    """What this takes from a composed runtime."""

    @property
    def apps(self) -> Apps: ...


@dataclass(frozen=True, slots=True)
class Said:
    """What a payload that may be wrong says of its app. ``id`` is the app's name as an id of ours, or nothing."""

    id: str
    url: str | None
    sdk: str | None


def told(payload: Json) -> Said:
    """Return what a payload says of the app that it is from."""
    given = {str(name).lower(): each for name, each in payload.items()} if isinstance(payload, dict) else {}
    name, url, sdk = (each if isinstance(each, str) else None for each in map(given.get, ("appname", "url", "sdk")))
    return Said(own_id(name) if name else UNATTACHED, url, sdk)


@dataclass(frozen=True, slots=True)
class AppSyncing:
    """Asks apps for their functions. ``register`` takes what one of them tells; ``parts`` is asked for each time."""

    parts: Callable[[], Parts]
    register: Callable[[Json], tuple[str, bool]]

    def sync(self, environment: str, url: str) -> SyncRow:
        """Ask the app at an address for its functions; return what came of it, a failure too.

        A row without an id says that nothing has changed.
        """
        parts = self.parts()
        begun_ms = parts.database.now_ms()
        before = next((each.id for each in parts.apps.syncs(environment, limit=1)), "")
        failure: str | None = None
        try:
            self._sync(url)
        except AttemptFailed as error:
            failure = error.failed.error.message
        except WorkflowKitError as error:
            failure = error.in_one_line
        kept = self._kept(environment, url, before, begun_ms, failed=failure is not None)
        app = parts.apps.at(environment, url)
        app_id = UNATTACHED if app is None else app.id
        if kept is not None:
            return kept
        if failure is not None:
            return parts.apps.note_failure(environment, failure, url=url, app_id=app_id)
        return _unchanged(app, url, parts.database.now_ms())

    def _kept(self, environment: str, url: str, before: str, begun_ms: int, *, failed: bool) -> SyncRow | None:
        """Return what our own door has kept of this sync meanwhile, if the app came to it."""
        parts = self.parts()
        found = parts.apps.syncs(environment, limit=parts.settings.limits.page_size)
        new = (row for row in found if row.id > before or (failed and row.at_ms >= begun_ms))
        return next((row for row in new if row.url == url and (row.error is not None) is failed), None)

    def _sync(self, url: str) -> None:
        parts = self.parts()
        limits = replace(parts.settings.limits, remote_call_seconds=parts.settings.limits.app_sync_seconds)
        client = AppClient.of(replace(parts.settings, limits=limits), parts.database.now_ms)
        reply = client.send("PUT", url, {"url": url}, {SYNC_KIND_HEADER: IN_BAND})
        answer = _answer(reply, parts.settings)
        if reply.headers.get(SYNC_KIND_HEADER) != IN_BAND:
            return  # it has registered by itself
        # SAFETY: what an answer says is published: it must be known whose answer it is.
        if not client.is_dev and SIGNATURE_HEADER.lower() not in reply.headers:
            raise NonRetriableError("the app's answer is not signed")
        self.register(
            {
                "appName": answer.get("app_id"), "appVersion": answer.get("appVersion"), "url": answer.get("url", url),
                "functions": answer.get("functions"),
                "sdk": f"{answer.get('sdk_language', '')}:v{answer.get('sdk_version', '')}",
            }
        )  # fmt: skip


def _unchanged(app: AppRecord | None, url: str, now_ms: int) -> SyncRow:
    """Return what a sync came to that changed nothing."""
    if app is None:
        return SyncRow("", UNATTACHED, now_ms, url=url)
    sdk = None if app.origin is None else app.origin.sdk
    return SyncRow("", app.id, now_ms, None, url, sdk, app.version, len(app.function_ids))


def _answer(reply: RawReply, settings: Settings) -> dict[str, Any]:
    """Return what an app answered. Raises ``NonRetriableError`` for what is no answer, or a refusal."""
    excerpt = reply.body.decode(errors="replace")[:_EXCERPT_CHARS]
    if SDK_HEADER not in reply.headers:
        raise NonRetriableError(f"what answers there is no app of an SDK: {reply.status} {excerpt}")
    limits = settings.limits
    try:
        answer = loads_strict(
            reply.body, max_bytes=limits.request_bytes, max_depth=limits.json_depth, limit="request_bytes"
        )
    except WorkflowKitError:
        answer = None
    is_ok = reply.status == 200 and isinstance(answer, dict)
    if not is_ok or (reply.headers.get(SYNC_KIND_HEADER) != IN_BAND and "modified" not in answer):
        raise NonRetriableError(f"the app has not registered: {reply.status} {excerpt}")
    assert isinstance(answer, dict)  # noqa: S101
    return answer
