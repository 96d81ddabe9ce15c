"""Secrets in the browser: stored on their page, chosen by name in a step, and shown nowhere."""

from __future__ import annotations

from typing import Any

import pytest
from accessibility import HOSTILE, serious
from editing import EditorPage, NewPage, chain, pretty
from playwright.sync_api import Request, expect

VALUE = "sk_live_C4n4ry0123456789"


def hears(editor: EditorPage) -> list[str]:
    """Return what the server answers from now on."""
    heard: list[str] = []

    def note(request: Request) -> None:
        response = request.response()
        if response is not None and "/api/" in request.url:
            heard.append(f"{request.url} {response.text()}")

    editor.page.on("requestfinished", note)
    return heard


def shown(editor: EditorPage) -> str:
    """Return all that is in the page, with what stands in its fields."""
    fields: list[str] = editor.page.evaluate(
        "[...document.querySelectorAll('input, textarea, select')].map((field) => field.value)"
    )
    return editor.page.content() + "\n".join(fields)


def store(editor: EditorPage, name: str, value: str = VALUE, description: str = "") -> None:
    dialog = editor.get("secret-dialog")
    editor.get("secret-name").fill(name)
    expect(editor.get("secret-value")).to_have_attribute("type", "password")
    editor.get("secret-value").fill(value)
    dialog.get_by_label("What it is for").fill(description)
    dialog.get_by_role("button", name="Store the secret").click()
    expect(dialog).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_secret_is_stored_replaced_and_deleted_and_never_shown(new_page: NewPage, scheme: str) -> None:
    editor = new_page(color_scheme=scheme, width=1440 if scheme == "light" else 390)
    page, name = editor.page, f"page.{scheme}"
    heard = hears(editor)
    page.goto(f"{editor.server.url}/secrets")
    editor.get("new-secret").click()
    assert serious(page) == []
    store(editor, name, description="live account")
    row = editor.get(f"secret-{name}")
    expect(row).to_contain_text("live account")
    expect(row.locator("td").nth(2)).to_have_text("—")
    assert serious(page) == []

    row.get_by_role("button", name=f"More for {name}").click()
    page.get_by_role("menuitem", name="Replace").click()
    expect(editor.get("secret-value")).to_have_value("")
    expect(editor.get("secret-dialog").get_by_label("What it is for")).to_have_value("live account")
    editor.get("secret-dialog").get_by_label("It has several lines").check()
    editor.get("secret-value").fill(f"-----BEGIN-----\n{VALUE}\n-----END-----")
    editor.get("secret-dialog").get_by_label("What it is for").fill("another account")
    editor.get("secret-dialog").get_by_role("button", name="Save").click()
    expect(row).to_contain_text("another account")

    row.get_by_role("button", name=f"More for {name}").click()
    page.get_by_role("menuitem", name="Delete").click()
    assert serious(page) == []
    editor.get("delete-secret").click()
    expect(row).to_have_count(0)
    assert VALUE not in shown(editor)
    assert VALUE not in "".join(heard)


def test_what_is_wrong_with_a_secret_is_said(editor: EditorPage) -> None:
    editor.page.goto(f"{editor.server.url}/secrets")
    editor.get("new-secret").click()
    editor.get("secret-name").fill("a b")
    expect(editor.get("secret-name")).to_have_attribute("aria-invalid", "true")
    editor.get("secret-value").fill("short")
    editor.page.get_by_role("button", name="Store the secret").click()
    alert = editor.get("secret-dialog").get_by_role("alert")
    expect(alert).to_contain_text("at least 6 characters")
    expect(alert).to_contain_text("begins with a letter or digit")


def test_a_step_is_given_a_secret_by_its_name(editor: EditorPage) -> None:
    heard = hears(editor)
    page = editor.open(chain("http_request", name="Calls a service", event="secrets/called")).page
    editor.select("http_request")
    bearer = editor.get("field-/bearer")
    expect(bearer).to_have_value("")
    page.locator("[data-pointer='/bearer']").get_by_role("button", name="New secret").click()
    store(editor, "chosen-in-editor")
    expect(bearer.locator("option:checked")).to_have_text("chosen-in-editor")
    assert serious(page) == []
    (action,) = editor.saved()["actions"]
    assert action["inputs"] == {"bearer": "!secret(chosen-in-editor)"}
    page.reload()
    editor.select("http_request")
    expect(bearer.locator("option:checked")).to_have_text("chosen-in-editor")

    exported: dict[str, Any] = editor.server.draft(editor.workflow_id)
    assert "!secret(chosen-in-editor)" in pretty(exported)
    assert VALUE not in pretty(exported)
    assert VALUE not in shown(editor)
    assert VALUE not in "".join(heard)
    # The request that stored it is the only one that had it.
    bearer.select_option("")
    assert "bearer" not in editor.saved()["actions"][0].get("inputs", {})


def test_a_value_in_the_document_and_a_secret_that_is_missing_are_seen(editor: EditorPage) -> None:
    document = chain("http_request")
    document["actions"][0]["inputs"] = {
        "url": "https://example.com",
        "bearer": "!secret(gone)",
        "secret_headers": {"X-Key": "a value that was typed"},
    }
    editor.open(document)
    editor.select("http_request")
    expect(editor.get("field-/bearer").locator("option:checked")).to_have_text("gone (missing)")
    expect(editor.page.locator("[data-pointer='/bearer'] .field-error-error")).to_contain_text("no secret 'gone'")
    header = editor.get("field-/secret_headers/X-Key")
    expect(header.locator("option:checked")).to_have_text("A value that is written here")
    warning = editor.page.locator("[data-pointer='/secret_headers/X-Key'] .field-error-warning")
    expect(warning).to_contain_text("store it as a secret")
    assert "a value that was typed" not in shown(editor)


@pytest.mark.parametrize("text", HOSTILE)
def test_what_people_write_about_a_secret_is_text(editor: EditorPage, text: str) -> None:
    name = f"hostile-{HOSTILE.index(text)}"
    editor.server.post("/api/secrets", {"name": name, "value": VALUE, "description": text})
    editor.page.goto(f"{editor.server.url}/secrets")
    expect(editor.get(f"secret-{name}")).to_contain_text(text)
    assert serious(editor.page) == []
