"""The built editor and run viewer: which files there are, and what its page has to load."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workflowkit.assets import web_dir
from workflowkit.base import jsonvalue
from workflowkit.base.errors import NotFound

_MANIFEST = ".vite/manifest.json"
#: The one style sheet of all pages.
_STYLE = "style.css"
#: What is loaded from outside of other scripts, by its source: the pages, the element of hosts, its iframe, and
#: the client of streams.
PAGES, ELEMENT, FRAME, CONNECT = "index.html", "src/embed/element.ts", "src/embed/frame.ts", "src/embed/connect.ts"
FOLLOW = "src/realtime/follow.ts"
_ASSET_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")
_CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """A file that never changes: its name holds a hash of its content. ``gzipped`` is the same, compressed."""

    path: Path
    content_type: str
    gzipped: Path | None


@dataclass(frozen=True, slots=True)
class Script:
    """A script that a page begins with, and what it will need at once."""

    file: str
    preloads: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WebBundle:
    """A build of the web interface. Paths are relative to where the application is mounted."""

    directory: Path
    style: str
    manifest: dict[str, Any]

    @classmethod
    def find(cls) -> WebBundle | None:
        """Return the build as it is now, or ``None`` where there is none."""
        directory = web_dir()
        if directory is None or not (directory / _MANIFEST).is_file():
            return None
        manifest: dict[str, Any] = jsonvalue.loads((directory / _MANIFEST).read_bytes())
        return cls(directory, manifest[_STYLE]["file"], manifest)

    @classmethod
    def built(cls) -> WebBundle:
        """Return the build. Raises ``NotFound`` where there is none."""
        found = cls.find()
        if found is None:
            raise NotFound("the web interface was not built")
        return found

    def script(self, source: str) -> Script:
        """Return what was built of ``PAGES``, ``ELEMENT``, ``FRAME``, ``CONNECT`` or ``FOLLOW``."""
        entry = self.manifest[source]
        return Script(entry["file"], tuple(self.manifest[name]["file"] for name in entry.get("imports", ())))

    def asset(self, name: str) -> Asset | None:
        """Return a file of the build, if there is one of that name that a page may load."""
        path = self.directory / "assets" / name
        content_type = _CONTENT_TYPES.get(path.suffix)
        if _ASSET_NAME.fullmatch(name) is None or content_type is None or not path.is_file():
            return None
        gzipped = path.with_name(f"{name}.gz")
        return Asset(path, content_type, gzipped if gzipped.is_file() else None)
