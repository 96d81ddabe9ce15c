"""One attempt of a handler that opens steps: what is known of them, what is recorded, and what it waits for.

``ctx.step`` (``engine.steps``) is the face of it; this is the bookkeeping behind both its synchronous and its
asynchronous form. A step that has a result gives it back without being executed. One that has none is executed at once
and its result recorded before the handler goes on. One that must wait *blocks*: the attempt ends, and the handler is
entered again when there is something new.
"""

from __future__ import annotations

import contextvars
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from workflowkit.base.errors import CodeChanged, NonRetriableError, StepError, SuspendInterrupt
from workflowkit.base.jsonvalue import dumps, loads
from workflowkit.base.limits import DEFAULT_LIMITS, Limits
from workflowkit.engine.channels import Message
from workflowkit.engine.facts import ErrorInfo, Fact
from workflowkit.engine.failurelog import Place, log_failed
from workflowkit.engine.hooks import Hooks
from workflowkit.engine.interrupts import shielded
from workflowkit.engine.memo import RUN_STEP, Memo, step_id_of, step_key
from workflowkit.engine.outcome import EmittedEvent, Failed, Suspended
from workflowkit.engine.recorder import Invitations, Recorder, Undone
from workflowkit.engine.retry import DEFAULT_BACKOFF, Backoff, may_retry, next_attempt_at_ms
from workflowkit.engine.stepids import StepIds
from workflowkit.engine.stepsecrets import AttemptSecrets
from workflowkit.engine.waits import Wait

_log = logging.getLogger("workflowkit.action")

#: Stands between a step's key and the name of something that the step does besides.
PART_SEPARATOR = "~"

#: The key of the step that the present code is inside of.
_inside: contextvars.ContextVar[str | None] = contextvars.ContextVar("workflowkit_step", default=None)


@dataclass(frozen=True, slots=True)
class Hit:
    """The result that a step has already."""

    output: Any


class StepSession:
    """The steps of one attempt. Thread-safe: branches of ``ctx.group.parallel`` share it."""

    #: Whether a step that waits holds its task for ever, and does not end it (``AsyncSteps.hold``).
    holds_tasks = True

    def __init__(
        self,
        node_id: str,
        memo: Memo,
        recorder: Recorder | None,
        now_ms: Callable[[], int],
        jitter: Callable[[], float],
        *,
        retries: int = 0,
        backoff: Backoff = DEFAULT_BACKOFF,
        run_id: str = "",
        limits: Limits = DEFAULT_LIMITS,
        hooks: Hooks | None = None,
        is_function: bool = False,
        secrets: AttemptSecrets | None = None,
    ) -> None:
        #: What hides the secrets that the attempt was given; ``None`` if it cannot get any.
        self.mask = None if secrets is None else secrets.mask
        #: What the attempt may know of its tenant's secrets.
        self.secrets = secrets
        self.node_id, self.run_id, self.is_function = node_id, run_id, is_function
        #: The application's middleware and dependencies; ``None`` if it has none.
        self.hooks = hooks
        self.limits = limits
        self.now_ms = now_ms
        self.retries, self._backoff = retries, backoff
        self.is_blocked = False
        self._is_over = False
        #: Whether the attempt is about to end waiting: from then on no step begins.
        self.is_closing = False
        #: Why the code is not the one that the run began with: then the attempt comes to nothing else.
        self.changed: CodeChanged | None = None
        #: Whether the handler is a coroutine: what blocks in it holds its own task only.
        self.is_async = False
        #: How many tasks of a coroutine are held by steps that wait.
        self.held = 0
        #: How many steps are being executed just now.
        self.executing = 0
        self._memo, self._recorder, self._jitter = memo, recorder, jitter
        self._lock = threading.RLock()
        self._ids = StepIds(limits, self.mask)
        self._seen: set[str] = set()
        #: The steps that earlier attempts came to and this one has not come to yet.
        self._ahead = {*memo.results, *memo.open, *memo.retries}
        self._waits: list[Wait] = []
        self._resume_at_ms: int | None = None
        self._branches = 0
        self._is_new = False
        # Asked after each step, so that an attempt comes at least one step further.
        self._hands_over = False

    @property
    def is_replaying(self) -> bool:
        """Whether the handler is still where earlier attempts have been: what it says there has been said."""
        return bool(self._ahead) and not self._is_new

    # --- keys

    def begin(self, step_id: str, kind: str) -> str:
        """Return the key of the step that the handler has just come to; repeats of an id are numbered from 1.

        Raises ``NonRetriableError`` for a step inside a step, ``CodeChanged`` for one that was of another kind before;
        ``SuspendInterrupt`` in a handler that caught it and goes on, and so ``CodeChanged``.
        """
        if (outer := _inside.get()) is not None:
            raise NonRetriableError(
                f"step {step_id!r} is inside step {outer!r}: a step cannot open steps; put it beside the other",
            )
        if self._recorder is None:
            raise NonRetriableError("this context cannot open steps")
        self._ids.check(step_id)
        with self._lock:
            if self.is_closing or (self.is_blocked and not self._branches and not self.is_async):
                raise SuspendInterrupt
            # A handler that has caught it would undo, or do otherwise, what it has done as it should.
            if self.changed is not None:
                raise self.changed
            key = step_key(self.node_id, self._ids.numbered(step_id))
            self._seen.add(key)
            self._ahead.discard(key)
            self._check_number()
            self._check_kind(key, step_id, kind)
            return key

    def keyed(self, step_id: str, key: str | int) -> str:
        """Return the id of the step for one item of several: see ``StepIds.keyed``."""
        return self._ids.keyed(step_id, key)

    def _check_number(self) -> None:
        if len(self._seen) > self.limits.steps_per_run:
            raise NonRetriableError(f"limit steps_per_run exceeded: at most {self.limits.steps_per_run}")

    def _check_kind(self, key: str, step_id: str, kind: str) -> None:
        was = None
        if (wait := self._memo.open.get(key)) is not None:
            was = wait.kind.value
        elif (fact := self._memo.results.get(key)) is not None:
            was = (fact.detail or {}).get("kind", RUN_STEP)
        if was is not None and was != kind:
            self.changed = CodeChanged(
                f"non-deterministic handler: step {step_id!r} was a {was} when it was first reached and is a {kind} "
                "now. Give a changed step a new id."
            )
            raise self.changed

    def begin_part(self, key: str, part: str) -> str:
        """Return the key of something that a step does besides, and that is recorded by itself."""
        with self._lock:
            own_key = f"{key}{PART_SEPARATOR}{part}"
            self._seen.add(own_key)
            self._check_number()
            return own_key

    def pass_parts(self, key: str) -> None:
        """Count what earlier attempts did besides a step as reached."""
        with self._lock:
            parts = {each for each in self._ahead if each.startswith(key + PART_SEPARATOR)}
            self._seen |= parts
            self._ahead -= parts

    # --- what is known already, for handlers that keep no code of their own here

    def known(self) -> list[tuple[str, Fact]]:
        """Return the steps that have a result, by id, in the order in which they ended. They count as reached."""
        with self._lock:
            self._seen |= self._memo.results.keys()
            self._ahead -= self._memo.results.keys()
            return [(step_id_of(key), fact) for key, fact in self._memo.results.items()]

    def retries_planned(self) -> dict[str, Fact]:
        """Return the steps whose last attempt failed and that are tried again, by id."""
        with self._lock:
            return {step_id_of(key): fact for key, fact in self._memo.retries.items()}

    @property
    def has_open_waits(self) -> bool:
        """Whether a step has begun to wait and has not ended."""
        return bool(self._memo.open)

    @property
    def generation(self) -> int:
        """Which claim of the node this attempt is: it grows with each, whatever the attempts before have come to."""
        return self._memo.attempt

    def catch_up(self) -> None:
        """Take in the steps of this handler that others have recorded meanwhile: its app has, by itself."""
        prefix = step_key(self.node_id, "")
        with self._lock:
            for fact in self._recording().news():
                if fact.step.startswith(prefix):
                    self._memo.absorb(fact)

    def give_way(self) -> None:
        """End the attempt here if another one is to go on. Raises ``SuspendInterrupt``."""
        if self._hands_over:
            self.block_until(self.now_ms())

    # --- results

    def result(self, key: str, step_id: str) -> Hit | None:
        """Return what the step came to, if it has: a copy. Raises ``StepError`` if it failed for good."""
        fact = self._memo.results.get(key)
        if self.hooks is not None and (fact is None or not self.is_replaying):
            self.hooks.enter_new()
        if fact is None:
            return None
        if fact.error is not None:
            raise _step_error(step_id, fact.error)
        output = fact.output
        copy = loads(dumps(output)) if isinstance(output, dict | list) else output
        return Hit(copy if self.hooks is None else self.hooks.memoized(step_id, copy))

    def inside_key(self) -> str:
        """Return the key of the step that the calling code is inside of."""
        key = _inside.get()
        assert key is not None  # noqa: S101 - only code of steps asks
        return key

    @property
    def inside_key_or_none(self) -> str | None:
        """The key of the step that the calling code is inside of, if it is in one."""
        return _inside.get()

    @contextmanager
    def inside(self, key: str) -> Iterator[int]:
        """Mark that the step is being executed; give the number of the attempt. Blocks if its retry is not due yet."""
        if self._hands_over:
            self.block_until(self.now_ms())
        self._is_new = True
        retry = self._memo.retries.get(key)
        if retry is not None and retry.retry_at_ms is not None and retry.retry_at_ms > self.now_ms():
            self.block_until(retry.retry_at_ms)
        token = _inside.set(key)
        try:
            with self.working():
                yield 1 if retry is None else retry.attempt + 1
        finally:
            _inside.reset(token)

    def body(self, key: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return what a step executes: its function, unless something else stands for it (``engine.localsession``)."""
        return function

    @contextmanager
    def working(self) -> Iterator[None]:
        """Mark that something is being executed, whatever other parts of the handler wait for."""
        with self._lock:
            self.executing += 1
        try:
            yield
        finally:
            with self._lock:
                self.executing -= 1

    def send_signal(self, name: str, data: Any) -> str | None:
        """Resume the run that waits for a signal: the body of a step. Raises ``NotFound`` and ``Conflict``."""
        return self._recording().signal(name, data)

    def permit_fetch(self, key: str, request: str) -> None:
        """Let a step send a request, or end the attempt where nobody may (``engine.localsession``)."""

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
        """Make the result of a step durable, with what it sends; return it as later attempts will see it.

        ``undone`` is the kind of the step if there is something that undoes it.
        """
        recorder = self._recording()
        with shielded(), self._lock:
            fact = recorder.completed(key, attempt, output, events, messages, undone=undone)
            self._memo.absorb(fact)
            self._hands_over = recorder.hands_over()
        if self.mask is not None:
            output = fact.output
        return loads(dumps(output)) if isinstance(output, dict | list) else output

    def check_undoable(self, step_id: str) -> None:
        """Raise ``NonRetriableError`` where nothing undoes steps: only functions are entered again for that."""
        if not self.is_function:
            raise NonRetriableError(
                f"step {step_id!r}: only the steps of functions are undone one by one; an action is undone as a whole, "
                "by its own compensate="
            )

    def note_undo(self, key: str, function: Callable[[Any], Any], output: Any = None) -> None:
        """Hear what undoes a step that has completed. It matters only once the run is undone (``engine.undoing``)."""

    def undone(self) -> Undone:
        """Return the run that this one undoes."""
        return self._recording().undone()

    def secret(self, name: str) -> str:
        """Return the value of a secret of the tenant: see ``StepContext.secret``."""
        if not self.is_function:
            raise NonRetriableError(
                f"secret {name!r}: an action is given secrets as inputs, by a parameter that is Field(secret=True)"
            )
        if self.secrets is None:
            raise NonRetriableError(f"secret {name!r}: there are none where another server runs the function")
        return self.secrets.value(name)

    def publish(self, message: Message) -> None:
        """Publish a message now, as often as the handler comes here."""
        if self._recorder is not None:
            with shielded():
                self._recorder.publish(message)

    def record_failure(
        self, key: str, step_id: str, attempt: int, failure: Failed, retries: int | None, *, told: Any = None
    ) -> StepError:
        """Plan the next attempt of a step, and block; or record that it has failed for good, and return the error.

        ``told`` is kept with a failure for good, for a handler that shows errors in a form of its own.
        """
        recorder = self._recording()
        is_final = self.is_final(attempt, failure, retries)
        log_failed(Place(self.run_id, key, attempt - 1), failure, is_final=is_final, mask=self.mask)
        if not is_final:
            due_ms = next_attempt_at_ms(
                attempt, failure, now_ms=self.now_ms(), jitter=self._jitter(), backoff=self._backoff
            )
            with shielded(), self._lock:
                self._memo.absorb(recorder.retry(key, attempt, failure.error, due_ms))
            self.block_until(due_ms)
        with shielded(), self._lock:
            self._memo.absorb(recorder.failed(key, attempt, failure.error, told))
            self._hands_over = recorder.hands_over()
        return _step_error(step_id, failure.error)

    def is_final(self, attempt: int, failure: Failed, retries: int | None) -> bool:
        """Tell whether a step that failed has no further attempt."""
        return not may_retry(attempt, failure, retries=self.retries if retries is None else retries)

    def _recording(self) -> Recorder:
        assert self._recorder is not None  # noqa: S101 - ``begin`` has refused otherwise
        return self._recorder

    # --- waiting

    def wait(self, wait: Wait) -> None:
        """Block until the wait has ended; one that has not begun begins now. Raises ``SuspendInterrupt``."""
        self.begin_wait(wait)
        self.block_until(wait.until_ms)

    def open_wait(self, key: str) -> Wait | None:
        """Return the wait of a step, if it has begun and not ended."""
        return self._memo.open.get(key)

    @property
    def invitations(self) -> Invitations:
        """How people are told that they are asked."""
        return self._recording().invitations

    def callback(self, key: str, until_ms: int) -> Any:
        """Make a URL that can be called once, until then; return the output of the step."""
        self._is_new = True
        with shielded(), self._lock:
            fact = self._recording().callback(key, until_ms)
            self._memo.absorb(fact)
        return fact.output

    def begin_wait(self, wait: Wait) -> None:
        """Let a wait begin, unless an earlier attempt has."""
        with self._lock:
            if wait.key in self._memo.open:
                return
            self._is_new = True
            self._waits.append(wait)
            if self._branches:
                self.open_now()

    def open_now(self) -> None:
        """Make the waits durable that have just begun: other branches may take long, and what this one waits for may
        happen meanwhile."""
        with shielded(), self._lock:
            for wait in self._waits:
                begun = self._recording().opened(wait)
                if wait.key in self._memo.results:
                    self.note_blocked(self.now_ms())  # it could not begin, and the handler is to hear of it
                else:
                    self._memo.open[wait.key] = begun
            self._waits.clear()

    def block_until(self, at_ms: int) -> None:
        """End the attempt; the handler is entered again at ``at_ms`` at the latest. Raises ``SuspendInterrupt``."""
        self.note_blocked(at_ms)
        raise SuspendInterrupt

    def note_blocked(self, at_ms: int) -> None:
        """Note that the handler cannot go on before ``at_ms``, unless something happens before."""
        with self._lock:
            self.is_blocked = not self._is_over
            self._resume_at_ms = at_ms if self._resume_at_ms is None else min(self._resume_at_ms, at_ms)

    def end(self) -> None:
        """Let the handler end with what it returns, though parts of it wait: it has gone on without them."""
        with self._lock:
            self._is_over, self.is_blocked = True, False

    @contextmanager
    def branching(self) -> Iterator[None]:
        """Let several parts of the handler go on side by side: one that blocks does not stop the others."""
        with self._lock:
            self._branches += 1
        try:
            yield
        finally:
            with self._lock:
                self._branches -= 1

    def suspended(self) -> Suspended:
        """Return what the attempt came to, once it has ended waiting."""
        missing = tuple(sorted(self._memo.results.keys() - self._seen))
        if missing and self._is_new:
            # Not an error, since a new version of the code may have dropped a step. But it should be seen.
            _log.warning("run %s: steps that were executed before are not reached any more: %s", self.run_id, missing)
        return Suspended(tuple(self._waits), self._resume_at_ms, missing if self._is_new else ())


def _step_error(step_id: str, error: ErrorInfo) -> StepError:
    return StepError(error.message, step_id=step_id, name=error.name, cause_code=error.code)
