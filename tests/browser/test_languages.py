"""The pages beside the editor in German and Arabic: nothing English is left, and Arabic goes from right to left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import services
from accessibility import serious
from editing import NewPage, Server, chain
from playwright.sync_api import Locator, Page, ViewportSize, expect
from translations import english_on

EVENT = "languages/asked"
DEADLINE_MS = 60_000
#: Each test goes through many pages, on machines that do much else.
PATIENCE_SECONDS = 600
#: Where there is too little room, and how much too little.
OVERFLOWING = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
DESK: ViewportSize = {"width": 1440, "height": 900}
TELEPHONE: ViewportSize = {"width": 390, "height": 844}
#: What every language calls the same.
NAMED = frozenset({"Workflow Kit"})


pytestmark = pytest.mark.timeout(PATIENCE_SECONDS)


@dataclass(frozen=True, slots=True)
class Visited:
    """A server with something on every page."""

    server: Server
    workflow_id: str
    run_id: str
    failed_id: str
    event_id: str
    #: What users have called things, in the tests before, too: some of it could be a message.
    names: frozenset[str]

    def pages(self) -> dict[str, str]:
        """Return the paths of all pages, by what shows that they are there."""
        return {
            "/workflows": "new-workflow",
            f"/runs?workflow={self.workflow_id}": "bulk-open",
            f"/runs/{self.run_id}": "waterfall",
            f"/runs/{self.run_id}?step=ask": "step-detail",
            f"/runs/{self.failed_id}?step=fetch": "run-error",
            "/events": "account-button",
            f"/events/{self.event_id}": "decisions",
            "/approvals": "decide",
            "/functions": "sync-app",
            "/alerts": "new-alert",
            "/workers": "health-Workers",
            "/secrets": "new-secret",
            "/webhooks": "new-webhook",
            "/users": "new-user",
            "/audit": "account-button",
            "/runs/not/there": "account-button",
        }

    def dialogs(self) -> dict[str, tuple[str, str]]:
        """Return the paths of pages with what opens a dialog there, by the dialog."""
        return {
            "new-workflow-dialog": ("/workflows", "new-workflow"),
            "decision": ("/approvals", "decide"),
            "alert-dialog": ("/alerts", "new-alert"),
            "sync-dialog": ("/functions", "sync-app"),
            "secret-dialog": ("/secrets", "new-secret"),
            "bulk": ("/runs", "bulk-open"),
            "cancel-reason": (f"/runs/{self.run_id}", "cancel-run"),
            "rerun-text": (f"/runs/{self.failed_id}", "rerun"),
            "send-dialog": (f"/events/{self.event_id}", "send-again"),
            "account": ("/workers", "account-button"),
        }


def a_workflow() -> dict[str, Any]:
    document = chain("builtin:approval", "log", event=EVENT, name="A chain")
    ask, last = document["actions"]
    ask |= {"id": "ask", "name": "Ada", "inputs": {"title": "Ada?", "assignees": ["ada@example.com"]}}
    last |= {"id": "last", "name": "Eve", "inputs": {"message": "x"}}
    document["edges"] = [{"from": "$source", "to": "ask"}, {"from": "ask", "to": "last"}]
    return document


def a_failing_workflow() -> dict[str, Any]:
    document = chain("http_request", event=EVENT, name="A chain")
    inputs = {"url": "http://127.0.0.1:9/"}
    document["actions"][0] |= {"id": "fetch", "name": "Bob", "inputs": inputs, "settings": {"retries": 0}}
    document["edges"] = [{"from": "$source", "to": "fetch"}]
    return document


@pytest.fixture(scope="module")
def visited(server: Server) -> Visited:
    asking, failing = server.create(a_workflow()), server.create(a_failing_workflow())
    for workflow_id in (asking, failing):
        server.post(f"/api/workflows/{workflow_id}/publish")
    server.post(f"/api/workflows/{failing}/pause", {})
    server.post(f"/api/workflows/{failing}/resume", {})
    condition = {"kind": "failure_rate", "rate": 0.5, "min_runs": 20}
    server.post("/api/alerts", {"name": "Ida", "condition": condition})
    server.post("/api/events", {"name": EVENT, "data": {"x": 1}})

    def runs(workflow_id: str, status: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = server.get(f"/api/runs?workflow_id={workflow_id}&status={status}")["items"]
        return found

    assert services.wait_until(
        lambda: bool(runs(asking, "waiting")) and bool(runs(failing, "failed")), timeout_seconds=60
    )
    (run,), (failed,) = runs(asking, "waiting"), runs(failing, "failed")
    return Visited(server, asking, run["id"], failed["id"], run["event_id"], names_on(server))


def names_on(server: Server) -> frozenset[str]:
    """Return what workflows are called, and what the audit log names."""
    items = [*server.get("/api/workflows?limit=200")["items"], *server.get("/api/audit?limit=200")["items"]]
    return frozenset(
        name for item in items for name in (item.get("name"), (item.get("detail") or {}).get("name")) if name
    )


class Reader:
    """Somebody who has chosen a language."""

    def __init__(self, page: Page, visited: Visited, language: str) -> None:
        self.page, self.visited, self.language = page, visited, language

    def go(self, path: str, shown: str) -> None:
        """Open a page, and wait until it has loaded what it shows."""
        self.page.goto(f"{self.visited.server.url}{path}")
        expect(self.get(shown)).to_be_visible(timeout=DEADLINE_MS)
        for waiting in (".page-loading", ".page-wait"):
            expect(self.page.locator(waiting)).to_have_count(0, timeout=DEADLINE_MS)

    def get(self, test_id: str) -> Locator:
        return self.page.get_by_test_id(test_id).first

    def too_wide(self) -> list[str]:
        """Return how much the page scrolls sideways, if it does."""
        pixels = self.page.evaluate(OVERFLOWING)
        return [f"{pixels} px too wide"] if pixels > 0 else []

    def english(self) -> list[str]:
        """Return what is said in English and has a translation."""
        return english_on(self.page, self.language, NAMED | self.visited.names)


@pytest.mark.parametrize("language", ["de", "ar"])
def test_every_page_speaks_the_language_and_fits(new_page: NewPage, visited: Visited, language: str) -> None:
    reader = Reader(new_page(locale=language).page, visited, language)
    found: dict[str, Any] = {}
    for path, shown in visited.pages().items():
        reader.go(path, shown)
        problems: list[Any] = [*reader.english(), *serious(reader.page)]
        problems += reader.too_wide()
        reader.page.set_viewport_size(TELEPHONE)
        problems += [f"on a telephone: {problem}" for problem in (*reader.english(), *reader.too_wide())]
        reader.page.set_viewport_size(DESK)
        if problems:
            found[path] = problems
    direction = "rtl" if language == "ar" else "ltr"
    expect(reader.page.locator(f"html[lang={language}][dir={direction}]")).to_have_count(1)
    assert found == {}


@pytest.mark.parametrize("language", ["de", "ar"])
def test_every_dialog_speaks_the_language(new_page: NewPage, visited: Visited, language: str) -> None:
    reader = Reader(new_page(locale=language).page, visited, language)
    found: dict[str, Any] = {}
    for dialog, (path, opener) in visited.dialogs().items():
        reader.go(path, opener)
        reader.get(opener).click()
        expect(reader.get(dialog)).to_be_visible(timeout=DEADLINE_MS)
        if problems := [*reader.english(), *serious(reader.page)]:
            found[dialog] = problems
    assert found == {}


def test_the_language_is_the_browsers_until_somebody_chooses(new_page: NewPage, visited: Visited) -> None:
    reader = Reader(new_page(locale="de-CH").page, visited, "de")
    heading = reader.page.get_by_role("heading", level=1)
    reader.go("/approvals", "decide")
    expect(heading).to_have_text("Freigaben")
    reader.get("account-button").click()
    reader.get("language").select_option("ar")
    expect(heading).to_have_text("الموافقات")
    expect(reader.page.locator("html[lang=ar][dir=rtl]")).to_have_count(1)
    reader.go("/alerts", "new-alert")
    expect(heading).to_have_text("التنبيهات")
    reader.get("account-button").click()
    reader.get("language").select_option("en")
    expect(heading).to_have_text("Alerts")
    expect(reader.page.locator("html[lang=en][dir=ltr]")).to_have_count(1)


def test_a_browser_of_another_language_gets_english(new_page: NewPage, visited: Visited) -> None:
    reader = Reader(new_page(locale="fr-FR").page, visited, "en")
    reader.go("/workers", "health-Workers")
    expect(reader.page.get_by_role("heading", level=1)).to_have_text("Workers and queues")


def test_the_rail_stands_where_reading_begins(new_page: NewPage, visited: Visited) -> None:
    reader = Reader(new_page(locale="ar").page, visited, "ar")
    reader.go("/workflows", "new-workflow")
    rail = reader.page.get_by_role("navigation").bounding_box()
    assert rail is not None
    assert rail["x"] + rail["width"] == 1440


def test_what_people_wrote_reads_in_its_own_direction(new_page: NewPage, visited: Visited) -> None:
    reader = Reader(new_page(locale="ar").page, visited, "ar")
    reader.go("/approvals", "decide")
    expect(reader.page.get_by_text("Ada?", exact=True)).to_have_css("direction", "ltr")
    expect(reader.page.get_by_role("heading", name="Ada?")).to_have_css("direction", "rtl")
    reader.get("decide").click()
    expect(reader.get("decision").get_by_text("Ada?", exact=True)).to_have_css("direction", "ltr")


def test_time_goes_to_the_right_in_every_language(new_page: NewPage, visited: Visited) -> None:
    reader = Reader(new_page(locale="ar").page, visited, "ar")
    reader.go(f"/runs/{visited.run_id}", "waterfall")
    tracks = reader.page.locator(".waterfall-track")
    assert {track.evaluate("element => getComputedStyle(element).direction") for track in tracks.all()} == {"ltr"}
