"""The list of runs as a place to look for some: by values, with columns, with filters that are kept."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import services
from accessibility import HOSTILE, serious
from editing import EditorPage, NewPage, Server, chain
from playwright.sync_api import Route, expect

DEADLINE_SECONDS = 60


def sold(server: Server, event: str, orders: dict[str, Any]) -> str:
    """Let orders come in, and return the workflow that has noted them all."""
    document = chain("log", event=event)
    document["actions"][0]["inputs"] = {"message": "noted"}
    workflow_id = server.create(document)
    server.post(f"/api/workflows/{workflow_id}/publish")
    server.post("/api/events", [{"name": event, "data": {"order": order, "total": orders[order]}} for order in orders])
    done = f"/api/runs?workflow_id={workflow_id}&status=completed"
    assert services.wait_until(
        lambda: len(server.get(done)["items"]) == len(orders), timeout_seconds=DEADLINE_SECONDS, poll_seconds=0.1
    )
    return workflow_id


def test_runs_are_found_by_values_and_the_address_has_the_search(editor: EditorPage) -> None:
    page, server = editor.page, editor.server
    workflow_id = sold(server, "search/found", {"A-1": 10, "A-2": 20, "A-3": 30})
    page.goto(f"{server.url}/runs?workflow={workflow_id}")
    rows, search = page.locator("tbody tr"), editor.get("run-search")
    expect(rows).to_have_count(3)
    search.fill("event.data.total > 15")
    search.press("Shift+Enter")
    search.press_sequentially("event.data.order != 'A-3'")
    search.press("Enter")
    expect(rows).to_have_count(1)
    expect(page).to_have_url(re.compile(r"where=event\.data\.total"))
    editor.get("add-column").fill("event.data.order")
    editor.get("add-column").press("Enter")
    expect(rows).to_contain_text("A-2")
    page.reload()
    expect(search).to_have_value("event.data.total > 15\nevent.data.order != 'A-3'")
    expect(rows).to_contain_text("A-2")
    page.get_by_role("button", name="Remove the column event.data.order").click()
    expect(page.get_by_role("columnheader", name="event.data.order")).to_have_count(0)
    expect(editor.get("bulk-open")).to_be_disabled()
    search.fill("a-1")  # any text, in capital letters or not
    search.press("Enter")
    expect(page).to_have_url(re.compile(r"where=a-1"))
    expect(rows).to_have_count(1)
    run_id = server.get(f"/api/runs?workflow_id={workflow_id}&limit=1")["items"][0]["id"]
    search.fill(run_id)
    search.press("Enter")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text(run_id)


def test_a_search_that_is_none_says_where_it_is_wrong(editor: EditorPage) -> None:
    page = editor.page
    page.goto(f"{editor.server.url}/runs")
    search = editor.get("run-search")
    search.fill("event.data.total >")
    search.press("Enter")
    expect(editor.get("run-search-problem")).to_contain_text("line 1, character 19")
    expect(search).to_have_attribute("aria-invalid", "true")
    search.fill("")
    search.press("Enter")
    expect(editor.get("run-search-problem")).to_have_count(0)


def test_a_filter_is_kept_under_a_name_in_this_browser(editor: EditorPage) -> None:
    page, server = editor.page, editor.server
    workflow_id = sold(server, "search/kept", {"A-1": 1, "A-2": 2})
    page.goto(f"{server.url}/runs?workflow={workflow_id}&where=event.data.total%20%3D%3D%202&columns=event.data.order")
    page.get_by_role("button", name="Save filter…").click()
    editor.get("filter-name").fill("The second")
    editor.get("save-filter").click()
    page.goto(f"{server.url}/runs")
    page.get_by_label("Saved filters").select_option("The second")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody tr")).to_contain_text("A-2")
    page.get_by_role("button", name="Delete filter").click()
    page.reload()
    expect(editor.get("run-search")).to_have_value("event.data.total == 2")
    expect(page.get_by_label("Saved filters")).to_have_count(0)


def test_a_list_that_has_not_looked_all_the_way_says_so_and_goes_on(editor: EditorPage) -> None:
    page, server = editor.page, editor.server
    workflow_id = sold(server, "search/further", {"A-1": 1, "A-2": 2})
    newest = server.get(f"/api/runs?workflow_id={workflow_id}&limit=1")
    # Events that are sent together may start their runs in either order.
    total = 3 - server.get(f"/api/runs/{newest['items'][0]['id']}")["event"]["data"]["total"]

    def stopped(route: Route) -> None:
        """Answer as a server does whose limits end a search after one run."""
        if "cursor=" in route.request.url:
            route.continue_()
            return
        response = route.fetch()
        found = response.json() | {"items": [], "next_cursor": newest["next_cursor"]}
        found["looked"] |= {"is_stopped": True, "runs": 50_000, "unreadable": 7}
        route.fulfill(response=response, body=json.dumps(found))

    page.route("**/api/runs?**", stopped)
    searched = f"where=event.data.total%20%3D%3D%20{total}&columns=event.data.order"
    page.goto(f"{server.url}/runs?workflow={workflow_id}&{searched}")
    expect(editor.get("looked")).to_contain_text("50,000 runs, back to")
    expect(editor.get("unreadable")).to_contain_text("7 runs")
    expect(page.get_by_text("None of the runs looked through so far is like this.")).to_be_visible()
    editor.get("looked").get_by_role("button", name="Continue").click()
    expect(page.locator("tbody tr")).to_contain_text(f"A-{total}")
    expect(editor.get("looked")).to_have_count(0)
    page.get_by_role("button", name="Back to the newest").click()
    expect(editor.get("looked")).to_be_visible()


@pytest.mark.parametrize(
    ("width", "height", "scheme"), [(1440, 900, "light"), (1440, 900, "dark"), (820, 1180, "light"), (390, 844, "dark")]
)
def test_looking_for_runs_is_accessible_and_what_it_shows_is_text(
    new_page: NewPage, width: int, height: int, scheme: str
) -> None:
    editor = new_page(width=width, height=height, color_scheme=scheme)
    page, server = editor.page, editor.server
    event = f"search/axe.{scheme}.{width}"
    workflow_id = sold(server, event, dict.fromkeys(HOSTILE, HOSTILE[0]))
    page.goto(f"{server.url}/runs?workflow={workflow_id}&columns=event.data.order&where=event.data.total%20!%3D%201")
    expect(page.locator("tbody tr")).to_have_count(len(HOSTILE))
    page.get_by_role("button", name="How to search").click()
    expect(editor.get("run-search-help")).to_be_visible()
    found = serious(page)
    editor.get("run-search").fill("event.id == '")
    editor.get("run-search").press("Enter")
    expect(editor.get("run-search-problem")).to_be_visible()
    assert found + serious(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_runs_have_the_names_of_their_workflows_and_are_filtered_by_choosing_one(editor: EditorPage) -> None:
    page, server = editor.page, editor.server
    document = chain("log", event="search/named", name="Paid orders")
    document["actions"][0]["inputs"] = {"message": "noted"}
    workflow_id = server.create(document)
    server.post(f"/api/workflows/{workflow_id}/publish")
    server.post("/api/events", {"name": "search/named", "data": {}})
    server.wait_for_runs(workflow_id, status="completed")
    sold(server, "search/other", {"A-1": 1})
    page.goto(f"{server.url}/runs")
    rows, choice = page.locator("tbody tr"), page.get_by_role("combobox", name="Workflow")
    choice.fill("paid")
    choice.press("Enter")
    expect(page).to_have_url(re.compile(f"workflow={workflow_id}"))
    expect(choice).to_have_value("Paid orders")
    expect(rows).to_have_count(1)
    expect(rows.get_by_role("link", name="Paid orders")).to_have_attribute("href", f"/workflows/{workflow_id}")
    assert serious(page) == []
    choice.fill("")
    choice.press("Enter")
    expect(rows.nth(1)).to_be_visible()


def test_a_workflow_may_be_chosen_before_the_names_are_there(editor: EditorPage) -> None:
    page, server = editor.page, editor.server
    workflow_id = server.create(chain("log", event="search/late", name="Sold late"))
    waiting: list[Route] = []
    is_late = True
    page.route("**/api/workflows?*", lambda route: waiting.append(route) if is_late else route.continue_())
    page.goto(f"{server.url}/runs")
    choice = page.get_by_role("combobox", name="Workflow")
    choice.fill("sold late")
    choice.press("Enter")
    expect(choice).to_have_value("sold late")
    expect(page).not_to_have_url(re.compile("workflow="))
    is_late = False
    for route in waiting:
        route.continue_()
    expect(page).to_have_url(re.compile(f"workflow={workflow_id}"))
    expect(choice).to_have_value("Sold late")
