"""What the page of a run says first: where it failed, or what it waits for, in words of those who drew it."""

from __future__ import annotations

import re

from accessibility import serious_in_both_themes
from editing import EditorPage, NewPage, chain
from playwright.sync_api import expect

RUN_DEADLINE_MS = 60_000


def test_a_failed_run_says_at_which_step_and_leads_to_it(editor: EditorPage) -> None:
    page, document = editor.page, chain("builtin:wait", event="summary/failed")
    document["actions"][0] |= {"id": "rest", "inputs": {"duration": "!ref($.event.data.pause)"}}
    document["edges"] = [{"from": "$source", "to": "rest"}]
    editor.run(document, {"pause": "3 days"})
    summary = editor.get("run-summary")
    expect(summary).to_contain_text("Failed at Wait", timeout=RUN_DEADLINE_MS)
    expect(summary).to_contain_text("such as 30s, 15m, 2h or 7d")
    expect(summary).not_to_contain_text("/inputs")
    expect(summary.locator("code")).to_be_hidden()
    expect(editor.get("row-rest")).to_contain_text("Wait")
    assert serious_in_both_themes(page) == []
    summary.get_by_text("Details").click()
    expect(summary.locator("code")).to_be_visible()
    summary.get_by_role("link", name="Wait").click()
    expect(page).to_have_url(re.compile(r"\?step=rest$"))
    expect(editor.get("step-detail").get_by_role("heading", name="Wait", exact=True)).to_be_visible()


def test_a_sleeping_run_says_until_when(editor: EditorPage) -> None:
    document = chain("builtin:wait", event="summary/sleeping")
    document["actions"][0]["inputs"] = {"duration": "2d"}
    editor.run(document, {})
    summary = editor.get("run-summary")
    expect(summary).to_contain_text(re.compile(r"Wait: Sleeps until .*\d"), timeout=RUN_DEADLINE_MS)


def test_a_waiting_run_says_for_what_and_until_when_also_on_a_telephone(new_page: NewPage) -> None:
    editor = new_page(width=390, height=844)
    document = chain("builtin:approval", event="summary/waiting")
    document["actions"][0] |= {"id": "ask", "name": "Ask Ada", "inputs": {"title": "Refund?", "timeout": "7d"}}
    document["edges"] = [{"from": "$source", "to": "ask"}]
    editor.run(document, {})
    summary = editor.get("run-summary")
    expect(summary).to_contain_text(re.compile(r"Ask Ada: Waits for an approval until .*\d"), timeout=RUN_DEADLINE_MS)
    told, graph = summary.bounding_box(), editor.get("run-graph").bounding_box()
    assert told is not None
    assert graph is not None
    assert told["y"] + told["height"] <= graph["y"]


def test_a_run_with_a_step_that_is_tried_again_says_why(editor: EditorPage) -> None:
    document = chain("charge", event="summary/retrying")
    document["actions"][0] |= {"inputs": {"card": "4242"}, "settings": {"retries": 3}}
    editor.run(document, {})
    summary = editor.get("run-summary")
    expect(summary).to_contain_text("Attempt 1 of 4 failed: the bank is away", timeout=RUN_DEADLINE_MS)
    expect(summary).to_contain_text(re.compile(r"Charge the card: Waits for its next attempt until .*\d"))
    expect(editor.node("charge").get_by_test_id("step-state")).to_have_text("Retrying")
    assert serious_in_both_themes(editor.page) == []
    editor.node("charge").click()
    expect(editor.get("step-detail").get_by_test_id("status")).to_have_text("retrying")
