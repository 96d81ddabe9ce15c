"""What is kept of a run of an app that is no step of an author: in the journal like a step, under ids of its own."""

from __future__ import annotations

#: What the ids begin with: of functions that are to follow, of those that are not to any more, and of what an app had
#: come to when it handed its run over. No step of an author has a ``~`` in its id.
ADDED, ABORTED, HANDED_OVER = "defer~", "abort~", "handed~"


def is_note(own_step_id: str) -> bool:
    """Tell whether what is kept under an id is no step of an author."""
    return own_step_id.startswith((ADDED, ABORTED, HANDED_OVER))
