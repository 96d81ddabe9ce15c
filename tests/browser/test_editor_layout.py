"""Room for what one works with: on a zoomed page, on a telephone, and between the signs on the canvas."""

from __future__ import annotations

from typing import Any

import pytest
from accessibility import serious_in_both_themes
from editing import EditorPage, NewPage, chain
from playwright.sync_api import Locator, expect

#: Whether nothing lies above the middle of an element.
IS_ON_TOP = """element => {
    const box = element.getBoundingClientRect();
    return element.contains(document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2));
}"""


def box_of(locator: Locator) -> dict[str, float]:
    box = locator.bounding_box()
    assert box is not None
    return {"x": box["x"], "y": box["y"], "width": box["width"], "height": box["height"]}


def overlap(one: dict[str, float], other: dict[str, float]) -> bool:
    return (
        one["x"] < other["x"] + other["width"]
        and other["x"] < one["x"] + one["width"]
        and one["y"] < other["y"] + other["height"]
        and other["y"] < one["y"] + one["height"]
    )


def an_if(**changes: Any) -> dict[str, Any]:
    document = chain("builtin:if", "log")
    document["actions"][0] |= {"id": "check", "inputs": {"condition": {">": ["!ref($.event.data.total)", 1]}}}
    document["actions"][1]["inputs"] = {"message": "Much"}
    document["edges"] = [
        {"from": "$source", "to": "check"},
        {"from": "check", "to": "log", "conditional": {"type": "if", "ref": "!ref($.output.result)"}},
    ]
    return document | changes


def test_the_draft_says_that_it_is_not_what_is_live(editor: EditorPage) -> None:
    editor.open(chain("builtin:wait") | {"name": "Live"})
    editor.select("builtin:wait")
    editor.get("field-/duration").fill("3")
    editor.saved()
    expect(editor.get("unpublished")).to_have_count(0)
    editor.get("publish").click()
    expect(editor.page.get_by_text("v1 live")).to_be_visible()
    editor.get("field-/duration").fill("4")
    expect(editor.get("unpublished")).to_have_text("Unpublished changes")
    assert serious_in_both_themes(editor.page) == []
    editor.page.reload()
    expect(editor.get("unpublished")).to_be_visible()
    editor.select("builtin:wait")
    editor.get("field-/duration").fill("3")
    expect(editor.get("unpublished")).to_have_count(0)


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844), (720, 450)])
@pytest.mark.parametrize("language", ["en", "ar"])
def test_all_of_the_list_of_references_is_in_the_window(
    new_page: NewPage, width: int, height: int, language: str
) -> None:
    editor = new_page(width=width, height=height, locale=language)
    editor.open(an_if())
    editor.select("check")
    picker = editor.page.locator("[data-pointer='/condition'] .picker button").first
    picker.scroll_into_view_if_needed()
    picker.click()
    box = box_of(editor.get("picker"))
    assert box["x"] >= 0
    assert box["y"] >= 0
    assert box["x"] + box["width"] <= width
    assert box["y"] + box["height"] <= height
    assert box_of(editor.get("picker").locator(".picker-tree"))["height"] > 70
    assert serious_in_both_themes(editor.page) == []
    editor.page.keyboard.press("Escape")
    expect(editor.get("picker")).to_have_count(0)
    expect(picker).to_be_focused()


@pytest.mark.parametrize(("width", "height"), [(1180, 720), (1366, 640), (900, 700)])
def test_all_sections_and_the_account_are_in_view_on_low_screens(new_page: NewPage, width: int, height: int) -> None:
    editor = new_page(width=width, height=height)
    editor.page.goto(f"{editor.server.url}/workflows")
    expect(editor.get("account-button")).to_be_in_viewport(ratio=0.99)
    rail = editor.page.locator(".rail")
    assert rail.evaluate("rail => rail.scrollHeight <= rail.clientHeight && rail.scrollWidth <= rail.clientWidth")
    mark = box_of(rail.locator(".rail-mark"))
    assert mark["width"] == mark["height"]


def test_a_zoomed_page_has_room_for_the_form_of_a_step(new_page: NewPage) -> None:
    editor = new_page(width=720, height=450)
    editor.open(an_if())
    editor.select("check")
    assert box_of(editor.get("config").locator(".panel-body"))["height"] > 130
    rail = editor.page.get_by_role("navigation")
    expect(rail.get_by_role("link", name="Workflows")).to_be_visible()
    assert box_of(rail)["height"] < 56
    assert serious_in_both_themes(editor.page) == []


def test_signs_on_the_canvas_do_not_lie_on_each_other(editor: EditorPage) -> None:
    document = an_if()
    document["edges"][1]["name"] = "Whoever has ordered for more than a thousand, and has not paid"
    page = editor.open(document).page
    editor.edge("check", "log").hover(force=True)
    signs = [
        editor.get("add-after-check-False"),
        editor.get("add-on-check-log"),
        page.locator(".wire-label", has_text="Whoever"),
    ]
    boxes = [box_of(sign) for sign in signs]
    found = [(one, other) for one in range(3) for other in range(one) if overlap(boxes[one], boxes[other])]
    assert found == []
    assert boxes[2]["width"] <= 160
    expect(signs[2]).to_have_attribute("title", document["edges"][1]["name"])


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)])
@pytest.mark.parametrize("language", ["en", "ar"])
def test_who_has_made_the_drawing_library_can_be_read_beside_a_panel(
    new_page: NewPage, width: int, height: int, language: str
) -> None:
    editor = new_page(width=width, height=height, locale=language).open(an_if())
    mark = editor.page.get_by_role("link", name="React Flow")
    assert mark.evaluate(IS_ON_TOP)
    editor.select("check")
    expect(editor.get("config")).to_be_visible()
    assert mark.evaluate(IS_ON_TOP)


@pytest.mark.parametrize("language", ["en", "ar"])
def test_the_arrow_of_a_list_to_choose_from_has_its_own_room(new_page: NewPage, language: str) -> None:
    editor = new_page(locale=language)
    page = editor.page
    page.goto(f"{editor.server.url}/runs")
    room = page.locator("select").first.evaluate(
        """list => {
            const { paddingLeft, paddingRight, backgroundPositionX } = getComputedStyle(list);
            return [parseInt(paddingLeft), parseInt(paddingRight), backgroundPositionX];
        }"""
    )
    at_end = [10, 30, "calc(100% - 10px)"]
    assert room == (at_end if language == "en" else [30, 10, "10px"])


@pytest.mark.parametrize("language", ["en", "ar"])
def test_the_panel_of_a_connection_covers_none_of_its_ends(new_page: NewPage, language: str) -> None:
    editor = new_page(width=1180, height=720, locale=language)
    editor.page.emulate_media(reduced_motion="reduce")
    editor.open(an_if())
    editor.page.locator(".wire-label").click()
    expect(editor.get("config")).to_be_visible()
    for node in ("check", "log"):
        editor.page.wait_for_function(
            f"""() => {{
                const step = document.querySelector('[data-testid=node-{node}]').getBoundingClientRect();
                const side = document.querySelector('.side').getBoundingClientRect();
                return step.right <= side.left || step.left >= side.right;
            }}"""
        )
