"""What is outside of a run under test: stubs, and nothing that really happens unless it is harmless."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from workflowkit.base.errors import InvalidInput, InvalidStub, LimitExceeded, SuspendInterrupt
from workflowkit.base.jsonvalue import dumps, loads
from workflowkit.base.limits import Limits
from workflowkit.definition.model import COMPENSATE
from workflowkit.definition.schema import compile_schema, violations
from workflowkit.engine.facts import ErrorInfo
from workflowkit.engine.failures import failed_by, stored_value
from workflowkit.engine.memo import STEP_SEPARATOR
from workflowkit.engine.outcome import Attempted, Failed, Succeeded
from workflowkit.engine.outside import Ended, Held, LocalAttempt
from workflowkit.engine.waits import Wait
from workflowkit.registry.compensation import UNDO_PREFIX
from workflowkit.testing.stubs import (
    COMPENSATION,
    NODE,
    STEP,
    Answer,
    EventStub,
    InTurn,
    Marker,
    Stub,
    Stubs,
    answer_of,
    is_optional,
    is_real,
    step_stub_keys,
)
from workflowkit.testing.waits import as_event, comings, end_of

if TYPE_CHECKING:
    from jsonschema_rs import Draft202012Validator

    from workflowkit.registry import ActionSpec


@dataclass(frozen=True, slots=True)
class Call:
    """One attempt at an action that ended: what it was given, and the output or the error it came to.

    ``path`` is empty, or the part of the document that followed the run's end: ``$compensate``, ``$on_failure`` or
    ``$on_cancel``.
    """

    node_id: str
    kind: str
    inputs: dict[str, Any]
    output: Any
    error: ErrorInfo | None
    is_stubbed: bool
    path: str = ""


class Stubbed:
    """The ``Outside`` of one run. What a stub stands for is not executed; other external actions are not either.

    ``real_kinds`` are executed although they are external. A run that ``rehearses`` is a dry run: actions that know
    how to rehearse do, and a stub cannot ask for the real thing. With ``holds_steps`` what a handler executes as a step
    needs a stub too.
    """

    def __init__(
        self,
        stubs: Stubs,
        limits: Limits,
        *,
        real_kinds: Collection[str] = (),
        rehearses: bool = False,
        holds_steps: bool = False,
    ) -> None:
        self.calls: list[Call] = []
        self._stubs, self._limits = stubs, limits
        self._real_kinds, self._rehearses, self._holds_steps = real_kinds, rehearses, holds_steps
        self._asked: Counter[str] = Counter()
        self._reached: dict[tuple[str, str], None] = {}  # by key and path
        #: When the events came that come after a step, by their number.
        self._came: dict[int, int] = {}

    # --- actions

    def attempt(self, attempt: LocalAttempt) -> Attempted | Held:
        inputs = loads(dumps(attempt.inputs))
        found = self._stubs.of_action(attempt.node.id, attempt.node.kind, attempt.path)
        answer = None if found is None else self._ask(*found, attempt)
        stubbed = answer is not None and answer.marker is None
        outcome = self._answered(attempt, answer) if answer is not None and stubbed else self._execute(attempt, answer)
        if isinstance(outcome, Succeeded | Failed):
            output, error = (outcome.output, None) if isinstance(outcome, Succeeded) else (None, outcome.error)
            self.calls.append(Call(attempt.node.id, attempt.node.kind, inputs, output, error, stubbed, attempt.path))
        return outcome

    def _answered(self, attempt: LocalAttempt, answer: Answer) -> Attempted:
        what = f"the stub for action {attempt.node.id!r} ({attempt.node.kind})"
        if answer.after_seconds:
            raise InvalidStub(f"{what}: only what is waited for comes after a time")
        if answer.error is not None:
            return failed_by(answer.error)
        context = attempt.context
        if context.is_stopped:
            given, undone = self._json(context.stop_output, what), attempt.spec.compensation is not None
            return Succeeded(given, tuple(context.emitted), stop=True, has_compensation=undone)
        output = self._json(answer.value, what)
        if broken := _misfits(attempt.spec, output):
            raise InvalidStub(f"{what} is none of its outputs: {broken}")
        undone = attempt.spec.compensation is not None
        return Succeeded(output, tuple(context.emitted), has_compensation=undone)

    def _execute(self, attempt: LocalAttempt, answer: Answer | None) -> Attempted | Held:
        """Execute an action that has no stub, if that does no harm."""
        spec, node = attempt.spec, attempt.node
        marker = None if answer is None else answer.marker
        if self._rehearses and spec.rehearsal is not None:
            return attempt.execute(spec.rehearsal)
        if marker is Marker.REAL and not self._rehearses:
            return attempt.execute(spec)
        if spec.external and node.kind.removeprefix(UNDO_PREFIX) not in self._real_kinds:
            if marker is Marker.TIMEOUT:
                raise InvalidStub(
                    f"Timeout stands for what an action waits for, and {node.id!r} ({node.kind}) is external: give "
                    "its output, an error, or Real"
                )
            return Held(node.id, node.kind, path=attempt.path)
        return attempt.execute(spec)

    # --- what handlers open

    def step(self, attempt: LocalAttempt, key: str) -> Succeeded | Failed | Held | None:
        self._reached[key, attempt.path] = None
        found = self._stubs.of_step(key, attempt.path)
        if found is None:
            held = Held(attempt.node.id, attempt.node.kind, step=key, path=attempt.path)
            return held if self._holds_steps else None
        answer = self._ask(*found, attempt)
        if answer.marker is Marker.REAL and not self._rehearses:
            return None
        if answer.marker is not None or answer.after_seconds:
            raise InvalidStub(f"the stub for step {key!r}: it executes something and waits for nothing")
        if answer.error is not None:
            return failed_by(answer.error)
        return Succeeded(self._json(answer.value, f"the stub for step {key!r}"))

    def fetch(self, attempt: LocalAttempt, key: str, request: str) -> Held | None:
        found = self._stubs.of_step(key, attempt.path)
        if found is not None and is_real(found[1]) and not self._rehearses:
            return None
        return Held(attempt.node.id, attempt.node.kind, note=request, fetch=key, path=attempt.path)

    def wait(self, attempt: LocalAttempt, wait: Wait) -> Ended | Held:
        self._reached[wait.key, attempt.path] = None
        ask = lambda key, given: self._ask(key, given, attempt)  # noqa: E731
        return end_of(wait, attempt, self._stubs, ask, self._limits, self._came)

    # --- events

    def coming(self, started_ms: int) -> list[tuple[int, dict[str, Any]]]:
        return [
            (at_ms, as_event(each.as_json(at_ms, number), self._limits))
            for at_ms, number, each in comings(self._stubs, started_ms, {})
        ]

    def coming_after(self, key: str, path: str, now_ms: int) -> list[dict[str, Any]]:
        if path == COMPENSATE or not any(each.after_step for each in self._stubs.events):
            return []
        keys = set(step_stub_keys(key)) if STEP_SEPARATOR in key else {NODE + key}
        found = [
            number for number, each in enumerate(self._stubs.events)
            if each.after_step in keys and number not in self._came
        ]  # fmt: skip
        self._came |= dict.fromkeys(found, now_ms)
        return [as_event(self._stubs.events[number].as_json(now_ms, number), self._limits) for number in found]

    @property
    def events_left(self) -> tuple[EventStub, ...]:
        """The events that come after a step which has not ended."""
        events = enumerate(self._stubs.events)
        return tuple(each for number, each in events if each.after_step is not None and number not in self._came)

    # --- stubs

    @property
    def unused(self) -> tuple[str, ...]:
        """The keys of stubs that nobody asked for."""
        return tuple(key for key in self._stubs.actions if key not in self._asked)

    @property
    def reached(self) -> tuple[str, ...]:
        """The keys of the steps that handlers opened, in order."""
        return tuple(dict.fromkeys(key for key, _path in self._reached))

    @property
    def unreached(self) -> tuple[str, ...]:
        """The keys of stubs of steps that were not reached, and should have been."""
        met = {each for key, path in self._reached for each in step_stub_keys(key, path)}
        stubs, prefixes = self._stubs.actions, (STEP, COMPENSATION)
        return tuple(
            key for key in stubs if key.startswith(prefixes) and key not in met and not is_optional(stubs[key])
        )

    def _ask(self, key: str, given: Any, attempt: LocalAttempt) -> Answer:
        asked, self._asked[key] = self._asked[key], self._asked[key] + 1
        if isinstance(given, Stub) and isinstance(given.value, InTurn):
            given = given.value
        if isinstance(given, InTurn):
            given = given.stubs[min(asked, len(given.stubs) - 1)]
        try:
            return answer_of(given, loads(dumps(attempt.inputs)), attempt.context)
        except SuspendInterrupt:
            raise InvalidStub(f"the stub {key!r} opens a step that waits: a stub cannot wait") from None

    def _json(self, value: Any, what: str) -> Any:
        try:
            return stored_value(value, self._limits)
        except (InvalidInput, LimitExceeded, RecursionError) as error:
            raise InvalidStub(f"{what} gives what is no JSON: {error}") from error


def _misfits(spec: ActionSpec, output: Any) -> str:
    """Return where a stub's output breaks the schema of an action.

    It may leave out what the test does not care about; what it says must be right.
    """
    if spec.outputs is None:
        return ""
    found = [each for each in violations(_validator(dumps(spec.outputs)), output) if each.keyword != "required"]
    return "; ".join(f"{each.pointer or '/'}: {each.message}" for each in found[:5])


@lru_cache(maxsize=256)
def _validator(schema: str) -> Draft202012Validator:
    return compile_schema(loads(schema))
