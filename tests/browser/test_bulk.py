"""Acting on all runs of a filter: counted first, then worked off while somebody can look."""

from __future__ import annotations

import pytest
import services
from accessibility import serious
from editing import DEADLINE_SECONDS, EditorPage, NewPage, Server, chain
from playwright.sync_api import expect

#: Jobs are worked off by timers.
JOB_DEADLINE_MS = 60_000
RUNS = 3


def waiting_runs(server: Server, event: str) -> str:
    """Start runs that wait; return the id of their workflow."""
    document = chain("builtin:wait_for_event", event=event)
    document["actions"][0]["inputs"] = {"event": f"{event}.done", "timeout": "2d"}
    workflow_id = server.create(document)
    server.post(f"/api/workflows/{workflow_id}/publish")
    server.post("/api/events", [{"name": event, "data": {}} for _ in range(RUNS)])
    return workflow_id


def open_runs(editor: EditorPage, workflow_id: str, status: str = "") -> None:
    """Open the list of a workflow's runs once all are there."""
    editor.server.wait_for_runs(workflow_id, RUNS, status)
    editor.page.goto(f"{editor.server.url}/runs?workflow={workflow_id}&status={status}")
    expect(editor.page.locator("tbody tr")).to_have_count(RUNS)


def test_the_runs_of_a_filter_are_counted_cancelled_and_repeated(editor: EditorPage) -> None:
    page, server = editor.page, editor.server
    workflow_id = waiting_runs(server, "bulk/acted")
    other_id = waiting_runs(server, "bulk/other")
    open_runs(editor, workflow_id, "waiting")
    editor.get("bulk-open").click()
    expect(editor.get("bulk-count")).to_contain_text(f"{RUNS} runs · Status: waiting · of {workflow_id}")
    page.get_by_label("Why").fill("ordered twice")
    editor.get("begin-job").click()
    expect(editor.get("bulk")).to_have_count(0)
    expect(editor.get("job")).to_contain_text(f"{RUNS} of {RUNS} runs cancelled", timeout=JOB_DEADLINE_MS)
    expect(editor.get("job")).to_have_attribute("data-state", "done", timeout=JOB_DEADLINE_MS)
    expect(page.get_by_text("No run is like this.")).to_be_visible()
    runs = server.get(f"/api/runs?workflow_id={workflow_id}&status=cancelled")["items"]
    assert len(runs) == RUNS
    assert server.get(f"/api/runs/{runs[0]['id']}")["cause"]["text"] == "ordered twice"
    assert len(server.get(f"/api/runs?workflow_id={other_id}&status=cancelled")["items"]) == 0
    editor.get("job").get_by_role("button", name="Dismiss").click()
    expect(editor.get("job")).to_have_count(0)
    page.get_by_label("Status").select_option("cancelled")
    editor.get("bulk-open").click()
    page.get_by_label("What to do").select_option("replay")
    page.get_by_label("Runs per second").fill("100")
    expect(editor.get("begin-job")).to_have_text(f"Repeat {RUNS} runs")
    editor.get("begin-job").click()
    expect(editor.get("job")).to_have_attribute("data-state", "done", timeout=JOB_DEADLINE_MS)
    assert len(server.get(f"/api/runs?workflow_id={workflow_id}")["items"]) == 2 * RUNS


def test_nothing_begins_where_no_run_is_like_this(editor: EditorPage) -> None:
    editor.page.goto(f"{editor.server.url}/runs?workflow=nothing-of-that-name")
    editor.get("bulk-open").click()
    expect(editor.get("bulk-count")).to_contain_text("0 runs")
    expect(editor.get("begin-job")).to_be_disabled()


@pytest.mark.parametrize(("scheme", "width"), [("light", 820), ("dark", 1440)])
def test_axe_finds_nothing_serious_while_acting_on_many_runs(new_page: NewPage, scheme: str, width: int) -> None:
    editor = new_page(color_scheme=scheme, width=width)
    workflow_id = waiting_runs(editor.server, f"bulk/axe-{scheme}")
    open_runs(editor, workflow_id)
    editor.get("bulk-open").click()
    expect(editor.get("begin-job")).to_be_enabled()
    found = serious(editor.page)
    editor.get("begin-job").click()
    expect(editor.get("job")).to_be_visible()
    assert found + serious(editor.page) == []
    assert editor.page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


@pytest.mark.parametrize(
    ("reason", "hold", "lift"), [("drained", "drain", "undrain"), ("disabled", "disable", "enable")]
)
def test_events_that_were_skipped_are_started(editor: EditorPage, reason: str, hold: str, lift: str) -> None:
    page, server = editor.page, editor.server
    workflow_id = waiting_runs(server, f"bulk/{reason}")
    server.wait_for_runs(workflow_id, RUNS, "")
    server.post(f"/api/workflows/{workflow_id}/{hold}", *([{}] if hold == "drain" else []))
    server.post("/api/events", [{"name": f"bulk/{reason}", "data": {}}])
    wanted = {"kind": "replay", "workflow_id": workflow_id, "skipped": [reason]}
    is_skipped = lambda: server.post("/api/jobs/count", wanted)["matched_count"] == 1  # noqa: E731
    assert services.wait_until(is_skipped, timeout_seconds=DEADLINE_SECONDS, poll_seconds=0.05)
    server.post(f"/api/workflows/{workflow_id}/{lift}")
    open_runs(editor, workflow_id)
    editor.get("bulk-open").click()
    page.get_by_label("What to do").select_option("skipped")
    expect(editor.get("bulk-count")).to_contain_text(f"1 skipped event · of {workflow_id}")
    expect(page.get_by_label("On the version")).to_have_count(0)
    editor.get("begin-job").click()
    expect(editor.get("job")).to_contain_text("1 of 1 skipped events started", timeout=JOB_DEADLINE_MS)
    server.wait_for_runs(workflow_id, RUNS + 1, "")
