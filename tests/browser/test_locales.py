"""The editor in other languages: nothing English is left, and Arabic is laid out from right to left."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from accessibility import serious
from editing import NewPage
from embedhost import Host
from playwright.sync_api import Locator, Page, expect
from translations import catalogue

#: All that is read or read out in the shadow of the element, each once; but for code inside of sentences, which is
#: marked: its order is from left to right in every language.
SAID = """element => {
    const said = new Set();
    const isCode = text => text.parentElement !== null && text.parentElement.closest("bdi[dir=ltr]") !== null;
    const walk = document.createTreeWalker(element.shadowRoot, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) {
        const node = walk.currentNode;
        if (node.nodeType === Node.TEXT_NODE) said.add(isCode(node) ? "" : node.data.trim());
        else for (const name of ["aria-label", "title", "placeholder"])
            if (node.hasAttribute(name)) said.add(node.getAttribute(name).trim());
    }
    return [...said].filter(text => text !== "");
}"""


class Speaking:
    """A host's page whose editor speaks a language."""

    def __init__(self, page: Page, host: Host, language: str) -> None:
        self.page, self.language = page, language
        page.goto(f"{host.url}/login")
        page.get_by_label("Name").fill("ada")
        page.get_by_label("Password").fill("ada")
        page.get_by_role("button", name="Log in").click()
        expect(self.get("node-note")).to_be_visible()
        self.editor.evaluate("(element, language) => { element.locale = language; }", language)
        expect(page.locator(f"workflow-editor [lang={language}]")).to_be_visible()
        expect(self.get("node-note")).to_be_visible()

    @property
    def editor(self) -> Locator:
        return self.page.locator("workflow-editor")

    def get(self, test_id: str) -> Locator:
        return self.page.get_by_test_id(test_id)

    def box(self, test_id: str) -> dict[str, float]:
        """Where something is on the page, in pixels."""
        found = (self.editor if test_id == "editor" else self.get(test_id)).bounding_box()
        assert found is not None
        return {"x": found["x"], "width": found["width"]}

    def said(self) -> set[str]:
        return set(self.editor.evaluate(SAID))

    def walk(self) -> set[str]:
        """Go through the editor; return all that it said on the way."""
        said = self.said()
        steps: tuple[tuple[Callable[[], None], str], ...] = (
            (lambda: self.get("node-note").click(), "config"),
            (lambda: self.page.get_by_role("tab").nth(1).click(), "field-/timeout"),
            (lambda: self.get("node-$source").click(), "trigger-kind-0"),
            (lambda: self.page.get_by_role("tab").nth(1).click(), "field-/retries"),
            (lambda: self.page.get_by_role("tab").nth(2).click(), "flow-throttle"),
            (lambda: self.get("versions-button").click(), "versions"),
            (lambda: self.get("outline-button").click(), "outline"),
            (lambda: self.get("problems-button").click(), "problems"),
            (lambda: self.get("test-button").click(), "test-run"),
            (lambda: self.get("test-run").click(), "test-result"),
            (lambda: self.get("more").click(), "export"),
        )
        for open_it, shown in steps:
            open_it()
            expect(self.get(shown)).to_be_visible()
            said |= self.said()
        self.page.keyboard.press("Escape")
        self.get("node-large").click()
        for key, dialog in (("a", "add-dialog"), ("?", "help"), ("Control+f", "find")):
            self.page.keyboard.press(key)
            expect(self.get(dialog)).to_be_visible()
            said |= self.said()
            self.page.keyboard.press("Escape")
        return said


@pytest.mark.parametrize("language", ["de", "ar"])
def test_nothing_is_said_in_english(new_page: NewPage, host: Host, language: str) -> None:
    said = Speaking(new_page().page, host, language).walk()
    words = catalogue(language, has_pages=False)
    translated = {english for english, other in words.items() if isinstance(other, str) and other != english}
    #: What the example itself is called.
    named = {"Orders", "Is it large?", "Note it"}
    keys = {"Delete"}
    assert len(said) > 150
    own = {other for other in words.values() if isinstance(other, str)}
    assert sorted((said & translated) - own - named - keys) == []


def test_what_is_left_in_latin_letters_in_arabic_are_names(new_page: NewPage, host: Host) -> None:
    said = Speaking(new_page().page, host, "ar").walk()
    names = re.compile(
        r"Orders|Is it large\?|Note it|JSON|fx|React Flow|Enter|Esc|Tab|Shift|Ctrl|Delete|[A-Z]\b|!ref|\$"
    )
    technical = re.compile(r"^[\d %+←↑→↓·⌘?,./:{}\[\]()\"'&|=<>*_-]*$|^[a-z][\w.:/ -]*$")
    left = {text for text in said if re.search(r"[A-Za-z]{2,}", text) and not re.search(r"[\u0600-\u06ff]", text)}
    assert sorted(text for text in left if not names.search(text) and not technical.match(text)) == []


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (820, 1180)])
def test_arabic_goes_from_right_to_left(new_page: NewPage, host: Host, width: int, height: int, tmp_path: Path) -> None:
    speaking = Speaking(new_page(width=width, height=height).page, host, "ar")
    speaking.get("node-note").click()
    expect(speaking.get("config")).to_be_visible()
    editor, publish, name = speaking.box("editor"), speaking.box("publish"), speaking.box("workflow-name")
    node, config = speaking.box("node-note"), speaking.box("config")
    middle = editor["x"] + editor["width"] / 2
    assert publish["x"] + publish["width"] / 2 < middle < name["x"] + name["width"] / 2
    if width > 1024:
        assert config["x"] + config["width"] < middle
        assert node["x"] >= config["x"] + config["width"], "the panel covers the step that it is about"
    # The drawing itself has no direction: the way of "true" stays to the left of that of "false".
    assert speaking.editor.locator(".react-flow").evaluate("element => getComputedStyle(element).direction") == "ltr"
    assert serious(speaking.page) == []
    (tmp_path / "arabic.png").write_bytes(speaking.page.screenshot())
    inside = speaking.editor.locator(".editor")
    assert inside.evaluate("element => element.scrollWidth - element.clientWidth") <= 0


def test_an_unknown_language_is_english(new_page: NewPage, host: Host) -> None:
    page = new_page().page
    speaking = Speaking(page, host, "de")
    speaking.editor.evaluate("element => { element.locale = 'xx-YY'; }")
    expect(page.locator("workflow-editor [lang=en]")).to_be_visible()
    expect(speaking.get("publish")).to_have_text("Publish")
