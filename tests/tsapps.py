"""Apps of the real npm package, in a Node process, beside a dev server of ours that calls them."""

from __future__ import annotations

import hashlib
import itertools
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from sdkapps import eventually

from scripts.build_web import find_npm

APP = Path(__file__).parent / "protocol" / "typescript"
_INSTALLED = APP / "node_modules" / ".installed-from"
_INSTALL_SECONDS = 300
_ENDED = ("Completed", "Failed", "Cancelled")
_keys = itertools.count(1)


def installed_node() -> tuple[str, dict[str, str]]:
    """Return Node and its environment, with the locked package installed. Skips the test where there is no Node."""
    npm = find_npm()
    if npm is None:
        pytest.skip("there is no Node.js 20.19 or newer, so nothing of the SDK of TypeScript was tested")
    lock = hashlib.sha256((APP / "package-lock.json").read_bytes()).hexdigest()
    if not _INSTALLED.is_file() or _INSTALLED.read_text() != lock:
        command = [*npm.command, "ci", "--silent", "--ignore-scripts", "--omit=peer"]
        subprocess.run(command, cwd=APP, env=dict(npm.environment), check=True, timeout=_INSTALL_SECONDS)
        _INSTALLED.write_text(lock)
    return npm.command[0] if len(npm.command) > 1 else "node", dict(npm.environment)


@dataclass
class TypescriptApp:
    """An app that serves the functions of ``typescript/functions.mjs``, registered with our server."""

    name: str
    url: str
    server: str
    synced: httpx.Response
    is_v3: bool = False

    def error_name(self, name: str) -> str:
        """Return the name under which an error arrives: the third version of the SDK tells all as ``Error``."""
        return "Error" if self.is_v3 else name

    def send(self, function: str, key: str | None = None, *, event: str | None = None, **data: Any) -> str:
        """Send the event that starts a function; return its id. ``key`` is where the function tells what it does."""
        (event_id,) = self.send_together([{"name": event or f"ts/{function}", "data": {"key": key, **data}}])
        return event_id

    def send_together(self, events: list[dict[str, Any]]) -> list[str]:
        """Send events in one request; return their ids."""
        answer = httpx.post(f"{self.server}/e/test", json=events)
        assert answer.status_code == 200, answer.text
        ids: list[str] = answer.json()["ids"]
        return ids

    def run(self, function: str, key: str | None = None, **data: Any) -> dict[str, Any]:
        """Start a function; return its run, once it has ended."""
        return self.run_of(self.send(function, key, **data))

    def run_of(self, event_id: str) -> dict[str, Any]:
        """Return the run that an event started, once it has ended."""

        def find() -> dict[str, Any] | None:
            runs = httpx.get(f"{self.server}/v1/events/{event_id}/runs").json()["data"]
            return next((run for run in runs if run["status"] in _ENDED), None)

        return eventually(find)

    def invoke(self, function: str, key: str | None = None, *, headers: dict[str, str] | None = None) -> str:
        """Start a function of this app and no other; return the id of its run."""
        path = f"/v2/apps/{self.name}/functions/{function}/invoke"
        answer = httpx.post(f"{self.server}{path}", json={"data": {"key": key}}, headers=headers)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["data"]["runId"])

    def run_by_id(self, run_id: str, *, headers: dict[str, str] | None = None) -> dict[str, Any]:
        """Return a run, once it has ended."""

        def find() -> dict[str, Any] | None:
            answer = httpx.get(f"{self.server}/v1/runs/{run_id}", headers=headers)
            run: dict[str, Any] = answer.json().get("data") or {}
            return run if run.get("status") in _ENDED else None

        return eventually(find)

    def told(self, key: str, count: int | None = None) -> list[Any]:
        """Return what functions told under a key: all, or once it is so much."""

        def find() -> list[Any] | None:
            found: list[Any] = httpx.get(f"{self.url}/told/{key}").json()
            return found if count is None or len(found) >= count else None

        return eventually(find)

    def release(self, key: str) -> None:
        """Let a function go on that holds, once it has told."""
        assert httpx.get(f"{self.url}/release/{key}").json() is True

    def calls(self, function: str) -> list[str]:
        """Return the calls of a function: which step was asked for in each."""
        found: list[str] = httpx.get(f"{self.url}/calls/{function}").json()
        return found


def new_key() -> str:
    """Return a key that no other test has."""
    return f"k{next(_keys)}"


@contextmanager
def a_typescript_app(
    server: str, name: str, *options: str, directory: Path, is_dev: bool = True, **environment: str
) -> Iterator[TypescriptApp]:
    """Serve an app and let it register."""
    node, variables = installed_node()
    variables |= {"INNGEST_DEV": server} if is_dev else {}
    log = directory / f"{name}.log"
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [node, "app.mjs", name, *options], cwd=APP, env={**os.environ, **variables, **environment},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
        )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        port = process.stdout.readline().decode().strip()
        assert port, log.read_text()
        url = f"http://127.0.0.1:{port}"
        yield TypescriptApp(name, url, server, httpx.put(f"{url}/api/inngest", timeout=60), "v3" in options)
    finally:
        process.stdin.close()
        process.wait(timeout=30)
        process.stdout.close()
