"""Nothing is lost: drafts, conflicts, versions, files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from editing import EditorPage, NewPage, chain, pretty
from playwright.sync_api import Dialog, Page, Route, expect


def test_an_edit_is_kept_over_a_reload_before_it_was_saved(editor: EditorPage) -> None:
    editor.open(chain("log"))
    editor.page.route("**/draft", lambda route: route.abort() if route.request.method == "PUT" else route.continue_())
    editor.get("workflow-name").fill("Typed just now")
    expect(editor.get("save-state")).to_have_attribute("data-state", "offline")
    editor.page.on("dialog", lambda dialog: dialog.accept())
    editor.page.reload()
    expect(editor.get("workflow-name")).to_have_value("Typed just now")
    editor.page.unroute("**/draft")
    assert editor.saved()["name"] == "Typed just now"


def test_while_the_server_is_away_the_page_says_so_and_tries_again(editor: EditorPage) -> None:
    editor.open(chain("log"))

    def refuse(route: Route) -> None:
        route.fulfill(status=503, body="{}")

    editor.page.route("**/draft", refuse)
    editor.get("workflow-name").fill("Meanwhile")
    expect(editor.get("save-state")).to_have_attribute("data-state", "offline")
    assert editor.server.draft(editor.workflow_id)["name"] == "A chain"
    editor.page.unroute("**/draft", refuse)
    assert editor.saved()["name"] == "Meanwhile"


def test_two_who_edit_the_same_draft_are_asked_and_neither_is_lost(editor: EditorPage, new_page: NewPage) -> None:
    editor.open(chain("log"))
    other = new_page().go(editor.workflow_id)
    editor.get("workflow-name").fill("First")
    editor.saved()
    other.get("workflow-name").fill("Second")
    expect(other.get("conflict")).to_contain_text("First")
    expect(other.get("conflict")).to_contain_text("Second")
    assert other.server.draft(editor.workflow_id)["name"] == "First"
    other.get("keep-mine").click()
    assert other.saved()["name"] == "Second"
    # Undo brings back what was not taken, and that is saved.
    other.get("undo").click()
    assert other.saved()["name"] == "First"
    other.get("redo").click()
    assert other.saved()["name"] == "Second"

    editor.get("workflow-name").fill("Third")
    editor.get("take-theirs").click()
    expect(editor.get("workflow-name")).to_have_value("Second")
    editor.get("undo").click()
    assert editor.saved()["name"] == "Third"
    editor.get("redo").click()
    editor.get("workflow-name").fill("Fourth")
    assert editor.saved()["name"] == "Fourth"


def test_versions_are_published_compared_and_restored(editor: EditorPage) -> None:
    document = chain("lookup", "log")
    document["actions"][0]["inputs"] = {"email": "a@example.com"}
    document["actions"][1]["inputs"] = {"message": "one"}
    page = editor.open(document).page
    editor.get("publish").click()
    expect(editor.get("notice").first).to_contain_text("Version 1 is live")
    editor.select("log")
    page.get_by_label("Message *", exact=True).fill("two")
    editor.get("add-after-log").click()
    editor.choose_action("set values")
    page.keyboard.press("Escape")
    editor.node("lookup").click()
    page.keyboard.press("Escape")
    page.keyboard.press("Delete")
    editor.edge("$source", "log")
    editor.drag(editor.handle("$source", "bottom"), editor.handle("log", "top"))
    editor.saved()
    assert editor.server.get(f"/api/workflows/{editor.workflow_id}/versions/1")["document"]["actions"][1]["inputs"] == {
        "message": "one"
    }

    editor.get("versions-button").click()
    page.get_by_role("button", name="Compare with draft").click()
    difference = editor.get("diff")
    expect(difference.get_by_test_id("diff-log")).to_contain_text("changed")
    expect(difference.get_by_test_id("diff-log")).to_contain_text("two")
    expect(difference.get_by_test_id("diff-set")).to_contain_text("added")
    expect(difference.get_by_test_id("diff-lookup")).to_contain_text("removed")
    expect(editor.get("diff-canvas").locator(".diff-node-removed")).to_have_count(1)
    page.keyboard.press("Escape")
    editor.get("version-1").get_by_role("button", name="Restore").click()
    expect(editor.node("lookup")).to_be_visible()
    assert editor.ids() == ["lookup", "log"]
    editor.get("undo").click()
    assert editor.ids() == ["log", "set"]


def test_what_is_exported_can_be_imported_and_is_the_same(editor: EditorPage, tmp_path: Path) -> None:
    document = chain("lookup", "log", unknown={"kept": True})
    editor.open(document)
    editor.get("more").click()
    with editor.page.expect_download() as download:
        editor.get("export").click()
    exported = tmp_path / "exported.json"
    download.value.save_as(exported)
    assert json.loads(exported.read_text())["unknown"] == {"kept": True}

    editor.open(chain("set"))
    editor.get("more").click()
    with editor.page.expect_file_chooser() as chooser:
        editor.get("import").click()
    chooser.value.set_files(exported)
    expect(editor.node("lookup")).to_be_visible()
    assert pretty(editor.saved()) == pretty(json.loads(exported.read_text()))

    broken = tmp_path / "broken.json"
    broken.write_text('{"actions": [{"id": "a"}], "edges": []}')
    editor.get("more").click()
    with editor.page.expect_file_chooser() as chooser:
        editor.get("import").click()
    chooser.value.set_files(broken)
    expect(editor.get("notice").last).to_contain_text("/actions/0/kind is not a text")
    assert editor.ids() == ["lookup", "log"]


def test_leaving_is_asked_about_only_while_something_is_unsaved(editor: EditorPage) -> None:
    page = editor.open(chain("log")).page
    asked: list[str] = []

    def note(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    page.on("dialog", note)
    editor.get("workflow-name").fill("Saved in time")
    editor.saved()
    page.goto("about:blank")
    assert asked == []
    editor.go(editor.workflow_id)
    page.route("**/draft", lambda route: route.abort() if route.request.method == "PUT" else route.continue_())
    editor.get("workflow-name").fill("Not saved")
    expect(editor.get("save-state")).to_have_attribute("data-state", "offline")
    page.goto("about:blank")
    assert asked == ["beforeunload"]


#: As the original kit stores them: no ids of edges, kinds and references of its own, no trigger.
KIT_INSTANCE: dict[str, Any] = {
    "name": "When a blog post is moved to review",
    "description": "Actions that should be performed when a post is moved to review",
    "actions": [
        {"id": "1", "kind": "add_ToC", "name": "Add a Table of Contents"},
        {"id": "2", "kind": "grammar_review", "name": "Review the grammar", "inputs": {"text": "!ref($.state.1)"}},
        {"id": "3", "kind": "wait_for_approval", "name": "Ask for approval"},
        {"id": "4", "kind": "apply_changes", "name": "Apply changes", "inputs": {"to": "!ref($.event.data.id)"}},
    ],
    "edges": [
        {"from": "$source", "to": "1"},
        {"from": "1", "to": "2"},
        {"from": "2", "to": "3"},
        {"from": "3", "to": "4", "name": "True", "conditional": {"type": "if", "ref": "!ref($.output.result)"}},
    ],
}  # fmt: skip


def test_an_instance_of_the_original_kit_is_imported_and_keeps_what_it_says(editor: EditorPage, tmp_path: Path) -> None:
    editor.open(chain("set"))
    written = tmp_path / "instance.json"
    written.write_text(json.dumps(KIT_INSTANCE))
    editor.get("more").click()
    with editor.page.expect_file_chooser() as chooser:
        editor.get("import").click()
    chooser.value.set_files(written)
    for action in KIT_INSTANCE["actions"]:
        expect(editor.node(action["id"])).to_contain_text(action["name"])
    saved = editor.saved()
    assert saved["actions"] == KIT_INSTANCE["actions"]
    edges = [{key: value for key, value in edge.items() if key != "id"} for edge in saved["edges"]]
    assert edges == KIT_INSTANCE["edges"]
    # Kinds that nobody has registered here are told, at their steps.
    expect(editor.get("problems-button")).not_to_have_text("No problems")
    editor.get("problems-button").click()
    expect(editor.get("problem-unknown-kind").first).to_be_visible()
    expect(editor.get("publish")).to_be_disabled()


def test_an_edit_is_saved_when_the_editor_is_left_for_another_page(editor: EditorPage) -> None:
    editor.open(chain("log"))
    editor.get("workflow-name").fill("Typed and left")
    editor.page.get_by_role("link", name="All workflows").click()
    expect(editor.get(f"workflow-{editor.workflow_id}")).to_be_visible()
    editor.go(editor.workflow_id)
    assert editor.saved()["name"] == "Typed and left"
    assert editor.page.evaluate("Object.keys(localStorage).filter(key => key.includes('edit'))") == []


def test_the_address_leads_back_to_what_was_selected(editor: EditorPage) -> None:
    editor.open(chain("lookup", "log"))
    editor.select("log")
    expect(editor.page).to_have_url(re.compile(r"node=log&panel=config"))
    editor.page.reload()
    expect(editor.get("step-id")).to_have_value("log")


@contextmanager
def _as(page: Page, tenant: str, actor: str) -> Iterator[None]:
    """Let the page believe that somebody else uses this browser, for a tenant of their own."""

    def answer(route: Route) -> None:
        response = route.fetch()
        route.fulfill(response=response, json=response.json() | {"tenant": tenant, "actor": actor})

    page.route("**/api/session", answer)
    yield
    page.unroute("**/api/session")


@pytest.mark.parametrize(("tenant", "actor"), [("globex", "user:ada"), ("acme", "user:eve")])
def test_a_page_begins_anew_for_whom_another_tab_has_chosen(editor: EditorPage, tenant: str, actor: str) -> None:
    workflow_id = editor.server.create(chain("log"))
    page, address = editor.page, f"{editor.server.url}/workflows/{workflow_id}"
    page.on("dialog", lambda dialog: dialog.accept())
    with _as(page, "acme", "user:ada"):
        page.goto(address)
        expect(editor.node("log")).to_be_visible()
        page.route("**/draft", lambda route: route.abort() if route.request.method == "PUT" else route.continue_())
        editor.get("workflow-name").fill("Ours alone")
        expect(editor.get("save-state")).to_have_attribute("data-state", "offline")
        page.evaluate("dispatchEvent(new Event('focus'))")
        page.wait_for_load_state("networkidle")
        expect(editor.get("workflow-name")).to_have_value("Ours alone")
    with _as(page, tenant, actor):
        page.evaluate("dispatchEvent(new Event('focus'))")
        expect(editor.get("save-state")).to_have_attribute("data-state", "saved")
        expect(editor.get("workflow-name")).not_to_have_value("Ours alone")


def test_an_edit_is_not_restored_for_somebody_else(editor: EditorPage) -> None:
    workflow_id = editor.server.create(chain("log"))
    page, address = editor.page, f"{editor.server.url}/workflows/{workflow_id}"
    page.on("dialog", lambda dialog: dialog.accept())
    with _as(page, "acme", "user:ada"):
        page.goto(address)
        expect(editor.node("log")).to_be_visible()
        page.route("**/draft", lambda route: route.abort() if route.request.method == "PUT" else route.continue_())
        editor.get("workflow-name").fill("Ours alone")
        expect(editor.get("save-state")).to_have_attribute("data-state", "offline")
    for tenant, actor in (("globex", "user:ada"), ("acme", "user:eve")):
        with _as(page, tenant, actor):
            page.goto(address)
            expect(editor.node("log")).to_be_visible()
            expect(editor.get("workflow-name")).not_to_have_value("Ours alone")
            expect(editor.get("save-state")).to_have_attribute("data-state", "saved")
    with _as(page, "acme", "user:ada"):
        page.goto(address)
        expect(editor.get("workflow-name")).to_have_value("Ours alone")
