"""What a test puts in the place of the world: results of actions and steps, and what ends waits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from workflowkit.base.errors import InvalidStub, WorkflowKitError
from workflowkit.base.ids import derived_id, first_id
from workflowkit.definition.model import COMPENSATE
from workflowkit.engine.context import StepContext
from workflowkit.engine.resulttypes import Record, Text
from workflowkit.engine.waitspecs import Duration, seconds_of

#: Prefixes of the keys of stubs; a key without one is the kind of an action.
NODE, STEP, COMPENSATION = "node:", "step:", "compensate:"


class Marker(Enum):
    """What a stub may be instead of a value."""

    TIMEOUT = "Timeout"
    REAL = "Real"

    def __repr__(self) -> str:
        return self.value


#: The stub of a wait to which nothing comes, or of an action all of whose waits are such.
Timeout = Marker.TIMEOUT
#: The stub of an external action that the test executes.
Real = Marker.REAL


@dataclass(frozen=True, slots=True)
class Stub:
    """What ``stub`` makes: a value or an error, and how long what is waited for takes to come.

    One that is ``optional`` may be of a step that is not reached.
    """

    value: Any = None
    raises: Exception | None = None
    after_seconds: float = 0.0
    optional: bool = False


@dataclass(frozen=True, slots=True)
class InTurn:
    """What ``in_turn`` makes: one stub for each time it is asked."""

    stubs: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class EventStub:
    """An event that comes while the run goes on, ``after`` its start or, as the stub of a wait, after the wait began.

    ``after`` may also be the key of a step, ``node:<action id>`` or ``step:<step id>``: then it comes once that has
    ended.
    """

    name: str
    data: Mapping[str, Any] = field(default_factory=dict)
    after: Duration = 0
    id: str | None = None

    @property
    def after_step(self) -> str | None:
        """The key of the step after which it comes; ``None`` if it comes at a time."""
        return self.after if isinstance(self.after, str) and self.after.startswith((NODE, STEP)) else None

    @property
    def after_ms(self) -> int:
        return round(1000 * seconds_of(self.after, "after"))

    def as_json(self, at_ms: int, number: int = 0) -> dict[str, Any]:
        """Return the event as a run sees it that received it then."""
        event_id = self.id or derived_id(first_id(0), "event", self.name, str(number))
        return {"id": event_id, "name": self.name, "data": dict(self.data), "ts": at_ms}


#: A stub that is asked: it is given the resolved inputs of the step and its context.
Asked = Callable[[dict[str, Any], StepContext], object]
#: What may stand for an action, a step or a wait. All values would be functions too, with any arguments.
StubValue = (
    bool | int | float | str | Sequence[Any] | Mapping[Any, Any] | Record | Text | Enum | Exception | type[Exception]
    | Stub | InTurn | Asked | None
)  # fmt: skip
#: The same in a mapping, whose values are ``object`` to type checkers once it has been put together from others.
AnyStub = Any


def stub(
    value: StubValue = None, *, raises: Exception | None = None, after: Duration = 0, optional: bool = False
) -> Stub:
    """Return a stub: ``value`` (or any other stub), or the exception that is raised in its place.

    What is waited for comes ``after`` the wait has begun: seconds, text such as ``"2h"``, or a ``timedelta``. The
    stub of a function's step that is never reached fails the test, unless it is ``optional``.
    """
    return Stub(value, raises, seconds_of(after, "after"), optional)


def in_turn(*stubs: StubValue) -> InTurn:
    """Return a stub that is the first of ``stubs`` the first time it is asked, and so on; the last one stays.

    A step whose attempt fails asks again, so ``in_turn(ValueError("busy"), {"id": 7})`` fails once.
    """
    if not stubs:
        raise InvalidStub("in_turn: at least one stub")
    return InTurn(stubs)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a stub says when it is asked."""

    value: Any = None
    error: Exception | None = None
    after_seconds: float = 0.0
    marker: Marker | None = None


def answer_of(given: Any, inputs: Mapping[str, Any], context: StepContext) -> Answer:
    """Ask a stub. A callable is called with the inputs of the step and its context, and may raise what it likes.

    An ``AssertionError`` in it is the test's own, and not an answer: it is raised.
    """
    if callable(given) and not isinstance(given, type):
        try:
            given = given(inputs, context)
        except (AssertionError, InvalidStub):
            raise
        except Exception as error:
            return Answer(error=error)
    if isinstance(given, Stub):
        said = Answer(error=given.raises) if given.raises is not None else answer_of(given.value, inputs, context)
        return replace(said, after_seconds=given.after_seconds)
    if isinstance(given, Marker):
        return Answer(marker=given)
    if isinstance(given, type) and issubclass(given, Exception):
        given = given()
    return Answer(error=given) if isinstance(given, Exception) else Answer(value=given)


#: An event that comes: a value, ``(after, event)``, or an event as JSON, which comes at once.
Coming = EventStub | tuple[Duration, Mapping[str, Any]] | Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Stubs:
    """All stubs of a test. ``actions`` are by the keys that users write, ``signals`` and ``invokes`` by name."""

    actions: Mapping[str, Any] = field(default_factory=dict)
    events: tuple[EventStub, ...] = ()
    signals: Mapping[str, Any] = field(default_factory=dict)
    invokes: Mapping[str, Any] = field(default_factory=dict)

    def of_action(self, node_id: str, kind: str, path: str = "") -> tuple[str, Any] | None:
        """Return the key and the stub of an action, or of what undoes it; ``None`` if it has none."""
        return self._first((COMPENSATION if path == COMPENSATE else NODE) + node_id, kind)

    def of_step(self, key: str, path: str = "") -> tuple[str, Any] | None:
        """Return the key and the stub of a step that a handler opened, or of what undoes it."""
        return self._first(*step_stub_keys(key, path))

    def _first(self, *keys: str) -> tuple[str, Any] | None:
        return next(((key, self.actions[key]) for key in keys if key in self.actions), None)


def step_stub_keys(key: str, path: str = "") -> Iterator[str]:
    """Yield the keys of stubs that stand for a step which a handler opened, the most special one first.

    What undoes a step is a step of the same key, in the part of a run with the path ``COMPENSATE``.

    The stub of an id is also that of its repeats (``pay:1``) and of the steps that it has by ``key=`` (``pay[7]``).
    """
    node_id, _, step_id = key.partition("/")
    prefix = COMPENSATION if path == COMPENSATE else STEP
    for own_id in _wider_ids(step_id):
        yield f"{prefix}{node_id}/{own_id}"
        yield prefix + own_id


def _wider_ids(step_id: str) -> Iterator[str]:
    yield step_id
    once, separator, number = step_id.rpartition(":")
    if separator and once and number.isdecimal():
        yield from _wider_ids(once)
    elif step_id.endswith("]"):
        yield from (step_id[:place] for place in range(len(step_id) - 1, 0, -1) if step_id[place] == "[")


def is_optional(given: Any) -> bool:
    """Tell whether the step of a stub need not be reached."""
    return isinstance(given, Stub) and given.optional


def is_real(given: Any) -> bool:
    """Tell whether a stub lets its step do what it really does."""
    return (given.value if isinstance(given, Stub) and given.raises is None else given) is Marker.REAL


def stubs_of(
    actions: Mapping[str, AnyStub],
    events: Iterable[Coming],
    signals: Mapping[str, AnyStub],
    invokes: Mapping[Any, AnyStub],
) -> Stubs:
    """Return the stubs of a test. Raises ``InvalidStub``."""
    named = {target if isinstance(target, str) else target.id: value for target, value in invokes.items()}
    return Stubs(dict(actions), tuple(_coming(each) for each in events), dict(signals), named)


def _coming(given: Coming) -> EventStub:
    after: Any = 0
    event: Any = given
    if isinstance(given, tuple) and len(given) == 2:
        after, event = given
    if isinstance(event, EventStub):
        return event
    if not isinstance(event, Mapping) or not isinstance(event.get("name"), str):
        raise InvalidStub(f'events: EventStub(name, data, after=...) or (after, {{"name", "data"}}), got {given!r}')
    made = EventStub(event["name"], event.get("data") or {}, after, event.get("id"))
    try:
        _ = made.after_step or made.after_ms
    except WorkflowKitError as error:
        raise InvalidStub(f"events: {error.message}") from error
    return made
