"""Flow control in the panel of the workflow: switches, what they come to in words, and what the server refuses."""

from __future__ import annotations

from typing import Any

from accessibility import serious_in_both_themes
from editing import EditorPage, chain
from playwright.sync_api import Locator, expect


def _open(editor: EditorPage, **settings: Any) -> Locator:
    """Open the flow control of a new workflow; return its panel."""
    page = editor.open(chain("log") | ({"settings": settings} if settings else {})).page
    editor.select("$source")
    page.get_by_role("tab", name="Flow control").click()
    panel = page.get_by_role("tabpanel", name="Flow control")
    expect(panel.get_by_role("switch", name="Concurrency")).to_be_visible()
    return panel


def _settings(editor: EditorPage) -> Any:
    return editor.saved().get("settings")


def test_every_control_is_switched_on_and_off_and_comes_back(editor: EditorPage) -> None:
    panel = _open(editor)
    expect(panel.get_by_role("switch")).to_have_count(8)
    initial = {
        "Concurrency": {"concurrency": [{"limit": 5}]},
        "Throttle": {"throttle": {"limit": 10, "period": "1m"}},
        "Rate limit": {"rate_limit": {"limit": 10, "period": "1h"}},
        "Debounce": {"debounce": {"period": "30s"}},
        "Batch": {"batch": {"max_size": 10, "timeout": "1m"}},
        "Priority": {"priority": "event.data.urgent == true ? 120 : 0"},
        "Singleton": {"singleton": {"mode": "skip"}},
        "Idempotency": {"idempotency": {"key": "event.data.id"}},
    }
    for name, settings in initial.items():
        switch = panel.get_by_role("switch", name=name)
        switch.click()
        expect(switch).to_have_attribute("aria-checked", "true")
        assert _settings(editor) == settings
        found = editor.server.post("/api/validate", {"document": editor.saved()})["problems"]
        assert [problem for problem in found if problem["pointer"].startswith("/settings")] == []
        switch.click()
        assert _settings(editor) is None
    throttle = panel.get_by_role("region", name="Throttle")
    throttle.get_by_role("switch").click()
    throttle.get_by_label("Limit *").fill("30")
    throttle.get_by_role("switch").click()
    assert _settings(editor) is None
    throttle.get_by_role("switch").click()
    assert _settings(editor) == {"throttle": {"limit": 30, "period": "1m"}}


def test_fields_say_what_they_come_to_and_other_settings_stay(editor: EditorPage) -> None:
    panel = _open(editor, retries=2, throttle={"limit": 10, "period": "1m"})
    throttle = panel.get_by_role("region", name="Throttle")
    expect(throttle).to_contain_text("About one start every 6 seconds. More wait in order.")
    throttle.get_by_label("Period *").fill("1h")
    throttle.get_by_label("At once").fill("3")
    throttle.get_by_label("Key").fill("event.data.customer")
    sentence = "About one start every 6 minutes, up to 3 at once for each event.data.customer."
    expect(throttle).to_contain_text(sentence)
    rule = {"limit": 10, "period": "1h", "burst": 3, "key": "event.data.customer"}
    assert _settings(editor) == {"retries": 2, "throttle": rule}
    editor.page.get_by_role("tab", name="Settings").click()
    editor.page.get_by_label("Retries", exact=True).fill("3")
    assert _settings(editor) == {"retries": 3, "throttle": rule}
    expect(editor.page.get_by_label("Throttle")).to_have_count(0)


def test_there_are_several_limits_of_concurrency(editor: EditorPage) -> None:
    panel = _open(editor, concurrency=4)
    card = panel.get_by_role("region", name="Concurrency")
    expect(card).to_contain_text("At most 4 steps of this workflow at the same time.")
    card.get_by_role("button", name="Add a limit").click()
    second = card.get_by_role("group", name="Limit 2")
    second.get_by_label("What is counted").select_option("Runs")
    second.get_by_label("Limit *").fill("2")
    assert _settings(editor)["concurrency"] == [
        {"limit": 4},
        {"limit": 2, "key": "event.data.customer", "mode": "runs"},
    ]
    card.get_by_role("button", name="Remove limit 1").click()
    assert _settings(editor)["concurrency"] == [{"limit": 2, "key": "event.data.customer", "mode": "runs"}]


def test_a_priority_says_how_far_it_reaches(editor: EditorPage) -> None:
    panel = _open(editor, priority="event.data.p")
    card = panel.get_by_role("region", name="Priority")
    expect(card).to_contain_text("a number from -600 to 600")
    card.get_by_label("Most seconds, either way").fill("3600")
    assert _settings(editor) == {"priority": {"by": "event.data.p", "most": 3600}}
    expect(card).to_contain_text("a number from -3600 to 3600")
    card.get_by_label("Seconds *").fill("event.data.q")
    assert _settings(editor) == {"priority": {"by": "event.data.q", "most": 3600}}
    card.get_by_label("Most seconds, either way").fill("50000")
    expect(card.locator("[data-pointer='/most'] .field-error")).to_contain_text("at most 43200")
    card.get_by_label("Most seconds, either way").fill("")
    assert _settings(editor) == {"priority": "event.data.q"}


def test_a_step_has_a_limit_of_its_own(editor: EditorPage) -> None:
    editor.open(chain("log"))
    editor.select(editor.saved()["actions"][0]["id"])
    editor.page.get_by_role("tab", name="Settings").click()
    editor.page.get_by_label("Concurrency").fill("2")
    assert editor.saved()["actions"][0]["settings"] == {"concurrency": 2}


def test_what_the_server_refuses_stands_at_its_field(editor: EditorPage) -> None:
    panel = _open(editor, concurrency=[{"limit": 1}, {"limit": 2, "scope": "tenant"}])
    limits = panel.get_by_role("region", name="Concurrency")
    expect(limits.get_by_role("group", name="Limit 2")).to_contain_text("needs a key that says what shares it")
    expect(limits.get_by_role("group", name="Limit 1").locator(".field-error")).to_have_count(0)
    debounce = panel.get_by_role("region", name="Debounce")
    debounce.get_by_role("switch").click()
    debounce.get_by_label("Period *").fill("30d")
    expect(debounce.locator("[data-pointer='/period'] .field-error")).to_contain_text("1s to 7d")
    debounce.get_by_label("Period *").fill("30s")
    debounce.get_by_label("Key").fill("event.data.(")
    expect(debounce.locator("[data-pointer='/key'] .field-error")).to_be_visible()
    debounce.get_by_label("Key").fill("event.data.customer")
    expect(debounce.locator(".field-error")).to_have_count(0)


def test_what_excludes_each_other_cannot_be_switched_on_and_says_why(editor: EditorPage) -> None:
    panel = _open(editor, debounce={"period": "30s"})
    batch, debounce = (panel.get_by_role("region", name=name) for name in ("Batch", "Debounce"))
    expect(batch.get_by_role("switch")).to_be_disabled()
    expect(batch).to_contain_text("Not with debounce: debounce keeps the last event only, a batch all of them.")
    debounce.get_by_role("switch").click()
    batch.get_by_role("switch").click()
    expect(debounce.get_by_role("switch")).to_be_disabled()
    assert "batch" in _settings(editor)


def test_a_document_that_has_both_can_be_mended(editor: EditorPage) -> None:
    panel = _open(editor, debounce={"period": "30s"}, batch={"max_size": 2, "timeout": "1m"})
    debounce = panel.get_by_role("region", name="Debounce")
    expect(debounce.locator(".field-error")).to_contain_text("cannot be combined with batch")
    debounce.get_by_role("switch").click()
    assert _settings(editor) == {"batch": {"max_size": 2, "timeout": "1m"}}


def test_a_problem_leads_to_its_field(editor: EditorPage) -> None:
    page = editor.open(chain("log", settings={"throttle": {"limit": 1, "period": "30d"}})).page
    page.get_by_role("button", name="problem").first.click()
    editor.get("problem-invalid-value").click()
    field = page.get_by_role("region", name="Throttle").get_by_label("Period *")
    expect(field).to_be_focused()


def test_what_events_have_is_offered_for_keys(editor: EditorPage) -> None:
    event = "shop/offered"
    workflow_id = editor.server.create(chain("log", event=event, settings={"singleton": {"mode": "skip"}}))
    editor.server.post("/api/events", {"name": event, "data": {"customer": {"id": 7}}})
    page = editor.go(workflow_id).page
    editor.select("$source")
    page.get_by_role("tab", name="Flow control").click()
    offers = page.get_by_role("region", name="Singleton").locator("datalist option")
    expect(offers).to_have_count(1)
    expect(offers).to_have_attribute("value", "event.data.customer.id")


def test_past_events_are_put_through_the_settings_of_the_draft(editor: EditorPage) -> None:
    event = "shop/replayed"
    document = chain("log", event=event)
    document["actions"][0]["inputs"] = {"message": "hello"}
    server = editor.server
    workflow_id = server.create(document)
    page = editor.go(workflow_id).page
    editor.select("$source")
    page.get_by_role("tab", name="Flow control").click()
    past = page.get_by_role("region", name="What if")
    past.get_by_role("button", name="Try").click()
    expect(past).to_contain_text("there is no published workflow")
    server.post(f"/api/workflows/{workflow_id}/publish", {})
    past.get_by_role("button", name="Try").click()
    expect(past).to_contain_text("No event of that time")
    for number in range(3):
        server.post("/api/events", {"name": event, "data": {"n": number}})
    past.get_by_role("button", name="Try").click()
    expect(past).to_contain_text("Of 3 events, 3 runs would have started.")
    page.get_by_role("switch", name="Rate limit").click()
    # What was said was about other settings.
    expect(past).not_to_contain_text("3 runs")
    past.get_by_role("button", name="Try").click()
    expect(past).to_contain_text("Of 3 events, 1 run would have started.")
    expect(past).to_contain_text("Skipped: 2 came too early for the rate limit.")
    past.get_by_label("How many seconds a run lasts").fill("60")
    past.get_by_role("button", name="Try").click()
    expect(past).to_contain_text("Each run is taken to last 1 minute.")


def test_nothing_serious_is_found_in_the_panel(editor: EditorPage) -> None:
    limits = [{"limit": 1}, {"limit": 2, "scope": "tenant"}]
    panel = _open(editor, concurrency=limits, throttle={"limit": 1, "period": "1m"})
    panel.get_by_role("button", name="Try").click()
    expect(panel.get_by_role("region", name="What if")).to_contain_text("First mend what is wrong above.")
    assert serious_in_both_themes(editor.page) == []
