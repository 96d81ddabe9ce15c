"""What the built-in actions are called, in the languages of the editor. Its own messages are compared in web/."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from workflowkit.registry import Registry, load_builtin_actions

LOCALES = Path(__file__).parents[2] / "web" / "src" / "locale"


def texts_of(schema: Any) -> Iterator[str]:
    """Every text that the form of a schema shows; properties without a title go by their names."""
    if isinstance(schema, list):
        for part in schema:
            yield from texts_of(part)
    if not isinstance(schema, dict):
        return
    yield from (text for key in ("title", "description") if isinstance(text := schema.get(key), str))
    for name, part in schema.get("properties", {}).items():
        if isinstance(part, dict) and "title" not in part and not part.get("x-hidden"):
            yield humanized(name)
    for key, part in schema.items():
        if key not in ("default", "examples", "const", "enum"):
            yield from texts_of(part)


def humanized(name: str) -> str:
    words = re.sub(r"([a-z])([A-Z])", r"\1 \2", re.sub(r"[_-]+", " ", name)).strip()
    return words[:1].upper() + words[1:].lower()


@pytest.mark.parametrize("language", ["de", "ar"])
def test_all_that_built_in_actions_say_is_translated(language: str) -> None:
    translations = json.loads((LOCALES / f"{language}.served.json").read_text("utf-8"))
    registry = Registry()
    load_builtin_actions(registry)
    shown = {
        text
        for spec in registry
        for text in (
            spec.name,
            spec.description,
            spec.category,
            *(edge.name for edge in spec.edges.edges),
            *texts_of(spec.inputs),
        )
        if text
    }
    assert len(shown) > 100
    assert sorted(shown - translations.keys()) == []
