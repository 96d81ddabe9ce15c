"""Forms made from JSON Schemas, references, conditions, settings and triggers."""

from __future__ import annotations

import re

import pytest
from accessibility import serious, serious_in_both_themes
from editing import EditorPage, chain
from playwright.sync_api import expect


def inputs_of(editor: EditorPage, node_id: str) -> object:
    (action,) = [action for action in editor.saved()["actions"] if action["id"] == node_id]
    return action.get("inputs")


def test_every_kind_of_field_gives_values_of_the_right_type(editor: EditorPage) -> None:
    editor.server.post("/api/secrets", {"name": "forms-password", "value": "a password"})
    page = editor.open(chain("everything")).page
    editor.select("everything")
    page.get_by_label("Name *", exact=True).fill("Ada")
    page.get_by_label("Mode", exact=True).select_option("Slow")
    page.get_by_label("Count", exact=True).fill("3")
    page.get_by_label("Ratio", exact=True).fill("0.5")
    page.get_by_role("switch", name="Active").click()
    page.get_by_label("Mail", exact=True).fill("ada@example.com")
    page.get_by_label("Notes", exact=True).fill("one\ntwo")
    editor.get("add-/tags").click()
    page.get_by_role("button", name="Add an entry").first.click()
    editor.get("field-/tags/0").fill("new")
    editor.get("add-/address").click()
    editor.get("field-/address/zip").fill("0815")
    editor.get("field-/address/floor").fill("2")
    editor.get("add-/headers").click()
    page.get_by_role("button", name="Add a value").click()
    editor.get("field-/headers/name_1").fill("yes")
    editor.get("add-/pay").click()
    editor.get("choice-/pay").select_option("By bank")
    editor.get("field-/pay/iban").fill("CH93")
    editor.get("field-/password").select_option("forms-password")
    assert inputs_of(editor, "everything") == {
        "name": "Ada",
        "mode": "slow",
        "count": 3,
        "ratio": 0.5,
        "active": True,
        "mail": "ada@example.com",
        "notes": "one\ntwo",
        "tags": ["new"],
        "address": {"zip": "0815", "floor": 2},
        "headers": {"name_1": "yes"},
        "pay": {"by": "bank", "iban": "CH93"},
        "password": "!secret(forms-password)",
    }


def test_what_is_wrong_stands_at_its_field(editor: EditorPage) -> None:
    page = editor.open(chain("everything")).page
    editor.select("everything")
    expect(page.locator("[data-pointer='/name'] .field-error")).to_have_text("This is needed.")
    count = page.get_by_label("Count", exact=True)
    for typed, message in (
        ("99", "at most 10"),
        ("0", "at least 1"),
        ("2.5", "whole number"),
        ("many", "whole number"),
    ):
        count.fill(typed)
        expect(page.locator("[data-pointer='/count'] .field-error")).to_contain_text(message)
        expect(count).to_have_attribute("aria-invalid", "true")
    count.fill("5")
    expect(page.locator("[data-pointer='/count'] .field-error")).to_have_count(0)


def test_a_value_becomes_a_reference_at_any_depth_and_comes_back(editor: EditorPage) -> None:
    document = chain("lookup", "everything")
    document["actions"][1]["inputs"] = {"name": "Ada", "address": {"zip": "0815"}, "count": 2}
    editor.open(document)
    editor.select("everything")
    editor.get("fx-/address/zip").click()
    expect(editor.get("expr")).to_be_visible()
    editor.page.keyboard.press("Tab")
    editor.get("fx-/address/zip").click()
    expect(editor.get("field-/address/zip")).to_have_value("0815")
    editor.page.get_by_role("button", name="Count: insert a reference").click()
    editor.get("pick-state.lookup").click()
    inputs = inputs_of(editor, "everything")
    assert inputs == {"name": "Ada", "address": {"zip": "0815"}, "count": "!ref($.state.lookup)"}
    expect(editor.page.locator("[data-pointer='/count'] .field-error-error")).to_have_count(0)


def test_only_what_comes_before_is_offered_and_odd_names_are_quoted(editor: EditorPage) -> None:
    document = chain("lookup", "log", "set")
    document["actions"][0]["id"] = "look-up"
    document["edges"] = [
        {"from": "$source", "to": "look-up"},
        {"from": "look-up", "to": "log"},
        {"from": "log", "to": "set"},
    ]
    editor.open(document)
    editor.select("log")
    editor.page.get_by_role("button", name="Message: insert a reference").click()
    expect(editor.get("pick-event")).to_be_visible()
    expect(editor.get("pick-state.look-up")).to_be_visible()
    expect(editor.get("pick-state.set")).to_have_count(0)
    expect(editor.get("pick-state.log")).to_have_count(0)
    editor.get("pick-state.look-up").click()
    assert inputs_of(editor, "log") == {"message": "!ref($.state['look-up'])"}


def test_references_are_completed_shown_with_their_value_and_marked_if_broken(editor: EditorPage) -> None:
    event = "shop/preview"
    workflow_id = editor.server.create(chain("lookup", "log", event=event))
    editor.server.post("/api/events", {"name": event, "data": {"customer": {"name": "Ada"}}})
    page = editor.go(workflow_id).page
    editor.select("log")
    editor.get("fx-/message").click()
    field = page.locator(".cm-content")
    field.click()
    page.keyboard.type("Hi !ref($.event.data.cust")
    # On a busy machine the list of the letters before is there for a moment.
    expect(page.locator(".cm-tooltip-autocomplete li")).to_have_count(2)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(editor.get("expr-preview")).to_contain_text("Hi Ada")
    assert inputs_of(editor, "log") == {"message": "Hi !ref($.event.data.customer.name)"}
    field.click()
    page.keyboard.press("End")
    page.keyboard.type(" !ref($.state.nobody")
    expect(page.locator(".reference-broken")).to_have_attribute("title", "No step nobody comes before this one.")


def test_a_renamed_step_is_followed_by_its_references(editor: EditorPage) -> None:
    document = chain("lookup", "log")
    document["actions"][1]["inputs"] = {"message": "!ref($.state.lookup.name)"}
    editor.open(document)
    editor.select("lookup")
    editor.get("step-id").fill("find-it")
    editor.get("step-id").press("Enter")
    assert inputs_of(editor, "log") == {"message": "!ref($.state['find-it'].name)"}
    assert editor.edges() == [("$source", "find-it"), ("find-it", "log")]
    editor.page.keyboard.press("Escape")
    editor.node("find-it").click()
    editor.page.keyboard.press("Escape")
    editor.page.keyboard.press("Delete")
    expect(editor.get("notice")).to_contain_text("still referred to by: log")


def test_conditions_are_rows_or_json_logic(editor: EditorPage) -> None:
    page = editor.open(chain("builtin:if")).page
    editor.select("builtin:if")
    editor.get("condition-add").click()
    page.get_by_role("button", name="Value: insert a reference").click()
    editor.get("pick-event.data").press("Enter")
    expect(editor.get("picker")).to_have_count(0)
    editor.get("condition-left").fill("!ref($.event.data.total)")
    editor.get("condition-operator").select_option("is more than")
    editor.get("condition-right").fill("100")
    assert inputs_of(editor, "builtin:if") == {"condition": {">": ["!ref($.event.data.total)", 100]}}
    editor.get("condition-add").click()
    editor.get("condition-left").nth(1).fill("!ref($.event.data.country)")
    editor.get("condition-right").nth(1).fill("DE")
    both = {"and": [{">": ["!ref($.event.data.total)", 100]}, {"==": ["!ref($.event.data.country)", "DE"]}]}
    assert inputs_of(editor, "builtin:if") == {"condition": both}
    page.get_by_role("button", name="JSON Logic").click()
    raw = '{"if": [{"var": "x"}, 1, 2]}'
    editor.get("field-/condition").fill(raw)
    assert inputs_of(editor, "builtin:if") == {"condition": {"if": [{"var": "x"}, 1, 2]}}
    expect(page.get_by_role("button", name="Rows")).to_be_disabled()


def test_an_edge_says_when_it_is_taken(editor: EditorPage) -> None:
    page = editor.open(chain("switch", "log")).page
    page.get_by_role("group", name="From Switch to Log").focus()
    page.keyboard.press("Enter")
    editor.get("field-/conditional/type").select_option("match")
    page.get_by_label("Equals", exact=True).fill("DE")
    (_, edge) = editor.saved()["edges"]
    assert edge["conditional"] == {"type": "match", "ref": "!ref($.output.result)", "value": "DE"}
    expect(page.get_by_role("button", name="= DE")).to_be_visible()
    expect(page.get_by_role("group", name="From Switch to Log, = DE")).to_be_visible()
    editor.get("field-/name").fill("Germany")
    expect(page.get_by_role("button", name="Germany")).to_be_visible()
    editor.page.reload()
    expect(page.get_by_role("button", name="Germany")).to_be_visible()


def test_settings_of_a_step_have_a_form(editor: EditorPage) -> None:
    page = editor.open(chain("lookup")).page
    editor.select("lookup")
    page.get_by_role("tab", name="Settings").click()
    page.get_by_label("Retries", exact=True).fill("3")
    page.get_by_label("Timeout", exact=True).fill("30s")
    page.get_by_label("On error", exact=True).select_option("Branch")
    editor.get("add-/backoff").click()
    editor.get("choice-/backoff").select_option("Type…")
    page.get_by_label("Delay *", exact=True).fill("5s")
    (action,) = editor.saved()["actions"]
    assert action["settings"]["retries"] == 3
    assert action["settings"]["timeout"] == "30s"
    assert action["settings"]["on_error"] == "branch"
    assert action["settings"]["backoff"]["delay"] == "5s"
    expect(editor.get("add-after-lookup-Error")).to_be_visible()
    editor.get("add-after-lookup-Error").click()
    editor.choose_action("log")
    (_, edge) = editor.saved()["edges"]
    assert (edge["name"], edge["conditional"]) == ("Error", {"type": "error"})


@pytest.mark.parametrize(
    ("kind", "pointer", "typed", "trigger"),
    [
        ("An event", "/event", "shop/*", {"event": "shop/*"}),
        ("A schedule", "/cron", "0 6 * * 1", {"cron": "0 6 * * 1"}),
        ("A webhook", "/webhook", "stripe", {"webhook": "stripe"}),
    ],
)
def test_triggers_have_a_form(editor: EditorPage, kind: str, pointer: str, typed: str, trigger: dict[str, str]) -> None:
    editor.open(chain("log", triggers=[]))
    editor.select("$source")
    editor.get("add-trigger").click()
    editor.get("trigger-kind-0").select_option(kind)
    editor.get(f"field-{pointer}").fill(typed)
    assert editor.saved()["triggers"] == [trigger]
    expect(editor.node("$source")).to_contain_text(typed)


def test_a_trigger_tells_how_many_past_events_it_would_have_matched(editor: EditorPage) -> None:
    for number in (1, 2, 3):
        editor.server.post("/api/events", {"name": "forms/tried", "data": {"n": number}})
    trigger = {"event": "forms/tried", "if": "event.data.n > 1"}
    editor.open({"name": "Tried", "triggers": [trigger], "actions": [], "edges": []})
    editor.get("node-$source").click()
    editor.get("try-trigger").click()
    expect(editor.get("trigger-matches")).to_have_text("Would have matched 2 of the last 3 events.")


def test_another_event_makes_problems_of_references_at_once(editor: EditorPage) -> None:
    document = chain("log", event="declared/placed")
    document["actions"][0]["inputs"] = {"message": "total: !ref($.event.data.total)"}
    editor.open(document)
    expect(editor.get("problems-button")).to_have_text("No problems")
    editor.node("$source").click()
    editor.get("field-/event").fill("declared/refunded")
    expect(editor.get("problems-button")).to_have_text("1")
    expect(editor.node("log").locator("xpath=..")).to_have_attribute("aria-label", re.compile("1 problem"))
    editor.get("problems-button").click()
    editor.get("problem-unknown-path").click()
    expect(editor.get("field-/message")).to_be_visible()
    editor.node("$source").click()
    editor.get("field-/event").fill("declared/placed")
    expect(editor.get("problems-button")).to_have_text("No problems")


def test_text_for_a_number_is_a_warning_at_its_field(editor: EditorPage) -> None:
    document = chain("log", event="declared/placed")
    document["actions"][0]["inputs"] = {"message": "!ref($.event.data.total)"}
    editor.open(document)
    expect(editor.get("problems-button")).to_have_text("1")
    editor.get("problems-button").click()
    editor.get("problem-type-mismatch").click()
    field = editor.page.locator(".field", has=editor.get("field-/message"))
    expect(field).to_contain_text("takes text for 'message', but !ref($.event.data.total) is declared as a number")
    expect(editor.get("publish")).to_be_enabled()


def test_the_names_of_events_are_offered_that_are_declared_or_have_come(editor: EditorPage) -> None:
    editor.server.post("/api/events", {"name": "seen/once", "data": {}})
    page = editor.open(chain("log")).page
    editor.node("$source").click()
    names = page.locator("datalist option")
    expect(names.and_(page.locator("[value='declared/placed']"))).to_have_count(1)
    expect(names.and_(page.locator("[value='seen/once']"))).to_have_count(1)
    offered = editor.get("field-/event").evaluate("field => [...field.list.options].map(option => option.value)")
    assert {"declared/placed", "seen/once"} <= set(offered)
    assert serious(page) == []


def test_the_names_of_webhooks_are_offered_and_another_is_a_warning(editor: EditorPage) -> None:
    made = editor.server.post("/api/webhooks", {"name": "carrier", "verification": {"preset": "none"}})
    assert made["name"] == "carrier"
    document = chain("log", triggers=[{"webhook": "carier"}])
    document["actions"][0]["inputs"] = {"message": "x"}
    editor.open(document)
    expect(editor.get("problems-button")).to_have_text("1")
    editor.get("problems-button").click()
    editor.get("problem-unknown-webhook").click()
    field = editor.get("field-/webhook")
    assert "carrier" in field.evaluate("field => [...field.list.options].map(option => option.value)")
    field.fill("carrier")
    expect(editor.get("problems-button")).to_have_text("No problems")


def test_only_triggers_that_the_application_allows_are_offered(editor: EditorPage) -> None:
    allowed = {"kinds": ["event", "manual"], "event_names": None, "events": [], "webhooks": []}
    editor.page.route("**/api/triggers", lambda route: route.fulfill(json=allowed))
    editor.open(chain("log"))
    editor.node("$source").click()
    options = editor.get("trigger-kind-0").locator("option")
    expect(options).to_have_text(["An event", "By hand"])


def test_a_problem_leads_to_its_field_and_keeps_from_publishing(editor: EditorPage) -> None:
    document = chain("lookup", "log")
    document["actions"][0]["inputs"] = {"email": "a@example.com"}
    document["actions"][1]["inputs"] = {"message": "!ref($.state.nobody.name)"}
    page = editor.open(document).page
    expect(editor.node("log").locator(".step-badge")).to_have_text("1")
    expect(editor.get("publish")).to_be_disabled()
    editor.get("problems-button").click()
    editor.get("problem-unknown-reference").click()
    expect(page.get_by_test_id("step-id")).to_have_value("log")
    expect(page.locator("[data-pointer='/message'] .cm-content")).to_be_focused()
    expect(page.locator("[data-pointer='/message'] .field-error")).to_contain_text("nobody")
    page.keyboard.press("Control+a")
    page.keyboard.type("fine")
    expect(editor.get("publish")).to_be_enabled()
    expect(editor.node("log").locator(".step-badge")).to_have_count(0)


def test_what_is_missing_is_said_once_by_its_name_and_leads_to_its_field(editor: EditorPage) -> None:
    document = chain("send_email")
    document["actions"][0] |= {"id": "mail", "name": "Tell Ada"}
    document["edges"] = [{"from": "$source", "to": "mail"}]
    page = editor.open(document).page
    editor.get("problems-button").click()
    problems = editor.get("problems")
    expect(problems.get_by_role("button", name="Subject is missing Tell Ada")).to_be_visible()
    assert serious_in_both_themes(page) == []
    problems.get_by_text("Subject is missing").click()
    expect(editor.get("config")).to_be_visible()
    field = page.locator("[data-pointer='/subject']")
    expect(field.locator(":focus")).to_be_visible()
    expect(field.locator(".field-error")).to_have_text("This is needed.")
    expect(page.locator(".problem-lines")).to_have_count(0)
    editor.get("test-button").click()
    editor.get("test-run").click()
    told = page.locator(".callout-error[role=alert]")
    expect(told.get_by_text("Tell Ada: Subject is missing")).to_have_count(1)
    expect(told).not_to_contain_text("/actions")


def test_a_connection_for_failures_is_switched_on_beside_it(editor: EditorPage) -> None:
    document = chain("lookup", "log")
    document["edges"][1]["conditional"] = {"type": "error"}
    page = editor.open(document).page
    page.get_by_role("group", name="From Look up a customer to Log, Error").focus()
    page.keyboard.press("Enter")
    editor.get("branch-on-error").click()
    expect(page.get_by_text("The run goes this way when the step has failed for good.")).to_be_visible()
    assert editor.saved()["actions"][0]["settings"] == {"on_error": "branch"}


def test_a_text_that_is_compared_by_size_is_told_of(editor: EditorPage) -> None:
    page = editor.open(chain("builtin:if")).page
    editor.select("builtin:if")
    editor.get("condition-add").click()
    expect(editor.get("condition")).to_contain_text("This row is not complete, and does not count yet.")
    expect(editor.get("config")).to_contain_text("This is needed.")
    editor.get("condition-left").fill("total")
    expect(editor.get("condition-warning")).to_contain_text("“total” is a fixed value")
    editor.get("condition-operator").select_option(label="is more than")
    expect(editor.get("condition-warning")).to_contain_text("“total” is a text")
    assert serious_in_both_themes(page) == []
    editor.get("condition-left").fill("!ref($.event.data.total)")
    editor.get("condition-right").fill("500 EUR")
    expect(editor.get("condition-warning")).to_contain_text("“500 EUR” is a text")
    editor.get("condition-right").fill("500")
    expect(editor.get("condition-warning")).to_have_count(0)
