"""Parts of the interface that cannot be loaded: offline, or with another version on the server."""

from __future__ import annotations

import re

from accessibility import serious
from editing import EditorPage, chain
from playwright.sync_api import Page, Route, expect


def refuse(page: Page, *names: str) -> list[str]:
    """Answer that some scripts are not there; return the list of those that were asked for."""
    asked: list[str] = []

    def refused(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(status=404, body="")

    page.route(re.compile(f"/assets/({'|'.join(names)})-[^/]*[.]js"), refused)
    return asked


def forget_scripts(page: Page) -> None:
    """Have the page ask for each script: those that an earlier test has had are there without a connection, too."""
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})


def test_a_panel_that_cannot_be_loaded_leaves_the_editor_as_it_was(editor: EditorPage) -> None:
    forget_scripts(editor.page)
    page = editor.open(chain("log")).page
    editor.select("log")
    page.keyboard.press("Escape")
    page.context.set_offline(True)
    editor.get("test-button").click()
    expect(editor.get("not-shown")).to_contain_text("This part could not be loaded")
    expect(editor.node("log")).to_be_visible()
    expect(page.get_by_role("button", name="Reload")).to_have_count(0)
    assert serious(page) == []
    editor.get("retry-part").click()
    expect(editor.get("not-shown")).to_be_visible()
    page.context.set_offline(False)
    editor.get("retry-part").click()
    expect(editor.get("test-data")).to_be_visible()


def test_a_panel_of_another_version_offers_the_page_anew(editor: EditorPage) -> None:
    page = editor.open(chain("log")).page
    refuse(page, "VersionsPanel")
    page.get_by_test_id("versions-button").click()
    expect(editor.get("not-shown")).to_be_visible()
    page.unroute_all()
    page.get_by_role("button", name="Reload").click()
    expect(editor.node("log")).to_be_visible()


def test_another_panel_is_tried_without_being_asked_and_a_dialog_can_be_closed(editor: EditorPage) -> None:
    page = editor.open(chain("log")).page
    refuse(page, "TestPanel", "HelpDialog")
    editor.get("test-button").click()
    expect(editor.get("not-shown")).to_be_visible()
    editor.select("log")
    expect(editor.get("not-shown")).to_have_count(0)
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("This part could not be loaded")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    page.unroute_all()


def test_a_page_of_another_version_is_loaded_anew_once(editor: EditorPage) -> None:
    page = editor.open(chain("log")).page
    asked = refuse(page, "RunsPage")
    page.get_by_role("link", name="Runs", exact=True).click()
    expect(editor.get("not-shown")).to_be_visible()
    assert len(asked) >= 2
    page.unroute_all()
    editor.get("retry-part").click()
    expect(page.get_by_role("heading", name="Runs")).to_be_visible()
