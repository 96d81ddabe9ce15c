"""What hands do on the canvas: leading edges elsewhere, selecting many, dropping on edges; the map; touch."""

from __future__ import annotations

import json
import re
from typing import Any, Literal

import pytest
from editing import EditorPage, NewPage, chain
from playwright.sync_api import FloatRect, Locator, expect

MINIMUM_CONTRAST = 3.0


def box_of(locator: Locator) -> FloatRect:
    box = locator.bounding_box()
    assert box is not None
    return box


def middle_of(locator: Locator) -> dict[str, float]:
    box = box_of(locator)
    return {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}


def positions(editor: EditorPage) -> dict[str, dict[str, float]]:
    stored: dict[str, dict[str, float]] = editor.saved()["metadata"]["ui"]["positions"]
    return stored


def placed(*kinds: str) -> dict[str, Any]:
    """Return a chain whose steps have places."""
    places = {node: {"x": 0, "y": 140 * index} for index, node in enumerate(("$source", *kinds))}
    return chain(*kinds, metadata={"ui": {"positions": places}})


def a_row(count: int) -> dict[str, Any]:
    """Return a workflow with steps beside each other, which is broad and has a map."""
    document = chain("log", name="A row")
    document["actions"] = [{"id": f"n{i}", "kind": "log", "inputs": {"message": str(i)}} for i in range(count)]
    document["edges"] = [{"from": "$source", "to": action["id"]} for action in document["actions"]]
    return document


def test_the_end_of_an_edge_is_led_to_another_step(editor: EditorPage) -> None:
    document = chain("lookup", "log", "set")
    document["edges"] = [
        {"from": "$source", "to": "lookup"},
        {"from": "lookup", "to": "log", "name": "found"},
        {"from": "$source", "to": "set"},
    ]
    editor.open(document)
    editor.page.get_by_role("button", name="found").click()
    editor.get("config").get_by_role("button", name="Close").click()
    end = editor.page.locator(".react-flow__edge.selected .react-flow__edgeupdater-target")
    editor.drag(end, editor.handle("set", "top"))
    assert set(editor.edges()) == {("$source", "lookup"), ("lookup", "set"), ("$source", "set")}
    (led,) = [edge for edge in editor.saved()["edges"] if edge["from"] == "lookup"]
    assert led["name"] == "found"
    editor.get("undo").click()
    assert ("lookup", "log") in editor.edges()


def test_a_frame_selects_steps_that_move_and_go_together(editor: EditorPage) -> None:
    editor.open(placed("lookup", "log", "set"))
    page = editor.page
    first, last = box_of(editor.node("lookup")), box_of(editor.node("log"))
    page.keyboard.down("Shift")
    page.mouse.move(first["x"] - 40, first["y"] - 20)
    page.mouse.down()
    page.mouse.move(last["x"] + last["width"] + 40, last["y"] + last["height"] + 10, steps=8)
    page.mouse.up()
    page.keyboard.up("Shift")
    expect(page.locator(".react-flow__node.selected")).to_have_count(2)
    expect(editor.get("config")).to_have_count(0)
    before = positions(editor)
    start = middle_of(editor.node("lookup"))
    editor.drag_to({**start, "width": 0, "height": 0}, start["x"] + 103, start["y"] + 58)
    after = positions(editor)
    moved = {node: (after[node]["x"] - before[node]["x"], after[node]["y"] - before[node]["y"]) for node in after}
    assert moved["lookup"] == moved["log"] != (0, 0)
    assert moved["set"] == (0, 0)
    page.keyboard.press("Delete")
    assert editor.ids() == ["set"]
    editor.get("undo").click()
    assert editor.ids() == ["lookup", "log", "set"]
    assert len(editor.edges()) == 3


def test_an_action_from_the_palette_is_put_onto_an_edge_or_a_step(editor: EditorPage) -> None:
    editor.open(chain("lookup", "log"))
    canvas = editor.get("canvas")
    corner = box_of(canvas)

    def drop(kind: str, point: dict[str, float]) -> None:
        place = {"x": point["x"] - corner["x"], "y": point["y"] - corner["y"]}
        editor.get(f"palette-item-{kind}").drag_to(canvas, target_position=place, force=True)  # type: ignore[arg-type]
        editor.page.keyboard.press("Escape")

    upper, lower = box_of(editor.node("lookup")), box_of(editor.node("log"))
    between = {"x": upper["x"] + upper["width"] / 2, "y": (upper["y"] + upper["height"] + lower["y"]) / 2}
    drop("set", between)
    assert editor.edges() == [("$source", "lookup"), ("lookup", "set"), ("set", "log")]
    drop("everything", middle_of(editor.node("log")))
    assert ("log", "everything") in editor.edges()
    assert len(editor.edges()) == 4


def test_the_map_leads_to_what_is_clicked_and_covers_no_step(editor: EditorPage, new_page: NewPage) -> None:
    editor.open(a_row(9))
    page = editor.page
    the_map = page.locator(".canvas-map")
    expect(the_map).to_be_visible()
    editor.get("fit").click()
    expect(page.locator(".canvas-zoom")).not_to_have_text(re.compile("100 %"))
    around = box_of(the_map)
    for node in page.locator("[data-testid^=node-]").all():
        box = box_of(node)
        is_beside = box["x"] > around["x"] + around["width"] or box["x"] + box["width"] < around["x"]
        is_apart = box["y"] > around["y"] + around["height"] or box["y"] + box["height"] < around["y"]
        assert is_beside or is_apart
    viewport = page.locator(".react-flow__viewport").first
    before = viewport.get_attribute("style") or ""
    page.mouse.click(around["x"] + around["width"] - 12, around["y"] + around["height"] - 12)
    expect(viewport).not_to_have_attribute("style", before)

    few = new_page().open(chain("log"))
    expect(few.page.locator(".canvas-map")).to_have_count(0)
    narrow = new_page(width=820, height=1180).open(a_row(9))
    expect(narrow.page.locator(".canvas-map")).to_have_count(0)


def test_a_step_is_switched_off_and_skipped(editor: EditorPage) -> None:
    document = chain("builtin:if", "log")
    document["actions"][0]["inputs"] = {"condition": True}
    document["actions"][1]["inputs"] = {"message": "hello"}
    editor.open(document)
    editor.select("log")
    editor.get("toggle-step").click()
    expect(editor.node("log")).to_have_class(re.compile("step-disabled"))
    expect(editor.page.get_by_role("group", name="Log, disabled")).to_be_visible()
    assert editor.saved()["actions"][1]["settings"] == {"disabled": True}
    editor.get("test-button").click()
    editor.get("test-data").fill("{}")
    editor.get("test-run").click()
    expect(editor.node("log").get_by_test_id("step-state")).to_have_text(re.compile("Skipped"))
    editor.get("test-button").click()
    editor.page.keyboard.press("Escape")
    editor.node("log").click()
    editor.page.keyboard.press("Escape")
    editor.page.keyboard.press("d")
    expect(editor.node("log")).not_to_have_class(re.compile("step-disabled"))
    assert "settings" not in editor.saved()["actions"][1]


@pytest.mark.parametrize(("across", "down"), [(0.3, 0.35), (0.7, 0.9)])
def test_a_connection_ends_anywhere_on_the_step_where_it_is_dropped(
    editor: EditorPage, across: float, down: float
) -> None:
    editor.open(chain("lookup", "log", "set"))
    box, start = editor.node("set").bounding_box(), editor.handle("lookup", "bottom").bounding_box()
    assert box is not None
    assert start is not None
    editor.drag_to(start, box["x"] + across * box["width"], box["y"] + down * box["height"])
    expect(editor.page.locator(".react-flow__edge")).to_have_count(4)
    expect(editor.get("add-dialog")).to_have_count(0)
    assert ("lookup", "set") in editor.edges()
    back = editor.handle("set", "bottom").bounding_box()
    first = editor.node("lookup").bounding_box()
    assert first is not None
    editor.drag_to(back, first["x"] + across * first["width"], first["y"] + down * first["height"])
    expect(editor.get("notice")).to_contain_text("circle")
    assert len(editor.edges()) == 4


#: How a step says that what is dragged may end on it, or may not: a line around it, and a sign.
SHOWN = """element => {
    const [box, sign] = [getComputedStyle(element), getComputedStyle(element, "::before").content];
    return box.outlineStyle === "none" ? "" : `${box.outlineStyle} ${box.outlineWidth} ${sign.charAt(1)}`;
}"""


@pytest.mark.parametrize("colors", ["none", "active"])
def test_a_step_shows_whether_a_connection_may_end_on_it(editor: EditorPage, colors: Literal["none", "active"]) -> None:
    editor.open(placed("lookup", "log", "set"))
    page = editor.page
    page.emulate_media(forced_colors=colors)
    start = middle_of(editor.handle("log", "bottom"))

    def drag_over(node: str) -> str:
        over = middle_of(editor.node(node))
        page.mouse.move(over["x"] + 60, over["y"] + 8, steps=3)
        return str(editor.node(node).evaluate(SHOWN))

    page.mouse.move(start["x"], start["y"])
    page.mouse.down()
    assert drag_over("set") == "solid 3px ✓"
    assert drag_over("lookup") == "dashed 3px ✕"
    assert editor.node("set").evaluate(SHOWN) == ""
    assert drag_over("log") == "", "where it begins"
    drag_over("lookup")
    page.mouse.up()
    expect(editor.get("notice")).to_contain_text("circle")
    assert [editor.node(node).evaluate(SHOWN) for node in ("lookup", "log", "set")] == ["", "", ""]


@pytest.mark.parametrize(("across", "down"), [(0.1, 0.8), (0.85, 0.3)])
def test_the_end_of_an_edge_is_led_to_wherever_on_a_step(editor: EditorPage, across: float, down: float) -> None:
    document = chain("lookup", "log", "set")
    document["edges"] = [
        {"from": "$source", "to": "lookup"},
        {"from": "lookup", "to": "log", "name": "found"},
        {"from": "$source", "to": "set"},
    ]
    editor.open(document)
    editor.page.get_by_role("button", name="found").click()
    editor.get("config").get_by_role("button", name="Close").click()
    end, target = editor.page.locator(".selected .react-flow__edgeupdater-target"), box_of(editor.node("set"))
    editor.drag_to(box_of(end), target["x"] + across * target["width"], target["y"] + down * target["height"])
    assert sorted(editor.edges()) == [("$source", "lookup"), ("$source", "set"), ("lookup", "set")]
    assert [edge["name"] for edge in editor.saved()["edges"] if edge["from"] == "lookup"] == ["found"]


def test_an_end_that_is_dropped_on_nothing_stays_where_it_was(editor: EditorPage) -> None:
    document = placed("lookup", "log")
    document["edges"][1]["name"] = "found"
    editor.open(document)
    editor.page.get_by_role("button", name="found").click()
    editor.get("config").get_by_role("button", name="Close").click()
    end, beside = editor.page.locator(".selected .react-flow__edgeupdater-target"), box_of(editor.node("log"))
    editor.drag_to(box_of(end), beside["x"] - 150, beside["y"] + 30)
    expect(editor.page.locator(".react-flow__connection")).to_have_count(0)
    expect(editor.get("add-dialog")).to_have_count(0)
    assert editor.edges() == [("$source", "lookup"), ("lookup", "log")]
    # What begins anew asks for a step, as ever.
    editor.drag_to(box_of(editor.handle("log", "bottom")), beside["x"] - 150, beside["y"] + 30)
    expect(editor.get("add-dialog")).to_be_visible()


def test_moves_and_connections_are_said(editor: EditorPage) -> None:
    editor.open(chain("lookup", "log", "set"))
    page = editor.page
    editor.node("lookup").locator("xpath=..").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowDown")
    expect(page.locator("[aria-live]").filter(has_text="Moved").first).to_be_attached()
    page.keyboard.press("c")
    expect(editor.get("announcements")).to_contain_text("Connect Look up a customer to")
    page.keyboard.press("Enter")
    expect(editor.get("announcements")).to_contain_text("Connected Look up a customer to")


def test_the_palette_is_searched_by_name_and_description_and_says_if_nothing_is_like_it(editor: EditorPage) -> None:
    editor.open(chain("log"))
    page = editor.page
    editor.get("add-after-log").click()
    dialog = editor.get("add-dialog")
    search = dialog.get_by_test_id("palette-search")
    search.fill("mail")
    options = dialog.get_by_role("option")
    expect(options.first).to_contain_text("Send an e-mail")
    names = [option.inner_text().split("\n")[0] for option in options.all()]
    assert "Look up a customer" in names, "its description says e-mail"
    search.press("ArrowDown")
    expect(options.nth(1)).to_have_attribute("aria-selected", "true")
    search.press("Enter")
    expect(editor.node("log")).to_be_visible()
    assert len(editor.ids()) == 2
    page.keyboard.press("Escape")
    editor.get("add-after-" + editor.ids()[1]).click()
    search.fill("nothing of that kind")
    expect(dialog).to_contain_text("No action is like “nothing of that kind”.")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_edges_can_be_seen(new_page: NewPage, scheme: str) -> None:
    editor = new_page(color_scheme=scheme).open(chain("lookup", "log"))
    script = """() => {
        const paint = (color) => {
            const canvas = Object.assign(document.createElement("canvas"), {width: 1, height: 1});
            const context = canvas.getContext("2d");
            context.fillStyle = color;
            context.fillRect(0, 0, 1, 1);
            return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
        };
        const style = (selector) => getComputedStyle(document.querySelector(selector));
        return [paint(style(".react-flow__edge-path").stroke), paint(style(".react-flow").backgroundColor)];
    }"""
    edge, ground = editor.page.evaluate(script)
    lighter, darker = sorted((luminance(edge), luminance(ground)), reverse=True)
    assert (lighter + 0.05) / (darker + 0.05) >= MINIMUM_CONTRAST


def luminance(colour: list[int]) -> float:
    """Return the relative luminance that contrast is computed of (WCAG)."""
    parts = [value / 255 for value in colour]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_fingers_move_steps_and_zoom(new_page: NewPage) -> None:
    editor = new_page(width=820, height=1180, has_touch=True).open(placed("lookup", "log"))
    page = editor.page
    fingers = page.context.new_cdp_session(page)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        event = {"type": kind, "touchPoints": [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(points)]}
        fingers.send("Input.dispatchTouchEvent", event)

    before = positions(editor)["log"]
    start = middle_of(editor.node("log"))
    touch("touchStart", (start["x"], start["y"]))
    for step in range(1, 7):
        touch("touchMove", (start["x"] + 20 * step, start["y"] + 10 * step))
    touch("touchEnd")
    expect(editor.get("undo")).to_have_attribute("aria-label", "Undo: move 1 step")
    after = positions(editor)["log"]
    assert after["x"] > before["x"]
    assert after["y"] > before["y"]

    canvas = box_of(editor.get("canvas"))
    x, y = canvas["x"] + 120, canvas["y"] + 200
    zoom = page.locator(".canvas-zoom")
    at_first = zoom.inner_text()
    touch("touchStart", (x, y), (x + 40, y))
    for step in range(1, 7):
        touch("touchMove", (x - 8 * step, y), (x + 40 + 8 * step, y))
    touch("touchEnd")
    expect(zoom).not_to_have_text(at_first)


def test_a_link_to_a_test_run_opens_its_panel(editor: EditorPage) -> None:
    editor.open(chain("log"))
    editor.get("test-button").click()
    expect(editor.page).to_have_url(re.compile("panel=test"))
    editor.page.reload()
    expect(editor.get("test-data")).to_be_visible()
    json.loads(editor.get("test-data").input_value() or "{}")


def test_keys_of_the_canvas_do_nothing_while_somebody_types(editor: EditorPage) -> None:
    document = chain("lookup", "log")
    document["actions"][1]["inputs"] = {"message": "x"}
    editor.open(document)
    page = editor.page
    editor.select("log")
    for field in ("workflow-name", "step-name", "field-/message"):
        place = editor.get(field)
        place.fill("")
        page.keyboard.type("acdft+?")
        expect(place).to_have_value("acdft+?")
        for key in ("Delete", "Backspace", "ArrowLeft", "Control+a", "Delete"):
            page.keyboard.press(key)
        expect(place).to_have_value("")
        for dialog in ("add-dialog", "help", "find", "connect-prompt"):
            expect(editor.get(dialog)).to_have_count(0)
    editor.get("step-name").fill("Kept")
    assert editor.ids() == ["lookup", "log"]
    assert "settings" not in editor.saved()["actions"][1]


def test_moves_by_arrow_keys_are_undone_one_by_one_and_all(editor: EditorPage) -> None:
    editor.open(placed("log"))
    page = editor.page
    editor.node("log").locator("xpath=..").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    before = positions(editor)["log"]
    for key in ("ArrowRight", "ArrowDown"):
        page.keyboard.press(key)
    expect(editor.get("undo")).to_be_enabled()
    moved = positions(editor)["log"]
    assert moved["x"] > before["x"]
    assert moved["y"] > before["y"]
    while editor.get("undo").is_enabled():
        page.keyboard.press("Control+z")
    assert positions(editor)["log"] == before
    while editor.get("redo").is_enabled():
        page.keyboard.press("Control+Shift+z")
    assert positions(editor)["log"] == moved


def test_steps_are_found_by_name_kind_and_inputs_and_brought_into_view(editor: EditorPage) -> None:
    document = a_row(30)
    document["actions"][3]["name"] = "Send the invoice"
    document["actions"][25]["inputs"] = {"message": "invoice 7"}
    document["actions"][28] |= {"kind": "set", "id": "last"}
    document["edges"][28]["to"] = "last"
    editor.open(document)
    page = editor.page
    page.keyboard.press("Control+f")
    query = editor.get("find-query")
    query.fill("invoice")
    hits = editor.get("find").locator("[data-testid^='find-n']")
    expect(hits).to_have_count(2)
    query.fill("invoice 7")
    expect(hits).to_have_count(1)
    query.press("Enter")
    expect(editor.node("n25")).to_be_in_viewport()
    expect(editor.get("step-id")).to_have_value("n25")
    page.keyboard.press("Control+f")
    editor.get("find-query").fill("set")
    expect(editor.get("find").get_by_test_id("find-last")).to_be_visible()


def test_the_outline_lists_the_same_steps_and_leads_to_them(editor: EditorPage) -> None:
    document = chain("builtin:if", "log", "set")
    editor.open(document)
    editor.get("outline-button").click()
    outline = editor.get("outline")
    steps = outline.locator(".side-row")
    for name in ("If", "Log", "Set values"):
        expect(steps.filter(has_text=name)).to_be_visible()
    steps.filter(has_text="Set values").focus()
    editor.page.keyboard.press("Enter")
    expect(editor.get("step-id")).to_have_value("set")
