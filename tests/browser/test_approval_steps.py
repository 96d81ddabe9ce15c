"""Approvals as those configure them who draw workflows: whom they ask, and what is to be filled in."""

from __future__ import annotations

from typing import Any

import pytest
from accessibility import serious
from editing import EditorPage, NewPage, chain, pretty
from playwright.sync_api import Locator, expect
from translations import catalogue, english_on

ASK = {"title": "Refund order 1017?", "description": "The parcel came back damaged."}


def opened(editor: EditorPage, **inputs: Any) -> EditorPage:
    """Open an approval between two other steps."""
    document = chain("lookup", "ask", "load_order")
    document["actions"][1] |= {"kind": "builtin:approval", "inputs": {**ASK, **inputs}}
    document["edges"][2]["conditional"] = {"type": "match", "ref": "!ref($.output.status)", "value": "approved"}
    editor.open(document)
    editor.select("ask")
    return editor


def inputs_of(editor: EditorPage) -> Any:
    return editor.saved()["actions"][1]["inputs"]


def chosen(editor: EditorPage) -> Locator:
    return editor.page.locator("[data-pointer='/assignees'] .several-one")


def test_whom_to_ask_is_chosen_typed_or_looked_up_and_what_is_not_known_is_kept(editor: EditorPage) -> None:
    opened(editor, assignees="zoe@example.com")
    page, field = editor.page, editor.get("field-/assignees")
    expect(chosen(editor)).to_have_text("zoe@example.comNot in the list.")
    field.click()
    rows = editor.get("config").get_by_role("listbox").get_by_role("option")
    expect(rows).to_have_text(["Ada Lovelaceada@example.com", "Bobbob@example.com", "Financegroup:finance"])
    assert serious(page) == []
    page.keyboard.type("lov")
    page.keyboard.press("Enter")
    field.fill("Bob, kim@example.com")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Assignees: insert a reference").click()
    editor.get("pick-state.lookup").click()
    shown = ["zoe@example.comNot in the list.", "Ada Lovelace", "Bob", "kim@example.comNot in the list.",
             "Look up a customer"]  # fmt: skip
    expect(chosen(editor)).to_have_text(shown)
    field.click()
    expect(rows).to_have_text(["Financegroup:finance"])
    known = ["zoe@example.com", "ada@example.com", "bob@example.com", "kim@example.com", "!ref($.state.lookup)"]
    assert inputs_of(editor)["assignees"] == known
    page.get_by_role("button", name="Remove zoe@example.com").click()
    expect(field).to_be_focused()
    assert inputs_of(editor)["assignees"] == known[1:]


def test_what_names_nobody_is_shown_as_wrong_until_it_is_taken_away(editor: EditorPage) -> None:
    opened(editor, assignees=None)
    expect(editor.page.locator("[data-pointer='/assignees'] .field-error")).to_contain_text("nothing is in it")
    editor.page.get_by_role("button", name="Remove (empty)").click()
    expect(editor.page.locator("[data-pointer='/assignees'] .field-error")).to_have_count(0)
    assert "assignees" not in inputs_of(editor)


def test_a_form_is_built_of_rows_and_later_steps_know_its_fields(editor: EditorPage) -> None:
    opened(editor, title="Refund the order of !ref($.state.lookup)?")
    page, add = editor.page, editor.get("form-add")
    editor.get("field-/form").click()
    builder, preview = editor.get("form-builder"), editor.get("form-preview")
    expect(preview.get_by_role("heading", level=2)).to_have_text("Refund the order of [Look up a customer]?")
    expect(preview).to_contain_text("The parcel came back damaged.")
    for label, kind in (("Amount", "number"), ("Reason", "choice"), ("Urgent", "boolean")):
        add.click()
        page.keyboard.type(label)
        builder.get_by_role("group", name=label).get_by_label("Kind").select_option(kind)
    expect(builder.get_by_text("Write at least one choice.")).to_be_visible()
    builder.get_by_label("Choices").fill("Damaged\nLate\n")
    builder.get_by_role("group", name="Amount").get_by_label("Required").check()
    builder.get_by_role("group", name="Amount").get_by_label("Help").fill("In euro")
    name = builder.get_by_role("group", name="Urgent").get_by_label("Name for later steps")
    name.fill("amount")
    expect(builder.get_by_text("Another field has this name.")).to_be_visible()
    name.fill("is_urgent")
    builder.get_by_role("button", name="Move Urgent:").focus()
    page.keyboard.press("ArrowUp")
    expect(builder.get_by_role("button", name="Move Urgent:")).to_be_focused()
    page.keyboard.press("ArrowUp")
    editor.drag(
        builder.get_by_role("button", name="Move Reason:"), builder.get_by_role("group", name="Amount", exact=True)
    )
    expect(preview.locator(".field-label")).to_have_text(["Urgent", "Reason", "Amount *"])
    expect(preview.get_by_label("Reason").locator("option")).to_have_text(["—", "Damaged", "Late"])
    assert serious(page) == []
    editor.get("form-done").click()
    expect(editor.page.locator("[data-pointer='/form'] li")).to_have_text(
        ["Urgent Yes or no", "Reason Choice", "Amount Number, Required"]
    )
    form = inputs_of(editor)["form"]
    assert list(form["properties"]) == ["is_urgent", "reason", "amount"]
    assert form == {
        "type": "object",
        "properties": {
            "is_urgent": {"title": "Urgent", "type": "boolean"},
            "reason": {"title": "Reason", "type": "string", "enum": ["Damaged", "Late"]},
            "amount": {"title": "Amount", "description": "In euro", "type": "number"},
        },
        "required": ["amount"],
    }
    editor.select("load_order")
    page.get_by_role("button", name="Id: insert a reference").click()
    page.get_by_label("Find a value").fill("ask.data.am")
    editor.get("pick-state.ask.data.amount").click()
    assert editor.saved()["actions"][2]["inputs"] == {"id": "!ref($.state.ask.data.amount)"}
    expect(page.locator("[data-pointer='/id'] .field-error-warning")).to_contain_text("declared as a number")


@pytest.mark.parametrize("language", ["de", "ar"])
def test_a_form_that_rows_cannot_show_stays_json_in_every_language(new_page: NewPage, language: str) -> None:
    words = catalogue(language)
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, "anyOf": [{"required": ["a"]}]}
    editor = opened(new_page(locale=language), form=schema, assignees=["nobody@example.com"])
    editor.get("field-/form").click()
    builder = editor.get("form-builder")
    expect(builder.get_by_text(words["This form has more than rows can show, so it stays JSON."])).to_be_visible()
    expect(builder.get_by_role("button", name=words["Fields"])).to_be_disabled()
    area = editor.get("field-form-json")
    properties = {"a": {"type": "array", "title": "Parcels"}, "b": {"type": "number", "minimum": 2}}
    plain = {"type": "object", "properties": properties}
    area.fill(pretty(plain))
    builder.get_by_role("button", name=words["Fields"]).click()
    expect(builder.get_by_role("group", name="Parcels").get_by_label(words["Kind"])).to_have_value("other")
    assert english_on(editor.page, language, {"Everything"}) == []
    builder.get_by_role("group", name="B").get_by_label(words["Required"]).check()
    editor.get("form-done").click()
    assert inputs_of(editor)["form"] == {**plain, "required": ["b"]}
