"""The editor and runs on a telephone: nothing lies behind something else, and what is tapped comes into view."""

from __future__ import annotations

import re
from typing import Any

import pytest
from editing import EditorPage, NewPage, chain
from playwright.sync_api import FloatRect, Locator, expect

WIDTH, HEIGHT = 390, 844
LANGUAGES = ("en", "de", "ar")

#: Whether a finger on the middle of an element would touch the element.
IS_ON_TOP = """element => {
    const box = element.getBoundingClientRect();
    return element.contains(document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2));
}"""


@pytest.fixture(params=LANGUAGES)
def phone(new_page: NewPage, request: pytest.FixtureRequest) -> EditorPage:
    return new_page(width=WIDTH, height=HEIGHT, locale=request.param, has_touch=True)


def a_run(event: str) -> dict[str, Any]:
    document = chain("chatty", "log", event=event)
    for action, field in zip(document["actions"], ("text", "message"), strict=True):
        action["inputs"] = {field: "x"}
    return document


def box_of(locator: Locator) -> FloatRect:
    box = locator.bounding_box()
    assert box is not None
    return box


def test_the_bar_has_its_room_and_nothing_lies_behind_it(phone: EditorPage) -> None:
    document = a_run("phone/bar") | {"name": "A workflow with quite a long name for a telephone"}
    workflow_id = phone.server.create(document)
    phone.server.post(f"/api/workflows/{workflow_id}/publish")
    phone.go(workflow_id)
    bar = phone.page.locator(".topbar")
    header = box_of(bar)
    for control in bar.locator("button:visible, input:visible, a:visible").all():
        box = box_of(control)
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= WIDTH
        assert box["y"] >= header["y"]
        assert box["y"] + box["height"] <= header["y"] + header["height"]
        assert control.evaluate(IS_ON_TOP)
    phone.get("palette-button").click()
    palette = phone.get("palette")
    for part in (palette.get_by_role("heading").first, palette.get_by_role("button").first):
        assert part.evaluate(IS_ON_TOP)
    assert box_of(palette)["y"] >= header["y"] + header["height"]
    for control in bar.locator("button:visible").all():
        assert control.evaluate(IS_ON_TOP)


def test_the_palette_goes_once_a_step_is_added(phone: EditorPage) -> None:
    phone.open(chain("lookup"))
    phone.get("palette-button").click()
    phone.get("palette-item-log").click()
    expect(phone.get("palette")).to_have_count(0)
    expect(phone.get("config")).to_be_visible()
    expect(phone.node("log")).to_be_in_viewport(ratio=0.99)
    phone.page.wait_for_function(
        f"() => ({IS_ON_TOP})(document.querySelector('[data-testid=node-log]'))"
        " && document.activeElement.dataset.id === 'log'"
    )


def test_the_trigger_of_a_run_leads_to_its_event_and_back(phone: EditorPage) -> None:
    phone.page.emulate_media(reduced_motion="reduce")
    phone.run(a_run("phone/trigger"), {"colour": "red"})
    phone.node("$source").tap()
    side = phone.get("run-side")
    expect(side.get_by_role("heading").first).to_be_focused()
    expect(side.get_by_text("red")).to_be_in_viewport()
    side.locator(".run-detail-head button").tap()
    expect(phone.node("$source")).to_be_in_viewport()
    assert phone.page.evaluate("document.activeElement.dataset.id") == "$source"


@pytest.mark.parametrize("place", ["graph", "timeline"])
def test_details_of_a_step_of_a_run_come_into_view(phone: EditorPage, place: str) -> None:
    phone.page.emulate_media(reduced_motion="reduce")
    phone.run(a_run(f"phone/{place}"), {})
    tapped = phone.node("chatty") if place == "graph" else phone.get("row-chatty")
    tapped.tap()
    details = phone.get("step-detail")
    name = details.get_by_role("heading").first
    expect(name).to_be_focused()
    expect(name).to_be_in_viewport(ratio=0.99)
    close = details.locator(".run-detail-head button")
    phone.page.mouse.wheel(0, 400)
    expect(close).to_be_in_viewport(ratio=0.99)
    close.tap()
    expect(details).to_have_count(0)
    expect(tapped).to_be_in_viewport()
    focused = "document.activeElement.dataset.id ?? document.activeElement.dataset.testid"
    assert phone.page.evaluate(focused) in {"chatty", "row-chatty"}


def test_a_link_to_a_step_of_a_run_shows_its_details(new_page: NewPage) -> None:
    phone = new_page(width=WIDTH, height=HEIGHT)
    run_id = phone.run(a_run("phone/link"), {})
    phone.page.goto(f"{phone.server.url}/runs/{run_id}?step=log")
    expect(phone.get("step-detail").get_by_role("heading").first).to_be_in_viewport(ratio=0.99)
    expect(phone.get("run-graph")).to_be_attached()
    expect(phone.get("step-detail").get_by_role("heading").first).to_be_in_viewport(ratio=0.99)


def test_beside_a_panel_the_graph_can_be_read_and_no_key_leads_behind_it(phone: EditorPage) -> None:
    phone.open(chain("lookup", "builtin:approval", "log", "set"))
    bar = phone.page.locator(".canvas-bar")
    expect(bar).to_be_visible()
    phone.get("test-button").click()
    expect(phone.get("test-run")).to_be_visible()
    expect(bar).to_be_hidden()
    expect(phone.page.locator(".canvas-zoom")).to_have_text(re.compile("5[0-9]"))
    expect(phone.get("canvas")).to_have_attribute("data-far", "false")
    phone.get("side").locator(".side-header button").first.click()
    expect(bar).to_be_visible()


def test_a_long_name_is_cut_at_its_end_in_every_language(phone: EditorPage) -> None:
    phone.open(chain("lookup", name="A workflow with quite a long name for a telephone"))
    name = phone.get("workflow-name")
    assert name.evaluate("name => getComputedStyle(name).direction + ' ' + name.scrollLeft") == "ltr 0"


def test_a_dialog_of_the_account_has_its_cross_in_the_corner(phone: EditorPage) -> None:
    phone.open(chain("lookup"))
    phone.get("account-button").click()
    header = phone.page.locator("dialog[open] .dialog-header")
    corner, cross = box_of(header), box_of(header.get_by_role("button"))
    assert cross["width"] < 50
    is_turned = phone.page.locator("html").get_attribute("dir") == "rtl"
    gap = cross["x"] - corner["x"] if is_turned else corner["x"] + corner["width"] - cross["x"] - cross["width"]
    assert gap < 30


@pytest.mark.parametrize("width", [390, 640, 768, 820])
@pytest.mark.parametrize("language", LANGUAGES)
def test_all_sections_and_the_account_are_in_view(new_page: NewPage, language: str, width: int) -> None:
    page = new_page(width=width, height=HEIGHT, locale=language)
    page.page.goto(f"{page.server.url}/secrets")
    expect(page.get("account-button")).to_be_in_viewport(ratio=0.99)
    rail = page.page.locator(".rail")
    assert rail.evaluate("rail => rail.scrollWidth <= rail.clientWidth")
    boxes = [box_of(link) for link in rail.get_by_role("link").all()]
    assert min(box["x"] for box in boxes) >= 0
    assert max(box["x"] + box["width"] for box in boxes) <= width
    for link in rail.locator(".rail-link").all():
        name = link.locator("span")
        assert name.evaluate("name => name.clientWidth <= 1 || name.scrollWidth <= name.clientWidth"), "not cut off"


def test_in_arabic_json_is_read_as_everywhere(new_page: NewPage) -> None:
    phone = new_page(width=WIDTH, height=HEIGHT, locale="ar").open(chain("set"))
    phone.get("test-button").click()
    field = phone.get("test-data")
    style = field.evaluate(
        """field => {
            const { direction, textAlign, fontFamily } = getComputedStyle(field);
            return [direction, textAlign, fontFamily.includes("mono")];
        }"""
    )
    assert style == ["ltr", "left", True]


def test_how_a_step_went_hides_no_way_to_add_to(phone: EditorPage) -> None:
    document = chain("builtin:approval", "set")
    document["actions"][0] |= {"id": "ask", "inputs": {"title": "Well?"}}
    approved = {"type": "match", "ref": "!ref($.output.status)", "value": "approved"}
    document["edges"] = [{"from": "$source", "to": "ask"}, {"from": "ask", "to": "set", "conditional": approved}]
    phone.open(document)
    phone.get("test-button").click()
    phone.get("test-run").click()
    state = phone.node("ask").locator(".step-state")
    expect(state).to_be_visible()
    for sign in phone.node("ask").locator(".add-after").all():
        box, other = box_of(state), box_of(sign)
        is_beside = box["x"] + box["width"] <= other["x"] or other["x"] + other["width"] <= box["x"]
        assert is_beside or box["y"] + box["height"] <= other["y"]


def test_nothing_glides_for_somebody_who_has_asked_for_that(phone: EditorPage) -> None:
    phone.page.emulate_media(reduced_motion="reduce")
    phone.open(chain("lookup", "log", "set"))
    for _ in range(3):
        phone.page.locator(".canvas-bar button").nth(-2).click()
    moved = phone.get("fit").evaluate(
        """button => new Promise(resolve => {
            const drawing = document.querySelector(".react-flow__viewport");
            const look = () => new Promise(seen => requestAnimationFrame(() => seen(drawing.style.transform)));
            const before = drawing.style.transform;
            button.click();
            look().then(look).then(async soon => {
                await new Promise(later => setTimeout(later, 400));
                resolve([before !== soon, soon === drawing.style.transform]);
            });
        })"""
    )
    assert moved == [True, True]
