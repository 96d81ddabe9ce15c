"""Where the browser of the browser tests is: any Chromium on PATH. As a program: prints it, or exits with 1."""

from __future__ import annotations

import shutil
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")


def find_chromium() -> str | None:
    """Return the path of a Chromium, or ``None``."""
    return next((path for name in NAMES if (path := shutil.which(name)) is not None), None)


if __name__ == "__main__":
    print(find_chromium() or "there is no Chromium")
    sys.exit(find_chromium() is None)
