"""Stubs as JSON: those of tests beside a workflow, and of dry runs.

Each is an object with one of the keys ``output`` (a value), ``error`` (``{"message", "name"?, "retryable"?}``),
``event`` (``{"name", "data"?}``) and ``timeout`` (true), and ``after`` if it is of something that is waited for; or a
list of such objects, one for each time it is asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from workflowkit.base.errors import InvalidInput, Problem, WorkflowKitError
from workflowkit.base.jsonvalue import child_pointer
from workflowkit.engine.facts import ErrorInfo
from workflowkit.engine.failures import WrittenError
from workflowkit.engine.waitspecs import seconds_of
from workflowkit.testing.stubs import EventStub, InTurn, Stub, Stubs, Timeout

_WAYS = ("output", "error", "event", "timeout")
_CODE = "invalid-stub"


def stubs_from_json(written: Mapping[str, Any], pointer: str = "") -> Stubs:
    """Return the stubs under the keys ``stubs``, ``events``, ``signals`` and ``invokes`` of a test or a dry run.

    Raises ``InvalidInput`` with all problems, whose pointers begin with ``pointer``.
    """
    problems: list[Problem] = []
    tables = {
        name: _table(written.get(name, {}), f"{pointer}/{name}", problems) for name in ("stubs", "signals", "invokes")
    }
    events = tuple(_events(written.get("events", []), f"{pointer}/events", problems))
    if problems:
        raise InvalidInput(problems)
    return Stubs(tables["stubs"], events, tables["signals"], tables["invokes"])


def _table(written: Any, pointer: str, problems: list[Problem]) -> dict[str, Any]:
    if not isinstance(written, dict):
        problems.append(Problem(pointer, _CODE, "must be an object"))
        return {}
    return {key: _stub(value, child_pointer(pointer, key), problems) for key, value in written.items()}


def _stub(written: Any, pointer: str, problems: list[Problem]) -> Any:
    if isinstance(written, list) and written:
        return InTurn(tuple(_stub(each, f"{pointer}/{index}", problems) for index, each in enumerate(written)))
    ways = [way for way in _WAYS if isinstance(written, dict) and way in written]
    if len(ways) != 1 or written.keys() - {*_WAYS, "after"}:
        message = f"must have one of the keys {', '.join(_WAYS)}, and may have after; or be a list of such objects"
        problems.append(Problem(pointer, _CODE, message))
        return None
    after_seconds = _after(written.get("after", 0), f"{pointer}/after", problems)
    value = written[ways[0]]
    match ways[0]:
        case "output":
            return Stub(value, after_seconds=after_seconds)
        case "timeout":
            if value is not True:
                problems.append(Problem(f"{pointer}/timeout", _CODE, "must be true"))
            return Timeout
        case "event":
            return Stub(_event(value, f"{pointer}/event", problems), after_seconds=after_seconds)
    return Stub(raises=_error(value, f"{pointer}/error", problems), after_seconds=after_seconds)


def _error(written: Any, pointer: str, problems: list[Problem]) -> WrittenError | None:
    texts = {"name": "Error", "message": "stubbed", "code": "action-failed"} | (
        {key: value for key, value in written.items() if key != "retryable"} if isinstance(written, dict) else {}
    )
    retryable = written.get("retryable", True) if isinstance(written, dict) else None
    if len(texts) > 3 or not all(isinstance(text, str) for text in texts.values()) or not isinstance(retryable, bool):
        message = "must be an object with message, and may have name, code and retryable"
        problems.append(Problem(pointer, _CODE, message))
        return None
    return WrittenError(ErrorInfo(texts["name"], texts["message"], texts["code"], retryable))


def _events(written: Any, pointer: str, problems: list[Problem]) -> Iterator[EventStub]:
    if not isinstance(written, list):
        problems.append(Problem(pointer, _CODE, "must be a list of events"))
        return
    for index, each in enumerate(written):
        found = _event(each, f"{pointer}/{index}", problems)
        if found is not None:
            yield found


def _event(written: Any, pointer: str, problems: list[Problem]) -> EventStub | None:
    is_event = isinstance(written, dict) and isinstance(written.get("name"), str)
    if not is_event or not isinstance(written.get("data", {}), dict) or written.keys() - {"name", "data", "after"}:
        problems.append(Problem(pointer, _CODE, "must be an object with name, and may have data and after"))
        return None
    made = EventStub(written["name"], written.get("data", {}), written.get("after", 0))
    if made.after_step is not None:
        return made
    return replace(made, after=_after(made.after, f"{pointer}/after", problems))


def _after(written: Any, pointer: str, problems: list[Problem]) -> float:
    try:
        return seconds_of(written, "after")
    except WorkflowKitError as error:
        problems.append(Problem(pointer, _CODE, error.message))
        return 0.0
