"""The editor in a host that has Workflow Kit inside: one origin, a policy of nothing but that, and keys alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from editing import NewPage
from embedhost import Host, a_host, log_in
from playwright.sync_api import Page, expect

from workflowkit import Scope, WorkflowKit

MOST_TABS = 60
FOCUSED = """() => {
    let focused = document.activeElement;
    while (focused?.shadowRoot?.activeElement) focused = focused.shadowRoot.activeElement;
    return focused?.dataset.id ?? focused?.dataset.testid ?? focused?.tagName ?? "";
}"""


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with a_host(tmp_path_factory.mktemp("host"), is_inside=True) as running:
        yield running


def draft(host: Host) -> dict[str, Any]:
    wk = WorkflowKit("test", database_url=host.database_url)
    try:
        return dict(wk.runtime.authoring.get_draft(Scope("default", "acme"), "orders").document)
    finally:
        wk.stop()


def tab_to(page: Page, name: str) -> None:
    """Press Tab until something has the focus."""
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        if page.evaluate(FOCUSED) == name:
            return
    raise AssertionError(f"Tab does not lead to {name}")


def test_a_workflow_is_edited_by_keys_alone_under_a_policy_of_one_origin(new_page: NewPage, host: Host) -> None:
    page = new_page().page
    answer = page.goto(f"{host.url}/login")
    assert answer is not None
    policy = answer.headers["content-security-policy"].split("; ")
    assert "script-src 'self'" in policy
    assert not any("unsafe" in each or "http" in each for each in policy)
    page.get_by_label("Name").focus()
    page.keyboard.type("ada")
    page.keyboard.press("Tab")
    page.keyboard.type("ada")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("node-note")).to_be_visible()

    tab_to(page, "note")  # the step on the canvas
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    page.keyboard.press("a")
    expect(page.get_by_test_id("add-dialog")).to_be_visible()
    page.keyboard.type("log")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("node-log")).to_be_visible()
    tab_to(page, "field-/message")
    page.keyboard.type("By keys")
    page.keyboard.press("Control+s")
    expect(page.get_by_test_id("save-state")).to_have_attribute("data-state", "saved")
    stored = draft(host)
    assert stored["actions"][-1]["inputs"] == {"message": "By keys"}
    assert (stored["edges"][-1]["from"], stored["edges"][-1]["to"]) == ("note", "log")

    page.keyboard.press("Escape")
    if page.evaluate(FOCUSED) != "log":
        tab_to(page, "log")
    page.keyboard.press("Delete")
    expect(page.get_by_test_id("node-log")).to_have_count(0)
    page.keyboard.press("Control+z")
    expect(page.get_by_test_id("node-log")).to_be_visible()
    expect(page.get_by_test_id("save-state")).to_have_attribute("data-state", "saved")


def test_a_reference_is_a_chip_in_the_pages_of_a_host_too(new_page: NewPage, host: Host) -> None:
    before = draft(host)
    page = new_page().page
    log_in(page, host, "ada")
    page.get_by_test_id("node-note").click()
    chips = page.locator(".reference-chip")
    expect(chips).to_have_count(1)
    assert chips.evaluate("chip => getComputedStyle(chip).display") == "inline-flex"
    page.get_by_role("button", name="Message: insert a reference").click()
    page.get_by_test_id("pick-event.name").click()
    expect(chips.last).to_have_text("The name of the event")
    chips.last.click()
    expect(page.locator(".reference")).to_have_text("!ref($.event.name)")
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("config")).to_be_visible()
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".reference-chip-selected")).to_have_text("The name of the event")
    page.keyboard.press("Backspace")
    expect(chips).to_have_count(1)
    expect(page.get_by_test_id("save-state")).to_have_attribute("data-state", "saved")
    assert draft(host)["actions"] == before["actions"]


def test_an_approval_asks_people_of_the_host_and_has_a_form_inside_of_a_page(new_page: NewPage, host: Host) -> None:
    page = new_page().page
    log_in(page, host, "ada")
    page.get_by_test_id("node-note").click()
    page.keyboard.press("Escape")
    page.keyboard.press("a")
    page.get_by_test_id("add-dialog").get_by_test_id("palette-search").fill("approval")
    page.keyboard.press("Enter")
    page.get_by_test_id("field-/title").fill("Go on?")
    page.get_by_test_id("field-/assignees").click()
    expect(page.get_by_test_id("config").get_by_role("listbox").get_by_role("option")).to_have_text(["Ben"])
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.get_by_test_id("field-/form").click()
    for label in ("Why", "Who"):
        page.get_by_test_id("form-add").click()
        page.keyboard.type(label)
    handle = page.get_by_role("button", name="Move Who:").bounding_box()
    target = page.get_by_role("group", name="Why", exact=True).bounding_box()
    assert handle is not None
    assert target is not None
    page.mouse.move(handle["x"] + 8, handle["y"] + 8)
    page.mouse.down()
    page.mouse.move(target["x"] + 8, target["y"] + 8, steps=4)
    page.mouse.up()
    page.get_by_test_id("form-done").click()
    expect(page.locator("[data-pointer='/form'] li")).to_have_text(["Who Text", "Why Text"])
    expect(page.get_by_test_id("save-state")).to_have_attribute("data-state", "saved")
    inputs = draft(host)["actions"][-1]["inputs"]
    assert inputs["assignees"] == ["Ben"]
    assert list(inputs["form"]["properties"]) == ["who", "why"]
