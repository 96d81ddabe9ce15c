"""The page of a run: its graph, its timeline, its steps, and what can be done with it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from accessibility import HOSTILE, serious, serious_in_both_themes
from editing import EditorPage, NewPage, chain
from playwright.sync_api import Dialog, expect

from workflowkit.runtime.roles import ROLES

RUN_DEADLINE_MS = 30_000


def an_approval(event: str) -> dict[str, Any]:
    """Return a workflow that looks, decides, and waits for an event."""
    wait = {"id": "wait", "kind": "builtin:wait_for_event", "name": "Wait for payment"}
    return {
        "name": "Order approval",
        "triggers": [{"event": event}],
        "actions": [
            {"id": "lookup", "kind": "lookup", "inputs": {"email": "!ref($.event.data.email)"}},
            {"id": "check", "kind": "builtin:if", "inputs": {"condition": {">": ["!ref($.event.data.total)", 100]}}},
            {"id": "small", "kind": "log", "name": "Small", "inputs": {"message": "small"}},
            wait | {"inputs": {"event": f"{event}.paid", "timeout": "2d"}},
        ],
        "edges": [
            {"from": "$source", "to": "lookup"},
            {"from": "lookup", "to": "check"},
            {"from": "check", "to": "wait", "conditional": {"type": "if", "ref": "!ref($.output.result)"}},
            {"from": "check", "to": "small", "conditional": {"type": "else", "ref": "!ref($.output.result)"}},
        ],
    }


def test_a_run_is_painted_on_the_graph_of_its_version_and_goes_on_without_a_reload(editor: EditorPage) -> None:
    page = editor.page
    run_id = editor.run(an_approval("runs/live"), {"email": "ada@example.com", "total": 250})
    # The list leads to it, too.
    page.goto(f"{editor.server.url}/runs?workflow={editor.server.get(f'/api/runs/{run_id}')['workflow_id']}")
    page.locator("tbody tr").locator("a.mono, td.mono a").first.click()
    expect(page).to_have_url(re.compile(f"/runs/{run_id}$"))
    state = editor.node("wait").get_by_test_id("step-state")
    expect(state).to_have_text("Waiting", timeout=RUN_DEADLINE_MS)
    expect(editor.node("small")).to_have_class(re.compile("step-painted-skipped"))
    expect(editor.edge("check", "wait")).to_have_attribute("data-state", "taken")
    expect(editor.edge("check", "small")).to_have_attribute("data-state", "not_taken")
    editor.node("small").click()
    expect(editor.get("step-reason")).to_have_text("The condition does not hold.")
    editor.get("row-wait").click()
    expect(page).to_have_url(re.compile(r"\?step=wait$"))
    expect(editor.get("inner-wait/event")).to_contain_text("Waits for the event runs/live.paid until")
    expect(editor.get("row-wait/event").locator("[data-kind=wait]")).to_be_visible()
    editor.server.post("/api/events", {"name": "runs/live.paid", "data": {}})
    expect(page.locator(".run-header").get_by_test_id("status")).to_have_text("completed", timeout=RUN_DEADLINE_MS)
    page.reload()
    expect(editor.get("step-detail")).to_contain_text("Wait for payment")


#: What lies on the state of a step, or on which it lies, and whether the state leaves the box of its step.
OFFENDING = """page => {
    const boxOf = element => element.getBoundingClientRect();
    const others = [...page.querySelectorAll(".react-flow__handle-bottom, .wire-label, .step-name")].map(boxOf);
    return [...page.querySelectorAll("[data-testid=step-state]")].flatMap(state => {
        const [box, step] = [state, state.closest(".step")].map(boxOf);
        const isInside = box.left >= step.left && box.right <= step.right && box.top >= step.top
            && box.bottom <= step.bottom;
        const meets = others.some(other => box.left < other.right && other.left < box.right
            && box.top < other.bottom && other.top < box.bottom);
        return isInside && !meets ? [] : [`${state.textContent} in ${state.closest(".step").textContent}`];
    });
}"""


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1180, 720), (390, 844)])
@pytest.mark.parametrize("language", ["en", "de"])
def test_how_a_step_went_stands_in_its_box_and_on_nothing_else(
    new_page: NewPage, width: int, height: int, language: str
) -> None:
    editor = new_page(width=width, height=height, locale=language)
    editor.run(an_approval(f"runs/inside.{language}{width}"), {"email": "ada@example.com", "total": 250})
    expect(editor.node("wait")).to_have_class(re.compile("step-painted-waiting"), timeout=RUN_DEADLINE_MS)
    expect(editor.node("small")).to_have_class(re.compile("step-painted-skipped"))
    assert editor.page.locator("main").evaluate(OFFENDING) == []


def test_a_wait_is_skipped_and_its_run_goes_on(editor: EditorPage) -> None:
    editor.run(an_approval("runs/skip"), {"email": "a@b.c", "total": 250})
    expect(editor.node("wait").get_by_test_id("step-state")).to_have_text("Waiting", timeout=RUN_DEADLINE_MS)
    editor.get("row-wait").click()
    editor.get("skip-wait/event").click()
    status = editor.page.locator(".run-header").get_by_test_id("status")
    expect(status).to_have_text("completed", timeout=RUN_DEADLINE_MS)
    expect(editor.get("skip-wait/event")).to_have_count(0)


def test_what_a_step_asks_is_decided_on_the_page_of_its_run(editor: EditorPage) -> None:
    page, document = editor.page, chain("builtin:approval", event="runs/ask")
    form = {"type": "object", "required": ["amount"], "properties": {"amount": {"type": "integer", "title": "Amount"}}}
    document["actions"][0] |= {"id": "ask", "inputs": {"title": "Refund?", "assignees": ["ada"], "form": form}}
    document["edges"] = [{"from": "$source", "to": "ask"}]
    editor.run(document, {})
    expect(editor.node("ask").get_by_test_id("step-state")).to_have_text("Waiting", timeout=RUN_DEADLINE_MS)
    editor.get("row-ask").click()
    card = editor.get("step-detail").get_by_role("article", name="Refund?")
    expect(card).to_contain_text("asks ada")
    assert serious(page) == []
    card.get_by_test_id("decide").click()
    page.get_by_label("Amount").fill("12")
    editor.get("approve").click()
    expect(card).to_contain_text("developer has approved it")
    status = page.locator(".run-header").get_by_test_id("status")
    expect(status).to_have_text("completed", timeout=RUN_DEADLINE_MS)
    expect(editor.get("step-detail")).to_contain_text("12")


def test_a_waiting_run_is_cancelled_with_a_reason(editor: EditorPage) -> None:
    run_id = editor.run(an_approval("runs/cancel"), {"email": "a@b.c", "total": 250})
    editor.get("cancel-run").click()
    editor.get("cancel-reason").fill("ordered twice")
    editor.get("confirm-cancel").click()
    expect(editor.get("run-reason")).to_contain_text("ordered twice")
    expect(editor.get("cancel-run")).to_have_count(0)
    assert editor.server.get(f"/api/runs/{run_id}")["status"] == "cancelled"


def test_a_run_is_repeated_from_a_step_with_another_input(editor: EditorPage) -> None:
    page = editor.page
    run_id = editor.run(an_approval("runs/again"), {"email": "a@b.c", "total": 1})
    status = page.locator(".run-header").get_by_test_id("status")
    expect(status).to_have_text("completed", timeout=RUN_DEADLINE_MS)
    editor.get("row-small").click()
    editor.get("rerun-from").click()
    editor.get("rerun-text").fill('{"message": ')
    expect(editor.get("confirm-rerun")).to_be_disabled()
    editor.get("rerun-text").fill('{"message": "larger"}')
    editor.get("confirm-rerun").click()
    expect(page.get_by_role("link", name=run_id)).to_be_visible()
    expect(status).to_have_text("completed", timeout=RUN_DEADLINE_MS)
    editor.get("row-small").click()
    expect(editor.get("step-detail").get_by_role("region", name="Input")).to_contain_text("larger")
    editor.node("lookup").click()
    expect(editor.get("step-reason")).to_contain_text("the run that this one repeats")


def test_what_its_reader_may_not_edit_is_not_offered_when_a_run_is_repeated(editor: EditorPage) -> None:
    page, document = editor.page, an_approval("runs/fixed")
    ask = {"id": "ask", "kind": "builtin:approval", "inputs": {"title": "Pay?"}}
    document["actions"].append(ask)
    document["edges"].append({"from": "wait", "to": "ask"})
    run_id = editor.run(document, {"email": "a@b.c", "total": 1})
    status = page.locator(".run-header").get_by_test_id("status")
    expect(status).to_have_text("completed", timeout=RUN_DEADLINE_MS)
    wanted = {"name": "operator", "permissions": sorted(ROLES["operator"])}
    key = editor.server.post("/api/keys", wanted)
    page.set_extra_http_headers({"Authorization": f"Bearer {key['key']}"})
    editor.get("row-small").click()
    editor.get("rerun-from").click()
    expect(editor.get("rerun-fixed")).to_contain_text("The workflow asks people for approval")
    expect(editor.get("rerun-text")).to_have_attribute("readonly", "")
    assert serious(page) == []
    editor.get("confirm-rerun").click()
    expect(page.get_by_role("link", name=run_id)).to_be_visible()
    expect(page.get_by_text(f"key:{key['id']}")).to_be_visible()
    # All of it, with other data: then people are asked about that.
    editor.get("rerun").click()
    expect(editor.get("rerun-text")).not_to_have_attribute("readonly", "")
    expect(editor.get("rerun-fixed")).to_have_count(0)


def test_a_newer_version_is_proposed_and_gives_the_step_its_own_input(editor: EditorPage) -> None:
    page, document = editor.page, an_approval("runs/mended")
    run_id = editor.run(document, {"email": "a@b.c", "total": 1})
    status = page.locator(".run-header").get_by_test_id("status")
    expect(status).to_have_text("completed", timeout=RUN_DEADLINE_MS)
    workflow_id = editor.server.get(f"/api/runs/{run_id}")["workflow_id"]
    editor.get("row-small").click()
    editor.get("rerun-from").click()
    expect(editor.get("rerun-version")).to_have_value("original")
    expect(editor.get("rerun-text")).to_be_visible()
    page.keyboard.press("Escape")
    next(each for each in document["actions"] if each["id"] == "small")["inputs"] = {"message": "mended"}
    draft = f"{editor.server.url}/api/workflows/{workflow_id}/draft"
    tag = page.request.get(draft).headers["etag"]
    assert page.request.put(draft, data={"document": document}, headers={"If-Match": tag}).ok
    editor.server.post(f"/api/workflows/{workflow_id}/publish")
    editor.get("rerun-from").click()
    expect(editor.get("rerun-version")).to_have_value("latest")
    expect(editor.get("rerun-version")).to_contain_text("v2, published since")
    expect(editor.get("rerun-template")).to_contain_text("mended")
    assert serious(page) == []
    editor.get("confirm-rerun").click()
    expect(page.get_by_role("link", name=run_id)).to_be_visible()
    expect(status).to_have_text("completed", timeout=RUN_DEADLINE_MS)
    editor.get("row-small").click()
    expect(editor.get("step-detail").get_by_role("region", name="Input")).to_contain_text("mended")


def test_axe_finds_nothing_serious_on_the_page_of_a_run(editor: EditorPage) -> None:
    editor.run(an_approval("runs/axe"), {"email": "a@b.c", "total": 250})
    expect(editor.node("wait").get_by_test_id("step-state")).to_be_visible(timeout=RUN_DEADLINE_MS)
    found = serious_in_both_themes(editor.page)
    editor.get("row-wait").click()
    expect(editor.get("step-detail")).to_be_visible()
    found += serious_in_both_themes(editor.page)
    editor.get("cancel-run").click()
    assert found + serious_in_both_themes(editor.page) == []


def test_what_a_step_returns_is_only_ever_text(editor: EditorPage) -> None:
    document = chain("everything", event="runs/hostile")
    document["actions"][0]["inputs"] = {"name": "Ada", "notes": "!ref($.event.data.texts[0])", "tags": HOSTILE}
    alerts: list[str] = []

    def note(dialog: Dialog) -> None:
        alerts.append(dialog.message)
        dialog.dismiss()

    editor.page.on("dialog", note)
    editor.run(document, {"texts": HOSTILE})
    for text in HOSTILE:
        expect(editor.get("run-side")).to_contain_text(text)
    editor.get("row-everything").click(timeout=RUN_DEADLINE_MS)
    output = editor.get("step-detail").get_by_role("region", name="Output")
    for text in HOSTILE:
        expect(output).to_contain_text(text, timeout=RUN_DEADLINE_MS)
    assert alerts == []
