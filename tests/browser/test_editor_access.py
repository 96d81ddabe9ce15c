"""For everybody: screen readers, dark mode, small screens and touch; and nothing that a user types is ever executed."""

from __future__ import annotations

from typing import Any

import pytest
from accessibility import HOSTILE, serious_in_both_themes
from editing import EditorPage, NewPage, chain
from playwright.sync_api import Dialog, expect


def a_workflow() -> dict[str, Any]:
    document = chain("lookup", "builtin:if", "everything", "log")
    document["actions"][0]["inputs"] = {"email": "!ref($.event.data.email)"}
    document["actions"][1]["inputs"] = {"condition": {">": ["!ref($.event.data.total)", 1]}}
    document["actions"][2]["inputs"] = {"name": "Ada", "address": {"zip": "1"}, "tags": ["a"]}
    document["actions"][3]["inputs"] = {"message": "!ref($.state.gone.x)"}
    document["edges"][2]["conditional"] = {"type": "if", "ref": "!ref($.output.result)"}
    return document


def test_axe_finds_nothing_serious_on_any_screen(editor: EditorPage) -> None:
    page = editor.page
    found: dict[str, list[str]] = {}

    def look(name: str) -> None:
        if problems := serious_in_both_themes(page):
            found[name] = problems

    page.goto(f"{editor.server.url}/runs")
    expect(page.get_by_role("heading", name="Runs")).to_be_visible()
    look("runs")
    editor.open(a_workflow())
    expect(editor.node("log").locator(".step-badge")).to_be_visible()
    look("editor")
    for node_id in ("lookup", "builtin:if", "everything", "$source"):
        editor.node(node_id).click()
        expect(editor.get("config")).to_be_visible()
        look(f"panel of {node_id}")
    page.get_by_role("tab", name="Settings").click()
    look("settings")
    for name in ("problems", "versions", "outline"):
        editor.get(f"{name}-button").click()
        look(name)
    editor.get("add-after-log").click()
    look("adding")
    page.keyboard.press("Escape")
    page.goto(f"{editor.server.url}/workflows")
    expect(page.get_by_role("table")).to_be_visible()
    look("workflows")
    assert found == {}


def test_names_tell_what_a_step_is_and_what_is_wrong_with_it(editor: EditorPage) -> None:
    page = editor.open(a_workflow()).page
    expect(page.get_by_role("group", name="Log, 1 problem")).to_be_visible()
    expect(page.get_by_role("group", name="From If to Everything, True")).to_be_visible()
    expect(page.get_by_role("button", name="Add a step between the trigger and Look up a customer")).to_be_attached()
    editor.get("outline-button").click()
    editor.get("outline").get_by_role("button", name="Look up a customer lookup").click()
    expect(editor.get("step-id")).to_have_value("lookup")
    editor.node("lookup").locator("xpath=..").focus()
    page.keyboard.press("Escape")
    page.keyboard.press("Delete")
    expect(editor.get("announcements")).to_contain_text("delete 1 step")


def test_the_theme_follows_the_system_until_somebody_chooses(new_page: NewPage) -> None:
    editor = new_page(color_scheme="dark").open(chain("log"))
    page = editor.page
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    editor.get("theme").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")


def test_a_tablet_has_drawers_and_a_canvas_to_touch(new_page: NewPage) -> None:
    editor = new_page(width=820, height=1180, has_touch=True).open(chain("log"))
    canvas = editor.get("canvas").bounding_box()
    assert canvas is not None
    assert canvas["width"] > 800
    editor.get("add-after-log").tap()
    editor.choose_action("set values")
    panel = editor.get("config").bounding_box()
    assert panel is not None
    assert panel["width"] > 800
    assert panel["y"] > canvas["height"] / 4
    assert editor.edges() == [("$source", "log"), ("log", "set")]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_somebody_typed_is_only_ever_text(editor: EditorPage, text: str) -> None:
    document = chain("log", name=text, description=text)
    document["actions"][0] |= {"name": text, "inputs": {"message": text}}
    document["edges"][0] |= {"name": text}
    document["triggers"] = [{"event": text}]
    page = editor.open(document).page
    alerts: list[str] = []

    def note(dialog: Dialog) -> None:
        alerts.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", note)
    expect(editor.get("workflow-name")).to_have_value(text)
    expect(editor.node("log")).to_contain_text(text)
    editor.select("log")
    editor.get("problems-button").click()
    editor.get("outline-button").click()
    expect(editor.get("outline")).to_contain_text(text)
    page.goto(f"{editor.server.url}/workflows")
    expect(page.get_by_role("link", name=text, exact=True).first).to_be_visible()
    assert alerts == []
