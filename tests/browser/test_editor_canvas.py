"""Drawing workflows: adding, connecting, moving, copying, undoing, with the mouse and without it."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pytest
from accessibility import serious
from editing import EditorPage, NewPage, chain, pretty
from playwright.sync_api import expect

#: Smaller letters are hard to read.
READABLE_PX = 10

IF_EDGES: dict[str, Any] = {
    "edges": [
        {"from": "$source", "to": "builtin:if"},
        {
            "from": "builtin:if",
            "to": "log",
            "name": "True",
            "conditional": {"type": "if", "ref": "!ref($.output.result)"},
        },
    ]
}


def test_a_new_workflow_is_made_named_and_found_again(editor: EditorPage) -> None:
    page = editor.page
    page.goto(editor.server.url)
    editor.get("new-workflow").click()
    editor.get("template-blank").click()
    editor.get("workflow-name").fill("Welcome")
    editor.get("add-after-$source").click()
    editor.choose_action("log")
    expect(editor.node("log")).to_be_visible()
    editor.workflow_id = page.url.split("/workflows/")[1].split("?")[0]
    assert editor.saved()["name"] == "Welcome"
    page.get_by_role("link", name="All workflows").click()
    page.get_by_role("searchbox", name="Find a workflow").fill("welc")
    expect(editor.get(f"workflow-{editor.workflow_id}")).to_contain_text("Welcome")


def test_a_template_is_looked_at_and_asks_for_what_is_only_an_example(editor: EditorPage) -> None:
    page = editor.page
    page.goto(f"{editor.server.url}/workflows")
    editor.get("new-workflow").click()
    editor.get("template-lead-routing").click()
    preview = editor.get("template-preview")
    expect(preview).to_contain_text("Starts with crm/lead.created.")
    expect(preview.locator(".react-flow__node")).to_have_count(6)
    assert serious(page) == []
    preview.get_by_role("button", name="Back").click()
    editor.get("template-lead-routing").click()
    preview.get_by_label("Team Germany: To").fill("berlin@acme.test")
    editor.get("use-template").click()
    expect(editor.node("$source")).to_be_visible()
    editor.workflow_id = page.url.split("/workflows/")[1].split("?")[0]
    texts = pretty(editor.saved()["actions"])
    assert "berlin@acme.test" in texts
    assert "de@example.com" not in texts
    assert "fr@example.com" in texts


def test_a_template_asks_which_secret_its_step_is_given(editor: EditorPage) -> None:
    page = editor.page
    editor.server.post("/api/secrets", {"name": "of-template", "value": "a value of theirs"})
    page.goto(f"{editor.server.url}/workflows")
    editor.get("new-workflow").click()
    editor.get("template-ai-summary").click()
    secret = editor.get("template-preview").get_by_label("Sum it up: Bearer")
    expect(secret.locator("option:checked")).to_have_text("llm (to be stored)")
    secret.select_option("of-template")
    assert serious(page) == []
    editor.get("use-template").click()
    expect(editor.node("$source")).to_be_visible()
    editor.workflow_id = page.url.split("/workflows/")[1].split("?")[0]
    assert editor.saved()["actions"][0]["inputs"]["bearer"] == "!secret(of-template)"


def test_each_way_of_adding_makes_one_step_and_one_edge(editor: EditorPage) -> None:
    editor.open(chain("log"))
    editor.get("add-after-log").click()
    editor.choose_action("set values")
    assert editor.edges() == [("$source", "log"), ("log", "set")]

    editor.edge("log", "set").hover(force=True)
    editor.get("add-on-log-set").click(force=True)
    editor.choose_action("look up")
    assert set(editor.edges()) == {("$source", "log"), ("log", "lookup"), ("lookup", "set")}

    box = editor.get("canvas").bounding_box()
    start = editor.handle("set", "bottom").bounding_box()
    assert box is not None
    editor.drag_to(start, box["x"] + box["width"] * 0.7, box["y"] + box["height"] * 0.6)
    editor.choose_action("everything")
    assert ("set", "everything") in editor.edges()

    editor.get("palette-item-http_request").drag_to(editor.get("canvas"), target_position={"x": 90, "y": 90})
    assert editor.ids() == ["log", "set", "lookup", "everything", "http_request"]


def test_a_step_put_onto_an_edge_leaves_its_condition_before_it(editor: EditorPage) -> None:
    editor.open(chain("builtin:if", "log", **IF_EDGES))
    editor.get("add-on-builtin:if-log").click(force=True)
    editor.choose_action("set values")
    edges = {(edge["from"], edge["to"]): edge for edge in editor.saved()["edges"]}
    assert edges["builtin:if", "set"]["conditional"] == {"type": "if", "ref": "!ref($.output.result)"}
    assert "conditional" not in edges["set", "log"]


def test_edges_are_drawn_on_a_way_moved_deleted_and_never_make_a_circle(editor: EditorPage) -> None:
    editor.open(chain("builtin:if", "log", "set", **IF_EDGES))
    editor.get("tidy").click()
    editor.drag(editor.handle("builtin:if", "bottom", 1), editor.handle("set", "top"))
    expect(editor.edge("builtin:if", "set")).to_have_count(1)
    (made,) = [edge for edge in editor.saved()["edges"] if edge["to"] == "set"]
    assert (made["name"], made["conditional"]["type"]) == ("False", "else")

    editor.drag(editor.handle("log", "bottom"), editor.handle("builtin:if", "top"))
    expect(editor.get("notice")).to_contain_text("circle")
    assert ("log", "builtin:if") not in editor.edges()

    editor.page.get_by_role("button", name="False").click()
    editor.page.keyboard.press("Delete")
    expect(editor.edge("builtin:if", "set")).to_have_count(0)


def test_ten_edits_are_undone_and_done_again_to_the_very_bytes(editor: EditorPage) -> None:
    editor.open(chain("lookup", "log"))
    page = editor.page
    editor.node("log").click()
    before = pretty(editor.saved())

    page.get_by_test_id("step-name").fill("Tell")
    page.get_by_test_id("field-/message").fill("Hello")
    page.get_by_test_id("step-id").fill("tell")
    page.get_by_test_id("step-id").press("Enter")
    editor.page.keyboard.press("Escape")
    editor.node("tell").click()
    editor.node("tell").locator("xpath=..").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    editor.get("add-after-tell").click()
    editor.choose_action("set values")
    editor.get("add-on-lookup-tell").click(force=True)
    editor.choose_action("if")
    editor.node("lookup").click()
    page.keyboard.press("Delete")
    editor.get("tidy").click()
    editor.get("workflow-name").fill("Another name")
    after = pretty(editor.saved())
    assert after != before

    steps = 0
    while editor.get("undo").is_enabled():
        editor.get("undo").click()
        steps += 1
    assert steps >= 8
    expect(editor.get("workflow-name")).to_have_value("A chain")
    undone = editor.saved()
    assert pretty({**undone, "metadata": None, "edges": _without_ids(undone)}) == pretty(
        {**chain("lookup", "log"), "edges": chain("lookup", "log")["edges"], "metadata": None}
    )
    while editor.get("redo").is_enabled():
        editor.get("redo").click()
    expect(editor.get("workflow-name")).to_have_value("Another name")
    assert pretty(editor.saved()) == after


def _without_ids(document: dict[str, object]) -> list[dict[str, object]]:
    edges = document["edges"]
    assert isinstance(edges, list)
    return [{key: value for key, value in edge.items() if key != "id"} for edge in edges]


def test_moves_by_mouse_and_by_key_snap_and_are_kept(editor: EditorPage) -> None:
    editor.open(chain("log"))
    box = editor.node("log").bounding_box()
    assert box is not None
    editor.drag_to(box, box["x"] + box["width"] / 2 + 137, box["y"] + box["height"] / 2 + 51)
    position = editor.saved()["metadata"]["ui"]["positions"]["log"]
    assert position["x"] % 20 == position["y"] % 20 == 0
    editor.node("log").locator("xpath=..").focus()
    editor.page.keyboard.press("ArrowRight")
    expect(editor.get("undo")).to_have_attribute("aria-label", "Undo: move 1 step")
    moved = editor.saved()["metadata"]["ui"]["positions"]["log"]
    assert moved["x"] > position["x"]
    editor.page.reload()
    expect(editor.node("log")).to_be_visible()
    assert editor.saved()["metadata"]["ui"]["positions"]["log"] == moved


def test_steps_are_copied_as_text_into_another_workflow(editor: EditorPage, new_page: NewPage) -> None:
    document = chain("lookup", "log")
    document["actions"][1]["inputs"] = {"message": "!ref($.state.lookup.name) of !ref($.event.data.shop)"}
    editor.open(document)
    editor.page.keyboard.press("Escape")
    editor.page.keyboard.press("Control+a")
    text = editor.clipboard("copy")
    editor.clipboard("paste", text)
    saved = editor.saved()
    assert [action["id"] for action in saved["actions"]] == ["lookup", "log", "lookup_2", "log_2"]
    assert saved["actions"][3]["inputs"] == {"message": "!ref($.state.lookup_2.name) of !ref($.event.data.shop)"}
    assert ("lookup_2", "log_2") in [(edge["from"], edge["to"]) for edge in saved["edges"]]

    other = new_page().open(chain("set"))
    other.clipboard("paste", text)
    assert other.ids() == ["set", "lookup", "log"]
    other.clipboard("paste", "no steps at all")
    expect(other.get("notice").last).to_contain_text("no steps on the clipboard")
    assert other.ids() == ["set", "lookup", "log"]


def test_tidying_up_separates_what_overlaps(editor: EditorPage) -> None:
    places = {"$source": {"x": 0, "y": 0}, "lookup": {"x": 20, "y": 0}, "log": {"x": 0, "y": 20}}
    editor.open(chain("lookup", "log", metadata={"ui": {"positions": places}}))
    editor.get("tidy").click()
    expect(editor.get("undo")).to_be_enabled()
    tidy = editor.saved()["metadata"]["ui"]["positions"]
    assert tidy["$source"]["y"] + 60 < tidy["lookup"]["y"]
    assert tidy["lookup"]["y"] + 60 < tidy["log"]["y"]
    editor.get("undo").click()
    assert editor.saved()["metadata"]["ui"]["positions"] == places


def test_a_workflow_is_made_by_keys_alone(editor: EditorPage) -> None:
    editor.open(chain("lookup"))
    page = editor.page
    page.keyboard.press("?")
    expect(editor.get("help")).to_contain_text("Undo")
    page.keyboard.press("Escape")
    editor.node("lookup").locator("xpath=..").focus()
    page.keyboard.press("Enter")
    expect(editor.get("config")).to_be_visible()
    page.keyboard.press("Escape")
    expect(editor.node("lookup").locator("xpath=..")).to_be_focused()
    page.keyboard.press("a")
    page.keyboard.type("log")
    page.keyboard.press("Enter")
    expect(editor.node("log")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("a")
    page.keyboard.type("set val")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    editor.node("lookup").locator("xpath=..").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    page.keyboard.press("c")
    expect(editor.get("connect-prompt")).to_contain_text("Look up a customer")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert editor.edges() == [("$source", "lookup"), ("lookup", "log"), ("log", "set"), ("lookup", "set")]
    page.keyboard.press("Control+f")
    page.keyboard.type("set")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("step-id")).to_have_value("set")
    # Typing is typing: no key of the canvas works inside of a field.
    page.get_by_test_id("step-name").fill("")
    page.get_by_test_id("step-name").type("cat+?")
    expect(page.get_by_test_id("step-name")).to_have_value("cat+?")


def test_wheel_and_drag_move_the_view_and_fit_brings_all_of_it_back(editor: EditorPage) -> None:
    editor.open(chain("lookup", "log", "set"))
    viewport = editor.page.locator(".react-flow__viewport").first

    def transform() -> str:
        return viewport.get_attribute("style") or ""

    box = editor.get("canvas").bounding_box()
    assert box is not None
    before = transform()
    editor.page.mouse.move(box["x"] + 60, box["y"] + 300)
    for _ in range(5):
        editor.page.mouse.wheel(0, -240)
    expect(viewport).not_to_have_attribute("style", before)
    assert "scale(1)" not in transform()
    editor.drag_to({"x": box["x"] + 40, "y": box["y"] + 300, "width": 0, "height": 0}, box["x"] + 240, box["y"] + 420)
    editor.get("fit").click()
    expect(editor.page.locator(".canvas-zoom")).to_have_text(re.compile("100 %"))
    for node_id in ("$source", "lookup", "log", "set"):
        node = editor.node(node_id).bounding_box()
        assert node is not None
        assert box["x"] <= node["x"]
        assert node["x"] + node["width"] <= box["x"] + box["width"]
        assert box["y"] <= node["y"]
        assert node["y"] + node["height"] <= box["y"] + box["height"]


def test_a_note_keeps_its_text_and_its_place(editor: EditorPage) -> None:
    editor.open(chain("log"))
    editor.get("add-note").click()
    note = editor.get("note-note")
    note.get_by_role("textbox", name="Note").fill("**Ask** Ada before changing this")
    box = note.bounding_box()
    assert box is not None
    grip = {"x": box["x"] + 10, "y": box["y"] + 4, "width": 20, "height": 10}
    before = editor.saved()["metadata"]["ui"]["notes"]["note"]
    editor.drag_to(grip, box["x"] - 140, box["y"] + 60)
    after = editor.saved()["metadata"]["ui"]["notes"]["note"]
    assert after["text"] == before["text"] == "**Ask** Ada before changing this"
    assert (after["x"], after["y"]) != (before["x"], before["y"])
    editor.page.reload()
    expect(editor.get("note-note").get_by_role("textbox", name="Note")).to_have_value(
        "**Ask** Ada before changing this"
    )
    assert editor.ids() == ["log"]
    editor.get("note-note").get_by_role("button", name="Delete the note").click()
    expect(editor.get("note-note")).to_have_count(0)
    assert "notes" not in editor.saved()["metadata"]["ui"] or editor.saved()["metadata"]["ui"]["notes"] == {}
    editor.get("undo").click()
    expect(editor.get("note-note")).to_be_visible()


def a_tall_one(**changes: Any) -> dict[str, Any]:
    """Return a workflow whose nine steps stand below each other."""
    ids = ["$source", *(f"s{number}" for number in range(9))]
    actions = [{"id": node_id, "kind": "log", "inputs": {"message": "x"}} for node_id in ids[1:]]
    return chain(actions=actions, edges=[{"from": a, "to": b} for a, b in itertools.pairwise(ids)], **changes)


def test_what_fits_into_view_is_behind_neither_bar_nor_panel(new_page: NewPage) -> None:
    for width, cover in ((1440, ".canvas-bar"), (800, ".side")):
        editor = new_page(width=width).open(a_tall_one())
        if cover == ".side":
            editor.get("test-button").click()
            expect(editor.get("test-run")).to_be_visible()
            editor.page.keyboard.press("f")
        else:
            editor.get("fit").click()
        wait_for_stillness(editor)
        covered = editor.page.locator(cover).bounding_box()
        last, first = editor.node("s8").bounding_box(), editor.node("$source").bounding_box()
        canvas = editor.get("canvas").bounding_box()
        assert covered is not None
        assert last is not None
        assert first is not None
        assert canvas is not None
        assert last["y"] + last["height"] < covered["y"]
        assert first["y"] > canvas["y"]


def test_of_a_run_too_tall_to_be_read_at_once_the_beginning_is_shown(editor: EditorPage) -> None:
    editor.run(a_tall_one(triggers=[{"event": "test/tall"}]), {})
    expect(editor.node("$source")).to_be_visible()
    wait_for_stillness(editor)
    first, canvas = editor.node("$source").bounding_box(), editor.get("canvas").bounding_box()
    assert first is not None
    assert canvas is not None
    assert first["y"] > canvas["y"]


@pytest.mark.parametrize("language", ["en", "de", "ar"])
@pytest.mark.parametrize("way", ["", "approved", "rejected", "expired"])
def test_names_of_connections_and_of_ways_to_add_to_can_be_read(new_page: NewPage, language: str, way: str) -> None:
    places = {"$source": {"x": 0, "y": 0}, "ask": {"x": 0, "y": 140}, "log": {"x": 0, "y": 280}}
    taken = {"type": "match", "ref": "!ref($.output.status)", "value": way}
    document = chain("builtin:approval", "log", metadata={"ui": {"positions": places}})
    document["actions"][0]["id"] = "ask"
    document["edges"] = [{"from": "$source", "to": "ask"}, {"from": "ask", "to": "log", "conditional": taken}]
    if not way:
        del document["edges"][1]
    editor = new_page(locale=language).open(document)
    editor.page.mouse.move(0, 0)
    signs = editor.node("ask").locator(".add-after:has(.add-after-name)")
    # With none of them taken, there is also one that is always taken.
    expect(signs).to_have_count(2 if way else 4)
    for name in signs.locator(".add-after-name").all():
        expect(name).to_be_visible()
        assert name.evaluate("name => name.scrollWidth <= name.clientWidth"), "nothing of it is cut off"
    boxes = [place.bounding_box() for place in (*signs.all(), *editor.page.locator(".wire-label").all())]
    assert len(boxes) == (3 if way else 4)
    for one, other in itertools.combinations(boxes, 2):
        assert one is not None
        assert other is not None
        is_beside = one["x"] + one["width"] <= other["x"] or other["x"] + other["width"] <= one["x"]
        is_apart = one["y"] + one["height"] <= other["y"] or other["y"] + other["height"] <= one["y"]
        assert is_beside or is_apart


@pytest.mark.parametrize("count", [1, 4, 10])
def test_the_names_of_a_run_can_be_read_at_once(new_page: NewPage, count: int) -> None:
    kinds = [f"n{number}" for number in range(count)]
    document = chain(*kinds, event=f"test/readable-{count}")
    document["actions"] = [{"id": kind, "kind": "log", "inputs": {"message": kind}} for kind in kinds]
    editor = new_page(width=1280, height=800)
    editor.run(document, {})
    expect(editor.node("n0")).to_be_visible()
    wait_for_stillness(editor)
    look = """() => {
        const zoom = new DOMMatrix(getComputedStyle(document.querySelector(".react-flow__viewport")).transform).a;
        return zoom * parseFloat(getComputedStyle(document.querySelector(".step-name")).fontSize);
    }"""
    assert editor.page.evaluate(look) >= READABLE_PX
    first, canvas = editor.node("$source").bounding_box(), editor.get("run-graph").bounding_box()
    assert first is not None
    assert canvas is not None
    assert first["y"] >= canvas["y"]
    if count < 10:
        for kind in kinds:
            box = editor.node(kind).bounding_box()
            assert box is not None
            assert box["y"] + box["height"] <= canvas["y"] + canvas["height"]
    viewport = editor.page.locator(".react-flow__viewport")
    before = viewport.get_attribute("style")
    editor.node("n0").click()
    expect(editor.get("step-detail")).to_be_visible()
    wait_for_stillness(editor)
    assert viewport.get_attribute("style") == before
    editor.get(f"row-n{count - 1}").click()
    expect(editor.node(f"n{count - 1}")).to_be_in_viewport(ratio=0.99)


def test_the_graph_of_a_run_still_fits_when_there_is_less_room(new_page: NewPage) -> None:
    editor = new_page(width=1280, height=800)
    document = chain("set", "log", event="test/less-room")
    document["actions"][1]["inputs"] = {"message": "x"}
    editor.run(document, {})
    expect(editor.node("log")).to_be_visible()
    editor.page.set_viewport_size({"width": 1100, "height": 560})
    wait_for_stillness(editor)
    canvas = editor.get("run-graph").bounding_box()
    assert canvas is not None
    for node in ("$source", "log"):
        box = editor.node(node).bounding_box()
        assert box is not None
        assert box["y"] >= canvas["y"]
        assert box["y"] + box["height"] <= canvas["y"] + canvas["height"]


def test_on_a_telephone_the_names_of_steps_can_be_read_at_once(new_page: NewPage) -> None:
    places = {"$source": {"x": 0, "y": 0}} | {f"s{number}": {"x": number * 280, "y": 140} for number in range(4)}
    actions = [{"id": f"s{number}", "kind": "log", "inputs": {"message": "x"}} for number in range(4)]
    edges = [{"from": "$source", "to": action["id"]} for action in actions]
    wide = chain(actions=actions, edges=edges, metadata={"ui": {"positions": places}})
    editor = new_page(width=390, height=844).open(wide)
    wait_for_stillness(editor)
    expect(editor.page.locator(".canvas-zoom")).to_have_text("50 %")
    expect(editor.get("canvas")).to_have_attribute("data-far", "false")
    editor.get("fit").click()
    expect(editor.page.locator(".canvas-zoom")).not_to_have_text("50 %")


def wait_for_stillness(editor: EditorPage) -> None:
    """Return once the drawing has stood in the same place for a few frames."""
    editor.page.evaluate(
        """() => new Promise((resolve) => {
          const drawing = document.querySelector(".react-flow__viewport");
          let [last, same] = ["", 0];
          const look = () => {
            same = drawing.style.transform === last ? same + 1 : 0;
            last = drawing.style.transform;
            if (same > 20) resolve(); else requestAnimationFrame(look);
          };
          look();
        })"""
    )


def test_each_click_on_zoom_in_counts_however_fast_they_come(editor: EditorPage) -> None:
    page = editor.open(chain(*(f"s{number}" for number in range(8)))).page
    zoom = page.locator(".canvas-zoom")
    expect(zoom).not_to_have_text("100 %")  # it has been fitted into the view
    before = page.get_by_role("button", name="Zoom in").evaluate(
        """button => {
            const before = parseInt(document.querySelector('.canvas-zoom').textContent);
            for (let n = 0; n < 3; n += 1) button.click();
            return before;
        }"""
    )
    expected = before * 1.2**3
    page.wait_for_function(
        "([low, high]) => { const now = parseInt(document.querySelector('.canvas-zoom').textContent);"
        " return low <= now && now <= high; }",
        arg=[expected * 0.97, expected * 1.03],
    )
