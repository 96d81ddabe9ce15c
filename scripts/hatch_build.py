"""Build hook: a real wheel carries the directories beside the package inside it; an editable install carries nothing.

`workflowkit.assets.asset_dir` finds them in either place. They are not packages of their own, so that an installed
workflowkit adds no `actions` or `migrations` to anybody's import path.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SHIPPED_DIRECTORIES = ("actions", "schemas", "migrations")


class ShippedDirectories(BuildHookInterface):  # type: ignore[type-arg] # its parameter differs between hatchling versions
    """Adds the files of the shipped directories to a wheel, under `workflowkit/_shipped/`."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Name the files; `version` is "editable" or "standard"."""
        if version == "editable":
            return
        root = Path(self.root)
        for directory in SHIPPED_DIRECTORIES:
            for file in sorted((root / directory).rglob("*")):
                if file.is_file() and "__pycache__" not in file.parts:
                    target = f"workflowkit/_shipped/{file.relative_to(root).as_posix()}"
                    build_data["force_include"][str(file)] = target
