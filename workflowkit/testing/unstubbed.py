"""What a test is told that has no stub for what its run came to."""

from __future__ import annotations

from collections.abc import Sequence

from workflowkit.base.errors import Unstubbed
from workflowkit.engine.outside import Held
from workflowkit.engine.waits import Wait, WaitKind


def unstubbed(held: Sequence[Held]) -> Unstubbed:
    """Return the error that names everything a run was held by, and how each could be stubbed."""
    lines = "\n".join(f"- {_needed(each)}" for each in held)
    return Unstubbed(f"the run cannot go on without stubs:\n{lines}", held)


def _needed(held: Held) -> str:
    if held.fetch is not None:
        return f'{held.fetch!r} sends a request ({held.note}): give its answer as stubs={{"step:{held.fetch}": ...}}'
    if held.wait is None:
        return (
            f"action {held.node_id!r} ({held.kind}) is external, so it is not executed here: give what it returns as "
            f'stubs={{"node:{held.node_id}": ...}} or {{"{held.kind}": ...}}, or declare it external=False'
        )
    note = f"; {held.note}" if held.note else ""
    return f"{held.wait.key!r} {_subject(held.wait)}: {_offer(held.wait)}{note}"


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


def _offer(wait: Wait) -> str:
    step = f'stubs={{"step:{wait.key}": ...}}'
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
