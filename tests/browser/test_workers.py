"""The page of processes and queues, with the real worker of the server behind it."""

from __future__ import annotations

import pytest
from accessibility import serious
from editing import EditorPage, NewPage
from playwright.sync_api import expect

#: A process reports itself every 10 seconds.
DEADLINE_MS = 30_000


def test_the_page_shows_who_works_and_what_waits(editor: EditorPage) -> None:
    page, server = editor.page, editor.server
    page.goto(f"{server.url}/workers")
    row = page.get_by_role("row").filter(has_text="worker@browser")
    expect(row).to_be_visible(timeout=DEADLINE_MS)
    expect(row).to_contain_text("alive")
    expect(row.get_by_label("Load of worker@browser")).to_be_visible()
    for part in ("Workers", "Relay", "Database", "Broker"):
        expect(editor.get(f"health-{part}")).to_have_attribute("data-tone", "good")
    expect(editor.get("health-Database")).to_contain_text("SQLite")
    expect(editor.get("queue-default")).to_be_visible()
    expect(page.get_by_role("link", name="Workers")).to_have_attribute("aria-current", "page")


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 820), ("light", 390)])
def test_axe_finds_nothing_serious_and_nothing_is_cut_off(new_page: NewPage, scheme: str, width: int) -> None:
    editor = new_page(color_scheme=scheme, width=width)
    page = editor.page
    page.goto(f"{editor.server.url}/workers")
    expect(editor.get("queue-default")).to_be_visible(timeout=DEADLINE_MS)
    assert serious(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
