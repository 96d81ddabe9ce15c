"""Fields for everything that a JSON Schema can say, beyond the plain ones, and what is wrong at each."""

from __future__ import annotations

import json
from typing import Any

from accessibility import serious_in_both_themes
from editing import EditorPage, chain
from playwright.sync_api import Locator, expect


def inputs_of(editor: EditorPage) -> Any:
    (action,) = editor.saved()["actions"]
    return action.get("inputs")


def error_at(editor: EditorPage, pointer: str) -> Locator:
    return editor.page.locator(f"[data-pointer='{pointer}'] > .field-error")


def opened(editor: EditorPage, **inputs: Any) -> EditorPage:
    document = chain("everything")
    document["actions"][0]["inputs"] = inputs
    editor.open(document).select("everything")
    return editor


def test_lists_of_objects_choices_times_and_maps_have_the_right_types(editor: EditorPage) -> None:
    page = opened(editor, name="Ada").page
    page.get_by_label("When", exact=True).fill("2026-01-31T09:00:00Z")
    editor.get("add-/lines").click()
    lines = page.locator("[data-pointer='/lines']")
    for index, sku in enumerate(("A-1", "B-2")):
        lines.get_by_role("button", name="Add an entry").click()
        editor.get(f"field-/lines/{index}/sku").fill(sku)
        editor.get(f"field-/lines/{index}/pieces").fill(str(index + 1))
    page.get_by_role("button", name="Move Lines 2 up").click()
    editor.get("add-/headers").click()
    page.get_by_role("button", name="Add a value").click()
    page.get_by_label("Name", exact=True).fill("X-Trace")
    page.get_by_label("Value of name_1 *").fill("on")
    editor.get("add-/pay").click()
    page.get_by_label("Number *", exact=True).fill("4242")
    assert inputs_of(editor) == {
        "name": "Ada",
        "when": "2026-01-31T09:00:00Z",
        "lines": [{"sku": "B-2", "pieces": 2}, {"sku": "A-1", "pieces": 1}],
        "headers": {"X-Trace": "on"},
        "pay": {"by": "card", "number": "4242"},
    }
    expect(error_at(editor, "/when")).to_have_count(0)
    level = page.get_by_label("Level", exact=True)
    expect(level).to_have_attribute("placeholder", "info")
    expect(level).to_have_value("")


def test_what_is_hidden_is_nowhere_and_stays_as_it_is(editor: EditorPage) -> None:
    page = opened(editor, name="Ada", internal={"trace": 7}).page
    expect(page.get_by_label("Name *", exact=True)).to_have_value("Ada")
    expect(page.locator("[data-pointer='/internal']")).to_have_count(0)
    expect(editor.get("config").get_by_text("Internal")).to_have_count(0)
    page.get_by_label("Name *", exact=True).fill("Ben")
    assert inputs_of(editor) == {"name": "Ben", "internal": {"trace": 7}}


def test_a_choice_stays_what_was_chosen_and_says_what_is_wrong_in_it(editor: EditorPage) -> None:
    page = opened(editor, name="Ada").page
    editor.get("add-/pay").click()
    form = editor.get("choice-/pay")
    form.select_option("By bank")
    iban = page.get_by_label("IBAN *", exact=True)
    iban.fill("C")
    expect(error_at(editor, "/pay/iban")).to_have_text("This needs at least 4 characters.")
    expect(error_at(editor, "/pay")).to_have_count(0)
    iban.fill("")
    expect(form.locator("option:checked")).to_have_text("By bank")
    expect(page.locator("[data-pointer='/pay/by']")).to_have_count(0)
    expect(error_at(editor, "/pay")).to_contain_text("iban")
    iban.fill("CH93")
    expect(error_at(editor, "/pay")).to_have_count(0)
    assert inputs_of(editor)["pay"] == {"by": "bank", "iban": "CH93"}


def test_what_is_wrong_stands_at_its_field_at_any_depth(editor: EditorPage) -> None:
    page = opened(editor, name="A", mail="nobody", when="tomorrow", lines=[{"pieces": 0}], address={"floor": "x"}).page
    page.get_by_label("Ratio", exact=True).fill("much")
    for pointer, message in {
        "/name": "This needs at least 2 characters.",
        "/mail": "This is not a valid email.",
        "/when": "This is not a valid date-time.",
        "/lines/0/pieces": "This must be at least 1.",
        "/address/floor": "This must be a whole number.",
        "/ratio": "This must be a number.",
    }.items():
        expect(error_at(editor, pointer)).to_have_text(message)
    expect(page.get_by_title("Required").first).to_be_visible()
    expect(page.locator("[data-pointer='/name'] .field-required")).to_have_count(1)
    expect(page.locator("[data-pointer='/mail'] .field-required")).to_have_count(0)


def test_a_duration_is_a_number_with_a_unit_and_checked_while_it_is_typed(editor: EditorPage) -> None:
    page = editor.open(chain("builtin:wait")).page
    editor.select("builtin:wait")
    amount, unit = editor.get("field-/duration"), editor.get("unit-/duration")
    amount.fill("3")
    unit.select_option(label="days")
    assert inputs_of(editor) == {"duration": "3d"}
    amount.fill("90s")
    expect(amount).to_have_value("90")
    expect(unit).to_have_value("s")
    assert inputs_of(editor) == {"duration": "90s"}
    amount.fill("3 days")
    expect(error_at(editor, "/duration")).to_contain_text("a number with its unit, such as 30s")
    assert inputs_of(editor) == {"duration": "3 days"}
    expect(editor.get("publish")).to_be_disabled()
    assert serious_in_both_themes(page) == []
    unit.select_option(label="days")
    expect(error_at(editor, "/duration")).to_have_count(0)
    assert inputs_of(editor) == {"duration": "3d"}


def test_who_switches_to_a_reference_writes_there_and_not_with_keys_of_the_canvas(editor: EditorPage) -> None:
    page = editor.open(chain("lookup")).page
    editor.select("lookup")
    editor.get("fx-/email").click()
    expect(page.locator(":focus")).to_have_attribute("data-testid", "field-/email")
    page.keyboard.type("added")  # "a" adds a step, "d" switches one off
    editor.get("fx-/email").click()
    expect(page.locator(":focus")).to_have_attribute("data-testid", "field-/email")
    page.keyboard.type("!")
    (action,) = editor.saved()["actions"]
    assert action["inputs"] == {"email": "added!"}
    assert "disabled" not in json.dumps(action)

    editor.get("toggle-step").focus()
    page.keyboard.press("Backspace")
    page.keyboard.press("a")
    expect(editor.get("add-dialog")).to_have_count(0)
    assert editor.ids() == ["lookup"], "a key on a button of the panel takes no step away"


def test_a_value_of_several_forms_begins_with_the_one_that_is_typed(editor: EditorPage) -> None:
    page = editor.open(chain("send_email")).page
    editor.select("send_email")
    expect(editor.get("choice-/to")).to_have_value("0")
    expect(editor.get("fx-/to")).to_have_count(1)
    editor.get("field-/to").fill("ada@example.com")
    editor.get("field-/to").press("End")
    page.keyboard.type(", !ref($.event.data.email)")
    assert editor.saved()["actions"][0]["inputs"] == {"to": "ada@example.com, !ref($.event.data.email)"}
    editor.get("field-/subject").click()
    expect(editor.get("config").get_by_role("img", name="Event, email")).to_be_visible()
    editor.get("fx-/to").click()
    editor.get("field-/to").fill("")
    editor.get("choice-/to").select_option("List")
    editor.get("config").get_by_role("button", name="Add").first.click()
    editor.get("field-/to/0").fill("bob@example.com")
    assert editor.saved()["actions"][0]["inputs"] == {"to": ["bob@example.com"]}
