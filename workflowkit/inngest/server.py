"""What apps ask of this server: to register their functions, and to see and cancel runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from workflowkit.base.errors import (
    Conflict,
    NotFound,
    StoreUnavailable,
    WorkflowKitError,
)
from workflowkit.base.scope import APP_TENANT, Scope
from workflowkit.base.tokens import Tokens
from workflowkit.definition.model import Json
from workflowkit.inngest import checkpoints, commands
from workflowkit.inngest.durations import moment_asked
from workflowkit.inngest.registration import read_registration
from workflowkit.inngest.state import RunState
from workflowkit.inngest.syncing import AppSyncing, told
from workflowkit.inngest.views import shown_function, shown_job, shown_record, shown_run
from workflowkit.registry import Registry
from workflowkit.runtime.apps import Apps
from workflowkit.runtime.connecting import Connecting
from workflowkit.runtime.functions import App, Functions, SyncStatus
from workflowkit.runtime.intake import Intake
from workflowkit.runtime.logs import Logs
from workflowkit.runtime.waking import Waking
from workflowkit.runtime.workerrequests import WorkerRequests
from workflowkit.store import apps, queries
from workflowkit.store.apps import Origin
from workflowkit.store.transactions import Reading


class Parts(commands.Parts, checkpoints.Parts, Protocol):
    """What this takes from a composed runtime."""

    @property
    def registry(self) -> Registry: ...
    @property
    def functions(self) -> Functions: ...
    @property
    def apps(self) -> Apps: ...
    @property
    def waking(self) -> Waking: ...
    @property
    def connecting(self) -> Connecting: ...
    @property
    def worker_requests(self) -> WorkerRequests: ...
    @property
    def session_tokens(self) -> Tokens | None: ...
    @property
    def intake(self) -> Intake: ...
    @property
    def logs(self) -> Logs: ...


def syncing_of(parts: Callable[[], Parts]) -> AppSyncing:
    """Return what asks apps for their functions; ``parts`` is asked for each time."""
    return AppSyncing(parts, AppServer(parts).register)


@dataclass(frozen=True, slots=True)
class AppServer:
    """The installation as apps see it. ``parts`` is asked for with each request."""

    parts: Callable[[], Parts]

    def register(self, payload: Json, *, is_connected: bool = False) -> tuple[str, bool]:
        """Register an app; return its name, and whether anything changed. A failure is kept in the history of syncs.

        ``is_connected`` if it is a worker's that connects.
        Raises ``InvalidInput``, ``DefinitionError`` for a function that cannot be published, ``Conflict`` for the name
        of the application in this process.
        """
        try:
            return self._register(payload, is_connected=is_connected)
        except WorkflowKitError as error:
            if not isinstance(error, StoreUnavailable):
                parts, said = self.parts(), told(payload)
                parts.apps.note_failure(
                    parts.settings.environment, error.in_one_line, url=said.url, app_id=said.id, sdk=said.sdk
                )
            raise

    def _register(self, payload: Json, *, is_connected: bool) -> tuple[str, bool]:
        parts = self.parts()
        spec_of = parts.registry.remote
        assert spec_of is not None  # noqa: S101 - whoever mounts this has installed it
        found = read_registration(payload, spec_of, is_connected=is_connected)
        if any(own.partition("/")[0] == found.id for own in parts.registry.functions):
            raise Conflict(f"the app {found.name!r} has the name of the application that runs here")
        origin = Origin(found.name, found.url, found.sdk)
        app = App(found.id, found.version, found.functions, origin)
        synced = parts.functions.sync(parts.settings.environment, app, force=True).log_warnings()
        return found.name, synced.status is SyncStatus.SYNCED

    def functions(self) -> list[dict[str, Any]]:
        """Return the functions of apps, as development tools show them."""
        parts = self.parts()
        scope = Scope(parts.settings.environment, APP_TENANT)
        with parts.database.read() as tx:
            found = apps.find_functions(tx, scope, limit=parts.settings.limits.page_size)
        return [shown_function(record) for record in found if record.enabled and "url" in record.document["metadata"]]

    def functions_of(self, app_name: str) -> list[dict[str, Any]]:
        """Return the functions of one app. Raises ``NotFound`` if it has none."""
        found = [each for each in self.functions() if each["app"] == app_name]
        if not found:
            raise NotFound(f"there is no app {app_name!r}")
        return found

    @property
    def state(self) -> RunState:
        """The state of runs, as their apps fetch it and add to it."""
        parts = self.parts()
        return RunState(parts.database, parts.settings.environment, parts.settings.limits)

    # --- runs and events, those of the installation's own tenant

    @property
    def _scope(self) -> Scope:
        return self.parts().settings.scope

    def run(self, run_id: str) -> dict[str, Any]:
        """Return a run. Raises ``NotFound``."""
        with self.parts().database.read() as tx:
            return shown_run(queries.get_run(tx, self._scope, run_id))

    def runs_of_event(self, event_id: str) -> list[dict[str, Any]]:
        """Return the runs that an event started. Raises ``NotFound``."""
        with self.parts().database.read() as tx:
            return [shown_run(run) for run in self._runs_of(tx, event_id)]

    def _runs_of(self, tx: Reading, event_id: str) -> list[queries.RunView]:
        scope, where = self._scope, queries.RunFilter(event_id=event_id)
        queries.get_event(tx, scope, event_id)
        found = queries.find_runs(tx, scope, where, limit=self.parts().settings.limits.page_size)
        # A list leaves outputs out; here they are asked for.
        return [queries.get_run(tx, scope, run.id) for run in found]

    def jobs(self, run_id: str) -> list[dict[str, Any]]:
        """Return what of a run is due, or is being executed. Raises ``NotFound``."""
        with self.parts().database.read() as tx:
            queries.get_run(tx, self._scope, run_id)
            found = queries.find_steps(tx, self._scope, run_id)
        return [shown_job(run_id, step) for step in found if not step.status.is_terminal]

    def event(self, event_id: str) -> dict[str, Any]:
        """Return an event. Raises ``NotFound``."""
        with self.parts().database.read() as tx:
            return shown_record(queries.get_event(tx, self._scope, event_id))

    def events(
        self, *, limit: int, name: str | None, cursor: str | None, received_after: str | None,
        received_before: str | None,
    ) -> list[dict[str, Any]]:  # fmt: skip
        """Return events, the newest first, those before the one with the id ``cursor``. Raises ``InvalidInput``."""
        where = queries.EventFilter(
            name=name,
            received_after_ms=moment_asked(received_after, "/query/received_after"),
            received_before_ms=moment_asked(received_before, "/query/received_before"),
        )
        with self.parts().database.read() as tx:
            found = queries.find_events(tx, self._scope, where, limit=limit, before=cursor)
        return [shown_record(record) for record in found]

    def scope_of(self, run_id: str | None) -> Scope:
        """Return whose a run is; the installation's own tenant without one. Raises ``NotFound``."""
        return self.state.scope(run_id) if run_id else self._scope

    def signal(self, name: str, data: Any) -> str:
        """Resume the run that waits for a signal; return its id. Raises ``NotFound``."""
        try:
            return self.parts().waking.signal(self._scope, name, data)
        except Conflict as error:  # nobody waits any more: to senders that is the same
            raise NotFound("No signal found") from error
