"""The palette: what does not fit at a place, and that many actions cost little."""

from __future__ import annotations

from typing import Any

from editing import EditorPage, chain
from playwright.sync_api import Route, expect

REASON = "Needs an object for “Order”: no earlier step gives one."
#: Of an event nothing is known unless its schema says so.
INPUTS = {"type": "object", "properties": {"id": {"type": "string"}}}


def names_in(editor: EditorPage, test_id: str) -> list[str]:
    return editor.get(test_id).locator(".kind-name").all_inner_texts()


def test_what_needs_something_that_no_step_gives_comes_last_and_says_why(editor: EditorPage) -> None:
    editor.open(chain("count_orders", "load_order", inputs=INPUTS))
    palette = editor.get("palette")
    item = palette.get_by_test_id("palette-item-deliver_order")
    editor.select("count_orders")
    expect(item).to_contain_text(REASON)
    shop = names_in(editor, "palette")
    assert shop.index("Deliver an order") > shop.index("Wait for a file"), "last of its group"

    palette.get_by_test_id("palette-search").fill("order")
    expect(item).to_contain_text(REASON)
    assert names_in(editor, "palette")[-1] == "Deliver an order"
    editor.node("load_order").click()
    expect(item).not_to_contain_text(REASON)
    assert names_in(editor, "palette") == ["Number of orders", "Deliver an order", "Load an order"], "by the text alone"


def test_a_place_that_was_named_decides_what_fits_there(editor: EditorPage) -> None:
    editor.open(chain("count_orders", "load_order", inputs=INPUTS))
    dialog = editor.get("add-dialog")
    for place, is_lacking in (("add-after-load_order", False), ("add-on-count_orders-load_order", True)):
        editor.get(place).first.click()
        item = dialog.get_by_test_id("palette-item-deliver_order")
        if is_lacking:
            expect(item).to_contain_text(REASON)
        else:
            expect(item).not_to_contain_text(REASON)
        editor.page.keyboard.press("Escape")


#: Types a text into the search field letter by letter; returns how long each took until it was drawn, in the middle.
TYPE = """async ([text]) => {
    const field = document.querySelector("[data-testid=palette] [data-testid=palette-search]");
    const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set;
    const took = [];
    for (let end = 1; end <= text.length; end += 1) {
        const start = performance.now();
        set.call(field, text.slice(0, end));
        field.dispatchEvent(new Event("input", { bubbles: true }));
        await null; // React draws before anything else goes on
        field.getBoundingClientRect();
        took.push(performance.now() - start);
        await new Promise((resolve) => requestAnimationFrame(resolve));
    }
    return took.toSorted((a, b) => a - b)[Math.floor(took.length / 2)];
}"""
#: On a quiet machine a letter takes a few milliseconds; one that runs everything else may take longer.
LETTER_MS = 200.0


def test_five_hundred_actions_are_drawn_a_few_at_a_time(editor: EditorPage) -> None:
    def more(route: Route) -> None:
        answer: dict[str, Any] = route.fetch().json()
        (log,) = [action for action in answer["items"] if action["kind"] == "log"]
        made = [{**log, "kind": f"k{n}", "name": f"Made {n}", "category": "Many"} for n in range(500)]
        route.fulfill(json={"items": [*answer["items"], *made]})

    editor.page.route("**/api/actions", more)
    editor.open(chain("log"))
    search = editor.get("palette").get_by_test_id("palette-search")
    rows = editor.get("palette").get_by_role("option")
    search.fill("made ")
    expect(rows.first).to_have_attribute("aria-setsize", "500")
    assert rows.count() == 50
    search.press("ArrowUp")
    expect(editor.get("palette").locator("[aria-selected=true]")).to_have_text(
        "Made 499Write a message to the log of the worker."
    )
    search.fill("made 4")
    assert rows.count() == 50
    rows.last.scroll_into_view_if_needed()
    expect(rows.nth(60)).to_be_attached()
    search.fill("made 499")
    expect(rows).to_have_count(1)
    search.press("Enter")
    assert editor.edges()[0] == ("$source", "log")
    assert editor.ids() == ["log", "k499"]
    letter_ms = editor.page.evaluate(TYPE, ["made 4 and more"])
    print(f"a letter among 500 actions: {letter_ms:.1f} ms")
    assert letter_ms < LETTER_MS


def test_an_action_is_found_by_what_it_is_called_elsewhere(editor: EditorPage) -> None:
    editor.open(chain("builtin:approval"))
    editor.get("palette").get_by_test_id("palette-search").fill("loop")
    expect(editor.get("palette").locator(".kind-name").first).to_have_text("For each")


def test_a_way_that_is_taken_whatever_comes_says_so(editor: EditorPage) -> None:
    document = chain("log", "builtin:approval")
    document["actions"][0]["settings"] = {"on_error": "branch"}
    document["edges"] = [{"from": "$source", "to": "log"}, {"from": "$source", "to": "builtin:approval"}]
    editor.open(document)
    expect(editor.get("add-after-builtin:approval-Approved")).to_be_visible()
    expect(editor.get("add-after-builtin:approval")).to_have_text("Always")
    expect(editor.get("add-after-log-Error")).to_be_visible()
    expect(editor.get("add-after-log")).to_have_text("")
