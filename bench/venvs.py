"""The peers' virtual environments under ``bench/.venvs``, made from PyPI and kept between runs."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from bench.processes import REPOSITORY

_ROOT = REPOSITORY / "bench" / ".venvs"

#: What is installed for each peer: itself in its newest release, and the same web server for all.
REQUIREMENTS: dict[str, tuple[str, ...]] = {
    "celery": ("celery[redis]", "flask", "gunicorn"),
    "dbos": ("dbos", "flask", "gunicorn"),
}

_LIST_VERSIONS = (
    "import importlib.metadata as m, json, sys; "
    "print(json.dumps({n: m.version(n) for n in sys.argv[1:] if n in {d.name.lower() for d in m.distributions()}}))"
)


def python_of(peer: str) -> Path:
    """Return the interpreter of a peer's environment, making the environment if it is missing or outdated.

    Needs the network the first time. Raises ``subprocess.CalledProcessError`` if the packages cannot be installed.
    """
    environment = _ROOT / peer
    python = environment / "bin" / "python"
    stamp = environment / ".requirements"
    wanted = "\n".join(REQUIREMENTS[peer])
    if python.exists() and stamp.exists() and stamp.read_text() == wanted:
        return python
    _make(environment, python, REQUIREMENTS[peer])
    stamp.write_text(wanted)
    return python


def versions_of(python: Path, packages: tuple[str, ...]) -> dict[str, str]:
    """Return the installed versions of those of ``packages`` that an environment has."""
    output = subprocess.run(
        [python, "-c", _LIST_VERSIONS, *packages], check=True, capture_output=True, text=True
    ).stdout
    versions: dict[str, str] = json.loads(output)
    return versions


def _make(environment: Path, python: Path, requirements: tuple[str, ...]) -> None:
    uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
    if uv is not None:
        subprocess.run([uv, "venv", "-q", "--allow-existing", "-p", sys.executable, environment], check=True)
        subprocess.run([uv, "pip", "install", "-q", "-p", python, *requirements], check=True)
        return
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    subprocess.run(
        [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *requirements],
        check=True,
    )
