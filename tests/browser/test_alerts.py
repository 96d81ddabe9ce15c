"""The page of alert rules: made, refused, muted, deleted, and what was told."""

from __future__ import annotations

from typing import Any

import pytest
from accessibility import HOSTILE, serious
from editing import EditorPage, NewPage, Server, chain
from playwright.sync_api import expect

#: A rule looks every 15 seconds.
FIRING_MS = 60_000


def a_failing(server: Server, event: str) -> str:
    """Publish a workflow whose only step always fails; return its id."""
    document: dict[str, Any] = chain("everything", event=event, settings={"retries": 0})
    document["actions"][0] |= {"inputs": {"name": "!ref($.event.data.name)"}}
    workflow_id = server.create(document)
    server.post(f"/api/workflows/{workflow_id}/publish")
    return workflow_id


def test_a_rule_is_made_and_what_is_wrong_stands_at_its_field(editor: EditorPage) -> None:
    page, server = editor.page, editor.server
    page.goto(f"{server.url}/alerts")
    editor.get("new-alert").click()
    page.get_by_label("Name").fill("Orders fail")
    page.get_by_label("Workflow or function").fill("nothing-of-that-name")
    page.get_by_label("Fires when").select_option("failure_rate")
    page.get_by_label("Failed, in percent").fill("12.5")
    editor.get("save-alert").click()
    expect(editor.get("alert-dialog").get_by_role("alert")).to_contain_text("nothing-of-that-name")
    page.get_by_label("Workflow or function").fill("")
    page.get_by_label("Looks back").select_option("900")
    editor.get("save-alert").click()
    expect(editor.get("alert-dialog")).to_have_count(0)
    (rule,) = [one for one in server.get("/api/alerts")["items"] if one["name"] == "Orders fail"]
    assert rule["condition"] == {"kind": "failure_rate", "rate": 0.125, "min_runs": 10}
    row = editor.get(f"alert-{rule['id']}")
    expect(row).to_contain_text("13 % of at least 10 runs fail within 15 minutes")
    row.get_by_role("switch").click()
    expect(row).to_contain_text("muted")
    assert server.get(f"/api/alerts/{rule['id']}")["enabled"] is False
    row.get_by_role("button", name="Orders fail", exact=True).click()
    expect(page.get_by_label("Failed, in percent")).to_have_value("12.5")
    page.get_by_label("Name").fill("Many fail")
    editor.get("save-alert").click()
    expect(row).to_contain_text("Many fail")
    assert server.get(f"/api/alerts/{rule['id']}")["enabled"] is False, "editing does not unmute"
    row.get_by_role("button", name="More for Many fail").click()
    page.get_by_role("menuitem", name="Delete").click()
    expect(row).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_firing_is_listed_with_the_runs_that_failed(new_page: NewPage, scheme: str) -> None:
    editor = new_page(color_scheme=scheme, width=1440 if scheme == "light" else 820)
    page, server = editor.page, editor.server
    workflow_id = a_failing(server, f"alerts/{scheme}")
    name = f"{HOSTILE[0]} {scheme}"
    rule = {"name": name, "workflow_id": workflow_id, "condition": {"kind": "failure_count", "failures": 1}}
    server.post("/api/alerts", rule)
    server.post("/api/events", {"name": f"alerts/{scheme}", "data": {"name": "x"}})
    page.goto(f"{server.url}/alerts")
    row = page.get_by_role("region", name="Rules").get_by_role("row").filter(has_text=name)
    expect(row).to_contain_text("firing", timeout=FIRING_MS)
    firing = page.get_by_role("region", name="Last firings").get_by_role("row").filter(has_text=name)
    expect(firing).to_contain_text("fired", timeout=FIRING_MS)
    found = serious(page)
    row.get_by_role("button", name=f"More for {name}").click()
    found += serious(page)
    page.get_by_role("menuitem", name="Edit").click()
    expect(editor.get("alert-dialog")).to_be_visible()
    assert found + serious(page) == []
    page.keyboard.press("Escape")
    firing.locator("a.firing-run").first.click()
    expect(page.locator(".run-header").get_by_test_id("status")).to_have_text("failed")
