"""What apps ask of this server: to register their functions, and to see and cancel runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from workflowkit.base.errors import Conflict, StoreUnavailable, WorkflowKitError
from workflowkit.base.scope import APP_TENANT, Scope
from workflowkit.base.settings import Settings
from workflowkit.definition.model import Json
from workflowkit.inngest.registration import read_registration
from workflowkit.inngest.syncing import reason_of, told
from workflowkit.inngest.views import shown_run
from workflowkit.registry import Registry
from workflowkit.runtime.apps import Apps
from workflowkit.runtime.control import Control
from workflowkit.runtime.functions import App, Functions, SyncStatus
from workflowkit.store import apps, queries
from workflowkit.store.apps import Origin
from workflowkit.store.database import Database


class Parts(Protocol):
    """What this takes from a composed runtime."""

    @property
    def settings(self) -> Settings: ...
    @property
    def registry(self) -> Registry: ...
    @property
    def database(self) -> Database: ...
    @property
    def functions(self) -> Functions: ...
    @property
    def apps(self) -> Apps: ...
    @property
    def control(self) -> Control: ...


@dataclass(frozen=True, slots=True)
class AppServer:
    """The installation as apps see it. ``parts`` is asked for with each request."""

    parts: Callable[[], Parts]

    def register(self, payload: Json) -> tuple[str, bool]:
        """Register an app; return its name, and whether anything changed. A failure is kept in the history of syncs.

        Raises ``InvalidInput``, ``DefinitionError`` for a function that cannot be published, ``Conflict`` for the name
        of the application in this process.
        """
        try:
            return self._register(payload)
        except WorkflowKitError as error:
            if not isinstance(error, StoreUnavailable):
                parts, said = self.parts(), told(payload)
                parts.apps.note_failure(
                    parts.settings.environment, reason_of(error), url=said.url, app_id=said.id, sdk=said.sdk
                )
            raise

    def _register(self, payload: Json) -> tuple[str, bool]:
        parts = self.parts()
        spec_of = parts.registry.remote
        assert spec_of is not None  # noqa: S101 - whoever mounts this has installed it
        found = read_registration(payload, spec_of)
        if any(own.partition("/")[0] == found.id for own in parts.registry.functions):
            raise Conflict(f"the app {found.name!r} has the name of the application that runs here")
        origin = Origin(found.name, found.url, found.sdk)
        app = App(found.id, found.version, found.functions, origin)
        synced = parts.functions.sync(parts.settings.environment, app, force=True)
        return found.name, synced.status is SyncStatus.SYNCED

    def functions(self) -> list[dict[str, Any]]:
        """Return the functions of apps, as development tools show them."""
        parts = self.parts()
        scope = Scope(parts.settings.environment, APP_TENANT)
        with parts.database.read() as tx:
            found = apps.find_functions(tx, scope, limit=parts.settings.limits.page_size)
        return [
            {
                "id": record.id, "slug": record.document["metadata"]["slug"], "name": record.document["name"],
                "fv": record.version, "url": record.document["metadata"]["url"],
                "triggers": record.document.get("triggers", []),
            }
            for record in found
            if record.enabled and "url" in record.document["metadata"]
        ]  # fmt: skip

    def run(self, scope: Scope, run_id: str) -> dict[str, Any]:
        """Return a run. Raises ``NotFound``."""
        parts = self.parts()
        with parts.database.read() as tx:
            run = queries.get_run(tx, scope, run_id)
        return shown_run(run)

    def runs_of_event(self, scope: Scope, event_id: str) -> list[dict[str, Any]]:
        """Return the runs that an event started. Raises ``NotFound``."""
        parts = self.parts()
        limit = parts.settings.limits.page_size
        with parts.database.read() as tx:
            queries.get_event(tx, scope, event_id)
            found = queries.find_runs(tx, scope, queries.RunFilter(event_id=event_id), limit=limit)
        return [shown_run(run) for run in found]

    def cancel(self, scope: Scope, run_id: str) -> None:
        """End a run; one that has ended stays as it is. Raises ``NotFound``."""
        self.parts().control.cancel(scope, run_id, reason="cancelled by an app's client")
