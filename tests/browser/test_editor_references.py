"""References, rules and conditions: written, shown, followed when steps are renamed, and kept as they are."""

from __future__ import annotations

import re
from typing import Any

from editing import EditorPage, chain
from playwright.sync_api import Request, expect

RULE = {
    "or": [
        {"and": [{">": ["!ref($.event.data.total)", 100]}, {"in": ["DE", "!ref($.event.data.country)"]}]},
        {"!!": ["!ref($.event.data.vip)"]},
    ]
}
RESULT = "!ref($.output.result)"


def inputs_of(editor: EditorPage, node_id: str) -> Any:
    (action,) = [action for action in editor.saved()["actions"] if action["id"] == node_id]
    return action.get("inputs")


def a_mentioned_step() -> dict[str, Any]:
    """Return a workflow in which an input, a rule and a condition read the output of ``lookup``."""
    document = chain("lookup", "builtin:if", "log", "set")
    check = {"if": [{"==": ["!ref($.state.lookup.name)", "Ada"]}, True, False]}
    document["actions"][1]["inputs"] = {"condition": check}
    document["actions"][2] |= {
        "name": "Tell",
        "inputs": {"message": "Hi !ref($.state.lookup.name) !ref($.state.other)"},
    }
    document["edges"][3]["conditional"] = {"type": "if", "ref": "!ref($.state.lookup.orders)"}
    return document


def test_what_no_run_has_shown_yet_is_marked_until_one_has(editor: EditorPage) -> None:
    event = "refs/preview"
    document = chain("lookup", "log", event=event)
    document["actions"][0]["inputs"] = {"email": "!ref($.event.data.email)"}
    document["actions"][1]["inputs"] = {"message": "Hi !ref($.state.lookup.name)"}
    editor.open(document)
    editor.select("log")
    expect(editor.get("expr-preview")).to_have_text("no data yet")
    editor.server.post(f"/api/workflows/{editor.workflow_id}/publish")
    editor.server.post("/api/events", {"name": event, "data": {"email": "a@example.com"}})
    editor.server.wait_for_runs(editor.workflow_id, status="completed")
    editor.go(editor.workflow_id).select("log")
    expect(editor.get("expr-preview")).to_have_text("stringHi Ada")


def test_a_new_workflow_shows_the_last_event_with_the_name_that_its_trigger_is_given(editor: EditorPage) -> None:
    editor.server.post("/api/events", {"name": "refs/came.before", "data": {"city": "Bern"}})
    document = chain("log", event="")
    document["actions"][0]["inputs"] = {"message": "To !ref($.event.data.city)"}
    editor.open(document)
    editor.select("$source")
    editor.page.get_by_role("combobox", name="Event").fill("refs/came.before")
    editor.select("log")
    expect(editor.get("expr-preview")).to_have_text("stringTo Bern")


def test_what_may_be_referred_to_is_offered_by_the_page_itself(editor: EditorPage) -> None:
    document = chain("builtin:if", "log")
    document["actions"][0]["id"] = "if-a"
    document["edges"] = [{"from": "$source", "to": "if-a"}, {"from": "if-a", "to": "log"}]
    page = editor.open(document).page
    editor.select("log")
    page.get_by_role("button", name="Message: insert a reference").click()
    editor.get("pick-state.if-a.result").click()
    assert inputs_of(editor, "log") == {"message": "!ref($.state['if-a'].result)"}

    asked: list[str] = []
    page.on("request", lambda request: asked.append(_read(request)))
    page.locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.type("!ref($.st")
    options = page.locator(".cm-tooltip-autocomplete li")
    expect(options).to_have_count(2)
    assert "$.state['if-a'].result" in [text.partition("boolean")[0] for text in options.all_inner_texts()]
    assert [path for path in asked if path.startswith("GET")] == [], "no server is asked for what the page knows"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert inputs_of(editor, "log")["message"].startswith("!ref($.state['if-a']")


def _read(request: Request) -> str:
    return f"{request.method} {request.url}"


def test_what_the_application_declares_of_an_event_is_offered_before_any_has_come(editor: EditorPage) -> None:
    page = editor.open(chain("log", event="declared/invoiced")).page
    editor.select("log")
    page.get_by_role("button", name="Message: insert a reference").click()
    expect(editor.get("pick-event.data.total")).to_contain_text("number")
    page.get_by_role("searchbox", name="Find a value").fill("sku")
    editor.get("pick-event.data.lines.0.sku").click()
    assert inputs_of(editor, "log") == {"message": "!ref($.event.data.lines[0].sku)"}
    page.locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.type("!ref($.event.data.tot")
    expect(page.locator(".cm-tooltip-autocomplete li")).to_have_text(["$.event.data.totalnumber"])
    page.keyboard.press("Enter")
    assert inputs_of(editor, "log") == {"message": "!ref($.event.data.total)"}

    editor.get("test-button").click()
    editor.get("test-form").get_by_label("Total").fill("7.5")
    editor.get("test-tab-json").click()
    expect(editor.get("test-data")).to_have_value('{\n  "total": 7.5\n}')


def test_the_fields_of_an_item_are_offered_inside_of_its_loop(editor: EditorPage) -> None:
    document = chain("builtin:for_each", event="declared/invoiced")
    document["actions"][0] |= {
        "inputs": {"items": "!ref($.event.data.lines)"},
        "body": {"actions": [{"id": "note", "kind": "log"}], "edges": [{"from": "$source", "to": "note"}]},
    }
    page = editor.open(document).page
    editor.node("builtin:for_each").get_by_role("button", name="Open For each").click()
    editor.select("note")
    page.get_by_role("button", name="Message: insert a reference").click()
    page.get_by_role("searchbox", name="Find a value").fill("sku")
    editor.get("pick-item.sku").click()
    expect(editor.get("save-state")).to_have_attribute("data-state", "saved")
    (loop,) = editor.saved()["actions"]
    assert loop["body"]["actions"][0]["inputs"] == {"message": "!ref($.item.sku)"}


def test_a_renamed_step_is_followed_in_texts_rules_and_conditions(editor: EditorPage) -> None:
    editor.open(a_mentioned_step())
    editor.select("lookup")
    editor.get("step-id").fill("find-it")
    editor.get("step-id").press("Enter")
    saved = editor.saved()
    _, check, tell, _ = saved["actions"]
    assert check["inputs"]["condition"]["if"][0] == {"==": ["!ref($.state['find-it'].name)", "Ada"]}
    assert tell["inputs"] == {"message": "Hi !ref($.state['find-it'].name) !ref($.state.other)"}
    assert saved["edges"][3]["conditional"] == {"type": "if", "ref": "!ref($.state['find-it'].orders)"}
    assert (saved["edges"][0]["to"], saved["edges"][1]["from"]) == ("find-it", "find-it")


def test_who_deletes_a_step_is_told_what_still_reads_it(editor: EditorPage) -> None:
    page = editor.open(a_mentioned_step()).page
    editor.node("lookup").click()
    page.keyboard.press("Escape")
    page.keyboard.press("Delete")
    expect(editor.get("notice")).to_have_text("What was deleted is still referred to by: builtin:if, Tell, Tell → set")
    expect(editor.node("log").locator(".step-badge")).to_be_visible()


def test_a_rule_is_the_same_after_it_was_looked_at_as_rows_and_as_json(editor: EditorPage) -> None:
    document = chain("builtin:if")
    document["actions"][0]["inputs"] = {"condition": RULE}
    page = editor.open(document).page
    editor.select("builtin:if")
    expect(editor.get("condition-left")).to_have_count(3)
    expect(page.get_by_label("How the rows are joined")).to_have_count(2)
    page.get_by_role("button", name="JSON Logic").click()
    raw = editor.get("field-/condition")
    raw.fill(raw.input_value() + " ")
    page.get_by_role("button", name="Rows").click()
    operator = editor.get("condition-operator").nth(0)
    operator.select_option("is at least")
    operator.select_option("is more than")
    editor.get("condition-right").nth(0).fill('"100"')
    assert inputs_of(editor, "builtin:if")["condition"]["or"][0]["and"][0] == {">": ["!ref($.event.data.total)", "100"]}
    editor.get("condition-right").nth(0).fill("100")
    assert inputs_of(editor, "builtin:if") == {"condition": RULE}
    page.reload()
    expect(editor.get("condition-left")).to_have_count(3)
    assert inputs_of(editor, "builtin:if") == {"condition": RULE}


def test_edges_are_labelled_by_their_conditions_and_saved_unchanged(editor: EditorPage) -> None:
    conditions: dict[str, dict[str, Any]] = {
        "a": {"type": "if", "ref": RESULT},
        "b": {"type": "else", "ref": RESULT},
        "c": {"type": "match", "ref": RESULT, "value": "DE"},
        "d": {"type": "if", "ref": "!ref($.event.data.vip)"},
        "e": {"type": "error"},
    }
    document = chain("builtin:if")
    document["actions"] += [
        {"id": node_id, "kind": "log", "name": node_id, "inputs": {"message": node_id}} for node_id in conditions
    ]
    document["edges"] += [
        {"id": f"to-{target}", "from": "builtin:if", "to": target, "conditional": conditional}
        for target, conditional in conditions.items()
    ]
    document["actions"][0] |= {"inputs": {"condition": RULE}, "settings": {"on_error": "branch"}}
    page = editor.open(document).page
    for target, label in {"a": "True", "b": "False", "c": "= DE", "d": "If true", "e": "Error"}.items():
        expect(page.get_by_role("group", name=f"From If to {target}, {label}")).to_be_attached()
    editor.select("a")
    editor.get("step-name").fill("Renamed")
    saved = {edge["to"]: edge.get("conditional") for edge in editor.saved()["edges"] if edge["from"] == "builtin:if"}
    assert saved == conditions
    page.reload()
    expect(page.get_by_role("group", name="From If to c, = DE")).to_be_attached()


def test_what_nobody_has_seen_yet_is_referred_to_by_its_name(editor: EditorPage) -> None:
    page = editor.open(chain("builtin:if", "lookup", event="test/never.sent")).page
    editor.select("builtin:if")
    editor.get("condition-add").click()
    page.get_by_role("button", name="Value: insert a reference").click()
    expect(editor.get("picker")).to_contain_text("No such event has come yet.")
    editor.get("picker").get_by_label("Find a value").fill("customer.total")
    expect(editor.get("pick-event.data.customer.total")).to_contain_text(re.compile("Event . customer . total"))
    editor.get("pick-event.data.customer.total").click()
    editor.get("condition-right").fill("5")
    assert editor.saved()["actions"][0]["inputs"] == {"condition": {"==": ["!ref($.event.data.customer.total)", 5]}}
    page.get_by_role("button", name="Value: insert a reference").click()
    editor.get("picker").get_by_label("Find a value").fill("no field has spaces")
    expect(editor.get("picker")).to_contain_text("Nothing is called that.")
