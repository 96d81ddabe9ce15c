"""The editor in pages that keep the document themselves: told of each change, they save it on their own."""

from __future__ import annotations

from typing import Any

import pytest
from editing import NewPage
from embedhost import Host, log_in
from playwright.sync_api import FrameLocator, Page, expect

DOCUMENT: dict[str, Any] = {
    "name": "Kept by the page",
    "triggers": [{"event": "shop/order.placed"}],
    "actions": [{"id": "first", "kind": "log", "inputs": {"message": "1"}}, {"id": "second", "kind": "log"}],
    "edges": [{"id": "in", "from": "$source", "to": "first"}, {"id": "on", "from": "first", "to": "second"}],
}
TELLING = """name => {
    window.told = window.told ?? [];
    for (const kind of ["change", "save", "saved", "run", "error"])
        document.getElementById(name).addEventListener(kind, ({detail}) => window.told.push([kind, detail]));
}"""
#: A page without the host's own editor, and in it one for a document of the page's.
OPEN = {
    "element": """async ([server, document]) => {
        const { getToken } = await import("/static/token.js");
        globalThis.document.getElementById("editor").remove();
        const mine = globalThis.document.createElement("workflow-editor");
        Object.assign(mine, { id: "editor", getToken, document, actions: ["log", "builtin:*"] });
        globalThis.document.querySelector("main").append(mine);
    }""",
    "iframe": """async ([server, document]) => {
        const { getToken } = await import("/static/token.js");
        const { connectFrame } = await import(`${server}/embed/workflow-frame.js`);
        globalThis.document.getElementById("editor").remove();
        const mine = globalThis.document.createElement("iframe");
        Object.assign(mine, { id: "editor", title: "Mine" });
        globalThis.document.querySelector("main").append(mine);
        window.connection = connectFrame(mine, { getToken, document, actions: ["log", "builtin:*"] });
    }""",
}
GIVE = {
    "element": "document => { globalThis.document.getElementById('editor').document = document; }",
    "iframe": "document => { window.connection.open({ document, actions: ['log', 'builtin:*'] }); }",
}


class Keeping:
    """A page that keeps a document, and what it has been told."""

    def __init__(self, page: Page, host: Host, way: str, name: str = "ada") -> None:
        self.page, self.way = page, way
        self.inside: Page | FrameLocator = page.frame_locator("#editor") if way == "iframe" else page
        log_in(page, host, name)
        # The editor that is replaced asks for the last run at the end.
        with page.expect_response("**/api/runs?*"):
            page.goto(f"{host.url}/{way}")
        self.sent: list[str] = []
        page.on("request", lambda request: self.sent.append(f"{request.method} {request.url}"))
        page.evaluate(OPEN[way], [host.server_url, DOCUMENT])
        page.evaluate(TELLING, "editor")
        expect(self.get("node-first")).to_be_visible()

    def get(self, test_id: str) -> Any:
        return self.inside.get_by_test_id(test_id)

    def told(self, kind: str, at_least: int = 0) -> list[dict[str, Any]]:
        """Return what the page was told of a kind, once it was told so much: a frame does it a moment later."""
        enough = "([kind, count]) => window.told.filter(([each]) => each === kind).length >= count"
        self.page.wait_for_function(enough, arg=[kind, at_least])
        return [detail for each, detail in self.page.evaluate("window.told") if each == kind]

    def give(self, document: dict[str, Any]) -> None:
        self.page.evaluate(GIVE[self.way], document)


@pytest.mark.parametrize("way", ["element", "iframe"])
def test_the_page_is_told_of_each_change_and_saves_it_itself(new_page: NewPage, host: Host, way: str) -> None:
    keeping = Keeping(new_page().page, host, way)
    keeping.get("node-second").click()
    keeping.get("field-/message").fill("2")
    expect(keeping.get("field-/message")).to_have_value("2")
    told = keeping.told("change", at_least=1)[-1]
    assert told["document"]["actions"][1]["inputs"] == {"message": "2"}
    assert [(each["op"], each["path"]) for each in keeping.told("change")[0]["patch"]] == [("add", "/actions/1/inputs")]
    # What pages are told they give back; that is no change, and neither does undo forget anything.
    keeping.give(told["document"])
    before = len(keeping.told("change"))
    keeping.get("undo").click()
    expect(keeping.get("field-/message")).to_have_value("")
    assert keeping.told("change", at_least=before + 1)[-1]["document"]["actions"][1].get("inputs", {}) == {}
    # Saving is the page's.
    keeping.get("workflow-name").press("Control+s")
    assert [each["document"]["name"] for each in keeping.told("save", at_least=1)] == [DOCUMENT["name"]]
    for test_id in ("save-state", "publish", "versions-button", "test-button"):
        expect(keeping.get(test_id)).to_have_count(0)
    assert keeping.told("saved") == []
    assert [each for each in keeping.sent if "/api/workflows" in each or "/api/runs" in each] == []


@pytest.mark.parametrize("way", ["element", "iframe"])
def test_the_page_shows_another_document_which_can_be_undone(new_page: NewPage, host: Host, way: str) -> None:
    keeping = Keeping(new_page().page, host, way)
    third = {"id": "third", "kind": "log"}
    keeping.give(DOCUMENT | {"actions": [*DOCUMENT["actions"], third]})
    expect(keeping.get("node-third")).to_be_visible()
    assert keeping.told("change") == [], "what the page has done it knows"
    keeping.get("undo").click()
    expect(keeping.get("node-third")).to_have_count(0)
    assert [len(each["document"]["actions"]) for each in keeping.told("change", at_least=1)] == [2]
    keeping.give({"name": "x", "actions": "none"})
    expect(keeping.get("node-first")).to_be_visible()
    assert [each["code"] for each in keeping.told("error", at_least=1)] == ["not-a-workflow"]


def test_only_the_actions_that_the_page_names_are_offered(new_page: NewPage, host: Host) -> None:
    keeping = Keeping(new_page().page, host, "element")
    keeping.get("add-after-second").click()
    dialog = keeping.get("add-dialog")
    expect(dialog.get_by_test_id("palette-item-log").first).to_be_visible()
    expect(dialog.get_by_test_id("palette-item-builtin:if").first).to_be_visible()
    expect(dialog.get_by_test_id("palette-item-http_request")).to_have_count(0)
    # Steps of other kinds keep their forms.
    keeping.page.keyboard.press("Escape")
    keeping.give(DOCUMENT | {"actions": [*DOCUMENT["actions"], {"id": "call", "kind": "http_request"}]})
    keeping.get("node-call").click()
    expect(keeping.get("field-/url")).to_be_visible()


def test_who_may_only_look_gets_what_the_page_shows(new_page: NewPage, host: Host) -> None:
    keeping = Keeping(new_page().page, host, "element", name="ben")
    expect(keeping.get("undo")).to_have_count(0)
    keeping.give(DOCUMENT | {"actions": [*DOCUMENT["actions"], {"id": "third", "kind": "log"}]})
    expect(keeping.get("node-third")).to_be_visible()
    expect(keeping.get("palette-button")).to_have_count(0)


def test_test_runs_are_told_where_there_is_a_workflow(new_page: NewPage, host: Host) -> None:
    keeping = Keeping(new_page().page, host, "element")
    keeping.page.evaluate("document.getElementById('editor').workflowId = 'orders'")
    keeping.give(DOCUMENT | {"actions": DOCUMENT["actions"][:1], "edges": DOCUMENT["edges"][:1]})
    keeping.get("test-button").click()
    keeping.get("test-run").click()
    expect(keeping.get("test-result")).to_be_visible()
    told = keeping.told("run")
    assert [(each["workflowId"], each["status"]) for each in told] == [("orders", "running"), ("orders", "completed")]
