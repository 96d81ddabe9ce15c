"""Functions that an app wants started once another one has ended: noted while it runs, begun with its end.

What is noted is kept in the journal like the result of a step, under an id that no step of an author can have.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from workflowkit.base.errors import InvalidInput, LimitExceeded
from workflowkit.base.ids import derived_id
from workflowkit.base.jsonvalue import text_fault
from workflowkit.base.limits import Limits
from workflowkit.engine.facts import Fact
from workflowkit.engine.failures import stored_value
from workflowkit.engine.outcome import EmittedEvent
from workflowkit.engine.waitspecs import FOLLOWING_EVENT, addressed_event
from workflowkit.inngest.addresses import Address
from workflowkit.inngest.notes import ABORTED, ADDED
from workflowkit.inngest.replies import Operation

_log = logging.getLogger(__name__)

#: The operations that note one, and that take one back.
ADD, ABORT = "DeferAdd", "DeferAbort"
LAZY = frozenset({ADD, ABORT})
#: The event that starts such a function, as SDKs know it; and the field by which they tell.
DEFERRED_EVENT, _PARENT_RUN = "inngest/deferred.schedule", "parent_run_id"


@dataclass(frozen=True, slots=True)
class Note:
    """What is to be kept: under which id, and what."""

    own_id: str
    value: Any


def note_of(operation: Operation, limits: Limits) -> Note | None:
    """Return what an operation wants noted; ``None``, with a line in the log, for what cannot be kept."""
    options = operation.options
    if operation.code == ABORT:
        target = options.get("target_hashed_id")
        is_hash = isinstance(target, str) and len(target) == 40 and text_fault(target) is None
        return Note(f"{ABORTED}{target}", None) if is_hash else None
    slug, given = options.get("fn_slug"), options.get("input")
    try:
        if not isinstance(slug, str) or not isinstance(given, dict):
            raise InvalidInput.at("/opts", "required", "a deferred function has a slug, and an object as its input")
        value = stored_value({"fn_slug": slug, "input": given}, limits)
    except (InvalidInput, LimitExceeded) as error:
        _log.warning("a deferred function is not started: %s", error.message)  # the parent must not fail of it
        return None
    return Note(f"{ADDED}{operation.hashed}", value)


def shown(known: Iterable[tuple[str, Fact]]) -> dict[str, dict[str, bool]]:
    """Return what has been noted, as a call tells it: by the SDK's hash, and whether it can be taken back."""
    ids = [own for own, _ in known]
    return {
        own.removeprefix(ADDED): {"abortable": own.replace(ADDED, ABORTED, 1) not in ids}
        for own in ids
        if own.startswith(ADDED)
    }


def surviving(known: Iterable[tuple[str, Fact]], limits: Limits) -> dict[str, Mapping[str, Any]]:
    """Return the functions that are to be started, by hash: the first ones that were noted and not taken back."""
    entries = [*known]
    told = shown(entries)
    kept = {
        own.removeprefix(ADDED): fact.output
        for own, fact in entries
        if own.startswith(ADDED) and told[own.removeprefix(ADDED)]["abortable"]
    }
    return dict([*kept.items()][: limits.remote_defers])


def starting_event(
    hashed: str, noted: Mapping[str, Any], target: str, parent: Address, run_id: str, limits: Limits
) -> EmittedEvent:
    """Return the event that starts a function. Raises ``InvalidInput`` and ``LimitExceeded`` for its data."""
    told = {
        "fn_slug": noted["fn_slug"], "parent_app_id": parent.app, "parent_fn_slug": parent.slug, _PARENT_RUN: run_id,
    }  # fmt: skip
    data = {**noted["input"], "_inngest": told}
    own_id = derived_id(run_id, "defer", hashed)
    return addressed_event(target, data, own_id=own_id, limits=limits, name=FOLLOWING_EVENT)


def is_deferred(data: Mapping[str, Any]) -> bool:
    """Tell whether the data of an event is that of a function that was deferred."""
    told = data.get("_inngest")
    return isinstance(told, dict) and _PARENT_RUN in told
