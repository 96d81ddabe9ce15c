"""Apps of a developer's machine: found where they usually are, and asked for their functions again and again."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from urllib.parse import urlsplit

from workflowkit.base.errors import ActionError, LimitExceeded, StoreUnavailable
from workflowkit.base.netguard import NetworkPolicy, request
from workflowkit.inngest.replies import SDK_HEADER
from workflowkit.inngest.syncing import AppSyncing
from workflowkit.store.appsyncs import SyncRow

_log = logging.getLogger(__name__)

#: How often apps are asked.
WATCH_SECONDS = 5.0
#: Where applications under development usually listen, and at which paths they serve their functions.
PORTS = (3000, 3001, 3030, 4000, 5000, 5001, 8000, 8080, 8787)
PATHS = ("/api/inngest", "/x/inngest", "/.netlify/functions/inngest", "/.redwood/functions/inngest")
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
_LOOK = NetworkPolicy(allow_private=True, timeout_seconds=1.0)


class AppWatch:
    """Keeps the apps of this machine synced. ``on_synced`` is called with each sync that changed something or failed.

    ``urls`` are addresses that somebody named; ``ports`` are those where apps are looked for.
    """

    def __init__(
        self,
        syncing: AppSyncing,
        environment: str,
        *,
        urls: Sequence[str] = (),
        ports: Sequence[int] = PORTS,
        on_synced: Callable[[SyncRow], None] = lambda _row: None,
    ) -> None:
        self._syncing, self._environment = syncing, environment
        self._urls, self._ports, self._on_synced = tuple(urls), tuple(ports), on_synced
        self._told: dict[str, str | None] = {}
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def look(self) -> list[str]:
        """Ask every app that answers for its functions; return their addresses."""
        known = dict.fromkeys([*self._urls, *self._registered()])
        taken = {urlsplit(url).port for url in known}
        for url in self._found(port for port in self._ports if port not in taken):
            known[url] = None
        answering = [url for url in known if _is_app(url)]
        for url in answering:
            self._tell(url, self._syncing.sync(self._environment, url))
        return answering

    def start(self) -> None:
        """Look now and then, on a thread, until ``stop``."""
        self._thread = threading.Thread(target=self._watch, name="workflowkit-apps", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread, after its present look; one that waits for an app is left to itself."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(WATCH_SECONDS)

    def _watch(self) -> None:
        while not self._stop.is_set():
            try:
                self.look()
            except StoreUnavailable as error:
                _log.warning("apps are not asked: %s", error)
            self._stop.wait(WATCH_SECONDS)

    def _registered(self) -> Iterator[str]:
        parts = self._syncing.parts()
        for app in parts.apps.find(self._environment, limit=parts.settings.limits.page_size):
            if app.origin is not None and app.archived_at_ms is None and urlsplit(app.origin.url).hostname in _LOCAL:
                yield app.origin.url

    def _found(self, ports: Iterator[int]) -> Iterator[str]:
        for port in ports:
            for path in PATHS:
                url = f"http://127.0.0.1:{port}{path}"
                answer = _look_at(url)
                if answer is None:
                    break  # nobody listens there
                if answer:
                    yield url
                    break

    def _tell(self, url: str, row: SyncRow) -> None:
        if row.id and (row.error is None or self._told.get(url) != row.error):
            self._on_synced(row)
        self._told[url] = row.error


def _is_app(url: str) -> bool:
    return bool(_look_at(url))


def _look_at(url: str) -> bool | None:
    """Tell whether an app of an SDK answers at an address; ``None`` if nobody does."""
    try:
        return SDK_HEADER in request("GET", url, policy=_LOOK, follow_redirects=False).headers
    except ActionError:
        return None
    except LimitExceeded:  # somebody, who says too much
        return False
