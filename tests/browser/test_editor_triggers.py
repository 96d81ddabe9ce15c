"""What starts a workflow: when a schedule fires, and conditions in rows."""

from __future__ import annotations

import pytest
from accessibility import serious, serious_in_both_themes
from editing import EditorPage, NewPage, chain
from playwright.sync_api import expect


def test_a_schedule_says_when_it_fires_in_its_zone_and_in_the_readers(new_page: NewPage) -> None:
    editor = new_page(timezone_id="America/New_York")
    trigger = {"cron": "0 9 1 JUN *", "timezone": "Europe/Berlin"}
    editor.open(chain("log", triggers=[trigger]))
    editor.node("$source").click()
    times = editor.get("schedule-times")
    expect(times.locator("th")).to_have_text(["Europe/Berlin", "Your time (America/New_York)"])
    expect(times.locator("tbody tr")).to_have_count(5)
    expect(times.locator("tbody tr").first.locator("td")).to_contain_text(["09:00 AM", "03:00 AM"])
    expect(editor.get("schedule-words")).to_have_text("At 09:00 AM, on day 1 of the month, only in June")
    assert serious_in_both_themes(editor.page) == []
    editor.get("field-/cron").fill("0 9 1 JUN")
    expect(times).to_contain_text("First mend what is wrong below.")
    expect(times.locator("tbody tr")).to_have_count(0)
    expect(editor.page.locator("[data-pointer='/cron'] .field-error")).to_contain_text("expected five fields")
    editor.get("field-/cron").fill("30 17 * * *")
    editor.get("field-/timezone").fill("America/New_York")
    expect(times.locator("th")).to_have_text(["America/New_York"])
    expect(times.locator("tbody tr").first).to_contain_text("05:30 PM")
    editor.get("field-/ends_on").fill("2020-01-01")
    expect(times).to_contain_text("It does not fire any more.")


@pytest.mark.parametrize(
    ("language", "needed", "missing"),
    [("en", "This is needed.", "Event is missing"), ("de", "Das ist nötig.", "Ereignis fehlt")],
)
def test_a_new_trigger_says_what_it_needs(new_page: NewPage, language: str, needed: str, missing: str) -> None:
    editor = new_page(locale=language)
    editor.open(chain("log", event=""))
    editor.select("$source")
    error = editor.get("config").locator(".field-error")
    expect(error).to_have_text(needed)
    field = editor.page.locator("[data-pointer='/event'] input")
    field.fill("shop/a")
    expect(error).to_have_count(0)
    field.fill("")
    expect(error).to_have_text(needed)
    editor.get("problems-button").click()
    expect(editor.get("side")).to_contain_text(missing)


def test_a_schedule_says_its_expression_in_the_language_of_the_page(new_page: NewPage) -> None:
    editor = new_page(locale="de-DE")
    editor.open(chain("log", triggers=[{"cron": "0 9 * * MON"}]))
    editor.node("$source").click()
    expect(editor.get("schedule-words")).to_have_text("Um 09:00, nur jeden Montag")
    editor.get("field-/cron").fill("30 17 * * 1-5")
    expect(editor.get("schedule-words")).to_have_text("Um 17:30, Montag bis Freitag")


def test_a_schedule_is_read_from_the_left_also_where_texts_are_not(new_page: NewPage) -> None:
    editor = new_page(locale="ar")
    editor.open(chain("log", triggers=[{"cron": "30 17 * * 1-5"}]))
    editor.node("$source").click()
    expect(editor.get("field-/cron")).to_have_css("direction", "ltr")
    expect(editor.get("field-/timezone")).to_have_css("direction", "rtl")
    expect(editor.get("schedule-words")).to_contain_text("17:30")


def test_a_condition_is_made_of_rows_and_stays_an_expression(editor: EditorPage) -> None:
    for total in (50, 150, 250):
        editor.server.post("/api/events", {"name": "rows/placed", "data": {"total": total, "country": "CH"}})
    page = editor.open(chain("log", event="rows/placed")).page
    editor.node("$source").click()
    editor.get("condition-add").click()
    expect(editor.get("condition")).to_contain_text("This row is not complete, and does not count yet.")
    editor.get("condition-left").fill("event.data.total")
    # The last event of this name shows that it is a number.
    expect(editor.get("condition-operator").locator("option[value=contains]")).to_have_count(0)
    editor.get("condition-operator").select_option("is more than")
    editor.get("condition-right").fill("100")
    assert editor.saved()["triggers"] == [{"event": "rows/placed", "if": "event.data.total > 100"}]
    editor.get("condition-add").click()
    page.get_by_role("button", name="Field: insert a reference").nth(1).click()
    editor.get("pick-event.data.country").click()
    editor.get("condition-operator").nth(1).select_option("is one of")
    editor.get("condition-right").nth(1).fill("DE, CH")
    assert editor.saved()["triggers"][0]["if"] == "event.data.total > 100 && event.data.country in ['DE', 'CH']"
    editor.get("try-trigger").click()
    expect(editor.get("trigger-matches")).to_have_text("Would have matched 2 of the last 3 events.")
    editor.get("condition-join").select_option("or")
    editor.get("try-trigger").click()
    expect(editor.get("trigger-matches")).to_have_text("Would have matched 3 of the last 3 events.")
    assert serious(page) == []


def test_what_rows_cannot_show_stays_as_it_is_written(editor: EditorPage) -> None:
    written = "has(event.data.total) && event.data.total * 2 > 100"
    trigger = {"event": "shop/order.placed", "if": written}
    page = editor.open(chain("log", triggers=[trigger])).page
    editor.node("$source").click()
    expect(editor.get("condition-is-code")).to_be_visible()
    rows = page.get_by_role("button", name="Rows", exact=True)
    expect(rows).to_be_disabled()
    expect(editor.get("field-/if")).to_have_value(written)
    editor.get("field-/if").fill("event.data.total >")
    expect(page.locator("[data-pointer='/if'] .field-error")).to_be_visible()
    text = '(event.data.total > 100)  ||  event.data.city == "Bern"'
    editor.get("field-/if").fill(text)
    rows.click()
    expect(editor.get("condition-right").nth(1)).to_have_value("Bern")
    page.get_by_role("button", name="Expression", exact=True).click()
    # Looking at it changes nothing.
    expect(editor.get("field-/if")).to_have_value(text)
    assert editor.saved()["triggers"][0]["if"] == text
    rows.click()
    page.get_by_role("button", name="Remove this row").first.click()
    assert editor.saved()["triggers"][0]["if"] == "event.data.city == 'Bern'"


def test_a_step_is_skipped_by_a_condition_of_rows(editor: EditorPage) -> None:
    editor.open(chain("lookup", "log"))
    editor.select("log")
    editor.page.get_by_role("tab", name="Settings").click()
    editor.get("condition-add").click()
    editor.page.get_by_role("button", name="Field: insert a reference").click()
    editor.get("pick-state.lookup").click()
    editor.get("condition-operator").select_option("is missing")
    assert editor.saved()["actions"][1]["settings"] == {"skip_if": "state.lookup == null"}
    expect(editor.page.locator("[data-pointer='/skip_if'] .field-error")).to_have_count(0)
