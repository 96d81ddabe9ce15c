"""What every screen has to stand: axe, and texts that try to be executed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

AXE = Path(__file__).resolve().parents[1] / "web/node_modules/axe-core/axe.min.js"
HOSTILE = [
    "<img src=x onerror=alert(1)>",
    '"><script>alert(1)</script>',
    "javascript:alert(1)",
    "{{constructor.constructor('alert(1)')()}}",
]


#: The rules of axe that look at colours; all others find the same in every theme.
COLOUR_RULES = ("color-contrast", "link-in-text-block")
#: Colours are looked at where they end, however slow the machine is.
RUN = """rules => new Promise(done => requestAnimationFrame(() => setTimeout(done)))
    .then(() => document.getAnimations().filter(each => each instanceof CSSTransition).forEach(each => each.finish()))
    .then(() => axe.run(document, {resultTypes: ["violations"], ...(rules === null ? {} : {runOnly: rules})}))"""


def serious(page: Page, rules: Sequence[str] | None = None) -> list[str]:
    """Return what axe finds that is serious or critical; by all of its rules, unless some are named."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text())
    found: dict[str, Any] = page.evaluate(RUN, None if rules is None else list(rules))
    return [
        f"{violation['id']}: {node['html'][:160]} {node['failureSummary'][:200]}"
        for violation in found["violations"]
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]


def serious_in_both_themes(page: Page) -> list[str]:
    """Return what axe finds on a light page, and then in the colours of the dark one; it is light again in the end."""
    light = serious(page)
    page.emulate_media(color_scheme="dark")
    dark = serious(page, COLOUR_RULES)
    page.emulate_media(color_scheme="light")
    return light + [f"dark: {problem}" for problem in dark]
