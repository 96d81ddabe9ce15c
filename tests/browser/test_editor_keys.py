"""Keys act on the step that somebody has gone to, and lead everywhere."""

from __future__ import annotations

from accessibility import serious
from editing import EditorPage, NewPage, chain
from playwright.sync_api import Locator, expect


def a_chain() -> dict[str, object]:
    return chain("lookup", "log", "set")


def step(editor: EditorPage, node_id: str) -> Locator:
    """The element that can have the focus."""
    return editor.page.locator(f'.react-flow__node[data-id="{node_id}"]')


def go_back_to(editor: EditorPage, node_id: str) -> None:
    """Go from step to step and connection to connection, until one has the focus."""
    for _ in range(12):
        editor.page.keyboard.press("Shift+Tab")
        if step(editor, node_id).evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"{node_id} cannot be reached")


def test_delete_removes_the_step_that_has_the_focus(editor: EditorPage) -> None:
    page = editor.open(a_chain()).page
    step(editor, "log").focus()
    page.keyboard.press("Enter")
    expect(editor.get("step-id")).to_have_value("log")
    page.keyboard.press("Escape")
    go_back_to(editor, "lookup")
    page.keyboard.press("Delete")
    expect(editor.node("lookup")).to_have_count(0)
    assert editor.ids() == ["log", "set"]


def test_keys_act_on_a_step_with_the_focus_while_nothing_is_selected(editor: EditorPage) -> None:
    page = editor.open(a_chain()).page
    step(editor, "set").focus()
    page.keyboard.press("d")
    expect(editor.node("set")).to_have_class("step step-selected step-disabled")
    before = editor.saved()["metadata"]["ui"]["positions"]["log"]
    step(editor, "log").focus()
    page.keyboard.press("ArrowRight")
    expect(editor.node("log")).to_have_class("step step-selected")
    expect(editor.get("save-state")).to_have_attribute("data-state", "saved")
    after = editor.saved()["metadata"]["ui"]["positions"]
    assert after["log"]["x"] > before["x"]
    expect(editor.get("config")).to_have_count(0)


def test_a_step_that_keys_have_added_has_the_focus(editor: EditorPage) -> None:
    page = editor.open(a_chain()).page
    step(editor, "log").focus()
    page.keyboard.press("a")
    page.keyboard.type("lookup")
    page.keyboard.press("Enter")
    expect(step(editor, "lookup_2")).to_be_focused()
    page.keyboard.press("Delete")
    expect(editor.node("log")).to_be_visible()
    assert editor.ids() == ["lookup", "log", "set"]


def test_what_was_found_is_what_keys_are_about(editor: EditorPage) -> None:
    page = editor.open(a_chain()).page
    step(editor, "lookup").focus()
    page.keyboard.press("Control+f")
    page.keyboard.type("set")
    page.keyboard.press("Enter")
    expect(editor.get("step-id")).to_have_value("set")
    page.keyboard.press("Escape")
    page.keyboard.press("Delete")
    assert editor.ids() == ["lookup", "log"]


def test_the_first_stop_of_the_tab_key_leads_to_the_steps(editor: EditorPage) -> None:
    page = editor.open(a_chain()).page
    page.keyboard.press("Tab")
    skip = page.get_by_role("button", name="Skip to the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    assert serious(page) == []
    page.keyboard.press("Enter")
    expect(step(editor, "$source")).to_be_focused()
    expect(skip).not_to_be_in_viewport()


def test_the_first_stop_of_the_tab_key_leads_to_the_page(new_page: NewPage) -> None:
    editor = new_page(locale="ar", width=390, height=800)
    page = editor.page
    page.goto(f"{editor.server.url}/runs")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_what_is_added_or_pasted_can_be_seen(editor: EditorPage, new_page: NewPage) -> None:
    names = [f"s{number}" for number in range(8)]
    document = chain(*names)
    for action in document["actions"]:
        action["kind"] = "log"
    page = editor.open(document).page
    for _ in range(4):
        page.get_by_role("button", name="Zoom in").click()
    expect(step(editor, "s7")).not_to_be_in_viewport()
    page.locator(".react-flow__pane").click(position={"x": 20, "y": 20})
    page.keyboard.press("a")
    page.keyboard.type("set val")
    page.keyboard.press("Enter")
    expect(step(editor, "set")).to_be_in_viewport()
    expect(editor.get("add-after-set")).to_be_in_viewport()
    assert editor.edges()[-1] == ("s7", "set")
    page.keyboard.press("Escape")
    text = editor.clipboard("copy")

    other = new_page().open(chain("lookup"))
    other.page.mouse.move(800, 500)
    other.page.mouse.wheel(0, 2000)
    other.clipboard("paste", text)
    expect(step(other, "set")).to_be_in_viewport()
    expect(other.get("notice")).to_contain_text("1 step pasted")
