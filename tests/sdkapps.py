"""Apps of the real Inngest SDK, served over HTTP from a thread, beside a dev server of ours that calls them."""

from __future__ import annotations

import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import flask
import httpx
import inngest
import inngest.flask
from werkzeug.serving import make_server

from workflowkit import WorkflowKit
from workflowkit.base.settings import Settings
from workflowkit.contrib.encryption import EncryptionMiddleware
from workflowkit.store import migrate

Found = TypeVar("Found")
WAIT_SECONDS = 60.0


@contextmanager
def serving(app: flask.Flask) -> Iterator[str]:
    """Serve an application on a free port; give its address."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class SdkApp:
    """An app of the SDK and our server. ``requests`` are the calls that the app got: which step of which function."""

    wk: WorkflowKit
    server: str
    client: inngest.Inngest
    requests: list[tuple[str, str]] = field(default_factory=list)
    app_url: str = ""

    @contextmanager
    def serve(self, functions: list[inngest.Function[Any]]) -> Iterator[httpx.Response]:
        """Serve functions and register them, as somebody who calls the app's URL does; give the app's answer."""
        web = flask.Flask("app")
        inngest.flask.serve(web, self.client, functions)

        @web.before_request
        def note() -> None:
            if "fnId" in flask.request.args:
                self.requests.append((flask.request.args["fnId"], flask.request.args["stepId"]))

        with serving(web) as url:
            self.app_url = f"{url}/api/inngest"
            yield httpx.put(self.app_url, timeout=30)

    def send(self, name: str, data: dict[str, Any] | None = None, **fields: Any) -> str:
        """Send an event with the SDK; return its id."""
        (event_id,) = self.client.send_sync(inngest.Event(name=name, data=data or {}, **fields))
        return event_id

    def run_of(
        self, event_id: str, *, index: int = 0, ended: bool = True, headers: dict[str, str] | None = None
    ) -> dict[str, Any]:
        """Return a run that an event started, once it has ended."""

        def find() -> dict[str, Any] | None:
            found = httpx.get(f"{self.server}/v1/events/{event_id}/runs", headers=headers).json()["data"]
            if len(found) <= index:
                return None
            run = httpx.get(f"{self.server}/v1/runs/{found[index]['run_id']}", headers=headers).json()["data"]
            return run if not ended or run["status"] in ("Completed", "Failed", "Cancelled") else None

        return eventually(find)


def eventually(find: Callable[[], Found | None]) -> Found:
    """Return what ``find`` finds, as soon as it finds something."""
    until = time.monotonic() + WAIT_SECONDS
    while (found := find()) is None:
        assert time.monotonic() < until, "it never came"
        threading.Event().wait(0.05)
    return found


@cache
def _migrated() -> bytes:
    """Return the file of a migrated SQLite database: migrating takes longer than most of the tests."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "template.db"
        migrate.upgrade(f"sqlite:///{path}")
        with closing(sqlite3.connect(path)) as connection:  # all of it in the one file
            connection.execute("pragma wal_checkpoint(truncate)")
        return path.read_bytes()


@contextmanager
def a_server(
    directory: Path, *, dev_mode: bool = True, encrypts: bool = False, **settings: Any
) -> Iterator[tuple[WorkflowKit, str]]:
    """Run our server with its worker on a SQLite file; give it and its address. It ``encrypts`` values if asked."""
    path = directory / "apps.db"
    if not path.exists():  # else one that was here before goes on
        path.write_bytes(_migrated())
    url = f"sqlite:///{path}"
    given = Settings(database_url=url, dev_apps=dev_mode, relay_interval_seconds=0.1, **settings)
    wk = WorkflowKit(settings=given)
    if encrypts:
        wk.use(EncryptionMiddleware("a passphrase of a test"))
    app = wk.api(dev_mode=dev_mode)
    wk.start(concurrency=4)
    try:
        with serving(app) as address:
            yield wk, address
    finally:
        wk.stop()
