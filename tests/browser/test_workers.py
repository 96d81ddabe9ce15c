"""The page of processes and queues, with the real worker of the server behind it."""

from __future__ import annotations

from pathlib import Path

import pytest
from accessibility import serious
from connectapps import Fleet, a_worker, an_app
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


def test_the_page_shows_workers_of_apps_while_they_are_connected(editor: EditorPage, tmp_path: Path) -> None:
    page, server = editor.page, editor.server
    fleet = Fleet(server.url, tmp_path)
    with a_worker(fleet, an_app("shop", version="7"), instance_id="host-1"):
        page.goto(f"{server.url}/workers")
        row = page.get_by_role("row").filter(has_text="host-1")
        expect(row).to_be_visible(timeout=DEADLINE_MS)
        for part in ("ready", "shop 7", "0/1000", "test:1"):
            expect(row).to_contain_text(part)
        assert serious(page) == []
    expect(row).to_have_count(0, timeout=DEADLINE_MS)


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 820), ("light", 390)])
def test_axe_finds_nothing_serious_and_nothing_is_cut_off(new_page: NewPage, scheme: str, width: int) -> None:
    editor = new_page(color_scheme=scheme, width=width)
    page = editor.page
    page.goto(f"{editor.server.url}/workers")
    expect(editor.get("queue-default")).to_be_visible(timeout=DEADLINE_MS)
    assert serious(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
