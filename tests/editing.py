"""What the browser tests do with an editor, in the words of its users."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import services
from playwright.sync_api import Locator, Page, expect

from workflowkit.cli.client import ApiClient

#: For a busy machine.
DEADLINE_SECONDS = 60

_numbers = itertools.count(1)


@dataclass(slots=True)
class Server:
    """The server, and another way to look at what it has."""

    url: str

    def get(self, path: str) -> Any:
        """Read something by the API."""
        with closing(ApiClient(self.url)) as client:
            return client.get(path)

    def post(self, path: str, body: Any = None) -> Any:
        """Send something by the API."""
        with closing(ApiClient(self.url)) as client:
            return client.post(path, body)

    def create(self, document: Mapping[str, Any]) -> str:
        """Store a workflow; return its id."""
        workflow_id = f"test-{next(_numbers)}"
        self.post("/api/workflows", {"id": workflow_id, "document": dict(document)})
        return workflow_id

    def wait_for_runs(self, workflow_id: str, count: int = 1, status: str = "") -> list[dict[str, Any]]:
        """Return a workflow's runs, newest first, once there are so many; of one status, if one is named."""
        path = f"/api/runs?workflow_id={workflow_id}" + (f"&status={status}" if status else "")
        found: list[dict[str, Any]] = []

        def are_there() -> bool:
            found[:] = self.get(path)["items"]
            return len(found) >= count

        assert services.wait_until(are_there, timeout_seconds=DEADLINE_SECONDS, poll_seconds=0.05)
        return found

    def draft(self, workflow_id: str) -> dict[str, Any]:
        """Return the stored draft's document."""
        document: dict[str, Any] = self.get(f"/api/workflows/{workflow_id}/draft")["document"]
        return document


def chain(*kinds: str, event: str = "shop/order.placed", **changes: Any) -> dict[str, Any]:
    """Return a workflow whose steps, named after their kinds, follow each other."""
    ids = ["$source", *kinds]
    return {
        "name": "A chain",
        "triggers": [{"event": event}],
        "actions": [{"id": kind, "kind": kind} for kind in kinds],
        "edges": [{"from": before, "to": after} for before, after in itertools.pairwise(ids)],
    } | changes


@dataclass(slots=True)
class EditorPage:
    """One browser page, most often with an open workflow."""

    page: Page
    server: Server
    workflow_id: str = field(default="", init=False)

    def open(self, document: Mapping[str, Any]) -> EditorPage:
        """Store a workflow and open it."""
        return self.go(self.server.create(document))

    def go(self, workflow_id: str) -> EditorPage:
        """Open a stored workflow."""
        self.workflow_id = workflow_id
        self.page.goto(f"{self.server.url}/workflows/{workflow_id}")
        expect(self.node("$source")).to_be_visible()
        return self

    def run(self, document: Mapping[str, Any], data: Mapping[str, Any]) -> str:
        """Publish a workflow, send the event that starts it, and open the run; return its id."""
        workflow_id = self.server.create(document)
        self.server.post(f"/api/workflows/{workflow_id}/publish")
        self.server.post("/api/events", {"name": document["triggers"][0]["event"], "data": data})
        run_id = str(self.server.wait_for_runs(workflow_id)[0]["id"])
        self.page.goto(f"{self.server.url}/runs/{run_id}")
        expect(self.get("waterfall")).to_be_visible()
        return run_id

    def get(self, test_id: str) -> Locator:
        return self.page.get_by_test_id(test_id)

    def node(self, node_id: str) -> Locator:
        return self.get(f"node-{node_id}")

    def edge(self, source: str, target: str) -> Locator:
        return self.get(f"edge-{source}-{target}")

    def select(self, node_id: str) -> None:
        """Open the panel of a step."""
        self.node(node_id).click()
        expect(self.get("config")).to_be_visible()

    def choose_action(self, text: str) -> None:
        """Search in the dialog that a "+" opens, and take the first."""
        search = self.get("add-dialog").get_by_test_id("palette-search")
        search.fill(text)
        search.press("Enter")
        expect(self.get("add-dialog")).to_have_count(0)

    def saved(self) -> dict[str, Any]:
        """Wait until the server has what the page shows; return it."""
        # What is shown counts as an edit once it has been drawn.
        self.page.evaluate("() => new Promise((drawn) => requestAnimationFrame(() => setTimeout(drawn)))")
        expect(self.get("save-state")).to_have_attribute("data-state", "saved")
        return self.server.draft(self.workflow_id)

    def ids(self) -> list[str]:
        return [action["id"] for action in self.saved()["actions"]]

    def edges(self) -> list[tuple[str, str]]:
        return [(edge["from"], edge["to"]) for edge in self.saved()["edges"]]

    def drag(self, start: Locator, end: Locator) -> None:
        """Drag with the mouse, in steps, as a hand does."""
        source, target = start.bounding_box(), end.bounding_box()
        assert source is not None
        assert target is not None
        self.drag_to(source, target["x"] + target["width"] / 2, target["y"] + target["height"] / 2)

    def drag_to(self, source: Any, x: float, y: float) -> None:
        mouse = self.page.mouse
        mouse.move(source["x"] + source["width"] / 2, source["y"] + source["height"] / 2)
        mouse.down()
        mouse.move(x - 5, y - 5, steps=4)
        mouse.move(x, y, steps=2)
        mouse.up()

    def handle(self, node_id: str, side: str, way: int = 0) -> Locator:
        """The point at which edges begin (bottom) or end (top)."""
        selector = f".react-flow__handle-{side}" + (f"[data-handleid=way-{way}]" if side == "bottom" else "")
        return self.node(node_id).locator(selector)

    def clipboard(self, kind: str, text: str = "") -> str:
        """Send a clipboard event to the page, as Ctrl+C, X and V do; return what was put on it."""
        script = """([kind, text]) => {
            const data = new DataTransfer();
            if (text) data.setData("text/plain", text);
            const event = new ClipboardEvent(kind, {clipboardData: data, bubbles: true, cancelable: true});
            document.body.dispatchEvent(event);
            return data.getData("text/plain");
        }"""
        copied: str = self.page.evaluate(script, [kind, text])
        return copied


#: Makes a page for another user; takes the size of the window and options of the browser's context.
NewPage = Callable[..., EditorPage]


def pretty(value: Any) -> str:
    """Return JSON for comparisons of bytes."""
    return json.dumps(value)
