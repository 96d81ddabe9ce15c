"""What a test expects of a run, held against what the run was."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from workflowkit.base.jsonvalue import dumps
from workflowkit.testing.result import RunResult

_SHOWN_CHARS = 200


def misses(expect: Mapping[str, Any], run: RunResult) -> Iterator[str]:
    """Yield everything in which a run is not as expected."""
    for key, wanted in expect.items():
        yield from _CHECKS[key](wanted, run)


def difference(wanted: Any, found: Any, place: str) -> str | None:
    """Return the first place at which ``found`` is not ``wanted``; of objects only the keys of ``wanted`` count."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        for key, value in wanted.items():
            inner = f"{place}.{key}" if place else key
            if key not in found:
                return f"{inner}: expected {_shown(value)}, and there is nothing"
            if (told := difference(value, found[key], inner)) is not None:
                return told
        return None
    if isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        for index, value in enumerate(wanted):
            if (told := difference(value, found[index], f"{place}[{index}]")) is not None:
                return told
        return None
    if wanted == found and isinstance(wanted, bool) == isinstance(found, bool):
        return None
    return f"{place}: expected {_shown(wanted)}, got {_shown(found)}"


def _exactly(name: str, value: Callable[[RunResult], Any]) -> Callable[[Any, RunResult], Iterator[str]]:
    def check(wanted: Any, run: RunResult) -> Iterator[str]:
        found = value(run)
        if (told := difference(wanted, found, name)) is not None:
            why = f" ({run.error.name}: {run.error.message})" if name == "status" and run.error else ""
            yield told + why

    return check


def _path(wanted: Any, run: RunResult) -> Iterator[str]:
    if wanted != list(run.path):
        yield f"path: expected {_shown(wanted)}, got {_shown(list(run.path))}"


def _skipped(wanted: Any, run: RunResult) -> Iterator[str]:
    if sorted(wanted) != sorted(run.skipped):
        yield f"skipped: expected {_shown(sorted(wanted))}, got {_shown(sorted(run.skipped))}"


def _of_steps(name: str, attribute: str) -> Callable[[Any, RunResult], Iterator[str]]:
    def check(wanted: Any, run: RunResult) -> Iterator[str]:
        steps = {step.id: getattr(step, attribute) for step in run.steps}
        for node_id, value in wanted.items():
            if node_id not in steps:
                yield f"{name}.{node_id}: there is no such action"
            elif (told := difference(value, steps[node_id], f"{name}.{node_id}")) is not None:
                yield told

    return check


def _calls(wanted: Any, run: RunResult) -> Iterator[str]:
    for what, value in wanted.items():
        inputs = [call.inputs for call in run.calls(what)]
        found: Any = len(inputs) if isinstance(value, int) else inputs
        if (told := difference(value, found, f"calls.{what}")) is not None:
            yield told


def _shown(value: Any) -> str:
    text = dumps(value)
    return text if len(text) <= _SHOWN_CHARS else text[: _SHOWN_CHARS - 1] + "…"


_CHECKS: dict[str, Callable[[Any, RunResult], Iterator[str]]] = {
    "status": _exactly("status", lambda run: run.status.value),
    "path": _path,
    "skipped": _skipped,
    "output": _exactly("output", lambda run: run.output),
    "outputs": _of_steps("outputs", "output"),
    "inputs": _of_steps("inputs", "inputs"),
    "calls": _calls,
    "error": _exactly("error", lambda run: run.error and run.error.as_dict()),
    "reason": _exactly("reason", lambda run: run.reason),
    "compensated": _exactly("compensated", lambda run: list(run.compensated)),
    "slept_seconds": _exactly("slept_seconds", lambda run: run.slept_seconds),
}

#: What may be expected.
EXPECTED_KEYS = frozenset(_CHECKS)
