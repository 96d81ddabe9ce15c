"""What starts a workflow: when a schedule fires, and conditions in rows."""

from __future__ import annotations

from editing import NewPage, chain
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
