"""The pages beside runs: what events came to, what people have to decide, and filters that are in the address."""

from __future__ import annotations

import re
from typing import Any

from accessibility import HOSTILE, serious, serious_in_both_themes
from editing import EditorPage, NewPage, Server, chain
from playwright.sync_api import expect
from services import wait_until

DEADLINE_MS = 30_000


def a_note(event: str, **changes: Any) -> dict[str, Any]:
    """Return a workflow that writes a line."""
    document = chain("log", event=event, **changes)
    document["actions"][0]["inputs"] = {"message": "noted"}
    return document


def publish(server: Server, document: dict[str, Any]) -> str:
    workflow_id = server.create(document)
    server.post(f"/api/workflows/{workflow_id}/publish")
    return workflow_id


def until_listed(editor: EditorPage, path: str, selector: str) -> None:
    """Open a list and ask again until it has something."""
    page = editor.page
    page.goto(f"{editor.server.url}{path}")
    rows = page.locator(selector)
    expect(page.get_by_role("button", name="Refresh")).to_be_visible()
    while rows.count() == 0:
        with page.expect_response("**/api/**"):
            page.get_by_role("button", name="Refresh").click()


def test_an_event_tells_what_it_started_and_why_not_the_rest(editor: EditorPage) -> None:
    page, server = editor.page, editor.server
    started = publish(server, a_note("lists/told", name="Started"))
    paused = publish(server, a_note("lists/told", name="Paused"))
    publish(server, a_note("lists/told", name="Choosy", triggers=[{"event": "lists/told", "if": "event.data.n > 5"}]))
    server.post(f"/api/workflows/{paused}/pause", {"reason": "holidays"})
    server.post("/api/events", {"name": "lists/told", "data": {"n": 1}})
    until_listed(editor, f"/runs?workflow={started}", "tbody tr")
    page.goto(f"{server.url}/events?name=lists/told")
    page.get_by_role("link", name="lists/told").click()
    expect(page.get_by_role("table", name="Runs").get_by_role("link", name="Started")).to_be_visible()
    decisions = editor.get("decisions")
    expect(decisions.get_by_role("columnheader")).to_have_text(["Workflow", "Why it did not start"])
    expect(decisions.get_by_role("row").filter(has_text="Paused")).to_contain_text("The workflow was paused.")
    expect(decisions.get_by_role("row").filter(has_text="Choosy")).to_contain_text("The condition does not hold.")


def test_an_event_tells_with_which_others_it_is_and_what_is_there_instead(editor: EditorPage) -> None:
    page, server = editor.page, editor.server
    settings: dict[str, dict[str, Any]] = {
        "batched": {"batch": {"max_size": 2, "timeout": "1h"}},
        "quiet": {"debounce": {"period": "1h"}},
        "once": {"idempotency": "event.data.k"},
    }
    ids = {name: publish(server, a_note("lists/with", name=name, settings=each)) for name, each in settings.items()}
    for _ in range(2):
        (sent,) = server.post("/api/events", {"name": "lists/with", "data": {"k": 1}})["results"]
        # One after the other: which of two is decided first is anybody's guess.
        path = f"/api/events/{sent['id']}"
        assert wait_until(lambda path=path: not server.get(path)["is_pending"], timeout_seconds=60)  # type: ignore[misc]
    until_listed(editor, f"/runs?workflow={ids['batched']}", "tbody tr")
    page.goto(f"{server.url}/events?name=lists/with")
    page.get_by_role("link", name="lists/with").first.click()
    collections = page.get_by_role("table", name="Collections").get_by_role("row")
    expect(collections.filter(has_text="quiet")).to_contain_text("Window of a debounce, with 2 events")
    expect(collections.filter(has_text="quiet")).to_contain_text("Still open")
    batch = collections.filter(has_text="batched")
    expect(batch).to_contain_text("Batch of 2 events")
    decision = editor.get("decisions").get_by_role("row").filter(has_text="once")
    expect(decision).to_contain_text("An earlier event had the same key.")
    expect(decision.get_by_role("link", name="A run")).to_be_visible()
    batch.get_by_role("link", name="A run").click()
    events = page.get_by_role("region", name="Events of its batch: 2")
    expect(events.get_by_role("link")).to_have_count(2)


def test_a_workflow_is_paused_and_resumed_in_the_list(editor: EditorPage) -> None:
    page, server = editor.page, editor.server
    workflow_id = publish(server, a_note("lists/paused"))
    page.goto(f"{server.url}/workflows")
    row = editor.get(f"workflow-{workflow_id}")
    row.get_by_role("button", name=f"More for {workflow_id}").click()
    page.get_by_role("menuitem", name="Pause…").click()
    dialog = editor.get("pause")
    expect(dialog).to_contain_text("What is frozen for 7 days is cancelled.")
    assert serious(page) == []
    dialog.get_by_label("Its runs").select_option("cancel")
    dialog.get_by_label("Why").fill("wrong texts")
    dialog.get_by_role("button", name="Pause").click()
    expect(row).to_contain_text("paused")
    (held,) = [each for each in server.get("/api/pauses")["items"] if each["workflow_id"] == workflow_id]
    assert (held["hold"], held["running"], held["reason"]) == ("pause", "cancel", "wrong texts")
    row.get_by_role("button", name=f"More for {workflow_id}").click()
    page.get_by_role("menuitem", name="Resume").click()
    expect(row).not_to_contain_text("paused")
    assert server.get(f"/api/workflows/{workflow_id}/pause")["is_paused"] is False


def test_a_workflow_is_started_by_hand_with_its_form(editor: EditorPage) -> None:
    page, server = editor.page, editor.server
    total = {"type": "number", "title": "Total", "minimum": 1}
    inputs = {"type": "object", "required": ["total"], "properties": {"total": total, "note": {"type": "string"}}}
    document = a_note("lists/by-hand") | {"triggers": [{"manual": True}], "inputs": inputs}
    workflow_id = publish(server, document)
    page.goto(f"{server.url}/workflows")
    row = editor.get(f"workflow-{workflow_id}")
    row.get_by_role("button", name=f"More for {workflow_id}").click()
    editor.get("start").click()
    dialog = editor.get("start-dialog")
    field = dialog.get_by_label("Total")
    expect(field).to_be_visible()
    assert serious(page) == []
    editor.get("confirm-start").click()
    wrong = dialog.locator("[data-pointer='/total'] .field-error")
    expect(wrong).to_have_text("This is needed.")
    field.fill("0")
    editor.get("confirm-start").click()
    expect(wrong).to_contain_text("at least 1")
    field.fill("7")
    editor.get("confirm-start").click()
    expect(page).to_have_url(re.compile("/runs/"))
    run = server.get(f"/api/runs/{page.url.rpartition('/')[2]}?wait=10")
    assert (run["workflow_id"], run["event"]["data"]) == (workflow_id, {"total": 7})


def test_a_workflow_without_a_form_is_started_with_json(editor: EditorPage) -> None:
    page, server = editor.page, editor.server
    workflow_id = publish(server, a_note("lists/by-json"))
    page.goto(f"{server.url}/workflows")
    editor.get(f"workflow-{workflow_id}").get_by_role("button", name=f"More for {workflow_id}").click()
    editor.get("start").click()
    editor.get("test-data").fill("{")
    expect(editor.get("confirm-start")).to_be_disabled()
    editor.get("test-data").fill('{"note": "by hand"}')
    editor.get("confirm-start").click()
    expect(page).to_have_url(re.compile("/runs/"))
    run = server.get(f"/api/runs/{page.url.rpartition('/')[2]}?wait=10")
    assert run["event"]["data"] == {"note": "by hand"}


def test_events_call_workflows_by_their_names(editor: EditorPage) -> None:
    page, server = editor.page, editor.server
    document = a_note("lists/called", name="Write it down")
    document["triggers"][0]["if"] = "event.data.note == 'right'"
    workflow_id = publish(server, document)
    (sent,) = server.post("/api/events", {"name": "lists/called", "data": {"note": "wrong"}})["results"]
    path = f"/api/events/{sent['id']}"
    assert wait_until(lambda: not server.get(path)["is_pending"], timeout_seconds=60, poll_seconds=0.05)
    page.goto(f"{server.url}/events/{sent['id']}")
    expect(editor.get("decisions").get_by_role("link", name="Write it down")).to_have_attribute("title", workflow_id)
    page.goto(f"{server.url}/events?name=lists/called")
    expect(page.get_by_role("table", name="Names of events").get_by_role("link", name="Write it down")).to_be_visible()


def test_all_workflows_are_paused_at_once(editor: EditorPage) -> None:
    page, server = editor.page, editor.server
    publish(server, a_note("lists/everything"))
    page.goto(f"{server.url}/workflows")
    try:
        page.get_by_role("button", name="More for all workflows").click()
        page.get_by_role("menuitem", name="Pause…").click()
        dialog = editor.get("pause")
        dialog.get_by_label("Why").fill("migration")
        dialog.get_by_role("button", name="Pause").click()
        expect(page.get_by_role("status").filter(has_text="Everything is paused. “migration”")).to_be_visible()
        page.get_by_role("button", name="More for all workflows").click()
        page.get_by_role("menuitem", name="Resume").click()
        expect(page.get_by_text("Everything is paused")).to_have_count(0)
        assert [each for each in server.get("/api/pauses")["items"] if each["workflow_id"] is None] == []
    finally:
        server.post("/api/resume", {})


def test_the_list_of_workflows_shows_how_their_last_runs_stand(new_page: NewPage) -> None:
    editor = new_page()
    page, server = editor.page, editor.server
    workflow_id = publish(server, a_note("lists/last"))
    page.goto(f"{server.url}/workflows")
    row = editor.get(f"workflow-{workflow_id}")
    expect(row).to_contain_text("None yet")
    server.post("/api/events", {"name": "lists/last", "data": {}})
    until_listed(editor, f"/runs?workflow={workflow_id}&status=completed", "tbody tr")
    page.goto(f"{server.url}/workflows")
    marks = row.get_by_role("list", name="Last runs of").get_by_role("link")
    expect(marks).to_have_count(1)
    assert serious(page) == []
    marks.click()
    expect(editor.get("status").first).to_have_text("completed")


def test_filters_of_runs_are_in_the_address(editor: EditorPage) -> None:
    page, server = editor.page, editor.server
    workflow_id = publish(server, a_note("lists/filtered"))
    server.post("/api/events", {"name": "lists/filtered", "data": {}})
    until_listed(editor, f"/runs?workflow={workflow_id}&since=1h", "tbody tr")
    expect(page.get_by_label("Time")).to_have_value("1h")
    page.get_by_label("Status").select_option("cancelled")
    expect(page.get_by_text("No run is like this.")).to_be_visible()
    expect(page).to_have_url(re.compile(rf"\?workflow={workflow_id}&since=1h&status=cancelled$"))
    page.reload()
    expect(page.get_by_label("Status")).to_have_value("cancelled")


def test_an_approval_is_decided_with_its_form(editor: EditorPage) -> None:
    page, server = editor.page, editor.server
    event = "lists/approve"
    document = chain("builtin:approval", event=event, name="To be approved")
    document["actions"][0]["inputs"] = {
        "title": f"Refund {HOSTILE[0]}",
        "timeout": "2d",
        "form": {
            "type": "object",
            "required": ["amount"],
            "properties": {"amount": {"type": "integer", "title": "Amount", "minimum": 1}},
        },
    }
    publish(server, document)
    server.post("/api/events", {"name": event, "data": {}})
    until_listed(editor, "/approvals", ".approval")
    card = page.locator(".approval").filter(has_text=HOSTILE[0])
    found = serious_in_both_themes(page)
    card.get_by_test_id("decide").click()
    found += serious_in_both_themes(page)
    editor.get("approve").click()
    expect(editor.get("decision")).to_be_visible()
    page.get_by_label("Amount", exact=False).first.fill("12")
    editor.get("approve").click()
    expect(editor.get("decision")).to_have_count(0)
    expect(card).to_have_count(0)
    page.get_by_label("Status").select_option("approved")
    expect(card).to_contain_text("has approved it")
    page.goto(f"{server.url}/events?name={event}")
    expect(page.get_by_role("table", name="Events", exact=True)).to_be_visible()
    found += serious(page)
    page.get_by_role("link", name=event).click()
    expect(page.get_by_role("link", name="To be approved")).to_be_visible()
    assert found + serious(page) == []


def test_events_are_counted_by_name_with_who_listens(editor: EditorPage) -> None:
    page, server = editor.page, editor.server
    workflow_id = publish(server, a_note("lists/counted", name="Counted"))
    server.post("/api/events", [{"name": "lists/counted", "data": {}}] * 3)
    page.goto(f"{server.url}/events?name=lists/counted&span=1h")
    row = page.get_by_role("table", name="Names of events").get_by_role("row").filter(has_text="lists/counted")
    expect(row.get_by_role("link", name="Counted")).to_be_visible()
    expect(row.get_by_role("cell", name="3", exact=True)).to_be_visible()
    bars = row.get_by_test_id("volume-lists/counted").locator("rect")
    expect(bars).to_have_count(28)
    assert sum(int(bar.get_attribute("data-count") or 0) for bar in bars.all()) == 3
    page.get_by_label("How far back").select_option("7d")
    expect(page).to_have_url(re.compile("span=7d"))
    expect(bars).to_have_count(25)
    row.get_by_role("link", name="Counted").click()
    expect(page).to_have_url(re.compile(f"/workflows/{workflow_id}"))


def test_events_that_name_a_workflow_do_not_say_that_nobody_listens(editor: EditorPage) -> None:
    page, server = editor.page, editor.server
    publish(server, a_note("lists/never", name="Yearly", triggers=[{"cron": "@yearly"}]))
    for name, told in (("schedule.fired", "Yearly"), ("run.requested", "the workflow that each names")):
        page.goto(f"{server.url}/events?name=workflow/{name}")
        row = page.get_by_role("table", name="Names of events").get_by_role("row").filter(has_text=name)
        expect(row).to_contain_text(told)
        expect(row).not_to_contain_text("nobody")


def test_an_event_is_sent_again_here_or_by_a_command(editor: EditorPage) -> None:
    page, server = editor.page, editor.server
    workflow_id = publish(server, a_note("lists/again"))
    server.post("/api/events", {"name": "lists/again", "id": "first-of-all", "data": {"note": "it's"}})
    page.goto(f"{server.url}/events?name=lists/again")
    page.get_by_role("table", name="Events", exact=True).get_by_role("link", name="lists/again").click()
    editor.get("send-again").click()
    command = editor.get("send-dialog").get_by_label("the command", exact=True)
    expect(command).to_contain_text("""--data '{"note":"it'\\''s"}' -- 'lists/again'""")
    assert serious(page) == []
    first = page.url
    editor.get("send-here").click()
    expect(editor.get("send-dialog")).to_have_count(0)
    expect(page).not_to_have_url(first)
    again = server.get(f"/api/events/{page.url.rpartition('/')[2]}")
    assert (again["event_id"], again["data"], again["duplicate_of"]) == (None, {"note": "it's"}, None)
    until_listed(editor, f"/runs?workflow={workflow_id}", "tbody tr + tr")
