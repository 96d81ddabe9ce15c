"""What a run's handlers have logged, and looking closer at its timeline."""

from __future__ import annotations

import re
from typing import Any

import pytest
from accessibility import HOSTILE, serious_in_both_themes
from editing import EditorPage, chain
from playwright.sync_api import Locator, expect

RUN_DEADLINE_MS = 30_000


def a_run(editor: EditorPage, event: str, **inputs: Any) -> str:
    """Start a run of one step that says something, and open it; return its id."""
    document = chain("chatty", event=event)
    document["actions"][0]["inputs"] = {"text": "hello", **inputs}
    return editor.run(document, {})


def test_lines_come_by_attempt_and_level_without_a_reload(editor: EditorPage) -> None:
    a_run(editor, "logs/told", text=HOSTILE[0], fails=True)
    editor.get("row-chatty").click()
    lines = editor.get("log").get_by_role("listitem")
    expect(lines).to_have_count(3, timeout=RUN_DEADLINE_MS)
    expect(lines.nth(0)).to_contain_text(f"attempt 1: {HOSTILE[0]}")
    expect(lines.nth(1)).to_contain_text("it does not work")
    expect(lines.nth(1)).to_have_attribute("data-level", "error")
    editor.page.get_by_label("Level").select_option("warning")
    expect(lines).to_have_count(1)
    editor.page.get_by_label("Level").select_option("debug")
    editor.page.get_by_label("Attempt", exact=True).select_option("2")
    expect(lines).to_have_count(1)
    expect(lines.first).to_contain_text("attempt 2:")


def test_axe_finds_nothing_serious_in_a_log(editor: EditorPage) -> None:
    a_run(editor, "logs/axe", fails=True)
    editor.get("row-chatty").click()
    expect(editor.get("log").get_by_role("listitem")).to_have_count(3, timeout=RUN_DEADLINE_MS)
    assert serious_in_both_themes(editor.page) == []


def width_of(bar: Locator) -> float:
    box = bar.bounding_box()
    assert box is not None
    return box["width"]


def test_a_part_of_the_timeline_is_brushed_zoomed_and_moved(editor: EditorPage) -> None:
    page = editor.page
    a_run(editor, "logs/zoomed", fails=True)
    expect(page.locator(".run-header").get_by_test_id("status")).to_have_text("completed", timeout=RUN_DEADLINE_MS)
    retry = editor.get("row-chatty").locator("[data-kind=retry]")
    before = width_of(retry)
    brush = editor.get("timeline-brush")
    box = brush.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + 10, steps=5)
    page.mouse.up()
    assert width_of(retry) > 1.8 * before
    page.get_by_role("button", name="Show the whole timeline").click()
    assert width_of(retry) == pytest.approx(before)
    brush.focus()
    page.keyboard.press("+")
    page.keyboard.press("+")
    assert width_of(retry) == pytest.approx(4 * before, rel=0.05)
    text = brush.get_attribute("aria-valuetext")
    page.keyboard.press("ArrowRight")
    expect(brush).not_to_have_attribute("aria-valuetext", text or "")
    page.keyboard.press("Escape")
    expect(brush).to_have_attribute("aria-valuetext", re.compile("^0 ms to "))
    assert width_of(retry) == pytest.approx(before)
