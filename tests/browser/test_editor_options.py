"""Fields whose options a function of the server lists."""

from __future__ import annotations

from typing import Any

from accessibility import serious
from editing import EditorPage, chain
from playwright.sync_api import Locator, Request, Route, expect

ADDRESS = "**/api/actions/post/options"


def opened(editor: EditorPage, **inputs: Any) -> list[Any]:
    """Open a step with options; return what the server is asked from now on."""
    asked: list[Any] = []

    def note(request: Request) -> None:
        if request.url.endswith("/api/actions/post/options"):
            asked.append(request.post_data_json)

    editor.page.on("request", note)
    document = chain("lookup", "post")
    document["actions"][1]["inputs"] = inputs
    editor.open(document)
    editor.select("post")
    return asked


def rows(editor: EditorPage) -> Locator:
    return editor.get("config").get_by_role("listbox").get_by_role("option")


def state_of(editor: EditorPage, pointer: str) -> Locator:
    return editor.page.locator(f"[data-pointer='{pointer}'] [role=status]")


def inputs_of(editor: EditorPage) -> Any:
    return editor.saved()["actions"][1]["inputs"]


def test_options_are_chosen_by_key_and_fetched_again_for_another_field(editor: EditorPage) -> None:
    asked = opened(editor)
    page = editor.page
    expect(state_of(editor, "/channel")).to_have_text("Choose Account first.")
    account, channel = editor.get("field-/account"), editor.get("field-/channel")
    account.focus()
    page.keyboard.press("ArrowDown")
    expect(rows(editor)).to_have_text(["acme", "initech"])
    assert serious(page) == []
    page.keyboard.press("Enter")
    expect(account).to_have_value("acme")
    expect(rows(editor)).to_have_count(0)

    channel.click()
    expect(rows(editor)).to_have_text(["#generalC1", "#ordersC2"])
    page.keyboard.type("ord")
    expect(rows(editor)).to_have_text(["#ordersC2"])
    expect(rows(editor)).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    expect(channel).to_have_value("#orders")
    assert inputs_of(editor) == {"account": "acme", "channel": "C2"}

    account.fill("initech")
    page.keyboard.press("Tab")
    expect(state_of(editor, "/channel")).to_have_text("Not in the list.")
    expect(channel).to_have_value("C2")
    channel.click()
    expect(rows(editor)).to_have_text(["#tpsC3", "#printersC4"])
    rows(editor).first.click()
    assert inputs_of(editor) == {"account": "initech", "channel": "C3"}
    of_channels = [body["inputs"] for body in asked if body["input"] == "channel"]
    assert of_channels == [{"account": "acme"}, {"account": "initech"}]


def test_a_list_that_is_on_its_way_or_does_not_come_says_so(editor: EditorPage) -> None:
    held: list[Route] = []
    is_over = False
    editor.page.route(ADDRESS, lambda route: route.abort() if is_over else held.append(route))
    opened(editor, account="acme")
    state = state_of(editor, "/channel")
    expect(state).to_have_text("Loading…")
    expect(editor.get("field-/channel")).to_have_attribute("aria-busy", "true")
    is_over = True
    for route in held:
        route.abort()
    expect(state).to_have_text("The server cannot be reached.")
    editor.page.unroute(ADDRESS)
    assert serious(editor.page) == []
    editor.page.locator("[data-pointer='/channel']").get_by_role("button", name="Try again").click()
    expect(state).to_have_text("")
    expect(editor.get("field-/channel")).to_be_focused()
    editor.page.keyboard.press("ArrowDown")
    expect(rows(editor)).to_have_count(2)


def test_a_function_that_refuses_tells_why(editor: EditorPage) -> None:
    opened(editor, account="closed")
    expect(state_of(editor, "/channel")).to_have_text("log in at the chat first")
    expect(state_of(editor, "/account")).to_have_text("Not in the list.")


def test_what_is_in_no_list_is_typed_and_kept(editor: EditorPage) -> None:
    opened(editor, account="acme", channel="C9")
    channel = editor.get("field-/channel")
    expect(channel).to_have_value("C9")
    expect(state_of(editor, "/channel")).to_have_text("Not in the list.")
    channel.fill("C1")
    editor.page.keyboard.press("Escape")
    expect(channel).to_have_value("C9")
    expect(editor.get("config")).to_be_visible()
    channel.fill("nowhere")
    editor.page.keyboard.press("Tab")
    assert inputs_of(editor) == {"account": "acme", "channel": "nowhere"}
    channel.fill("")
    editor.page.keyboard.press("Tab")
    assert inputs_of(editor) == {"account": "acme"}


def test_a_reference_is_known_in_a_run_only(editor: EditorPage) -> None:
    asked = opened(editor, account="!ref($.state.lookup.name)", channel="C1")
    expect(state_of(editor, "/channel")).to_have_text("Account is only known in a run, so there is no list.")
    editor.get("fx-/channel").click()
    expect(editor.page.locator("[data-pointer='/channel']").get_by_test_id("expr")).to_be_visible()
    editor.get("fx-/channel").click()
    expect(editor.get("field-/channel")).to_have_value("C1")
    editor.page.get_by_role("button", name="Channel: insert a reference").click()
    editor.get("pick-state.lookup").click()
    assert inputs_of(editor)["channel"] == "!ref($.state.lookup)"
    assert [body for body in asked if body["input"] == "channel"] == []


def test_nothing_secret_leaves_the_browser(editor: EditorPage) -> None:
    asked = opened(editor, account="acme", token="hunter2")
    editor.get("field-/channel").click()
    expect(rows(editor)).to_have_text(["#generalC1", "#ordersC2"])
    assert "hunter2" not in str(asked)


def test_options_that_depend_on_a_secret_are_listed_with_it_and_without_its_value(editor: EditorPage) -> None:
    editor.server.post("/api/secrets", {"name": "of-options", "value": "hunter2 hunter2"})
    asked = opened(editor, account="acme")
    editor.get("field-/token").select_option("of-options")
    editor.get("field-/channel").click()
    expect(rows(editor)).to_have_text(["#generalC1", "#ordersC2", "•••(of-options)seen"])
    assert asked[-1]["inputs"]["token"] == "!secret(of-options)"
    assert "hunter2" not in editor.page.content()


def test_a_long_list_is_searched_by_the_server(editor: EditorPage) -> None:
    opened(editor)
    editor.page.get_by_role("button", name="Add an entry").click()
    person = editor.get("field-/people/0")
    person.click()
    expect(rows(editor)).to_have_count(100)
    expect(editor.page.get_by_text("There are more: type to find them.")).to_be_visible()
    person.fill("2987")
    expect(rows(editor)).to_have_text(["person-2987"])
    editor.page.keyboard.press("Enter")
    assert inputs_of(editor) == {"people": ["person-2987"]}
