"""What to say of a kind that does not exist."""

from __future__ import annotations

from workflowkit.base.errors import Problem
from workflowkit.definition.catalogue import ActionCatalogue


def unknown_kind(kind: str, pointer: str, catalogue: ActionCatalogue) -> Problem:
    """Return the problem, with a kind that is spelled alike if there is one."""
    from difflib import get_close_matches  # only for documents that are wrong

    close = get_close_matches(kind, list(catalogue.kinds()), n=1)
    hint = f" (did you mean {close[0]}?)" if close else ""
    return Problem(pointer, "unknown-kind", f"Workflow instance references unknown action kind: {kind}{hint}")
