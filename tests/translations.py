"""What the editor and the pages say in other languages: the catalogues of web/."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

LOCALES = Path(__file__).resolve().parents[1] / "web" / "src" / "locale"
#: All that is read or read out, each once, but for values that are shown as they are.
SAID = """() => {
    const said = new Set();
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) {
        const node = walk.currentNode;
        if (node.nodeType === Node.TEXT_NODE) {
            if (node.parentElement.closest(".json-value, .json-name, code, pre") === null) said.add(node.data.trim());
        }
        else for (const name of ["aria-label", "title", "placeholder", "aria-valuetext", "data-head"])
            if (node.hasAttribute(name)) said.add(node.getAttribute(name).trim());
    }
    return [...said].filter(text => text !== "");
}"""


def catalogue(language: str, *, has_pages: bool = True) -> dict[str, Any]:
    """Return English texts with what they are in a language; without those that only pages beside the editor say."""
    paths = sorted(path for path in LOCALES.glob(f"{language}.*json") if has_pages or ".pages." not in path.name)
    return {key: text for path in paths for key, text in json.loads(path.read_text("utf-8")).items()}


def english_on(page: Page, language: str, named: Collection[str] = ()) -> list[str]:
    """Return what a page says in English and has a translation, but for what somebody has ``named`` so."""
    words = catalogue(language)
    own = {other for other in words.values() if isinstance(other, str)}
    translated = {english for english, other in words.items() if other != english}
    return sorted((set(page.evaluate(SAID)) & translated) - own - set(named))
