"""On a server that wants an API key, the page asks for one."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import services
from editing import EditorPage
from playwright.sync_api import expect

COMMAND = [sys.executable, "-m", "workflowkit"]


def is_listening(address: str) -> bool:
    host, port = address.split(":")
    try:
        socket.create_connection((host, int(port)), timeout=1).close()
    except OSError:
        return False
    return True


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """The address of an API that is not a dev server, and a key for it."""
    environment = {**os.environ, "WORKFLOWKIT_DATABASE_URL": f"sqlite:///{tmp_path / 'guarded.db'}"}
    subprocess.run([*COMMAND, "migrate"], cwd=tmp_path, env=environment, check=True, capture_output=True)
    made = subprocess.run(
        [*COMMAND, "keys", "create", "somebody", "--json"],
        cwd=tmp_path, env=environment, check=True, capture_output=True,
    )  # fmt: skip
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    api = subprocess.Popen([*COMMAND, "api", "--bind", address, "--log-level", "error"], cwd=tmp_path, env=environment)
    try:
        assert services.wait_until(lambda: is_listening(address), timeout_seconds=60)
        yield f"http://{address}", json.loads(made.stdout)["key"]
    finally:
        api.terminate()
        api.wait()


def test_a_key_is_asked_for_until_it_is_right(editor: EditorPage, guarded: tuple[str, str]) -> None:
    address, key = guarded
    page = editor.page
    page.goto(f"{address}/workflows")
    dialog = page.get_by_role("dialog", name="API key")
    dialog.get_by_label("Key").fill("wk_default_wrong")
    dialog.get_by_label("Key").press("Enter")
    expect(dialog.get_by_label("Key")).to_have_value("")
    dialog.get_by_label("Key").fill(key)
    dialog.get_by_role("button", name="Use this key").click()
    expect(page.get_by_role("heading", name="No workflow yet")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="No workflow yet")).to_be_visible()
    assert key not in page.content()
