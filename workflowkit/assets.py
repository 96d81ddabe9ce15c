"""Where the files beside the code are: inside the package of a wheel, next to it in a checkout."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_CHECKOUT = _PACKAGE.parent


def asset_dir(name: str) -> Path:
    """Return the directory ``actions``, ``schemas`` or ``migrations``. Raises ``FileNotFoundError`` for any other."""
    shipped = _PACKAGE / "_shipped" / name  # put there by scripts/hatch_build.py
    if shipped.is_dir():
        return shipped
    beside = _CHECKOUT / name
    # The pyproject.toml tells a checkout from a site-packages that happens to hold a package of that name.
    if (_CHECKOUT / "pyproject.toml").is_file() and beside.is_dir():
        return beside
    raise FileNotFoundError(f"workflowkit has no directory {name!r}, neither shipped nor in a checkout")


def web_dir() -> Path | None:
    """Return the directory of the built web interface; ``None`` in a checkout where it was not built."""
    candidates = (_PACKAGE / "_shipped" / "web", _CHECKOUT / "web" / "dist")
    return next((path for path in candidates if path.is_dir()), None)
