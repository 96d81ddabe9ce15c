"""What a process of an application does beside serving requests: run steps, find what is due, let workers connect."""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from workflowkit.base import forks
from workflowkit.base.errors import StoreUnavailable
from workflowkit.base.settings import Settings

if TYPE_CHECKING:
    from workflowkit.composition import Runtime
    from workflowkit.dispatch.consumer import EmbeddedWorker
    from workflowkit.inngest.connect.gateway import Gateway
    from workflowkit.runtime.functions import Absent, Synced
    from workflowkit.runtime.presence import Serving
    from workflowkit.runtime.relay import RelayThread
    from workflowkit.runtime.syncing import StartupSync

_log = logging.getLogger(__name__)


class Process:
    """The threads of one process. ``runtime`` returns its parts, the same ones until they are closed; ``sync`` brings
    the functions in the database to those of the application, and says what becomes of those that it does not have.
    """

    def __init__(
        self, app_id: str, settings: Settings, runtime: Callable[[], Runtime], sync: Callable[[Absent], Synced]
    ) -> None:
        self._app_id = app_id
        self._settings = settings
        self._runtime = runtime
        self._sync = sync
        self._begin()
        forks.register(self._begin)

    def _begin(self) -> None:
        # In a child as well, which has none of the threads and may start its own.
        self._startup_sync: StartupSync | None = None
        self._embedded: _Embedded | None = None
        self._gateway: Gateway | None = None

    def sync_soon(self) -> None:
        """Sync the functions as soon as the database answers, in a thread."""
        from workflowkit.runtime.syncing import StartupSync

        if self._startup_sync is not None:
            self._startup_sync.stop()
        self._startup_sync = StartupSync(self._sync_if_migrated)
        self._startup_sync.start()

    def sync_again(self, what: str) -> None:
        """Sync once more, if it was to be done before: there is a function, or the limit of a kind, more."""
        if self._startup_sync is not None:
            _log.warning(
                "%s is registered after the start. Register it before: a function that a process registers later than "
                "some seconds after its start is switched off until then, for all processes, and events that come "
                "meanwhile do not start it",
                what,
            )
            self.sync_soon()

    def _sync_if_migrated(self, absent: Absent) -> Synced:
        from workflowkit.runtime.readiness import is_migrated
        from workflowkit.store.migrate import trouble
        from workflowkit.store.versions import NO_TABLES

        database = self._runtime().database
        if not is_migrated(database):
            raise StoreUnavailable(trouble(database) or NO_TABLES)
        return self._sync(absent)

    def start(self, concurrency: int) -> None:
        """Run steps beside what else this process does."""
        if self._embedded is None:
            self.sync_soon()
            self._embedded = _Embedded(self._runtime(), self._worker("worker", concurrency))
            self._embedded.start()

    def work(self, concurrency: int, name: str) -> int:
        """Run steps until a signal says to end; return the exit code."""
        from workflowkit.dispatch.consumer import run_worker
        from workflowkit.runtime.readiness import wait_for_tables

        runtime = self._runtime()
        wait_for_tables(runtime.database, threading.Event())
        self.sync_soon()
        relay = runtime.relay_thread(self._worker(name, concurrency))
        relay.start()
        try:
            return run_worker(
                runtime.register_tasks(concurrency),
                queues=self._settings.queues,
                concurrency=concurrency,
                name=f"{name}.{os.getpid()}@{self._app_id}",
                on_shutdown=runtime.drain,
            )
        finally:
            relay.stop()

    def start_gateway(self, listener: socket.socket) -> None:
        """Let workers of Inngest's SDKs connect on a socket that listens already."""
        from workflowkit.inngest.connect.gateway import Gateway

        if self._gateway is None:
            url = self._settings.connect_url
            self._gateway = Gateway(self._runtime, self._runtime().notices, listener, url=url)
            self._gateway.start()

    def run_scheduler(self, until: threading.Event) -> None:
        """Find what is due and hint it, until the event is set."""
        from workflowkit.runtime.presence import Serving
        from workflowkit.store.workers import Role

        relay = self._runtime().relay_thread(Serving(Role.SCHEDULER, f"scheduler@{self._app_id}"))
        relay.start()
        until.wait()
        relay.stop()

    def stop(self) -> None:
        """Let running steps end, then end all threads. The runtime stays open."""
        if self._startup_sync is not None:
            self._startup_sync.stop()
            self._startup_sync = None
        if self._embedded is not None:
            self._embedded.stop()
            self._embedded = None
        # After the steps that wait for replies of connected workers.
        if self._gateway is not None:
            self._gateway.stop()
            self._gateway = None

    def _worker(self, name: str, concurrency: int) -> Serving:
        from workflowkit.runtime.presence import Serving
        from workflowkit.store.workers import Role

        return Serving(Role.WORKER, f"{name}@{self._app_id}", self._settings.queues, concurrency)


class _Embedded:
    """The worker and the relay of a process that also does other things."""

    def __init__(self, runtime: Runtime, serving: Serving) -> None:
        from workflowkit.dispatch.consumer import EmbeddedWorker

        self._runtime = runtime
        self._worker: EmbeddedWorker = EmbeddedWorker(
            runtime.register_tasks(serving.concurrency), queues=serving.queues, concurrency=serving.concurrency
        )
        self._relay: RelayThread = runtime.relay_thread(serving)

    def start(self) -> None:
        self._worker.start()
        self._relay.start()

    def stop(self) -> None:
        self._runtime.drain()
        self._relay.stop()
        self._worker.stop()
