"""Golden traces: what a run did when somebody last looked at it, as a file."""

from __future__ import annotations

import difflib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workflowkit.base.jsonvalue import check_json

if TYPE_CHECKING:
    from workflowkit.testing.result import RunResult

#: Set by ``pytest --workflowkit-update-golden``: golden files are written, not compared.
UPDATE_VARIABLE = "WORKFLOWKIT_UPDATE_GOLDEN"
_SHOWN_LINES = 80


def assert_golden(result: RunResult, path: str | Path) -> None:
    """Assert that the trace of a run is the one in a file.

    With ``pytest --workflowkit-update-golden``, or ``WORKFLOWKIT_UPDATE_GOLDEN=1``, the file is written instead. Raises
    ``AssertionError`` with the lines that differ; also if there is no such file, which is never written by chance.
    """
    file, text = Path(path), golden_text(result.trace())
    if os.environ.get(UPDATE_VARIABLE):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
        return
    advice = "look at it, then: pytest --workflowkit-update-golden"
    if not file.exists():
        raise AssertionError(f"there is no golden trace {file}; {advice}")
    stored = file.read_text("utf-8")
    if stored != text:
        raise AssertionError(f"the run is not the one in {file}; if it is right, {advice}\n{_difference(stored, text)}")


def golden_text(trace: dict[str, Any]) -> str:
    """Return a trace as it stands in a file: one value a line, keys sorted, so that a difference is a few lines."""
    check_json(trace)
    return json.dumps(trace, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _difference(stored: str, text: str) -> str:
    lines = list(difflib.unified_diff(stored.splitlines(), text.splitlines(), "stored", "this run", lineterm="", n=4))
    more = len(lines) - _SHOWN_LINES
    return "\n".join(lines[:_SHOWN_LINES] + ([f"... and {more} more lines"] if more > 0 else []))
