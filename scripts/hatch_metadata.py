"""Metadata hook: the README as a package index shows it, where nothing stands beside it.

There a link to `docs/actions.md` leads nowhere and a picture is a broken one. With an address of the source under
`[project.urls]` links are made absolute; without one they become what they say, and pictures go. Comments go as well.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

#: A block of code, which stays as it is; a picture or a link; a comment.
_PARTS = re.compile(
    r"(?P<code>^```.*?^```$|`[^`\n]+`)|(?P<comment><!--.*?-->\n?)"
    r"|(?P<image>!)?\[(?P<text>(?:`[^`\n]*`|[^\]`])*)\]\((?P<target>[^)\s]+)\)",
    re.DOTALL | re.MULTILINE,
)


def as_page(text: str, source: str | None = None) -> str:
    """Return a README for a place where its neighbours are not; ``source`` is where these can be seen."""

    def shown(part: re.Match[str]) -> str:
        target = part["target"]
        if part["comment"] is not None:
            return ""
        if target is None or "://" in target or target.startswith("#"):
            return part[0]
        if source is not None:
            kind = "raw" if part["image"] else "blob"
            return f"{part['image'] or ''}[{part['text']}]({source}/{kind}/main/{target})"
        return "" if part["image"] else part["text"]

    return re.sub(r"\n{3,}", "\n\n", _PARTS.sub(shown, text))


class Readme(MetadataHookInterface):
    """Gives the package the README as its description."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set what pyproject.toml calls dynamic."""
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        source = metadata.get("urls", {}).get("Source")
        metadata["readme"] = {"content-type": "text/markdown", "text": as_page(text, source)}
