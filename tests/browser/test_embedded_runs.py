"""A run in a page of a host application: its steps change while it goes on, and nothing of it can be changed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import services
from accessibility import serious
from editing import NewPage
from embedhost import ROOT, Host, log_in
from playwright.sync_api import FrameLocator, Page, expect

from workflowkit import Scope, WorkflowKit
from workflowkit.store import queries

#: For a busy machine; news take a fraction of a second.
PATIENCE_MS = 30_000
TENANT = Scope("default", "acme")
WAITING = {
    "name": "Watched",
    "triggers": [{"event": "shop/watched"}],
    "actions": [
        {"id": "hold", "kind": "builtin:wait_for_event", "inputs": {"event": "shop/go", "timeout": "2d"}},
        {"id": "check", "kind": "builtin:if", "inputs": {"condition": {"==": [1, 1]}}},
        {"id": "yes", "kind": "set", "inputs": {"answer": 42}},
        {"id": "no", "kind": "log", "inputs": {"message": "never"}},
    ],
    "edges": [
        {"from": "$source", "to": "hold"},
        {"from": "hold", "to": "check"},
        {"from": "check", "to": "yes", "conditional": {"type": "if", "ref": "!ref($.output.result)"}},
        {"from": "check", "to": "no", "conditional": {"type": "else", "ref": "!ref($.output.result)"}},
    ],
}  # fmt: skip
SHOW = {
    "element": """([server, token, runId]) => {
        document.getElementById("editor").remove();
        const mine = document.createElement("workflow-editor");
        Object.assign(mine, { id: "editor", token, runId });
        document.querySelector("main").append(mine);
    }""",
    "iframe": """async ([server, token, runId]) => {
        const { connectFrame } = await import(`${server}/embed/workflow-frame.js`);
        document.getElementById("editor").remove();
        const mine = document.createElement("iframe");
        Object.assign(mine, { id: "editor", title: "Mine" });
        document.querySelector("main").append(mine);
        connectFrame(mine, { getToken: () => token, runId });
    }""",
}
TELLING = """() => {
    window.told = [];
    for (const kind of ["run", "error"])
        document.getElementById('editor').addEventListener(kind, ({detail}) => window.told.push([kind, detail]));
}"""


@pytest.fixture(scope="module")
def wk(host: Host) -> Iterator[WorkflowKit]:
    """The worker of the host, with a workflow that waits and another that nobody here may see."""
    wk = WorkflowKit("test", database_url=host.database_url)
    for workflow_id in ("watched", "payroll"):
        wk.publish(workflow_id, WAITING, scope=TENANT)
    wk.start()
    yield wk
    wk.stop()


class Shown:
    """A page that shows a run."""

    def __init__(self, page: Page, host: Host, wk: WorkflowKit, run_id: str, way: str = "element") -> None:
        self.page = page
        self.inside: Page | FrameLocator = page.frame_locator("#editor") if way == "iframe" else page
        log_in(page, host, "ben")
        if way == "iframe":
            page.goto(f"{host.url}/iframe")
        token = wk.embed_token(tenant="acme", workflow="watched")
        page.evaluate(SHOW[way], [host.server_url, token, run_id])
        page.evaluate(TELLING)

    def get(self, test_id: str) -> Any:
        return self.inside.get_by_test_id(test_id)

    def expect_state(self, step: str, words: str) -> None:
        state = self.get(f"node-{step}").get_by_test_id("step-state")
        expect(state).to_have_attribute("title", words, timeout=PATIENCE_MS)

    def told(self) -> list[Any]:
        told: list[Any] = self.page.evaluate("window.told")
        return told


def _status(wk: WorkflowKit, run_id: str) -> str:
    with wk.runtime.database.read() as tx:
        return str(queries.get_run(tx, TENANT, run_id).status)


@pytest.mark.parametrize("way", ["element", "iframe"])
def test_steps_change_while_the_run_goes_on(new_page: NewPage, host: Host, wk: WorkflowKit, way: str) -> None:
    run_id = wk.invoke("watched", {}, scope=TENANT)
    shown = Shown(new_page().page, host, wk, run_id, way)
    shown.expect_state("hold", "Waiting")
    expect(shown.get("run-status")).to_have_text("Waiting", timeout=PATIENCE_MS)
    shown.page.evaluate("window.isTheSamePage = true")
    wk.send({"name": "shop/go", "data": {}}, scope=TENANT)
    for step, words in (("hold", "Completed"), ("check", "Completed"), ("yes", "Completed"), ("no", "Skipped")):
        shown.expect_state(step, words)
    expect(shown.get("run-status")).to_have_text("Completed", timeout=PATIENCE_MS)
    assert shown.page.evaluate("window.isTheSamePage")
    statuses = [detail["status"] for kind, detail in shown.told() if kind == "run"]
    assert statuses[-1] == "completed"
    assert {detail["runId"] for kind, detail in shown.told() if kind == "run"} == {run_id}
    assert [kind for kind, _ in shown.told() if kind == "error"] == []
    # A step tells what it was given and what it has given.
    shown.get("node-yes").click()
    expect(shown.get("step-detail")).to_contain_text("42")


def test_a_run_whose_connection_is_cut_catches_up(new_page: NewPage, host: Host, wk: WorkflowKit) -> None:
    run_id = wk.invoke("watched", {}, scope=TENANT)
    shown = Shown(new_page().page, host, wk, run_id)
    shown.expect_state("hold", "Waiting")
    shown.page.context.set_offline(True)
    wk.send({"name": "shop/go", "data": {}}, scope=TENANT)
    assert services.wait_until(lambda: _status(wk, run_id) == "completed", timeout_seconds=PATIENCE_MS / 1000)
    shown.page.context.set_offline(False)
    shown.expect_state("yes", "Completed")


def test_a_run_of_another_workflow_is_not_there(new_page: NewPage, host: Host, wk: WorkflowKit) -> None:
    foreign = wk.invoke("payroll", {}, scope=TENANT)
    shown = Shown(new_page().page, host, wk, foreign)
    expect(shown.inside.get_by_role("alert")).to_contain_text("There is no such run")
    assert ("error", "not-found") in [(kind, detail.get("code")) for kind, detail in shown.told()]


def test_nothing_of_a_run_can_be_changed_by_hand_or_by_keys(new_page: NewPage, host: Host, wk: WorkflowKit) -> None:
    run_id = wk.invoke("watched", {}, scope=TENANT)
    shown = Shown(new_page().page, host, wk, run_id)
    shown.expect_state("hold", "Waiting")
    before = json.dumps(wk.runtime.authoring.get_draft(TENANT, "watched").document)
    fields = "element => element.shadowRoot.querySelectorAll('input, textarea, select, [contenteditable]').length"
    assert shown.page.locator("#editor").evaluate(fields) == 0
    for test_id in ("publish", "undo", "tidy", "palette-button", "add-after-yes", "test-button"):
        expect(shown.get(test_id)).to_have_count(0)
    shown.get("node-hold").click()
    for key in ("a", "Delete", "d", "Control+z"):
        shown.page.keyboard.press(key)
    expect(shown.get("add-dialog")).to_have_count(0)
    expect(shown.get("node-hold")).to_be_visible()
    assert json.dumps(wk.runtime.authoring.get_draft(TENANT, "watched").document) == before


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_a_run_can_be_looked_at_by_everybody(
    new_page: NewPage, host: Host, wk: WorkflowKit, scheme: str, width: int
) -> None:
    run_id = wk.invoke("watched", {}, scope=TENANT)
    shown = Shown(new_page(width=width, color_scheme=scheme).page, host, wk, run_id)
    shown.expect_state("hold", "Waiting")
    shown.get("node-hold").locator("xpath=..").focus()
    shown.page.keyboard.press("Enter")
    expect(shown.get("run-side")).to_be_visible()
    assert serious(shown.page) == []
    wide = "element => element.shadowRoot.querySelector('.embed').scrollWidth - element.clientWidth"
    assert shown.page.locator("#editor").evaluate(wide) <= 0


@pytest.mark.parametrize(("language", "words"), [("de", "Wartet"), ("ar", None)])
def test_a_run_is_told_in_other_languages(
    new_page: NewPage, host: Host, wk: WorkflowKit, language: str, words: str | None
) -> None:
    run_id = wk.invoke("watched", {}, scope=TENANT)
    shown = Shown(new_page().page, host, wk, run_id)
    shown.expect_state("hold", "Waiting")
    shown.page.evaluate("language => { document.getElementById('editor').locale = language; }", language)
    expect(shown.page.locator(f"#editor [lang={language}]")).to_be_visible()
    status = shown.get("run-status")
    expect(status).to_be_visible()
    expected = json.loads((ROOT / "web" / "src" / "locale" / f"{language}.json").read_text("utf-8"))["Waiting"]
    expect(status).to_have_text(expected)
    assert words in (None, expected)
    shown.get("node-hold").click()
    inputs = json.loads((ROOT / "web" / "src" / "locale" / f"{language}.json").read_text("utf-8"))["Input"]
    expect(shown.get("step-detail")).to_contain_text(inputs)
