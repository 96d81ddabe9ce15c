"""Every screen that there is, at a desk, on a tablet and on a telephone, light and dark, and with hostile texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import services
from accessibility import HOSTILE, serious_in_both_themes
from editing import EditorPage, NewPage, Server, chain
from playwright.sync_api import Dialog, Page, expect

EVENT = "screens/hostile"
DEADLINE_MS = 60_000
DEADLINE_SECONDS = 60
#: Each test goes through many screens, on machines that do much else.
PATIENCE_SECONDS = 600
#: Width and height of the windows in which a screen is looked at.
SIZES = [(1440, 900), (820, 1180), (390, 844)]


pytestmark = pytest.mark.timeout(PATIENCE_SECONDS)

#: Controls take the page's font only if they are told to; what is for machines has another one.
FOREIGN_FONTS = """() => {
    const own = getComputedStyle(document.body).fontFamily;
    const controls = [...document.querySelectorAll("button, input, select, textarea")];
    const fonts = controls.map((control) => getComputedStyle(control).fontFamily);
    return [...new Set(fonts)].filter((font) => font !== own && !font.includes("mono"));
}"""


@dataclass(frozen=True, slots=True)
class Filled:
    """A server where everything that people name is called by a hostile text."""

    server: Server
    workflow_id: str
    run_id: str
    event_id: str

    def screens(self) -> dict[str, str]:
        """Return the paths of all screens that an address leads to, by name."""
        editor = f"/workflows/{self.workflow_id}"
        panels = {f"panel {name}": f"{editor}?panel={name}" for name in ("problems", "versions", "outline", "test")}
        steps = {f"step {node}": f"{editor}?node={node}&panel=config" for node in ("say", "ask", "last", "$source")}
        return {
            "workflows": "/workflows",
            "editor": editor,
            "runs": f"/runs?workflow={self.workflow_id}",
            "run": f"/runs/{self.run_id}",
            "run, a step": f"/runs/{self.run_id}?step=say",
            "events": f"/events?name={EVENT}",
            "event": f"/events/{self.event_id}",
            "approvals": "/approvals",
            "functions": "/functions",
            "alerts": "/alerts",
            "secrets": "/secrets",
            "webhooks": "/webhooks",
            "workers": "/workers",
            "users": "/users",
            "audit": "/audit",
            "nothing": "/runs/not/there",
        } | panels | steps  # fmt: skip


def a_workflow(text: str) -> dict[str, Any]:
    """Return a workflow with a text wherever one may stand."""
    document = chain("chatty", "builtin:approval", "log", event=EVENT, name=text, description=text)
    say, ask, last = document["actions"]
    say |= {"id": "say", "name": text, "inputs": {"text": text}}
    ask |= {"id": "ask", "name": text, "inputs": {"title": text, "description": text, "timeout": "2d"}}
    last |= {"id": "last", "name": text, "inputs": {"message": "!ref($.state.nowhere.x) " + text}}
    document["edges"] = [
        {"from": "$source", "to": "say", "name": text},
        {"from": "say", "to": "ask", "name": text},
        {
            "from": "ask",
            "to": "last",
            "name": text,
            "conditional": {"type": "match", "ref": "!ref($.output.approved)", "value": text},
        },
    ]
    document["metadata"] = {"ui": {"notes": {"note": {"x": -300, "y": 0, "text": text}}}}
    return document


@pytest.fixture(scope="module")
def filled(server: Server) -> Filled:
    """Publish the workflow as long as it is sound, break its draft, run it, and let it ask somebody."""
    text = HOSTILE[0]
    document = a_workflow(text)
    sound = document | {"actions": [*document["actions"][:2], document["actions"][2] | {"inputs": {"message": text}}]}
    workflow_id = server.create(sound)
    server.post(f"/api/workflows/{workflow_id}/publish")
    server.post("/api/alerts", {"name": text, "condition": {"kind": "failure_count", "failures": 1000}})
    server.post("/api/events", {"name": EVENT, "data": {key: key for key in HOSTILE}})
    runs = f"/api/runs?workflow_id={workflow_id}&status=waiting"
    assert services.wait_until(lambda: bool(server.get(runs)["items"]), timeout_seconds=DEADLINE_SECONDS)
    (run,) = server.get(runs)["items"]
    broken = server.create(document)
    return Filled(server, broken, run["id"], run["event_id"])


def wait_until_shown(page: Page) -> None:
    """Wait until a screen has loaded what it shows."""
    expect(page.locator("main").first).to_be_visible(timeout=DEADLINE_MS)
    for waiting in (".page-loading", ".page-wait"):
        expect(page.locator(waiting)).to_have_count(0, timeout=DEADLINE_MS)


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_every_screen_can_be_used_by_everybody(new_page: NewPage, filled: Filled, width: int, height: int) -> None:
    page = new_page(width=width, height=height).page
    found: dict[str, Any] = {}
    asked: list[str] = []

    def note(dialog: Dialog) -> None:
        asked.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", note)
    for name, path in filled.screens().items():
        page.goto(f"{filled.server.url}{path}")
        wait_until_shown(page)
        problems = serious_in_both_themes(page)
        if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            problems.append("the page scrolls sideways")
        if page.locator("img[src=x]").count() > 0:
            problems.append("a text became an element")
        problems += page.evaluate(FOREIGN_FONTS)
        if problems:
            found[name] = problems
    assert found == {}
    assert asked == []


def test_every_dialog_can_be_used_by_everybody(editor: EditorPage, filled: Filled) -> None:
    page, url = editor.page, filled.server.url
    found: dict[str, list[str]] = {}

    def look(path: str, *test_ids: str) -> None:
        if path:
            page.goto(f"{url}{path}")
        wait_until_shown(page)
        for test_id in test_ids:
            editor.get(test_id).first.click()
        expect(page.locator("dialog[open], [role=menu], .condition, .cm-content").first).to_be_visible()
        if problems := serious_in_both_themes(page):
            found[f"{path} {test_ids}"] = problems

    look("/workflows", "new-workflow")
    look("/runs", "bulk-open")
    look("/approvals", "decide")
    look("/alerts", "new-alert")
    look("/functions", "sync-app")
    look("/workers", "account-button")
    look(f"/runs/{filled.run_id}", "cancel-run")
    look(f"/workflows/{filled.workflow_id}", "more")
    page.keyboard.press("Escape")
    for key in ("Control+f", "?", "a"):
        page.keyboard.press(key)
        look("")
        page.keyboard.press("Escape")
    look(f"/workflows/{filled.workflow_id}?node=say&panel=config", "fx-/text")
    assert found == {}


def test_a_telephone_shows_everything_that_the_editor_can(new_page: NewPage, filled: Filled) -> None:
    editor = new_page(width=390, height=844, has_touch=True).go(filled.workflow_id)
    for test_id in ("workflow-name", "publish", "problems-button", "versions-button", "outline-button", "more"):
        box = editor.get(test_id).bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390, test_id
    links = editor.page.get_by_role("navigation", name="Sections").get_by_role("link")
    for box in [link.bounding_box() for link in links.all()]:
        assert box is None or (box["x"] >= 0 and box["x"] + box["width"] <= 390)


def test_lines_of_lists_are_cards_where_there_is_little_room(new_page: NewPage, filled: Filled) -> None:
    editor: EditorPage = new_page(width=390, height=844)
    page = editor.page
    page.goto(f"{filled.server.url}/events?name={EVENT}")
    cell = page.get_by_role("table", name="Events", exact=True).locator("td").nth(1)
    expect(cell).to_have_attribute("data-head", "Data")
    box = cell.bounding_box()
    assert box is not None
    assert box["width"] > 300, "the data have the width of the card"
