"""What ``ctx.step`` of a run in memory rests on: facts are durable as soon as they are made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NoReturn, TypeVar

from workflowkit.base.clock import rfc3339
from workflowkit.base.errors import SuspendInterrupt
from workflowkit.base.ids import timed_id
from workflowkit.definition.model import Json
from workflowkit.engine.channels import Message
from workflowkit.engine.facts import ErrorInfo, Fact, FactKind, undo_detail
from workflowkit.engine.failures import WrittenError
from workflowkit.engine.localjournal import LocalJournal
from workflowkit.engine.memo import CALLBACK_STEP, RUN_STEP, Memo, step_id_of
from workflowkit.engine.outcome import EmittedEvent, Failed, Succeeded
from workflowkit.engine.outside import Held
from workflowkit.engine.recorder import NoInvitations, Recorder, Undone
from workflowkit.engine.session import StepSession
from workflowkit.engine.waits import Wait

_T = TypeVar("_T")


class LocalRecorder:
    """The ``Recorder`` of a run in memory. ``open_wait`` lets a wait begin."""

    def __init__(
        self, journal: LocalJournal, now_ms: Callable[[], int], open_wait: Callable[[Wait], None], undone: Undone
    ) -> None:
        self._journal, self._now_ms, self._open_wait, self._undone = journal, now_ms, open_wait, undone

    def completed(
        self,
        key: str,
        attempt: int,
        output: Json,
        events: tuple[EmittedEvent, ...] = (),
        messages: tuple[Message, ...] = (),
        *,
        undone: str | None = None,
    ) -> Fact:
        self._journal.send(key, events)
        for message in messages:
            self._journal.publish(message)
        detail = undo_detail(undone)
        return self._journal.keep(Fact(FactKind.COMPLETED, key, attempt, output, detail=detail, at_ms=self._now_ms()))

    def failed(self, key: str, attempt: int, error: ErrorInfo, told: Any = None) -> Fact:
        return self._journal.keep(Fact(FactKind.FAILED, key, attempt, told, error, at_ms=self._now_ms()))

    def retry(self, key: str, attempt: int, error: ErrorInfo, retry_at_ms: int) -> Fact:
        now_ms = self._now_ms()
        return self._journal.keep(
            Fact(FactKind.RETRY, key, attempt, error=error, retry_at_ms=retry_at_ms, at_ms=now_ms)
        )

    def opened(self, wait: Wait) -> Wait:
        self._open_wait(wait)
        return wait

    def callback(self, key: str, until_ms: int) -> Fact:
        """Make a URL that nobody can call."""
        callback_id = timed_id(self._now_ms(), key)
        output = {"id": callback_id, "url": f"/c/{callback_id}", "expires_at": rfc3339(until_ms)}
        detail = {"kind": CALLBACK_STEP}
        return self._journal.keep(Fact(FactKind.COMPLETED, key, 1, output, detail=detail, at_ms=self._now_ms()))

    def undone(self) -> Undone:
        return self._undone

    @property
    def invitations(self) -> NoInvitations:
        return NoInvitations()

    def publish(self, message: Message) -> None:
        self._journal.publish(message)

    def signal(self, name: str, data: Any) -> None:
        """Send a signal that nobody waits for: there are no other runs."""

    def hands_over(self) -> bool:
        return self._journal.is_cut()

    def news(self) -> tuple[Fact, ...]:
        return ()


class LocalSession(StepSession):
    """The steps of one attempt in memory: what ``answer`` knows the result of is not executed.

    A failure that it knows is an attempt that failed: the step is tried again as its settings say.

    An exception of ``answer`` is not the handler's: it ends the attempt, and is kept in ``broken``.
    """

    def __init__(self, node_id: str, memo: Memo, recorder: Recorder, *args: Any, **options: Any) -> None:
        super().__init__(node_id, memo, recorder, *args, **options)
        self._own_memo, self._own_recorder = memo, recorder
        self.answer: Callable[[str], Succeeded | Failed | Held | None] = lambda _key: None
        self.permit: Callable[[str, str], Held | None] = lambda _key, _request: None
        #: Called with a fact that stands for one before, and with that.
        self.amend: Callable[[Fact, Fact], None] = lambda _before, _after: None
        self.broken: BaseException | None = None
        #: What keeps the handler from going on, apart from waits.
        self.withheld: list[Held] = []
        #: Steps that have begun and are neither executed nor known the result of.
        self._instead: dict[str, Failed | Held] = {}

    def begin(self, step_id: str, kind: str) -> str:
        key = super().begin(step_id, kind)
        if key not in self._own_memo.results and self._own_recorder.hands_over():
            self.block_until(self.now_ms())  # the run is cancelled: no step of it begins
        if kind == RUN_STEP and key not in self._own_memo.results and self._is_due(key):
            with self._lock:
                self._take(key)
        return key

    def body(self, key: str, function: Callable[..., Any]) -> Callable[..., Any]:
        instead = self._instead.get(key)
        if instead is None or (isinstance(instead, Held) and function == self.send_signal):
            return function
        if isinstance(instead, Held):
            self._withhold(instead)

        def fail(*_args: Any, **_kwargs: Any) -> Any:
            raise instead.raised or WrittenError(instead.error)

        return fail

    def record(self, key: str, attempt: int, output: Any, *args: Any, **options: Any) -> Any:
        """Record a result as any session does. A step that only sends something comes here also if it has failed."""
        instead = self._instead.get(key)
        if isinstance(instead, Failed):
            raise self.record_failure(key, step_id_of(key), attempt, instead, 0)
        return super().record(key, attempt, output, *args, **options)

    def note_undo(self, key: str, function: Callable[[Any], Any], output: Any = None) -> None:
        """Hear what undoes a step. One whose result was known is on record as undone only from here on."""
        before = self._own_memo.results.get(key)
        if before is not None and before.detail is None:
            after = replace(before, detail=undo_detail(RUN_STEP))
            self._own_memo.results[key] = after
            self.amend(before, after)

    def permit_fetch(self, key: str, request: str) -> None:
        held = self.guarded(lambda: self.permit(key, request))
        if held is not None:
            self._withhold(held)

    def _withhold(self, held: Held) -> NoReturn:
        with self._lock:
            self.withheld.append(held)
        raise SuspendInterrupt

    def _is_due(self, key: str) -> bool:
        """Tell whether a step would be executed now. One whose retry is due later only waits for it."""
        retry = self._own_memo.retries.get(key)
        return retry is None or retry.retry_at_ms is None or retry.retry_at_ms <= self.now_ms()

    def _take(self, key: str) -> None:
        answer = self.guarded(lambda: self.answer(key))
        if isinstance(answer, Succeeded):
            retry = self._own_memo.retries.get(key)
            attempt = 1 if retry is None else retry.attempt + 1
            self._own_memo.absorb(self._own_recorder.completed(key, attempt, answer.output))
        elif answer is not None:
            self._instead[key] = answer

    def guarded(self, ask: Callable[[], _T]) -> _T:
        """Return what ``ask`` returns; end the attempt if it raises."""
        try:
            return ask()
        except BaseException as error:
            self.broken = error
            raise SuspendInterrupt from error
