"""A real server, a real browser, and pages that fail the test if anything is reported on their console."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from editing import EditorPage, NewPage, Server
from embedhost import Host, a_host
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright
from seats import Seat, Seats

from scripts.chromium import find_chromium
from workflowkit.api.webbundle import WebBundle

HERE = Path(__file__).parent
CHROMIUM = find_chromium()

ColorScheme = Literal["light", "dark"]

#: For a busy machine; a page that works needs a fraction of it.
ACTION_TIMEOUT_MS = 30_000
expect.set_options(timeout=ACTION_TIMEOUT_MS)

#: What the browser itself reports of requests that a test lets fail.
_EXPECTED = re.compile(
    r"Failed to load resource: "
    r"(the server responded with a status of ([45]\d\d)|net::ERR_(FAILED|INTERNET_DISCONNECTED))"
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say why nothing of this can run, where it cannot."""
    reason = "there is no Chromium" if CHROMIUM is None else "web/ is not built" if WebBundle.find() is None else None
    for item in items:
        if reason is not None and item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.skip(reason=f"the browser tests did not run: {reason}"))


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A dev server with the actions of this directory."""
    home = tmp_path_factory.mktemp("server")
    command = [sys.executable, "-m", "workflowkit", "dev", f"{HERE / 'actions.py'}:wk", "--port", "0"]
    process = subprocess.Popen(command, cwd=home, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout:
        address = next(found[0] for line in process.stdout if (found := re.search(r"http://[\d.]+:\d+", line)))
        try:
            server = Server(address)
            server.get("/api/health/ready")
            yield server
        finally:
            process.terminate()
            process.wait()


@pytest.fixture(scope="package")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A host application with the editor in its pages, for tests that leave the workflow there as it is."""
    with a_host(tmp_path_factory.mktemp("host")) as running:
        yield running


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """A browser for all tests of this directory.

    Not for longer: an event loop runs in this thread as long as there is one, and other tests have loops of their own.
    """
    # Only our own pages are opened; containers have neither what the sandbox needs nor much shared memory.
    arguments = ["--no-sandbox", "--disable-dev-shm-usage"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def seats(browser: Browser) -> Seats:
    return Seats(browser)


@pytest.fixture
def new_page(server: Server, seats: Seats) -> Iterator[NewPage]:
    """Make pages, each of a user of their own. At the end nothing may stand on their consoles."""
    taken: list[tuple[Seat, dict[str, Any]]] = []
    reports: list[str] = []

    def make(
        *, width: int = 1440, height: int = 900, color_scheme: ColorScheme = "light", **options: Any
    ) -> EditorPage:
        seat = seats.take(options)
        taken.append((seat, options))
        seat.context.set_default_timeout(ACTION_TIMEOUT_MS)
        page = seat.new_page()
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=color_scheme)
        page.on("pageerror", lambda error: reports.append(f"page error: {error}"))
        page.on("console", lambda message: reports.extend(_reported(message)))
        return EditorPage(page, server)

    yield make
    for seat, options in taken:
        seats.give_back(seat, options)
    assert reports == []


def _reported(message: ConsoleMessage) -> list[str]:
    is_bad = message.type in ("error", "warning") and not _EXPECTED.match(message.text)
    return [f"{message.type}: {message.text}"] if is_bad else []


@pytest.fixture
def editor(new_page: NewPage) -> EditorPage:
    """A page at a desk."""
    return new_page()


@pytest.fixture
def page(editor: EditorPage) -> Page:
    return editor.page
