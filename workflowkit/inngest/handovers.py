"""What an app had come to when it handed over a run that it had begun: operations that are still to be done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workflowkit.inngest.naming import hash_of
from workflowkit.inngest.notes import HANDED_OVER
from workflowkit.inngest.replies import Operation, read_operation

#: What is kept of an operation that an app hands over.
_KEPT = ("op", "id", "name", "displayName", "userland", "opts", "data", "error")
#: The step as which the SDK tells that the function itself has failed.
_WHOLE_FUNCTION = hash_of("complete")
_FAILURES = frozenset({"StepError", "StepFailed"})


def kept_of(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is kept of an operation."""
    return {name: entry[name] for name in _KEPT if entry.get(name) is not None}


def handed_over(known: Mapping[str, Any]) -> tuple[Operation, ...]:
    """Return the operations that an app had come to; ``known`` are outputs by step id."""
    entries = known.get(HANDED_OVER) or ()
    return tuple(found for found in map(read_operation, entries) if found is not None)


def is_failure_of_function(operation: Operation) -> bool:
    """Tell whether an operation says that the function itself has failed."""
    return operation.code in _FAILURES and operation.hashed == _WHOLE_FUNCTION
