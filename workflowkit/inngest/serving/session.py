"""The steps of one attempt that a server asked for: remembered by the server, told as operations.

The engine's session does the bookkeeping. What is different is where facts go: an attempt executes one step at most, or
tells which steps are next, and then ends. The server keeps what it is told, and calls again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn

from workflowkit.base.limits import Limits
from workflowkit.engine.channels import Message
from workflowkit.engine.facts import ErrorInfo, Fact, FactKind
from workflowkit.engine.hooks import Hooks
from workflowkit.engine.memo import Memo, step_id_of
from workflowkit.engine.outcome import EmittedEvent, Failed
from workflowkit.engine.retry import Backoff, next_attempt_at_ms
from workflowkit.engine.session import CALLBACK_STEP, NoInvitations, StepSession
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
from workflowkit.inngest.serving.requests import Call

_UNSUPPORTED = frozenset({WaitKind.APPROVAL.value, WaitKind.CALLBACK.value, WaitKind.LOOP.value, CALLBACK_STEP})

#: What cannot be published: these servers have channels of their own.
PUBLISH = "publish"

#: Sends events with their ids; returns the ids under which the server has them.
SendEvents = Callable[[Sequence[EmittedEvent]], list[str]]


@dataclass(frozen=True, slots=True)
class Terms:
    """What an attempt is made under. ``is_graph``: the handler is a node of a document, and has been chosen already.

    ``backoff`` is ``None`` where the server decides when a step is tried again.
    """

    call: Call
    names: Names
    target: str | None
    send: SendEvents
    now_ms: Callable[[], int]
    limits: Limits
    is_graph: bool = False
    backoff: Backoff | None = None


class ServedSession(StepSession):
    """The steps of one attempt. ``answered`` is what there is to tell once it has ended."""

    def __init__(self, node_id: str, terms: Terms, *, retries: int, hooks: Hooks | None) -> None:
        memo = Memo()
        super().__init__(
            node_id, memo, _Facts(terms.now_ms), terms.now_ms, lambda: 0.0, retries=retries, run_id=terms.call.run_id,
            limits=terms.limits, hooks=hooks,
        )  # fmt: skip
        self._terms, self._own_memo = terms, memo
        self._unseen = set(terms.call.steps)
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
            return Answered(tuple(side_by_side([*self._told.values()])))

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
        return key if self._terms.is_graph else step_id_of(key)

    # --- executing

    @contextmanager
    def inside(self, key: str) -> Iterator[int]:
        """Mark that the step is being executed. Blocks if it is not its turn."""
        self._admit(self._wire_id(key))
        with super().inside(key):
            yield self._terms.call.attempt + 1

    def _admit(self, wire_id: str) -> None:
        terms = self._terms
        if terms.is_graph or terms.target == hash_of(wire_id):
            return
        if terms.target is not None:
            self.block_until(self.now_ms())
        # Several steps may be next where parts go on side by side: what is the only one shows in the end.
        if terms.call.plans_only or self.is_async or self._branches:
            self._tell(operation(PLANNED, wire_id))
            self.block_until(self.now_ms())

    def record(
        self,
        key: str,
        attempt: int,
        output: Any,
        events: tuple[EmittedEvent, ...] = (),
        messages: tuple[Message, ...] = (),
    ) -> Any:
        """Keep the result of a step for the answer."""
        if messages:
            raise unsupported(PUBLISH)
        if events:
            output = self._terms.send(events)
        result = super().record(key, attempt, output)
        with self._lock:
            self._executed[key] = operation(RUN, self._wire_id(key), data=output)
        return result

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

    # --- waiting

    def begin_wait(self, wait: Wait) -> None:
        """Keep a wait for the answer. Servers know by its id whether it has begun."""
        if self._terms.target is None or self._terms.is_graph:
            self._is_new = True
            self._tell(waiting(wait, self._wire_id(wait.key), self.now_ms(), self._terms.names))

    def open_now(self) -> None:
        """Do nothing: waits begin when the server is told of them."""

    def _tell(self, told: dict[str, Any]) -> None:
        with self._lock:
            self._told.setdefault(told["id"], told)


def asked_seconds(attempt: int, failure: Failed, now_ms: int, backoff: Backoff | None) -> float | None:
    """Return when a failed attempt is to be tried again, in seconds from now; ``None`` where the server decides."""
    if backoff is None and failure.asked_seconds(now_ms) is None:
        return None
    due_ms = next_attempt_at_ms(attempt, failure, now_ms=now_ms, jitter=0.0, backoff=backoff or Backoff())
    return (due_ms - now_ms) / 1000


class _Facts:
    """Makes facts that last as long as the attempt."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms

    def completed(
        self,
        key: str,
        attempt: int,
        output: Any,
        events: tuple[EmittedEvent, ...] = (),
        messages: tuple[Message, ...] = (),
    ) -> Fact:
        return Fact(FactKind.COMPLETED, key, attempt, output, at_ms=self._now_ms())

    def failed(self, key: str, attempt: int, error: ErrorInfo, told: Any = None) -> Fact:
        return Fact(FactKind.FAILED, key, attempt, told, error, at_ms=self._now_ms())

    def retry(self, key: str, attempt: int, error: ErrorInfo, retry_at_ms: int) -> Fact:
        return Fact(FactKind.RETRY, key, attempt, error=error, retry_at_ms=retry_at_ms, at_ms=self._now_ms())

    def opened(self, wait: Wait) -> Wait:
        return wait

    def callback(self, key: str, until_ms: int) -> Fact:
        raise unsupported(CALLBACK_STEP)

    def publish(self, message: Message) -> None:
        raise unsupported(PUBLISH)

    def hands_over(self) -> bool:
        return False

    def news(self) -> tuple[Fact, ...]:
        return ()

    @property
    def invitations(self) -> NoInvitations:
        return NoInvitations()
