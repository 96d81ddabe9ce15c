"""Groups of steps: a frame with a name around some of them."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from accessibility import HOSTILE, serious
from editing import EditorPage, NewPage, chain
from playwright.sync_api import FloatRect, Locator, expect


def placed(**ui: Any) -> dict[str, Any]:
    """Return a chain of three steps that have places."""
    kinds = ("lookup", "log", "set")
    places = {node: {"x": 0, "y": 140 * index} for index, node in enumerate(("$source", *kinds))}
    return chain(*kinds, metadata={"ui": {"positions": places, **ui}})


def box_of(locator: Locator) -> FloatRect:
    box = locator.bounding_box()
    assert box is not None
    return box


def select(editor: EditorPage, *ids: str) -> None:
    editor.page.keyboard.press("Escape")
    for node_id in ids:
        editor.node(node_id).click(modifiers=["Shift"])
    expect(editor.page.locator(".react-flow__node.selected")).to_have_count(len(ids))


def ui_of(editor: EditorPage) -> dict[str, Any]:
    ui: dict[str, Any] = editor.saved()["metadata"]["ui"]
    return ui


def test_steps_are_grouped_named_moved_together_and_freed(editor: EditorPage) -> None:
    page = editor.open(placed()).page
    group = editor.get("group-group")
    expect(editor.get("group")).to_be_disabled()
    select(editor, "lookup", "log")
    page.keyboard.press("g")
    expect(group).to_be_visible()
    expect(editor.get("announcements")).to_contain_text("group 2 steps")
    name = group.get_by_role("textbox", name="Name of the group")
    name.fill("Find out")
    expect(page.get_by_role("group", name=re.compile("Log, in the group Find out"))).to_be_attached()
    outer, first, last = box_of(group), box_of(editor.node("lookup")), box_of(editor.node("log"))
    assert outer["x"] < first["x"]
    assert outer["y"] < first["y"]
    assert outer["y"] + outer["height"] > last["y"] + last["height"]
    assert outer["y"] + outer["height"] < box_of(editor.node("set"))["y"]

    before = ui_of(editor)["positions"]
    start = {"x": outer["x"] + outer["width"] - 70, "y": outer["y"] + 14, "width": 0, "height": 0}
    editor.drag_to(start, start["x"] + 120, start["y"] + 60)
    after = ui_of(editor)["positions"]
    moved = {node: (after[node]["x"] - before[node]["x"], after[node]["y"] - before[node]["y"]) for node in after}
    assert moved["lookup"] == moved["log"] != (0, 0)
    assert moved["set"] == moved["$source"] == (0, 0)
    assert ui_of(editor)["groups"] == {"group": {"name": "Find out", "members": ["lookup", "log"]}}
    editor.get("undo").click()
    assert ui_of(editor)["positions"] == before

    page.reload()
    expect(name).to_have_value("Find out")
    group.get_by_role("button", name="Ungroup").click()
    expect(group).to_have_count(0)
    assert editor.ids() == ["lookup", "log", "set"]
    editor.get("undo").click()
    expect(name).to_have_value("Find out")


def test_a_group_is_chosen_by_its_edge_and_what_is_inside_stays_within_reach(editor: EditorPage) -> None:
    page = editor.open(placed(groups={"g": {"name": "Pair", "members": ["lookup", "log"]}})).page
    frame = box_of(editor.get("group-g"))
    page.mouse.click(frame["x"] + frame["width"] - 70, frame["y"] + 14)
    expect(page.locator(".react-flow__node.selected")).to_have_count(2)
    editor.get("group").click()
    expect(editor.get("group-g")).to_have_count(0)
    editor.get("undo").click()
    # A click between the steps of the group is one on the canvas, or on what is drawn there.
    page.keyboard.press("Escape")
    editor.get("add-on-lookup-log").click(force=True)
    editor.choose_action("everything")
    assert ("lookup", "everything") in editor.edges()
    editor.select("log")
    page.keyboard.press("Escape")
    page.keyboard.press("Delete")
    assert ui_of(editor)["groups"] == {"g": {"name": "Pair", "members": ["lookup"]}}


def test_groups_are_copied_with_their_steps(editor: EditorPage, new_page: NewPage) -> None:
    editor.open(placed(groups={"g": {"name": HOSTILE[0], "members": ["lookup", "log"]}}))
    select(editor, "lookup", "log")
    other = new_page().open(chain("set"))
    other.clipboard("paste", editor.clipboard("copy"))
    expect(other.get("group-group").get_by_role("textbox")).to_have_value(HOSTILE[0])
    assert json.loads(json.dumps(ui_of(other)["groups"])) == {
        "group": {"name": HOSTILE[0], "members": ["lookup", "log"]}
    }


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 1440), ("light", 390)])
def test_groups_can_be_used_by_everybody(new_page: NewPage, scheme: str, width: int) -> None:
    groups = {"g": {"name": "A pair of steps", "members": ["lookup", "log"]}}
    editor = new_page(color_scheme=scheme, width=width).open(placed(groups=groups))
    expect(editor.get("group-g")).to_be_visible()
    assert serious(editor.page) == []
    bar = box_of(editor.page.locator(".canvas-bar"))
    assert bar["x"] >= 0
    assert bar["x"] + bar["width"] <= width


def test_a_run_shows_the_groups_of_its_version(editor: EditorPage) -> None:
    groups = {"g": {"name": "A pair", "members": ["log", "set"]}}
    document = chain("log", "set", event="groups/run", metadata={"ui": {"groups": groups}})
    document["actions"][0]["inputs"] = {"message": "x"}
    editor.run(document, {})
    name = editor.get("group-g").get_by_role("textbox", name="Name of the group")
    expect(name).to_have_value("A pair")
    expect(name).not_to_be_editable()
    expect(editor.get("group-g").get_by_role("button")).to_have_count(0)
