"""A call that asks for one step of one run, read. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workflowkit.base.errors import InvalidInput, Problem
from workflowkit.base.jsonvalue import loads_strict
from workflowkit.base.limits import Limits

#: Stands for the whole of a function where a step could be named.
WHOLE = "step"
_MAX_ATTEMPTS = 21


@dataclass(frozen=True, slots=True)
class Dispatch:
    """What a server wants to hear of its call where results are saved in the middle of it."""

    function_id: str
    queue_item_id: str
    generation: int


@dataclass(frozen=True, slots=True)
class Call:
    """What a server asks for, and what it remembers.

    ``steps`` are results by the hashes of steps, as the server has them, ``stack`` the order in which it got them.
    ``attempt`` counts from 0. ``target`` is the hash of the one step to execute, ``None`` for whatever is next;
    ``plans_only``: tell what is next, and execute nothing. Where ``use_api``, events and steps are to be asked for.
    ``dispatch`` is ``None`` where nothing can be saved in the middle of the call.
    """

    function: str
    run_id: str
    target: str | None
    attempt: int
    max_attempts: int
    plans_only: bool
    stack: tuple[str, ...]
    events: tuple[Mapping[str, Any], ...]
    steps: Mapping[str, Any]
    use_api: bool = False
    request_id: str | None = None
    dispatch: Dispatch | None = None


def read_call(query: Mapping[str, str], body: bytes, limits: Limits) -> Call:
    """Return the call that a request makes. Raises ``InvalidInput`` and ``LimitExceeded``."""
    payload = loads_strict(
        body, max_bytes=limits.serve_request_bytes, max_depth=limits.json_depth, limit="serve_request_bytes"
    )
    root = _object(payload, "")
    context = _object(root.get("ctx"), "/ctx")
    use_api = bool(root.get("use_api") or context.get("use_api"))
    listed = root.get("events") or [root.get("event")]
    if not isinstance(listed, list):
        raise _wrong("/events", "a list of events")
    events = () if use_api else tuple(_object(each, f"/events/{index}") for index, each in enumerate(listed))
    run_id, request_id = context.get("run_id"), context.get("request_id")
    if not isinstance(run_id, str) or not run_id:
        raise _wrong("/ctx/run_id", "the id of a run")
    step = query.get("stepId", WHOLE)
    return Call(
        function=query.get("fnId", ""),
        run_id=run_id,
        target=None if step == WHOLE else step,
        attempt=_count(context.get("attempt", 0), "/ctx/attempt"),
        max_attempts=_count(context.get("max_attempts", _MAX_ATTEMPTS), "/ctx/max_attempts"),
        plans_only=bool(context.get("disable_immediate_execution")),
        stack=_stack(context.get("stack")),
        events=events,
        steps=_object(root.get("steps") or {}, "/steps"),
        use_api=use_api,
        request_id=request_id if isinstance(request_id, str) else None,
        dispatch=_dispatch(context),
    )


def _dispatch(context: Mapping[str, Any]) -> Dispatch | None:
    function_id, item_id, generation = (context.get(name) for name in ("fn_id", "qi_id", "generation_id"))
    if isinstance(function_id, str) and isinstance(item_id, str) and type(generation) is int:
        return Dispatch(function_id, item_id, generation)
    return None


def _stack(value: Any) -> tuple[str, ...]:
    hashes = value.get("stack") if isinstance(value, dict) else None
    return tuple(each for each in hashes if isinstance(each, str)) if isinstance(hashes, list) else ()


def _object(value: Any, pointer: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _wrong(pointer, "an object")
    return value


def _count(value: Any, pointer: str) -> int:
    if type(value) is not int or not 0 <= value <= _MAX_ATTEMPTS * 10:
        raise _wrong(pointer, "a small whole number")
    return value


def _wrong(pointer: str, what: str) -> InvalidInput:
    return InvalidInput([Problem(pointer, "invalid-type", f"must be {what}")])
