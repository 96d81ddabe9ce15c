"""Applications, whoever they are written by: listed, archived and brought back, and how their syncs went."""

from __future__ import annotations

from dataclasses import replace

from workflowkit.base.errors import NotFound
from workflowkit.base.ids import new_id
from workflowkit.base.limits import Limits
from workflowkit.base.scope import APP_TENANT, DEFAULT_SCOPE, Scope
from workflowkit.engine.failures import ERROR_MESSAGE_CHARS, storable
from workflowkit.runtime.auditing import PROGRAM, Act, By, note
from workflowkit.runtime.authoring import Authoring
from workflowkit.runtime.connecting import SILENT_MS
from workflowkit.store import apps, appsyncs, connections, workflows
from workflowkit.store.apps import AppRecord
from workflowkit.store.appsyncs import UNATTACHED, SyncRow
from workflowkit.store.database import Database
from workflowkit.store.transactions import Transaction


class Apps:
    """The applications of an installation. They belong to an environment, not to a tenant."""

    def __init__(self, database: Database, authoring: Authoring, limits: Limits) -> None:
        self._database, self._authoring, self._limits = database, authoring, limits

    def find(self, environment: str, *, limit: int, after: str = "") -> list[AppRecord]:
        """Return up to ``limit`` applications in order of id, those behind the id ``after``."""
        with self._database.read() as tx:
            return apps.find(tx, _scope(environment), limit=limit, after=after)

    def get(self, environment: str, app_id: str) -> AppRecord:
        """Return an application. Raises ``NotFound``."""
        with self._database.read() as tx:
            return _get(tx, _scope(environment), app_id)

    def connection_counts(self, environment: str) -> dict[str, int]:
        """Return how many connections of workers each application has; those that have none are left out."""
        with self._database.read() as tx:
            return connections.count_by_app(tx, environment, seen_after_ms=tx.now_ms - SILENT_MS)

    def at(self, environment: str, url: str) -> AppRecord | None:
        """Return the application that registered from an address, if one has."""
        with self._database.read() as tx:
            return next(iter(apps.find(tx, _scope(environment), limit=1, url=url)), None)

    def syncs(
        self, environment: str, *, limit: int, app_id: str | None = None, before: str | None = None
    ) -> list[SyncRow]:
        """Return up to ``limit`` syncs, newest first: those of an app, of none (``UNATTACHED``), or all.

        Raises ``NotFound`` if there is no such app.
        """
        scope = _scope(environment)
        with self._database.read() as tx:
            if app_id:
                _get(tx, scope, app_id)
            return appsyncs.find(tx, scope, limit=limit, app_id=app_id, before=before)

    def archive(
        self, environment: str, app_id: str, *, by: By = PROGRAM, tenant: str = DEFAULT_SCOPE.tenant
    ) -> AppRecord:
        """Let no function of an application begin a run any more; runs that have begun go on. Idempotent.

        It comes back with ``unarchive``, or when changed code of it is synced. It is entered in the audit log of
        ``tenant``, for which somebody does it. Raises ``NotFound``.
        """
        scope = _scope(environment)
        with self._database.transaction("archive") as tx:
            app = self._lock(tx, scope, app_id)
            if app.archived_at_ms is not None:
                return app
            switched = [each for each in app.function_ids if workflows.get(tx, scope, each).enabled]
            for function_id in switched:
                self._authoring.retire(tx, scope, function_id)
            apps.archive(tx, scope, app_id, function_ids=switched)
            note(tx, Scope(environment, tenant), by, Act.APP_ARCHIVED, f"app:{app_id}")
            return _get(tx, scope, app_id)

    def unarchive(
        self, environment: str, app_id: str, *, by: By = PROGRAM, tenant: str = DEFAULT_SCOPE.tenant
    ) -> AppRecord:
        """Put the functions in force again that were when the application was archived. Idempotent.

        It is entered in the audit log of ``tenant``. Raises ``NotFound``.
        """
        scope = _scope(environment)
        with self._database.transaction("archive") as tx:
            app = self._lock(tx, scope, app_id)
            for function_id in app.archived_functions:
                self._authoring.switch(tx, scope, function_id, enabled=True)
            apps.archive(tx, scope, app_id, function_ids=None)
            if app.archived_at_ms is not None:
                note(tx, Scope(environment, tenant), by, Act.APP_UNARCHIVED, f"app:{app_id}")
            return _get(tx, scope, app_id)

    def note_failure(
        self, environment: str, error: str, *, url: str | None, app_id: str, sdk: str | None = None
    ) -> SyncRow:
        """Note that a sync failed, and why: with the app of this id if there is one, else unattached.

        Once as long as it fails in the same way: an app that is asked again and again would fill the history.
        """
        scope = _scope(environment)
        error, url = storable(error, ERROR_MESSAGE_CHARS), None if url is None else storable(url, ERROR_MESSAGE_CHARS)
        with self._database.transaction("sync") as tx:
            attached = app_id if apps.get(tx, scope, app_id) is not None else UNATTACHED
            latest = next(iter(appsyncs.find(tx, scope, limit=1, app_id=attached)), None)
            if latest is not None and (latest.error, latest.url) == (error, url):
                appsyncs.repeat(tx, scope, latest.id)
                return replace(latest, at_ms=tx.now_ms)
            row = SyncRow(new_id(tx.now_ms), attached, tx.now_ms, error, url, sdk)
            appsyncs.insert(tx, scope, row, limit=self._limits.app_syncs)
        return row

    def _lock(self, tx: Transaction, scope: Scope, app_id: str) -> AppRecord:
        _get(tx, scope, app_id)  # locking would make its row
        found = apps.lock(tx, scope, app_id)
        assert found is not None  # noqa: S101 - applications are never deleted
        return found


def _get(tx: Transaction, scope: Scope, app_id: str) -> AppRecord:
    found = apps.get(tx, scope, app_id)
    if found is None:
        raise NotFound(f"there is no application {app_id!r}")
    return found


def _scope(environment: str) -> Scope:
    return Scope(environment, APP_TENANT)
