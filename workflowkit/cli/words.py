"""Reasons, in words for people. The stable words are those of docs/reference/errors.md."""

from __future__ import annotations

from typing import Final

#: Why an event started no run of a workflow.
REASONS: Final = {
    "condition-false": "the condition of the trigger does not hold",
    "trigger-error": "the condition of the trigger could not be evaluated",
    "depth-exceeded": "runs have started runs too many times in a row",
    "target-missing": "the workflow it is addressed to does not exist",
    "target-unpublished": "the workflow it is addressed to was never published",
    "target-disabled": "the workflow it is addressed to is switched off",
    "inputs-refused": "its data is not what the workflow asks for",
    "overlap-skipped": "an earlier run was still going on",
    "archived": "the workflow was archived",
    "disabled": "the workflow was switched off",
    "paused": "the workflow was paused",
    "drained": "the workflow was being drained",
    "rate-limited": "it came too early for the rate limit of the workflow",
    "idempotent": "an earlier event had the same key",
    "singleton": "a run of the workflow was going on",
    "superseded": "a later event took its place while it waited for a run to end",
    "key-error": "the key of the rate limit or of idempotency could not be evaluated",
    "backlog-full": "too many runs of the workflow are waiting",
    "run-exists": "the run is there already",
    "duplicate": "an earlier event had the same id",
    "start-failed": "the published version could not be started",
}


def in_words(reason: str) -> str:
    """Return a reason in words; the stable word itself, where there are none."""
    return REASONS.get(reason, reason)
