"""What the editor and the pages say in other languages: the catalogues of web/."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

LOCALES = Path(__file__).resolve().parents[1] / "web" / "src" / "locale"


def catalogue(language: str, *, has_pages: bool = True) -> dict[str, Any]:
    """Return English texts with what they are in a language; without those that only pages beside the editor say."""
    paths = sorted(path for path in LOCALES.glob(f"{language}.*json") if has_pages or ".pages." not in path.name)
    return {key: text for path in paths for key, text in json.loads(path.read_text("utf-8")).items()}
