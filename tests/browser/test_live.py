"""Pages that are told what happens, and go on when they are not."""

from __future__ import annotations

import re
import time
from typing import Any

import services
from editing import EditorPage, NewPage
from playwright.sync_api import Page, expect

DEADLINE_SECONDS = 30
DEADLINE_MS = 1000 * DEADLINE_SECONDS
#: What is promised is one second; machines that run tests may be busy with other things.
CANVAS_DEADLINE_SECONDS = 5.0
WAITS = 3


def waiting(event: str) -> dict[str, Any]:
    """Return a workflow that waits for one event after the other."""
    ids = [f"wait{number}" for number in range(WAITS)]
    return {
        "name": "Waits",
        "triggers": [{"event": event}],
        "actions": [
            {"id": each, "kind": "builtin:wait_for_event", "inputs": {"event": f"{event}.{each}", "timeout": "2d"}}
            for each in ids
        ],
        "edges": [
            {"from": before, "to": after} for before, after in zip(["$source", *ids], ids, strict=False)
        ],
    }  # fmt: skip


def watched_run(editor: EditorPage, event: str) -> str:
    """Start a run and open its page; return its id."""
    server = editor.server
    workflow_id = server.create(waiting(event))
    server.post(f"/api/workflows/{workflow_id}/publish")
    run_id: str = server.post(f"/api/workflows/{workflow_id}/runs", {"data": {}})["run_id"]
    editor.page.goto(f"{server.url}/runs/{run_id}")
    expect_state(editor, 0, "Waiting")
    return run_id


def expect_state(editor: EditorPage, number: int, words: str) -> None:
    expect(editor.node(f"wait{number}").get_by_test_id("step-state")).to_have_attribute(
        "title", words, timeout=DEADLINE_MS
    )


def go_on(editor: EditorPage, event: str, number: int) -> None:
    editor.server.post("/api/events", {"name": f"{event}.wait{number}", "data": {}})


def test_changes_reach_the_canvas_at_once_and_in_order(editor: EditorPage) -> None:
    with editor.page.expect_response("**/api/realtime") as stream:
        watched_run(editor, "live/told")
    assert stream.value.status == 200
    assert stream.value.headers["content-type"] == "text/event-stream"
    took: list[float] = []
    for number in range(WAITS):
        if number:
            expect_state(editor, number, "Waiting")
        began_at = time.monotonic()
        go_on(editor, "live/told", number)
        expect_state(editor, number, "Completed")
        took.append(time.monotonic() - began_at)
    print(f"from sending an event to the canvas: {', '.join(f'{1000 * each:.0f} ms' for each in took)}")
    assert max(took) < CANVAS_DEADLINE_SECONDS
    expect(editor.page.locator(".run-header").get_by_test_id("status")).to_have_text("completed", timeout=DEADLINE_MS)


def test_a_page_whose_connection_was_cut_catches_up(editor: EditorPage) -> None:
    run_id = watched_run(editor, "live/cut")
    editor.page.context.set_offline(True)
    go_on(editor, "live/cut", 0)

    def has_gone_on() -> bool:
        return any(step["id"] == "wait1" for step in editor.server.get(f"/api/runs/{run_id}")["steps"])

    assert services.wait_until(has_gone_on, timeout_seconds=DEADLINE_SECONDS)
    editor.page.context.set_offline(False)
    expect_state(editor, 0, "Completed")
    expect_state(editor, 1, "Waiting")


FOLLOW = """async ([channel, topics]) => {
    const { subscribe } = await import("/embed/realtime.js");
    const ask = async () => {
        const request = { channel, topics };
        const headers = { "Content-Type": "application/json" };
        const answer = await fetch("/api/realtime/tokens", { method: "POST", headers, body: JSON.stringify(request) });
        return (await answer.json()).token;
    };
    window.told = { messages: [], states: [] };
    subscribe({
        token: ask,
        onMessage: ({ event, data }) => window.told.messages.push([event, data]),
        onState: (state) => window.told.states.push(state),
    });
}"""


def expect_told(page: Page, condition: str) -> None:
    assert services.wait_until(lambda: bool(page.evaluate(condition)), timeout_seconds=DEADLINE_SECONDS), condition


def test_pages_of_hosts_follow_a_run_with_the_module_of_the_server(editor: EditorPage) -> None:
    server, page = editor.server, editor.page
    wait = {"id": "wait", "kind": "builtin:wait_for_event", "inputs": {"event": "live/module.go", "timeout": "2d"}}
    tell = {"id": "tell", "kind": "publish_update", "inputs": {"topic": "progress", "data": {"percent": 40}}}
    edges = [{"from": "$source", "to": "wait"}, {"from": "wait", "to": "tell"}]
    document = {"name": "Tells", "triggers": [{"event": "live/module"}], "actions": [wait, tell], "edges": edges}
    workflow_id = server.create(document)
    server.post(f"/api/workflows/{workflow_id}/publish")
    run_id = server.post(f"/api/workflows/{workflow_id}/runs", {"data": {}})["run_id"]
    page.goto(f"{server.url}/runs")
    page.evaluate(FOLLOW, [f"run:{run_id}", ["$status", "progress"]])
    expect_told(page, "window.told.messages.some(([, data]) => data.status === 'waiting')")
    server.post("/api/events", {"name": "live/module.go", "data": {}})
    expect_told(page, "window.told.states.at(-1) === 'closed'")
    told = page.evaluate("window.told")
    assert [data["data"] for event, data in told["messages"] if event == "message"] == [{"percent": 40}]
    assert [event for event, _ in told["messages"]][-1] == "end"
    statuses = [data["status"] for event, data in told["messages"] if event == "status"]
    assert statuses[-1] == "completed"


def test_a_page_without_streams_looks_by_itself(new_page: NewPage) -> None:
    editor = new_page()
    editor.page.route(re.compile("/api/realtime$"), lambda route: route.abort())
    watched_run(editor, "live/polled")
    go_on(editor, "live/polled", 0)
    expect_state(editor, 0, "Completed")
