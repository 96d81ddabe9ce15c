"""What a test is told that has no stub for what its run came to."""

from __future__ import annotations

from collections.abc import Sequence

from workflowkit.base.errors import InvalidStub, Unstubbed
from workflowkit.base.spelling import hint
from workflowkit.definition.model import COMPENSATE
from workflowkit.engine.localresult import LocalResult
from workflowkit.engine.outside import Held
from workflowkit.engine.waits import Wait, WaitKind
from workflowkit.registry.compensation import UNDO_PREFIX
from workflowkit.testing.stubs import COMPENSATION, STEP, EventStub

#: How many of the steps that were reached an error names.
_SHOWN_STEPS = 20


def unstubbed(held: Sequence[Held], unreached: Sequence[str] = ()) -> Unstubbed:
    """Return the error that names everything a run was held by, and how each could be stubbed.

    ``unreached`` are stubs of steps that it has not come to: perhaps one of them is misspelt.
    """
    lines = "\n".join(f"- {_needed(each)}" for each in held)
    if unreached:
        lines += f"\nstubs of steps that were not reached: {', '.join(unreached)}"
    return Unstubbed(f"the run cannot go on without stubs:\n{lines}", held)


def never_reached(unreached: Sequence[str], reached: Sequence[str], result: LocalResult) -> InvalidStub:
    """Return the error of a test whose stubs are of steps that its function never came to."""
    ids = [key.partition("/")[2] for key in reached]
    named = [f"{key!r}{hint(key.removeprefix(STEP), reached if '/' in key else ids)}" for key in unreached]
    shown = ", ".join(ids[:_SHOWN_STEPS]) + (", ..." if len(ids) > _SHOWN_STEPS else "")
    ended = f"{result.status.value}: {result.error.message}" if result.error else result.status.value
    return InvalidStub(
        f"nothing asked for {', '.join(named)}: no such step was reached. Reached were: {shown or 'no steps'}; the run "
        f"ended as {ended}. A stub that may go unused is stub(..., optional=True)"
    )


def never_came(events: Sequence[EventStub], result: LocalResult) -> InvalidStub:
    """Return the error of a test whose events come after steps that have not ended."""
    named = ", ".join(f"event {each.name!r}, after={each.after!r}" for each in events)
    ended = f"{result.status.value}: {result.error.message}" if result.error else result.status.value
    return InvalidStub(f"{named}: no such step has ended; the run ended as {ended}")


def _needed(held: Held) -> str:
    undoes = held.path == COMPENSATE
    key = COMPENSATION if undoes else STEP
    if held.fetch is not None:
        return f'{held.fetch!r} sends a request ({held.note}): give its answer as stubs={{"{key}{held.fetch}": ...}}'
    if held.step is not None:
        return (
            f'{"undoing " * undoes}{held.step!r} executes something, and steps="stubbed" lets no step do so: give its '
            f'result as stubs={{"{key}{held.step}": ...}}, or Real'
        )
    if held.wait is None and undoes:
        kind = "" if held.kind.startswith(UNDO_PREFIX) else f' or {{"{held.kind}": ...}}'
        return (
            f"what undoes action {held.node_id!r} ({held.kind.removeprefix(UNDO_PREFIX)}) is external, so it is not "
            f'executed here: give what it returns as stubs={{"{COMPENSATION}{held.node_id}": ...}}{kind}, or Real'
        )
    if held.wait is None:
        return (
            f"action {held.node_id!r} ({held.kind}) is external, so it is not executed here: give what it returns as "
            f'stubs={{"node:{held.node_id}": ...}} or {{"{held.kind}": ...}}, or declare it external=False'
        )
    note = f"; {held.note}" if held.note else ""
    return f"{held.wait.key!r} {_subject(held.wait)}: {_offer(held.wait, key)}{note}"


def _subject(wait: Wait) -> str:
    match wait.kind:
        case WaitKind.EVENT:
            where = "" if wait.equals is None else f" with {wait.equals[0]} equal to {wait.equals[1]!r}"
            condition = "" if wait.condition is None else f" if {wait.condition}"
            return f"waits for event {wait.name!r}{where}{condition}"
        case WaitKind.SIGNAL:
            return f"waits for signal {wait.name!r}"
        case WaitKind.APPROVAL:
            return "waits for an approval"
        case WaitKind.CALLBACK:
            return "waits for a callback"
        case _:
            return f"waits for a run of {wait.name!r}"


def _offer(wait: Wait, key: str) -> str:
    step = f'stubs={{"{key}{wait.key}": ...}}'
    match wait.kind:
        case WaitKind.EVENT:
            return f'give events=[EventStub("{wait.name}", {{...}}, after="1h")], or an event or Timeout as {step}'
        case WaitKind.SIGNAL:
            return f'give signals={{"{wait.name}": ...}}, or its data or Timeout as {step}'
        case WaitKind.APPROVAL:
            return f'give "approved", "rejected", {{"status", "data"}} or Timeout as {step}'
        case WaitKind.CALLBACK:
            return f"give the data that is sent, or Timeout, as {step}"
        case _:
            return f'give invokes={{"{wait.name}": ...}}, or its output, an error or Timeout as {step}'
