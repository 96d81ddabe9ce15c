"""The page of a run in depth: times to scale, attempts by themselves, values to look into and to take along."""

from __future__ import annotations

import re
import time
from datetime import datetime
from typing import Any

import pytest
from accessibility import serious
from editing import EditorPage, NewPage, chain
from playwright.sync_api import Locator, expect

RUN_DEADLINE_MS = 60_000
#: By how much of the timeline's width a bar may be off.
TOLERANCE = 0.02
LARGE = 3_500_000


def a_waiting_chain(event: str) -> dict[str, Any]:
    """Return a workflow that works, sleeps for a moment, and works again."""
    document = chain("lookup", "builtin:wait", "log", event=event)
    look, rest, last = document["actions"]
    look |= {"id": "look", "inputs": {"email": "!ref($.event.data.email)"}}
    rest |= {"id": "rest", "inputs": {"duration": "2s"}}
    last |= {"id": "last", "inputs": {"message": "of !ref($.state.look.name)"}}
    document["edges"] = [{"from": a, "to": b} for a, b in (("$source", "look"), ("look", "rest"), ("rest", "last"))]
    return document


def ended(editor: EditorPage) -> None:
    status = editor.page.locator(".run-header").get_by_test_id("status")
    expect(status).to_have_text(re.compile("completed|failed"), timeout=RUN_DEADLINE_MS)


def moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def extent(bar: Locator, track: Locator) -> tuple[float, float]:
    """Return where a bar begins on its track and how long it is, as parts of the track's width."""
    own, all_of_it = bar.bounding_box(), track.bounding_box()
    assert own is not None
    assert all_of_it is not None
    return (own["x"] - all_of_it["x"]) / all_of_it["width"], own["width"] / all_of_it["width"]


def test_the_bars_of_the_timeline_are_to_scale(editor: EditorPage) -> None:
    run_id = editor.run(a_waiting_chain("details/scale"), {"email": "ada@example.com"})
    ended(editor)
    run = editor.server.get(f"/api/runs/{run_id}")
    begun = moment(run["created_at"])
    ends = [moment(step["finished_at"]) for step in run["steps"]]
    length = max(moment(run["finished_at"]), *ends) - begun
    (sleep,) = next(step for step in run["steps"] if step["id"] == "rest")["inner"]
    row = editor.get("row-rest/wait")
    left, width = extent(row.locator("[data-kind=wait]"), row.locator(".waterfall-track"))
    asleep = moment(sleep["finished_at"]) - moment(sleep["started_at"])
    assert left == pytest.approx((moment(sleep["started_at"]) - begun) / length, abs=TOLERANCE)
    assert width == pytest.approx(asleep / length, abs=TOLERANCE)
    whole = editor.get("row-run").locator("[data-kind=run]")
    left, width = extent(whole, editor.get("row-run").locator(".waterfall-track"))
    assert left == pytest.approx(0, abs=TOLERANCE)
    assert width == pytest.approx(1, abs=TOLERANCE)


def test_a_step_tells_on_what_its_time_was_spent_and_its_input_as_it_was_written(editor: EditorPage) -> None:
    editor.run(a_waiting_chain("details/time"), {"email": "ada@example.com"})
    ended(editor)
    editor.get("row-rest").click()
    timing = editor.get("timing")
    expect(timing).to_contain_text("Waiting")
    expect(timing).to_contain_text(re.compile(r"Waiting\s*[12][.,]?\d* s"))
    expect(timing).to_contain_text("Execution")
    editor.get("row-look").click()
    detail = editor.get("step-detail")
    expect(detail.get_by_role("region", name="Input")).to_contain_text("ada@example.com")
    template = editor.get("template")
    template.get_by_text("As the workflow has it").click()
    expect(template).to_contain_text("!ref($.event.data.email)")


def test_each_attempt_is_looked_at_by_itself(editor: EditorPage) -> None:
    document = chain("chatty", event="details/attempts")
    document["actions"][0] |= {"id": "again", "inputs": {"text": "hello", "fails": True}}
    document["edges"] = [{"from": "$source", "to": "again"}]
    editor.run(document, {})
    ended(editor)
    editor.get("row-again").click()
    expect(editor.get("attempt")).to_contain_text("completed")
    editor.get("attempt-1").click()
    expect(editor.get("attempt")).to_contain_text("not yet")
    expect(editor.get("attempt")).to_contain_text("The next attempt")
    expect(editor.get("row-again").locator("[data-kind=failed]")).to_have_count(1)
    expect(editor.get("row-again").locator("[data-kind=run]")).to_have_count(1)


def test_values_are_searched_and_copied_with_the_references_that_lead_to_them(new_page: NewPage) -> None:
    editor = new_page(permissions=["clipboard-read", "clipboard-write"])
    editor.run(a_waiting_chain("details/values"), {"email": "ada@example.com"})
    ended(editor)
    editor.get("row-look").click()
    output = editor.get("step-detail").get_by_role("region", name="Output")
    output.get_by_label("Search in the output").fill("ADA")
    matches = editor.get("value-matches")
    expect(matches).to_contain_text("$.email")
    matches.get_by_role("button", name="Copy the reference to $.email").click()
    assert editor.page.evaluate("navigator.clipboard.readText()") == "!ref($.state.look.email)"
    output.get_by_label("Search in the output").fill("")
    output.get_by_role("button", name="Copy the value of $.email").click()
    assert editor.page.evaluate("navigator.clipboard.readText()") == "ada@example.com"
    assert serious(editor.page) == []


def test_the_event_that_a_wait_has_got_is_one_click_away(editor: EditorPage) -> None:
    document = chain("builtin:wait_for_event", event="details/matched")
    document["actions"][0] |= {"id": "wait", "inputs": {"event": "details/came", "timeout": "1h"}}
    document["edges"] = [{"from": "$source", "to": "wait"}]
    editor.run(document, {})
    expect(editor.get("row-wait/event")).to_be_visible(timeout=RUN_DEADLINE_MS)
    editor.server.post("/api/events", {"name": "details/came", "data": {"n": 7}})
    ended(editor)
    editor.get("row-wait").click()
    editor.page.get_by_role("link", name="The event that came").click()
    expect(editor.page.get_by_role("heading", name="details/came")).to_be_visible()


def test_a_large_output_can_be_looked_into_at_once(editor: EditorPage) -> None:
    document = chain("large", event="details/large")
    document["actions"][0] |= {"id": "large", "inputs": {"size_bytes": LARGE}}
    document["edges"] = [{"from": "$source", "to": "large"}]
    editor.run(document, {})
    ended(editor)
    begun = time.monotonic()
    editor.get("row-large").click()
    output = editor.get("step-detail").get_by_role("region", name="Output")
    expect(output).to_contain_text("rows")
    output.get_by_role("button", name="rows:").click()
    expect(output.get_by_role("button", name=re.compile(r"\d+ more"))).to_be_visible()
    output.get_by_label("Search in the output").fill("needle")
    expect(editor.get("value-matches")).to_contain_text("needle")
    editor.page.keyboard.press("Escape")
    # Generous: with all of it drawn, this takes minutes.
    assert time.monotonic() - begun < 20
    assert editor.page.locator("*").count() < 5_000


def test_the_values_of_a_past_run_become_previews_in_the_editor(editor: EditorPage) -> None:
    page = editor.page
    first = editor.run(a_waiting_chain("details/sample"), {"email": "first@example.com"})
    ended(editor)
    workflow_id = editor.server.get(f"/api/runs/{first}")["workflow_id"]
    (later,) = editor.server.post("/api/events", {"name": "details/sample", "data": {"email": "later@example.com"}})[
        "results"
    ]
    editor.server.wait_for_runs(workflow_id, 2, "completed")
    assert later["status"] == "accepted"
    page.goto(f"{editor.server.url}/runs/{first}")
    editor.get("open-editor").click()
    expect(page).to_have_url(re.compile(f"sample={first}"))
    editor.select("look")
    expect(editor.get("config")).to_contain_text("first@example.com")
