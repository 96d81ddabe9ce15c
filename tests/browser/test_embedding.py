"""The editor in pages of a host application on another origin, in three ways, under a strict policy."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import embedhost
import pytest
from accessibility import serious_in_both_themes
from editing import NewPage, Server
from embedhost import ROOT, Host, a_host, copy_example
from playwright.sync_api import FrameLocator, Locator, Page, Route, expect

from workflowkit import Scope, WorkflowKit

WEB = ROOT / "web"
WAYS = ("element", "iframe", "react")
LOOKS = "element => JSON.stringify([...getComputedStyle(element)].map(name => [name, getComputedStyle(element)[name]]))"
EDITABLE = """element => {
    const fields = element.shadowRoot.querySelectorAll("input, textarea, select, [contenteditable=true]");
    return [...fields].filter(field => !field.disabled && !field.readOnly).length;
}"""


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """The host application, with its React page built where there is Node.js to build it."""
    home = tmp_path_factory.mktemp("host")
    example, node = copy_example(home), shutil.which("node")
    if node is not None:
        _build_react(example / "react", node)
    with a_host(home) as running:
        yield running


def _build_react(directory: Path, node: str) -> None:
    """Build the page as its author would, with the packages of web/ in the place of npm's."""
    modules = directory / "node_modules"
    modules.mkdir()
    for package in (WEB / "node_modules").iterdir():
        (modules / package.name).symlink_to(package)
    (modules / "workflowkit-react").symlink_to(WEB / "dist" / "react")
    command = [node, str(WEB / "node_modules" / "vite" / "bin" / "vite.js"), "build", "--logLevel", "error"]
    subprocess.run(command, cwd=directory, check=True)


class Embedded:
    """A page of the host application with an editor in it."""

    def __init__(self, page: Page, host: Host, way: str) -> None:
        self.page, self.host, self.way = page, host, way
        self.inside: Page | FrameLocator = page.frame_locator("#editor") if way == "iframe" else page

    def get(self, test_id: str) -> Locator:
        return self.inside.get_by_test_id(test_id)

    def node(self, node_id: str) -> Locator:
        return self.get(f"node-{node_id}")

    def draft(self, tenant: str = "acme") -> dict[str, Any]:
        wk = WorkflowKit("test", database_url=self.host.database_url)
        with closing(_Stopping(wk)):
            return dict(wk.runtime.authoring.get_draft(Scope("default", tenant), "orders").document)


class _Stopping:
    def __init__(self, wk: WorkflowKit) -> None:
        self._wk = wk

    def close(self) -> None:
        self._wk.stop()


def log_in(new_page: NewPage, host: Host, name: str, way: str = "element", **options: Any) -> Embedded:
    if way == "react" and shutil.which("node") is None:
        pytest.skip("there is no Node.js to build the page of the React application with")
    page = new_page(**options).page
    embedhost.log_in(page, host, name)
    if way != "element":
        page.goto(f"{host.url}/{way}")
    embedded = Embedded(page, host, way)
    expect(embedded.node("$source")).to_be_visible()
    return embedded


@pytest.mark.parametrize("way", WAYS)
def test_the_same_work_is_done_in_all_three(new_page: NewPage, host: Host, way: str) -> None:
    embedded = log_in(new_page, host, "ada", way)
    before = [action["id"] for action in embedded.draft()["actions"]]
    # Add a step, which is connected to the one before; configure it; save.
    embedded.get(f"add-after-{before[-1]}").click()
    search = embedded.get("add-dialog").get_by_test_id("palette-search")
    search.fill("log")
    search.press("Enter")
    embedded.get("field-/message").fill(f"By {way}")
    expect(embedded.page.locator("#said")).to_have_text("Saved")
    document = embedded.draft()
    assert [action["inputs"].get("message") for action in document["actions"]][-1] == f"By {way}"
    added = document["actions"][-1]["id"]
    assert {"from": before[-1], "to": added}.items() <= document["edges"][-1].items()
    # Try it out, and publish it.
    embedded.get("test-button").click()
    embedded.get("test-tab-json").click()
    embedded.get("test-data").fill('{"total": 200}')
    embedded.get("test-run").click()
    expect(embedded.node(added).get_by_test_id("step-state")).to_have_text("Completed")
    embedded.get("publish").click()
    expect(embedded.page.locator("#said")).to_have_text(re.compile(r"Published version \d+"))


@pytest.mark.parametrize("way", WAYS)
def test_nothing_serious_is_found_on_the_pages(new_page: NewPage, host: Host, way: str) -> None:
    embedded = log_in(new_page, host, "ada", way)
    embedded.node("note").click()
    expect(embedded.get("config")).to_be_visible()
    assert serious_in_both_themes(embedded.page) == []


def test_neither_styles_the_other(new_page: NewPage, host: Host) -> None:
    embedded = log_in(new_page, host, "ada")
    page = embedded.page
    button, heading = embedded.get("publish"), page.get_by_role("heading", name="Your workflow")
    before = button.evaluate(LOOKS), heading.evaluate(LOOKS)
    hostile = "* {box-sizing: content-box; letter-spacing: 3px} button {background: pink !important; font-size: 40px}"
    page.evaluate(
        "text => {const sheet = new CSSStyleSheet(); sheet.replaceSync(text); document.adoptedStyleSheets = [sheet]}",
        hostile,
    )
    assert button.evaluate(LOOKS) == before[0]
    page.evaluate("document.adoptedStyleSheets = []")
    page.locator("workflow-editor").evaluate("element => element.remove()")
    assert heading.evaluate(LOOKS) == before[1]
    assert page.evaluate("[...document.head.querySelectorAll('style, link[rel=stylesheet]')].length") == 1


#: What each property is to be seen in: a part of the editor, and a property of its style.
THEME = {
    "--wk-accent": ("rgb(20, 90, 140)", "[data-testid=publish]", "background-color"),
    "--wk-surface": ("rgb(255, 250, 240)", ".topbar", "background-color"),
    "--wk-canvas": ("rgb(240, 230, 210)", ".canvas .react-flow", "background-color"),
    "--wk-text": ("rgb(60, 40, 20)", "[data-testid=workflow-name]", "color"),
    "--wk-radius": ("3px", ".kind", "border-top-left-radius"),
    "--wk-font": ("Georgia, serif", "[data-testid=publish]", "font-family"),
}
STYLES = """(element, wanted) => wanted.map(([selector, property]) =>
    getComputedStyle(element.shadowRoot.querySelector(selector)).getPropertyValue(property))"""


def test_a_theme_of_six_properties_restyles_all(new_page: NewPage, host: Host) -> None:
    embedded = log_in(new_page, host, "ada")
    editor = embedded.page.locator("workflow-editor")
    places = [[selector, name] for _, selector, name in THEME.values()]
    values = [value for value, _, _ in THEME.values()]
    before = editor.evaluate(STYLES, places)
    assert [one for one in before if one in values] == []
    wanted = {name: value for name, (value, _, _) in THEME.items()}
    editor.evaluate("(e, theme) => Object.entries(theme).forEach(each => e.style.setProperty(...each))", wanted)
    assert editor.evaluate(STYLES, places) == values
    # A dialog is a part of it, too. Tests before this one have added steps: the last one leads nowhere yet.
    embedded.get(f"add-after-{embedded.draft()['actions'][-1]['id']}").click()
    dialog = [["dialog[open]", "background-color"], ["dialog[open]", "font-family"]]
    expect(embedded.get("add-dialog")).to_be_visible()
    assert editor.evaluate(STYLES, dialog) == [wanted["--wk-surface"], wanted["--wk-font"]]


#: The names of everything that Tab leads to inside of the editor, until it leads out of it again.
ALONG = """async element => {
    const named = node => node.dataset.testid ?? node.getAttribute("aria-label") ?? node.textContent.trim();
    return [...element.shadowRoot.querySelectorAll("*")].filter(node => node.tabIndex >= 0 && !node.disabled
        && node.checkVisibility()).map(named);
}"""


def test_tab_leads_a_viewer_to_nothing_that_edits(new_page: NewPage, host: Host) -> None:
    viewer = log_in(new_page, host, "ben")
    viewer.node("note").click()
    expect(viewer.get("config")).to_be_visible()
    along = viewer.page.locator("workflow-editor").evaluate(ALONG)
    for seen in ("versions-button", "outline-button", "problems-button", "more"):
        assert seen in along
    editing = re.compile("add|delete|duplicate|undo|redo|tidy|publish|test-|palette|import|toggle|note-|fx-|pick", re.I)
    assert [each for each in along if editing.search(each)] == []
    author = log_in(new_page, host, "ada")
    author.node("note").click()
    expect(author.get("config")).to_be_visible()
    assert [each for each in author.page.locator("workflow-editor").evaluate(ALONG) if editing.search(each)]


def test_a_viewer_sees_and_changes_nothing(new_page: NewPage, host: Host) -> None:
    embedded = log_in(new_page, host, "ben")
    for test_id in ("publish", "undo", "tidy", "palette-button", "test-button", "add-on-large-note", "save-state"):
        expect(embedded.get(test_id)).to_have_count(0)
    embedded.node("note").click()
    expect(embedded.get("config")).to_be_visible()
    assert embedded.page.locator("workflow-editor").evaluate(EDITABLE) == 0
    for name in ("Delete", "Duplicate", "Publish", "Undo"):
        expect(embedded.inside.get_by_role("button", name=name)).to_have_count(0)
    before = embedded.draft()
    embedded.page.keyboard.press("a")
    expect(embedded.get("add-dialog")).to_have_count(0)
    embedded.page.keyboard.press("Delete")
    expect(embedded.node("note")).to_be_visible()
    assert embedded.draft() == before


def test_another_customer_has_a_workflow_of_its_own(new_page: NewPage, host: Host) -> None:
    embedded = log_in(new_page, host, "eve")
    embedded.get("workflow-name").fill("Umbrella's orders")
    expect(embedded.page.locator("#said")).to_have_text("Saved")
    assert embedded.draft("umbrella")["name"] == "Umbrella's orders"
    assert embedded.draft("acme")["name"] == "Orders"
    expect(embedded.get("publish")).to_have_count(0)
    told = embedded.page.evaluate(
        """() => new Promise(resolve => {
            const editor = document.querySelector("workflow-editor");
            editor.addEventListener("error", event => resolve(event.detail), {once: true});
            editor.workflowId = "payroll";
        })"""
    )
    assert told["code"] == "not-found"
    expect(embedded.inside.get_by_role("alert")).to_contain_text("There is no such workflow")


def test_events_tell_what_happens(new_page: NewPage, host: Host) -> None:
    embedded = log_in(new_page, host, "ada")
    embedded.page.evaluate(
        """() => {
            window.told = {};
            const editor = document.querySelector("workflow-editor");
            for (const name of ["change", "saved", "problems", "selection"])
                editor.addEventListener(name, event => { window.told[name] = event.detail; });
        }"""
    )
    embedded.node("note").click()
    embedded.get("step-name").fill("Renamed")
    expect(embedded.get("save-state")).to_have_attribute("data-state", "saved")
    assert embedded.page.evaluate("document.querySelector('workflow-editor').save()") is True
    told = embedded.page.evaluate("window.told")
    assert told["selection"]["actions"] == ["note"]
    assert "Renamed" in [action.get("name") for action in told["change"]["document"]["actions"]]
    assert told["saved"]["workflowId"] == "orders"
    assert told["problems"]["errorCount"] == 0


def test_the_next_token_is_asked_for_in_time_and_after_a_refusal(new_page: NewPage, host: Host) -> None:
    embedded = log_in(new_page, host, "ada")
    page = embedded.page
    token = page.evaluate("document.querySelector('workflow-editor').token")
    # A token that the server does not take: the page is asked for another, and the request is sent again.
    forged = token[:-43] + "x" * 43
    page.evaluate("token => { document.querySelector('workflow-editor').token = token; }", forged)
    embedded.get("workflow-name").fill("Orders again")
    expect(page.locator("#said")).to_have_text("Saved")
    assert page.evaluate("document.querySelector('workflow-editor').token") not in (token, forged)
    # Without a callback the page is told, and sets the next token itself.
    told = page.evaluate(
        """short => new Promise(resolve => {
            const editor = document.querySelector("workflow-editor");
            editor.addEventListener("token-expiring", event => resolve(event.detail), {once: true});
            editor.getToken = undefined;
            editor.token = short;
        })""",
        _ending_in(page, token, seconds=1),
    )
    assert told["expiresAt"]
    page.evaluate("token => { document.querySelector('workflow-editor').token = token; }", token)
    embedded.get("workflow-name").fill("Orders")
    expect(embedded.get("save-state")).to_have_attribute("data-state", "saved")


def _ending_in(page: Page, token: str, *, seconds: int) -> str:
    """Return a token with other claims, for the editor to read; no server would take it."""
    return str(
        page.evaluate(
            """([token, seconds]) => {
                const [payload, signature] = token.slice(4).split(".");
                const claims = JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/")));
                claims.expires_at_ms = Date.now() + seconds * 1000;
                const written = btoa(JSON.stringify(claims)).replaceAll("+", "-").replaceAll("/", "_");
                return `wke_${written.replaceAll("=", "")}.${signature}`;
            }""",
            [token, seconds],
        )
    )


def test_a_page_of_another_origin_gets_nothing(new_page: NewPage, host: Host, server: Server) -> None:
    page = new_page().page
    page.goto(f"{server.url}/api/docs")
    # The policy of that page lets nothing through either; what counts here is what the server answers.
    answer = page.request.get(f"{host.server_url}/embed/workflow-editor.js", headers={"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in answer.headers
    policy = page.request.get(f"{host.server_url}/embed/frame").headers["content-security-policy"]
    assert policy.endswith(f"frame-ancestors 'self' {host.url}")


def test_a_second_editor_says_that_there_is_one(new_page: NewPage, host: Host) -> None:
    embedded = log_in(new_page, host, "ada")
    code = embedded.page.evaluate(
        """() => new Promise(resolve => {
            const second = document.createElement("workflow-editor");
            second.addEventListener("error", event => resolve(event.detail.code));
            document.body.append(second);
        })"""
    )
    assert code == "already-open"


def test_an_editor_that_is_moved_or_comes_back_goes_on(new_page: NewPage, host: Host) -> None:
    embedded = log_in(new_page, host, "ada")
    embedded.page.evaluate(
        """() => {
            const editor = document.querySelector("workflow-editor");
            const around = document.createElement("section");
            document.querySelector("main").append(around);
            around.append(editor);
        }"""
    )
    embedded.node("note").click()
    expect(embedded.get("config")).to_be_visible()


def test_keys_of_the_page_stay_with_the_page(new_page: NewPage, host: Host) -> None:
    embedded = log_in(new_page, host, "ada")
    before = json.dumps(embedded.draft())
    embedded.node("note").click()
    embedded.page.get_by_role("link", name="Iframe").focus()
    embedded.page.keyboard.press("Delete")
    embedded.page.keyboard.press("a")
    expect(embedded.get("add-dialog")).to_have_count(0)
    expect(embedded.node("note")).to_be_visible()
    embedded.node("note").click()
    embedded.page.keyboard.press("?")
    expect(embedded.get("help")).to_be_visible()
    assert json.dumps(embedded.draft()) == before


def _refuse_saving(page: Page) -> None:
    page.route("**/draft", lambda route: route.abort() if route.request.method == "PUT" else route.continue_())


@pytest.mark.parametrize("way", WAYS)
def test_what_somebody_typed_is_not_shown_to_who_comes_next(new_page: NewPage, host: Host, way: str) -> None:
    shown = log_in(new_page, host, "ada", way)
    page, theirs = shown.page, shown.draft("umbrella")
    page.on("dialog", lambda dialog: dialog.accept())
    _refuse_saving(page)
    shown.get("workflow-name").fill(f"Ada's by {way}")
    expect(shown.get("save-state")).to_have_attribute("data-state", "offline")
    # In the iframe, which has a sandbox, the browser keeps nothing.
    kept = shown.draft()["name"] if way == "iframe" else f"Ada's by {way}"
    for name, title in (("eve", theirs["name"]), ("ada", kept)):
        page.goto("about:blank")
        page.unroute("**/draft")
        page.context.clear_cookies()
        embedhost.log_in(page, host, name)
        page.goto(f"{host.url}/{way}")
        expect(shown.get("workflow-name")).to_have_value(title)
        expect(shown.get("save-state")).to_have_attribute("data-state", "saved")
        assert shown.draft("umbrella") == theirs
    assert shown.draft()["name"] == kept


def test_another_look_or_another_token_of_the_same_user_changes_nothing(new_page: NewPage, host: Host) -> None:
    shown = log_in(new_page, host, "ada")
    editor = shown.page.locator("workflow-editor")
    shown.get("workflow-name").fill("Orders in the dark")
    editor.evaluate("editor => { editor.theme = 'dark'; editor.token = editor.token; }")
    expect(shown.get("save-state")).to_have_attribute("data-state", "saved")
    shown.get("workflow-name").fill("Orders in the dark, again")
    expect(shown.get("save-state")).to_have_attribute("data-state", "saved")
    assert shown.draft()["name"] == "Orders in the dark, again"


@pytest.mark.parametrize("is_asked_for", [True, False])
def test_an_element_goes_on_as_who_the_next_token_names(new_page: NewPage, host: Host, is_asked_for: bool) -> None:
    shown, other = log_in(new_page, host, "ada"), log_in(new_page, host, "eve")
    page, theirs = shown.page, other.draft("umbrella")
    editor = page.locator("workflow-editor")
    before, token = (each.page.locator("workflow-editor").evaluate("e => e.token") for each in (shown, other))
    _refuse_saving(page)
    shown.get("workflow-name").fill("Ada's alone")
    expect(shown.get("save-state")).to_have_attribute("data-state", "offline")
    editor.evaluate("(editor, token) => { editor.getToken = () => token; }", token)
    page.unroute("**/draft")
    if is_asked_for:  # in the middle of a request, which finds that the last one has ended

        def end(route: Route) -> None:
            is_over = route.request.headers.get("authorization") == f"Bearer {before}"
            route.fulfill(status=401, json={}) if is_over else route.continue_()

        page.route("**/draft", end)
        shown.get("workflow-name").fill("Ada's alone, again")
    else:
        editor.evaluate("(editor, token) => { editor.token = token; }", token)
    expect(shown.get("workflow-name")).to_have_value(theirs["name"])
    expect(shown.get("save-state")).to_have_attribute("data-state", "saved")
    assert other.draft("umbrella") == theirs
