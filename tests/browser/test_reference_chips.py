"""References as chips: named after step and field, deleted as one, opened as code, not changed by being shown."""

from __future__ import annotations

from typing import Any

import pytest
from accessibility import serious_in_both_themes
from editing import EditorPage, NewPage, chain
from playwright.sync_api import Locator, expect

HI = "Hi !ref($['state'][\"lookup\"].name), !ref($.event.data.total)!"


def a_workflow(message: str = HI) -> dict[str, Any]:
    document = chain("lookup", "load_order", "log", event="declared/invoiced")
    document["actions"][0] |= {"name": "Find Ada", "inputs": {"email": "ada@example.org"}}
    document["actions"][1] |= {"inputs": {"id": "A-1"}}
    document["actions"][2] |= {"inputs": {"message": message}}
    return document


def opened(editor: EditorPage, message: str = HI) -> Locator:
    """Open the step whose message it is; return the field, with the cursor at its end."""
    editor.open(a_workflow(message))
    editor.select("log")
    field = editor.get("field-/message")
    field.focus()
    return field


def chips(field: Locator) -> Locator:
    return field.locator(".reference-chip")


def way(*names: str) -> str:
    """Return what is read on a chip."""
    return "\u203a".join(names)


def message_of(editor: EditorPage) -> Any:
    return editor.saved()["actions"][2].get("inputs", {}).get("message")


def test_references_are_shown_by_the_titles_of_step_and_field(editor: EditorPage) -> None:
    field = opened(editor)
    expect(chips(field)).to_have_text([way("Find Ada", "name"), way("Event", "Total")])
    expect(field).to_have_text(f"Hi {way('Find Ada', 'name')}, {way('Event', 'Total')}!")
    expect(field.get_by_role("img", name="Find Ada, name", exact=True)).to_have_attribute(
        "title", "!ref($['state'][\"lookup\"].name)"
    )
    expect(field.get_by_role("img", name="Event, Total", exact=True)).to_have_attribute(
        "aria-roledescription", "Reference"
    )
    expect(editor.get("expr-preview")).to_have_text("no data yet")


def test_what_is_looked_at_and_opened_is_not_changed(editor: EditorPage) -> None:
    document = a_workflow("a\r\n" + HI)
    workflow_id = editor.server.create(document)
    before = editor.server.draft(workflow_id)
    written: list[str] = []
    page = editor.page
    page.on("request", lambda request: written.append(request.url) if request.method in ("PUT", "PATCH") else None)
    editor.go(workflow_id).select("log")
    field = editor.get("field-/message")
    for chip in (0, 1):
        chips(field).nth(chip).click()
        expect(chips(field)).to_have_count(1)
        page.keyboard.press("Escape")
        expect(chips(field)).to_have_count(2)
    editor.select("lookup")
    assert editor.saved() == before
    assert written == []


def test_a_completed_reference_becomes_a_chip_and_writing_goes_on_behind_it(editor: EditorPage) -> None:
    editor.open(chain("log", event="declared/invoiced"))
    editor.select("log")
    editor.get("fx-/message").click()
    field = editor.get("field-/message")
    field.click()
    page = editor.page
    page.keyboard.type("Sum !ref($.event.data.tot")
    expect(page.locator(".cm-tooltip-autocomplete li")).to_have_count(1)
    expect(chips(field)).to_have_count(0)
    page.keyboard.press("Enter")
    expect(chips(field)).to_have_text([way("Event", "Total")])
    page.keyboard.type(" EUR")
    assert editor.saved()["actions"][0]["inputs"] == {"message": "Sum !ref($.event.data.total) EUR"}
    page.keyboard.type(" !ref($.event.name")
    expect(chips(field)).to_have_count(1)
    page.keyboard.press("Escape")
    page.keyboard.type(")")
    expect(chips(field)).to_have_text([way("Event", "Total"), "The name of the event"])


def test_a_reference_that_is_typed_among_fixed_values_becomes_a_chip_when_that_is_done(editor: EditorPage) -> None:
    editor.open(a_workflow("Hi"))
    editor.select("log")
    field = editor.get("field-/message")
    field.press("End")
    editor.page.keyboard.type(" !ref($.event.data.total) and more")
    expect(field).to_be_focused()
    expect(field).to_have_value("Hi !ref($.event.data.total) and more")
    editor.page.get_by_role("button", name="Message: insert a reference").click()
    editor.get("pick-state.lookup").click()
    expect(chips(field)).to_have_text([way("Event", "Total"), "Find Ada"])
    assert message_of(editor) == "Hi !ref($.event.data.total) and more!ref($.state.lookup)"
    page = editor.page
    page.get_by_role("button", name="fx, Message: use a fixed value").click()
    field.fill("!ref($.event.name)")
    page.get_by_role("button", name="fx, Message: use a reference").click()
    expect(chips(field)).to_have_text(["The name of the event"])
    assert message_of(editor) == "!ref($.event.name)"


def test_a_picked_reference_is_a_chip(editor: EditorPage) -> None:
    editor.open(a_workflow(""))
    editor.select("log")
    editor.page.get_by_role("button", name="Message: insert a reference").click()
    expect(editor.get("pick-state.lookup")).to_contain_text("Find Ada")
    expect(editor.get("pick-event.data.total")).to_contain_text("Total")
    editor.get("pick-event.data.total").click()
    expect(chips(editor.get("field-/message"))).to_have_text([way("Event", "Total")])
    assert message_of(editor) == "!ref($.event.data.total)"


def test_keys_select_a_chip_open_it_and_delete_it_as_one(editor: EditorPage) -> None:
    field = opened(editor)
    page = editor.page
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    selected = field.locator(".reference-chip-selected")
    expect(selected).to_have_text(way("Event", "Total"))
    expect(page.locator(".cm-announced")).to_have_text("Event, Total. Enter opens it as code.")
    page.keyboard.press("Enter")
    expect(chips(field)).to_have_text([way("Find Ada", "name")])
    expect(field.locator(".reference")).to_have_text("!ref($.event.data.total)")
    page.keyboard.press("Escape")
    expect(editor.get("config")).to_be_visible()
    expect(chips(field)).to_have_count(2)
    page.keyboard.press("Backspace")
    expect(chips(field)).to_have_count(1)
    assert message_of(editor) == "Hi !ref($['state'][\"lookup\"].name), !"
    page.keyboard.press("Control+z")
    expect(chips(field)).to_have_count(2)
    assert message_of(editor) == HI

    page.keyboard.press("Home")
    for _ in "Hi ":
        page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(selected).to_have_text(way("Find Ada", "name"))
    page.keyboard.press("ArrowRight")
    expect(selected).to_have_count(0)
    page.keyboard.press("F2")
    page.keyboard.press("Backspace")
    page.keyboard.type("X")
    page.keyboard.press("Tab")
    expect(chips(field)).to_have_text([way("Find Ada", "namX"), way("Event", "Total")])
    assert message_of(editor) == "Hi !ref($['state'][\"lookup\"].namX), !ref($.event.data.total)!"


def test_a_click_opens_a_chip_and_leaving_the_field_closes_it(editor: EditorPage) -> None:
    field = opened(editor)
    page = editor.page
    chips(field).nth(1).click()
    expect(field.locator(".reference")).to_have_text("!ref($.event.data.total)")
    for _ in "total":
        page.keyboard.press("Backspace")
    page.keyboard.type("lines[1].sku")
    editor.get("step-name").click()
    expect(chips(field)).to_have_text([way("Find Ada", "name"), way("Event", "lines", "Entry 2", "sku")])
    assert message_of(editor) == "Hi !ref($['state'][\"lookup\"].name), !ref($.event.data.lines[1].sku)!"


def test_what_is_copied_cut_and_pasted_is_the_text_of_the_document(editor: EditorPage) -> None:
    field = opened(editor)
    page = editor.page
    page.keyboard.press("Control+a")
    expect(field.locator(".reference-chip-selected")).to_have_count(2)
    page.keyboard.press("Control+c")
    name = editor.get("step-name")
    name.click()
    page.keyboard.press("Control+v")
    expect(name).to_have_value(HI)
    name.fill("Tell")
    field.focus()
    page.keyboard.press("Control+x")
    expect(chips(field)).to_have_count(0)
    page.keyboard.press("Control+v")
    page.keyboard.press("Control+v")
    expect(chips(field)).to_have_count(4)
    assert message_of(editor) == HI + HI


def test_a_renamed_step_is_seen_at_once(editor: EditorPage) -> None:
    opened(editor)
    editor.select("lookup")
    editor.get("step-name").fill("Look for Ada")
    editor.select("log")
    field = editor.get("field-/message")
    expect(chips(field).first).to_have_text(way("Look for Ada", "name"))
    editor.get("undo").click()
    expect(chips(field).first).to_have_text(way("Find Ada", "name"))
    editor.get("redo").click()
    expect(chips(field).first).to_have_text(way("Look for Ada", "name"))
    assert message_of(editor) == HI


def test_what_leads_nowhere_looks_like_it_and_says_why(editor: EditorPage) -> None:
    field = opened(editor, "!ref($.state.gone.x) !ref($.state.load_order.totl) !ref($.state.load_order.total)")
    expect(chips(field)).to_have_count(3)
    broken = field.locator(".reference-chip-broken")
    expect(broken).to_have_text([way("gone", "x"), way("Load an order", "totl")])
    expect(broken.nth(0)).to_have_attribute("title", "No step gone comes before this one.")
    expect(broken.nth(1)).to_have_attribute("title", "Load an order has no field totl.")
    expect(field.get_by_role("img", name="gone, x: No step gone comes before this one.")).to_be_visible()
    editor.select("load_order")
    editor.page.keyboard.press("Escape")
    editor.page.keyboard.press("Delete")
    editor.select("log")
    expect(broken).to_have_text([way("gone", "x"), way("load_order", "totl"), way("load_order", "total")])


def test_only_plain_paths_become_chips(editor: EditorPage) -> None:
    field = opened(editor, "!ref($.event.data.lines[?(@.sku == 'A')]) !ref($.event.data.lines[*].sku)")
    expect(chips(field)).to_have_text([way("Event", "lines", "All entries", "sku")])
    expect(field.locator(".reference")).to_have_text("!ref($.event.data.lines[?(@.sku == 'A')])")


def test_conditions_show_chips_too(editor: EditorPage) -> None:
    document = chain("builtin:if", "log", event="declared/invoiced")
    document["actions"][0]["inputs"] = {"condition": {">": ["!ref($.event.data.total)", 100]}}
    document["edges"][1]["conditional"] = {"type": "if", "ref": "!ref($.output.result)"}
    page = editor.open(document).page
    editor.select("builtin:if")
    left = editor.get("condition-left")
    expect(chips(left)).to_have_text([way("Event", "Total")])
    chips(left).click()
    page.keyboard.press("Control+a")
    page.keyboard.press("Backspace")
    page.keyboard.type("7")
    expect(left).to_be_focused()
    expect(left).to_have_text("7")
    assert editor.saved()["actions"][0]["inputs"] == {"condition": {">": [7, 100]}}
    page.keyboard.press("Control+a")
    page.keyboard.type("!ref($.event.data.tot")
    expect(page.locator(".cm-tooltip-autocomplete li")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(chips(left)).to_have_text([way("Event", "Total")])
    assert editor.saved()["actions"][0]["inputs"] == {"condition": {">": ["!ref($.event.data.total)", 100]}}

    page.get_by_role("group", name="From If to Log, True").press("Enter")
    expect(chips(editor.get("field-/conditional/ref"))).to_have_text([way("If", "Result")])


def serious_of_fields(editor: EditorPage) -> list[str]:
    """Return what axe finds. In Arabic two things are counted without a figure, while the button has one."""
    return [found for found in serious_in_both_themes(editor.page) if "problems-button" not in found]


@pytest.mark.parametrize("language", ["en", "ar"])
def test_everybody_can_use_them_in_both_themes_and_directions(new_page: NewPage, language: str) -> None:
    editor = new_page(locale=language)
    field = opened(editor, "!ref($.event.data.total) and !ref($.state.gone.x) !ref($..all)")
    forward = "ArrowLeft" if language == "ar" else "ArrowRight"
    page = editor.page
    page.keyboard.press("Home")
    page.keyboard.press(forward)
    expect(field.locator(".reference-chip-selected")).to_have_count(1)
    assert serious_of_fields(editor) == []
    page.keyboard.press("Enter")
    expect(field.locator(".reference")).to_have_count(2)
    assert serious_of_fields(editor) == []
    if language == "ar":
        expect(chips(field)).to_have_attribute("dir", "rtl")


@pytest.mark.parametrize(
    "text",
    [
        "مرحبا !ref($.event.data.total)!ref($.event.name) كيف",
        "!ref($.event.data.total)!ref($.event.name)",
        "A !ref($.event.data.total) b !ref($.event.name) c",
    ],
)
def test_arrows_lead_through_a_line_from_right_to_left(new_page: NewPage, text: str) -> None:
    editor = new_page(locale="ar")
    field = opened(editor, text)
    page = editor.page
    selected = field.locator(".reference-chip-selected")
    for key, names in (
        ("ArrowRight", ["event.name", "event.data.total"]),
        ("ArrowLeft", ["event.data.total", "event.name"]),
    ):
        titles: list[str] = []
        for _ in text:
            page.keyboard.press(key)
            titles += [str(chip.get_attribute("title")) for chip in selected.all()]
        assert titles == [f"!ref($.{name})" for name in names]
    page.keyboard.type("E")
    for _ in ("A", "chip", "b", "chip", "c"):
        page.keyboard.press("Control+ArrowRight")
    page.keyboard.type("S")
    page.keyboard.press("Control+Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Backspace")
    assert message_of(editor) == f"{text}E"
