"""The page of applications and their functions, with an app that answers like one of an SDK."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from accessibility import serious
from editing import EditorPage, NewPage, Server
from playwright.sync_api import expect


class App:
    """An app that registers one function when it is asked to, or says that it cannot."""

    def __init__(self, server: Server, name: str) -> None:
        self.name, self.trouble = name, ""
        app = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status, answer = (500, {"message": app.trouble}) if app.trouble else (200, app._register(server))
                body = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("x-inngest-sdk", "py:0.5")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_arguments: Any) -> None: ...

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}/api/inngest"
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def _register(self, server: Server) -> Any:
        function = {
            "id": f"{self.name}-welcome",
            "name": "Welcome",
            "triggers": [{"event": "user/created", "expression": "event.data.paid"}],
            "concurrency": {"limit": 3},
            "steps": {"step": {"id": "step", "runtime": {"type": "http", "url": self.url}, "retries": {"attempts": 2}}},
        }
        payload = {"appName": self.name, "url": self.url, "sdk": "py:0.5", "v": "0.1", "functions": [function]}
        request = urllib.request.Request(
            f"{server.url}/fn/register", json.dumps(payload).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request) as response:
            return json.load(response)

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()


@pytest.fixture
def app(server: Server, request: pytest.FixtureRequest) -> Iterator[App]:
    app = App(server, f"shop{len(request.node.name)}")
    yield app
    app.close()


def test_an_app_is_synced_by_its_address_and_archived(editor: EditorPage, app: App) -> None:
    page, server = editor.page, editor.server
    page.goto(f"{server.url}/functions")
    editor.get("sync-app").click()
    app.trouble = "no functions today"
    page.get_by_label("Address").fill(app.url)
    editor.get("confirm-sync").click()
    expect(editor.get("sync-dialog").get_by_role("alert")).to_contain_text("no functions today")
    app.trouble = ""
    editor.get("confirm-sync").click()
    expect(editor.get("sync-dialog")).to_have_count(0)
    card = editor.get(f"app-{app.name}")
    expect(card).to_contain_text(app.url)
    expect(card).to_contain_text("1 function · py:0.5")
    row = page.get_by_role("region", name="Functions").get_by_role("row").filter(has_text=app.name)
    expect(row).to_contain_text("user/created if event.data.paid")
    expect(row).to_contain_text("concurrency 3")
    expect(row).to_contain_text("retries 2")
    syncs = page.get_by_role("region", name="Last syncs")
    expect(syncs.get_by_role("row").filter(has_text="no functions today")).to_contain_text("failed")
    card.get_by_role("button", name=f"More for {app.name}").click()
    page.get_by_role("menuitem", name="Archive").click()
    expect(card).to_contain_text("archived")
    expect(row).to_contain_text("off")
    card.get_by_role("button", name=f"More for {app.name}").click()
    page.get_by_role("menuitem", name="Bring it back").click()
    expect(card).not_to_contain_text("archived")
    card.get_by_role("link", name=app.name).click()
    expect(page).to_have_url(f"{server.url}/functions?app={app.name}")


@pytest.mark.parametrize(("scheme", "width"), [("light", 820), ("dark", 1440)])
def test_axe_finds_nothing_serious_on_the_page_of_functions(
    new_page: NewPage, app: App, scheme: str, width: int
) -> None:
    editor = new_page(color_scheme=scheme, width=width)
    page, server = editor.page, editor.server
    server.post("/api/apps/sync", {"url": app.url})
    page.goto(f"{server.url}/functions")
    expect(editor.get(f"app-{app.name}")).to_be_visible()
    found = serious(page)
    editor.get("sync-app").click()
    expect(editor.get("sync-dialog")).to_be_visible()
    assert found + serious(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
