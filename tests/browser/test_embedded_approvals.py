"""Approvals in a page of a host application: its users decide what they are asked, in their own names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import services
from accessibility import HOSTILE, serious
from editing import NewPage
from embedhost import ROOT, Host, log_in
from playwright.sync_api import FrameLocator, Page, expect

from workflowkit import Scope, WorkflowKit
from workflowkit.store.approvals import ApprovalFilter

#: For a busy machine; the page asks every five seconds.
PATIENCE_MS = 30_000
TENANT = Scope("default", "acme")
FORM = {
    "type": "object",
    "required": ["amount"],
    "properties": {"amount": {"type": "integer", "title": "Amount", "minimum": 1}},
}


def asking(assignee: str) -> dict[str, Any]:
    """Return a workflow that asks somebody, with a text that somebody else has written."""
    inputs = {"title": "!ref($.event.data.title)", "description": HOSTILE[0], "assignees": [assignee], "form": FORM}
    return {
        "name": "Refunds",
        "triggers": [{"event": "shop/never"}],
        "actions": [{"id": "ask", "kind": "builtin:approval", "inputs": inputs}],
        "edges": [{"from": "$source", "to": "ask"}],
    }


@pytest.fixture(scope="module")
def wk(host: Host) -> Iterator[WorkflowKit]:
    """The worker of the host, with a workflow that asks Ben and another that asks Ada."""
    wk = WorkflowKit("test", database_url=host.database_url)
    wk.publish("refunds", asking("ben"), scope=TENANT)
    wk.publish("raises", asking("ada"), scope=TENANT)
    wk.start()
    yield wk
    wk.stop()


def ask(wk: WorkflowKit, title: str, workflow_id: str = "refunds") -> str:
    """Start a run; return its id once it asks."""
    run_id = wk.invoke(workflow_id, {"title": title}, scope=TENANT)
    wanted = ApprovalFilter(run_id=run_id)
    asked = wk.runtime.approvals.find
    assert services.wait_until(lambda: asked(TENANT, limit=1, wanted=wanted) != [], timeout_seconds=60)
    return run_id


SHOW = {
    "element": """([tag, server, token, settings]) => {
        const mine = document.createElement(tag);
        Object.assign(mine, { id: "editor", token }, settings);
        document.getElementById("editor").replaceWith(mine);
    }""",
    "iframe": """async ([tag, server, token, settings]) => {
        const { connectFrame } = await import(`${server}/embed/workflow-frame.js`);
        const mine = document.createElement("iframe");
        Object.assign(mine, { id: "editor", title: "Mine" });
        document.getElementById("editor").replaceWith(mine);
        const approvals = tag === "workflow-approvals";
        window.connection = connectFrame(mine, { getToken: () => token, approvals, ...settings });
    }""",
}
TELLING = """() => {
    window.told = [];
    for (const kind of ["decided", "error"])
        document.getElementById('editor').addEventListener(kind, ({detail}) => window.told.push([kind, detail]));
}"""


class Shown:
    """A page of the host with approvals in it, or with a run."""

    def __init__(self, page: Page, host: Host, wk: WorkflowKit, **settings: Any) -> None:
        way, tag = settings.pop("way", "element"), settings.pop("tag", "workflow-approvals")
        rights, user = settings.pop("rights", ("decide",)), settings.pop("user", "ben")
        self.page = page
        self.inside: Page | FrameLocator = page.frame_locator("#editor") if way == "iframe" else page
        log_in(page, host, "ben")
        if way == "iframe":
            page.goto(f"{host.url}/iframe")
        token = wk.embed_token(tenant="acme", workflow="refunds", rights=rights, user=user)
        page.evaluate(SHOW[way], [tag, host.server_url, token, settings])
        page.evaluate(TELLING)

    def card(self, title: str) -> Any:
        return self.inside.get_by_role("article", name=title, exact=True)

    def get(self, test_id: str) -> Any:
        return self.inside.get_by_test_id(test_id)

    def told(self) -> list[Any]:
        told: list[Any] = self.page.evaluate("window.told")
        return told


@pytest.mark.parametrize("way", ["element", "iframe"])
def test_what_a_user_is_asked_is_shown_and_decided(new_page: NewPage, host: Host, wk: WorkflowKit, way: str) -> None:
    title = f"Refund by {way}?"
    shown = Shown(new_page().page, host, wk, way=way, workflowId="refunds")
    run_id = ask(wk, title)
    ask(wk, "A raise?", "raises")
    card = shown.card(title)
    expect(card).to_be_visible(timeout=PATIENCE_MS)
    expect(card).to_contain_text(HOSTILE[0])
    expect(shown.card("A raise?")).to_have_count(0)
    card.get_by_test_id("decide").click()
    shown.get("approve").click()
    expect(shown.get("decision").locator("[data-pointer='/amount'] .field-error")).to_have_text("This is needed.")
    shown.inside.get_by_label("Amount").fill("12")
    shown.get("approve").click()
    expect(card).to_have_count(0, timeout=PATIENCE_MS)
    (record,) = wk.runtime.approvals.find(TENANT, limit=1, wanted=ApprovalFilter(run_id=run_id))
    assert [(each.actor, each.data) for each in record.decisions] == [("ben", {"amount": 12})]
    told = {"workflowId": "refunds", "runId": run_id, "approvalId": record.record.id, "status": "approved"}
    assert shown.told() == [["decided", told]]


def test_a_user_for_whom_nothing_waits_is_told_so_while_others_are_asked(
    new_page: NewPage, host: Host, wk: WorkflowKit
) -> None:
    ask(wk, "Refund for Ben alone?")
    shown = Shown(new_page().page, host, wk, user="cara", workflowId="refunds")
    expect(shown.inside.get_by_text("Nothing waits for you.")).to_be_visible(timeout=PATIENCE_MS)


def test_an_iframe_goes_on_to_show_something_else(new_page: NewPage, host: Host, wk: WorkflowKit) -> None:
    ask(wk, "Refund in between?")
    shown = Shown(new_page().page, host, wk, way="iframe", workflowId="refunds")
    expect(shown.card("Refund in between?")).to_be_visible(timeout=PATIENCE_MS)
    shown.page.evaluate("window.connection.open({ workflowId: 'refunds' })")
    expect(shown.get("node-ask")).to_be_visible(timeout=PATIENCE_MS)
    expect(shown.card("Refund in between?")).to_have_count(0)
    shown.page.evaluate("window.connection.open({ workflowId: 'refunds', approvals: true })")
    expect(shown.card("Refund in between?")).to_be_visible(timeout=PATIENCE_MS)
    expect(shown.get("node-ask")).to_have_count(0)
    assert shown.told() == []


def test_the_card_of_a_run_says_what_was_decided(new_page: NewPage, host: Host, wk: WorkflowKit) -> None:
    run_id = ask(wk, "Refund of one run?")
    ask(wk, "Refund of another?")
    shown = Shown(new_page().page, host, wk, runId=run_id)
    card = shown.card("Refund of one run?")
    card.get_by_test_id("decide").click()
    shown.inside.get_by_label("Comment").fill("too late")
    shown.get("reject").click()
    expect(card).to_contain_text("ben has rejected it: too late")
    expect(card.get_by_test_id("decide")).to_have_count(0)
    expect(shown.card("Refund of another?")).to_have_count(0)


def test_a_step_that_asks_is_decided_on_the_graph_of_its_run(new_page: NewPage, host: Host, wk: WorkflowKit) -> None:
    run_id = ask(wk, "Refund on the graph?")
    shown = Shown(new_page().page, host, wk, tag="workflow-editor", runId=run_id)
    shown.get("node-ask").click()
    shown.get("step-detail").get_by_test_id("decide").click()
    shown.inside.get_by_label("Amount").fill("3")
    shown.get("approve").click()
    expect(shown.get("run-status")).to_have_text("Completed", timeout=PATIENCE_MS)
    assert [kind for kind, _ in shown.told()] == ["decided"]


def test_without_the_right_nothing_can_be_decided(new_page: NewPage, host: Host, wk: WorkflowKit) -> None:
    run_id = ask(wk, "Refund that only others decide?")
    viewer = Shown(new_page().page, host, wk, rights=("view",), workflowId="refunds")
    expect(viewer.inside.get_by_role("alert")).to_contain_text("The approvals cannot be shown")
    assert [kind for kind, _ in viewer.told()] == ["error"]
    looking = Shown(new_page().page, host, wk, rights=("view",), tag="workflow-editor", runId=run_id)
    looking.get("node-ask").click()
    expect(looking.get("step-detail")).to_be_visible()
    expect(looking.get("decide")).to_have_count(0)
    reading = Shown(new_page().page, host, wk, runId=run_id, readOnly=True)
    expect(reading.card("Refund that only others decide?")).to_be_visible()
    expect(reading.get("decide")).to_have_count(0)


@pytest.mark.parametrize(("language", "scheme", "width"), [("de", "light", 1440), ("ar", "dark", 390)])
def test_approvals_can_be_decided_by_everybody(
    new_page: NewPage, host: Host, wk: WorkflowKit, language: str, scheme: str, width: int
) -> None:
    title = f"Refund in {language}?"
    run_id = ask(wk, title)
    shown = Shown(new_page(width=width, color_scheme=scheme).page, host, wk, runId=run_id, locale=language)
    words = json.loads((ROOT / "web" / "src" / "locale" / f"{language}.pages.json").read_text("utf-8"))
    expect(shown.page.locator(f"#editor [lang={language}]")).to_be_visible()
    decide = shown.card(title).get_by_test_id("decide")
    expect(decide).to_have_text(words["Decide"])
    assert serious(shown.page) == []
    decide.press("Enter")
    expect(shown.get("approve")).to_have_text(words["Approve"])
    assert serious(shown.page) == []
    wide = "element => element.shadowRoot.querySelector('.embed').scrollWidth - element.clientWidth"
    assert shown.page.locator("#editor").evaluate(wide) <= 0


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 390)])
def test_a_user_of_the_example_decides_what_another_has_asked_for(
    new_page: NewPage, host: Host, wk: WorkflowKit, scheme: str, width: int
) -> None:
    article = f"A {scheme} teapot"
    asking, deciding = new_page().page, new_page(width=width, color_scheme=scheme).page
    log_in(asking, host, "ada")
    asking.get_by_role("link", name="Approvals").click()
    expect(asking.get_by_text("Others decide about returns.")).to_be_visible()
    asking.get_by_label("Article").fill(article)
    asking.get_by_role("button", name="Ask to take it back").click()
    expect(asking.get_by_role("status")).to_have_text("It was passed on to those who decide.")
    log_in(deciding, host, "ben")
    deciding.get_by_role("link", name="Approvals").click()
    card = deciding.get_by_role("article", name=f"Take back: {article}")
    expect(card).to_contain_text("Asked for by Ada.", timeout=PATIENCE_MS)
    assert serious(deciding) == []
    card.get_by_test_id("decide").click()
    deciding.get_by_label("Refund").fill("12")
    deciding.get_by_test_id("approve").click()
    expect(deciding.locator("#said")).to_have_text("It is taken back.")
    expect(card).to_have_count(0, timeout=PATIENCE_MS)
    wanted = ApprovalFilter(workflow_id="returns")
    (record, *_) = wk.runtime.approvals.find(TENANT, limit=1, wanted=wanted)
    assert [(each.actor, each.data) for each in record.decisions] == [("Ben", {"refund": 12})]
