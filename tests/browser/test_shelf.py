"""Duplicating, archiving and bringing back workflows, and versions with a note, in every language."""

from __future__ import annotations

import pytest
from accessibility import serious
from editing import EditorPage, NewPage, Server, chain
from playwright.sync_api import expect
from translations import english_on

LANGUAGES = ("en", "de", "ar")
COPIES = {"en": "Copy of Ada's one", "de": "Kopie von Ada's one", "ar": "نسخة من Ada's one"}
NOTE = "Asks <b>twice</b>\nand then waits"


def published(server: Server, name: str) -> str:
    document = chain("log", event="shelf/asked", name=name)
    document["actions"][0]["inputs"] = {"message": "x"}
    workflow_id = server.create(document)
    server.post(f"/api/workflows/{workflow_id}/publish")
    return workflow_id


def choose(editor: EditorPage, workflow_id: str, command: str) -> None:
    """Choose a command in the menu of a workflow's row."""
    row = editor.get(f"workflow-{workflow_id}")
    row.locator("button[aria-haspopup=menu]").click()
    row.get_by_test_id(command).click()


def names(editor: EditorPage) -> list[str]:
    """Return the names of the workflows in the list; other tests have made some."""
    return editor.page.locator("[data-testid^=workflow-]").get_by_role("link").all_inner_texts()


def english(editor: EditorPage, language: str, *names: str) -> list[str]:
    """Return what is said in English and has a translation, but for names, that of an action of the server too."""
    return [] if language == "en" else english_on(editor.page, language, {"Workflow Kit", "Everything", *names})


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_workflow_is_duplicated_in_the_list_and_in_the_editor(new_page: NewPage, language: str) -> None:
    editor = new_page(locale=language)
    page, server = editor.page, editor.server
    workflow_id = published(server, "Ada's one")
    page.goto(f"{server.url}/workflows")
    choose(editor, workflow_id, "duplicate")
    expect(editor.get("workflow-name")).to_have_value(COPIES[language])
    first = page.url.rpartition("/")[2].partition("?")[0]
    assert first != workflow_id
    shown = server.get(f"/api/workflows/{first}")
    assert (shown["name"], shown["published_version"]) == (COPIES[language], None)
    editor.get("workflow-name").fill("Ada's one")
    editor.get("more").click()
    editor.get("duplicate").click()
    expect(editor.get("workflow-name")).to_have_value(COPIES[language])
    second = page.url.rpartition("/")[2].partition("?")[0]
    assert second not in (first, workflow_id)
    assert server.get(f"/api/workflows/{first}")["name"] == "Ada's one", "it was saved first"
    assert server.draft(second)["actions"] == server.draft(workflow_id)["actions"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_workflow_is_archived_found_among_those_and_brought_back(new_page: NewPage, language: str) -> None:
    editor = new_page(locale=language)
    page, server = editor.page, editor.server
    published(server, "Order approval")  # which is said elsewhere, and has a translation
    workflow_id = published(server, "Ida")
    row = editor.get(f"workflow-{workflow_id}")
    page.goto(f"{server.url}/workflows")
    choose(editor, workflow_id, "archive")
    expect(row).to_have_count(0)
    expect(editor.get("notice").first).to_contain_text("Ida")
    assert server.get(f"/api/workflows/{workflow_id}")["archived_at"] is not None
    assert english(editor, language, *names(editor)) == []

    page.locator("select.page-filter").select_option("true")
    expect(row).to_be_visible()
    expect(row.get_by_role("switch")).to_be_disabled()
    row.locator("button[aria-haspopup=menu]").click()
    expect(row.get_by_test_id("start")).to_have_count(0)
    assert (english(editor, language, *names(editor)), serious(page)) == ([], [])
    page.keyboard.press("Escape")
    row.get_by_role("link").first.click()
    expect(editor.get("read-only")).to_have_text({"en": "Archived", "de": "Archiviert", "ar": "مؤرشف"}[language])
    for test_id in ("publish", "palette-button", "test-button"):
        expect(editor.get(test_id)).to_have_count(0)

    page.goto(f"{server.url}/workflows?archived=true")
    choose(editor, workflow_id, "restore")
    expect(row).to_have_count(0)
    page.locator("select.page-filter").select_option("")
    expect(row.get_by_role("switch")).to_be_checked()
    assert server.get(f"/api/workflows/{workflow_id}")["archived_at"] is None


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_version_is_published_with_a_note_that_is_shown_with_it(new_page: NewPage, language: str) -> None:
    editor = new_page(locale=language)
    page, server = editor.page, editor.server
    workflow_id = published(server, "Eve")
    editor.go(workflow_id)
    editor.get("workflow-name").fill("Eve again")
    editor.get("publish-note").click()
    dialog = editor.get("publish-dialog")
    dialog.locator("textarea").fill(NOTE)
    assert (english(editor, language, "Eve again"), serious(page)) == ([], [])
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    editor.get("publish-note").click()
    expect(dialog.locator("textarea")).to_have_value(NOTE)
    editor.get("publish-noted").click()
    expect(editor.get("notice").first).to_contain_text("2")
    (newest, oldest) = server.get(f"/api/workflows/{workflow_id}/versions")["items"]
    assert (newest["version"], newest["note"], newest["published_by"]) == (2, NOTE, "developer")
    assert oldest["note"] is None

    editor.get("versions-button").click()
    expect(editor.get("version-2")).to_contain_text(NOTE.replace("\n", " "))
    expect(editor.get("version-1").locator(".version-note")).to_have_count(0)
    assert (english(editor, language, "Eve again"), serious(page)) == ([], [])
    editor.get("version-2").locator(".version-buttons button").nth(1).click()
    expect(editor.get("diff-versions").locator("li")).to_have_count(2)
    expect(editor.get("diff-versions")).to_contain_text("<b>twice</b>")
    assert (english(editor, language, "Eve again"), serious(page)) == ([], [])
