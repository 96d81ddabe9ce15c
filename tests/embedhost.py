"""The host application of examples/embed on one origin, and Workflow Kit on another, as real processes."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import services

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Host:
    """Where the two are, and the database that they share."""

    url: str
    server_url: str
    database_url: str


def copy_example(home: Path) -> Path:
    """Copy ``examples/embed`` into ``home``; return where it is."""
    directory = home / "examples" / "embed"
    shutil.copytree(ROOT / "examples" / "embed", directory)
    (home / "examples" / "__init__.py").touch()
    return directory


@contextmanager
def a_host(home: Path, *, is_inside: bool = False) -> Iterator[Host]:
    """Run both in ``home``, with the copy of the example that is there or a new one; or the host alone, with Workflow
    Kit inside.
    """
    if not (home / "examples").exists():
        copy_example(home)
    host, server = f"localhost:{services.free_port()}", f"127.0.0.1:{services.free_port()}"
    database_url = f"sqlite:///{home / 'embed.db'}"
    environment = {
        **os.environ,
        "WORKFLOWKIT_DATABASE_URL": database_url,
        "WORKFLOWKIT_EMBED_ORIGINS": f"http://{host}",
        "PYTHONPATH": str(ROOT),
        "WORKFLOWKIT_URL": "" if is_inside else f"http://{server}",
    }
    port = host.rpartition(":")[2]
    commands = (
        ["-m", "workflowkit", "migrate"],
        ["-m", "flask", "--app", "examples.embed.app", "run", "--host", "localhost", "--port", port],
        ["-m", "workflowkit", "api", "--bind", server, "--log-level", "error"],
    )
    addresses = (host,) if is_inside else (host, server)
    subprocess.run([sys.executable, *commands[0]], cwd=ROOT, env=environment, check=True, capture_output=True)
    with ExitStack() as stack:
        log = stack.enter_context(open(home / "log", "wb"))
        for command, address in zip(commands[1:], addresses, strict=False):
            process = subprocess.Popen([sys.executable, *command], cwd=home, env=environment, stdout=log, stderr=log)
            stack.callback(process.wait)
            stack.callback(process.terminate)
            is_up = services.wait_until(partial(_is_listening, address), timeout_seconds=60)
            # Another process may have taken the port, and ours have ended because of that.
            is_ours = is_up and process.poll() is None
            assert is_ours, (home / "log").read_text(errors="replace")
        yield Host(f"http://{host}", f"http://{host}/workflows" if is_inside else f"http://{server}", database_url)


def log_in(page: Page, host: Host, name: str) -> None:
    """Let a user of the example, whose password is the name, log in to its first page."""
    page.goto(f"{host.url}/login")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(name)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/element")


def _is_listening(address: str) -> bool:
    name, port = address.split(":")
    try:
        socket.create_connection((name, int(port)), timeout=1).close()
    except OSError:
        return False
    return True
