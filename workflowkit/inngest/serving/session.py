"""The steps of one attempt that a server asked for: remembered by the server, told as operations.

The engine's session does the bookkeeping. What is different is where facts go: an attempt executes one step at most, or
tells which steps are next, and then ends. The server keeps what it is told, and calls again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, NoReturn

from workflowkit.base.ids import derived_id
from workflowkit.base.limits import Limits
from workflowkit.definition.model import COMPENSATE
from workflowkit.engine.channels import Message, run_channel
from workflowkit.engine.facts import Fact, undo_detail
from workflowkit.engine.hooks import Hooks
from workflowkit.engine.memo import CALLBACK_STEP, RUN_STEP, STEP_SEPARATOR, Memo, step_id_of
from workflowkit.engine.outcome import EmittedEvent, Failed
from workflowkit.engine.recorder import Undone
from workflowkit.engine.retry import Backoff, next_attempt_at_ms
from workflowkit.engine.session import StepSession
from workflowkit.engine.waits import Wait, WaitKind
from workflowkit.inngest.naming import hash_of
from workflowkit.inngest.serving.names import Names
from workflowkit.inngest.serving.operations import (
    ERROR,
    FAILED,
    PLANNED,
    RUN,
    Answered,
    described,
    operation,
    side_by_side,
    unsupported,
    waiting,
)
from workflowkit.inngest.serving.recollection import recalled
from workflowkit.inngest.serving.recorder import Outlet, ServedRecorder
from workflowkit.inngest.serving.requests import Call

_UNSUPPORTED = frozenset({WaitKind.APPROVAL.value, WaitKind.CALLBACK.value, WaitKind.LOOP.value, CALLBACK_STEP})


@dataclass(frozen=True, slots=True)
class Terms:
    """What an attempt is made under.

    ``prefix`` begins the ids of the steps of a document's node, ``None`` for a function. ``is_free``: whichever step is
    next is executed, else the ``target``; with neither, the next steps are told, which ``plans_only`` asks for.
    ``backoff`` is ``None`` where the server decides when a step is tried again. ``undone`` is what steps came to that
    are undone now, each by one with its id.
    """

    call: Call
    names: Names
    target: str | None
    outlet: Outlet
    now_ms: Callable[[], int]
    limits: Limits
    prefix: str | None = None
    is_free: bool = False
    plans_only: bool = False
    backoff: Backoff | None = None
    undone: Undone | None = None


class ServedSession(StepSession):
    """The steps of one attempt. ``answered`` is what there is to tell once it has ended."""

    def __init__(self, node_id: str, terms: Terms, *, retries: int, hooks: Hooks | None) -> None:
        memo = Memo()
        super().__init__(
            node_id, memo, ServedRecorder(terms.outlet, terms.call.run_id, terms.now_ms, terms.undone), terms.now_ms,
            lambda: 0.0, retries=retries, run_id=_ids_of(terms), is_function=terms.prefix is None,
            limits=terms.limits, hooks=hooks,
        )  # fmt: skip
        self._terms, self._own_memo = terms, memo
        self._unseen = set(terms.call.steps)
        self._undoable: set[str] = set()
        self._told: dict[str, dict[str, Any]] = {}
        self._executed: dict[str, dict[str, Any]] = {}
        self._verdict: tuple[bool | None, float | None] = (None, None)

    @property
    def answered(self) -> Answered:
        """What the attempt has to tell: what was executed, else what is next."""
        with self._lock:
            is_final, retry_after = self._verdict
            if self._executed:
                return Answered(tuple(self._executed.values()), True, is_final, retry_after)
            return Answered(tuple(side_by_side([*self._told.values()])), past=self._past())

    @property
    def is_replaying(self) -> bool:
        """Whether the handler is still where earlier attempts have been."""
        return bool(self._unseen) and not self._is_new

    # --- what is remembered

    def begin(self, step_id: str, kind: str) -> str:
        """Return the key of the step that the handler has come to, with what the server remembers of it."""
        if self._executed:
            self.block_until(self.now_ms())
        if kind in _UNSUPPORTED:
            raise unsupported(kind)
        key = super().begin(step_id, kind)
        hashed = hash_of(self._wire_id(key))
        with self._lock:
            if hashed in self._unseen:
                self._unseen.discard(hashed)
                fact = recalled(key, step_id, kind, self._terms.call.steps[hashed], self._terms.names)
                if fact is not None:
                    self._own_memo.absorb(fact)
        return key

    def _wire_id(self, key: str) -> str:
        """Return what a step is called to the server: of a function, what its author calls it."""
        if self._terms.prefix is not None:
            return self._terms.prefix + key
        return step_id_of(key) if self._terms.undone is None else f"{COMPENSATE}{STEP_SEPARATOR}{step_id_of(key)}"

    # --- executing

    @contextmanager
    def inside(self, key: str) -> Iterator[int]:
        """Mark that the step is being executed. Blocks if it is not its turn."""
        self._admit(self._wire_id(key))
        with super().inside(key):
            yield self._terms.call.attempt + 1

    def _admit(self, wire_id: str) -> None:
        terms = self._terms
        if terms.is_free or terms.target == hash_of(wire_id):
            return
        if terms.target is not None:
            self.block_until(self.now_ms())
        # Several steps may be next where parts go on side by side: what is the only one shows in the end.
        if terms.plans_only or self.is_async or self._branches:
            self._tell(operation(PLANNED, wire_id))
            self.block_until(self.now_ms())

    def record(
        self,
        key: str,
        attempt: int,
        output: Any,
        events: tuple[EmittedEvent, ...] = (),
        messages: tuple[Message, ...] = (),
        *,
        undone: str | None = None,
    ) -> Any:
        """Keep the result of a step for the answer."""
        for message in messages:
            self._terms.outlet.publish(self._told_channel(message), self._terms.call.run_id)
        if events:
            output = self._terms.outlet.send(events)
        result = super().record(key, attempt, output)
        with self._lock:
            self._executed[key] = operation(RUN, self._wire_id(key), data=output)
        return result

    def _told_channel(self, message: Message) -> Message:
        """Return a message with the channel of the run as it is known outside: a part of a document has none."""
        is_own = message.channel == run_channel(self.run_id)
        return replace(message, channel=run_channel(self._terms.call.run_id)) if is_own else message

    def record_failure(
        self, key: str, step_id: str, attempt: int, failure: Failed, retries: int | None, *, told: Any = None
    ) -> NoReturn:
        """Keep the failure of a step for the answer, and end the attempt: the handler hears of it in the next one."""
        is_final = self.is_final(attempt, failure, retries)
        with self._lock:
            code = FAILED if is_final else ERROR
            self._executed[key] = operation(code, self._wire_id(key), error=described(failure.error))
            self._verdict = (is_final, None if is_final else self._asked_seconds(attempt, failure))
        self.block_until(self.now_ms())
        raise AssertionError("blocking ends the attempt")

    def _asked_seconds(self, attempt: int, failure: Failed) -> float | None:
        return asked_seconds(attempt, failure, self.now_ms(), self._terms.backoff)

    # --- undoing

    def note_undo(self, key: str, function: Callable[[Any], Any], output: Any = None) -> None:
        """Note that something undoes a step that has completed."""
        self._undoable.add(key)

    def _past(self) -> tuple[Fact, ...]:
        """Return what the steps came to, in the order of their ends; nothing if none of them can be undone."""
        if not self._undoable:
            return ()
        places = {hashed: place for place, hashed in enumerate(self._terms.call.stack)}
        facts = [self._with_undo(key, fact) for key, fact in self._own_memo.results.items()]
        return tuple(sorted(facts, key=lambda fact: places.get(hash_of(self._wire_id(fact.step)), len(places))))

    def _with_undo(self, key: str, fact: Fact) -> Fact:
        kind = (fact.detail or {}).get("kind", RUN_STEP)
        return replace(fact, detail=undo_detail(kind)) if key in self._undoable else fact

    # --- waiting

    def begin_wait(self, wait: Wait) -> None:
        """Keep a wait for the answer. Servers know by its id whether it has begun."""
        if self._terms.target is None or self._terms.is_free:
            self._is_new = True
            self._tell(waiting(wait, self._wire_id(wait.key), self.now_ms(), self._terms.names))

    def open_now(self) -> None:
        """Do nothing: waits begin when the server is told of them."""

    def _tell(self, told: dict[str, Any]) -> None:
        with self._lock:
            self._told.setdefault(told["id"], told)


def _ids_of(terms: Terms) -> str:
    """Return what the ids follow from that a handler's steps make: each part of a document has its own."""
    return derived_id(terms.call.run_id, terms.prefix) if terms.prefix else terms.call.run_id


def asked_seconds(attempt: int, failure: Failed, now_ms: int, backoff: Backoff | None) -> float | None:
    """Return when a failed attempt is to be tried again, in seconds from now; ``None`` where the server decides."""
    if backoff is None and failure.asked_seconds(now_ms) is None:
        return None
    due_ms = next_attempt_at_ms(attempt, failure, now_ms=now_ms, jitter=0.0, backoff=backoff or Backoff())
    return (due_ms - now_ms) / 1000
