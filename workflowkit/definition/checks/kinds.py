"""What to say of a kind that does not exist."""

from __future__ import annotations

from workflowkit.base.errors import Problem
from workflowkit.base.spelling import hint
from workflowkit.definition.catalogue import ActionCatalogue


def unknown_kind(kind: str, pointer: str, catalogue: ActionCatalogue) -> Problem:
    """Return the problem, with a kind that is spelled alike if there is one."""
    message = f"Workflow instance references unknown action kind: {kind}{hint(kind, catalogue.kinds())}"
    return Problem(pointer, "unknown-kind", message)
