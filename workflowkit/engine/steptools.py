"""What the two forms of ``ctx.step`` share: keys, waits, and the results of steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from workflowkit.base.errors import CodeChanged, InvalidInput, LimitExceeded, NonRetriableError
from workflowkit.base.httpcall import Call, Response, call_http
from workflowkit.base.ids import derived_id, idempotency_key
from workflowkit.base.jsonvalue import dumps
from workflowkit.base.netguard import NetworkPolicy
from workflowkit.base.scope import Id
from workflowkit.engine.approvals import approval_request, is_empty
from workflowkit.engine.asking import Asking
from workflowkit.engine.channels import new_message, run_channel
from workflowkit.engine.failures import stored_value, unstorable
from workflowkit.engine.memo import CALLBACK_STEP, RUN_STEP
from workflowkit.engine.middleware import Failure
from workflowkit.engine.middleware import StepInfo as StepInfo
from workflowkit.engine.outcome import EmittedEvent, Failed
from workflowkit.engine.outputtypes import OutputType, output_type_of
from workflowkit.engine.session import Hit, StepSession
from workflowkit.engine.waits import Wait, WaitKind
from workflowkit.engine.waitspecs import (
    Duration,
    OnCancel,
    callback_wait,
    emitted_events,
    event_wait,
    instant_ms,
    run_wait,
    seconds_of,
    signal_wait,
)
from workflowkit.registry.catalogue import BUILTIN_PREFIX
from workflowkit.typeschema import to_json


class Invocable(Protocol):
    """What ``invoke`` runs: a code function, or anything else with the id of one or of a workflow."""

    @property
    def id(self) -> str: ...


Events = Mapping[str, Any] | Sequence[Mapping[str, Any]]
"""One event ``{"name", "data", "id"?, "ts"?}``, or several."""


class StepTools:
    """What both forms share: which step the handler itself is, how a wait begins, and what it came to.

    The methods of the two forms are ``Steps`` and ``AsyncSteps``.
    """

    __slots__ = ("_info", "_network", "_session")

    def __init__(self, info: StepInfo, session: StepSession, network: NetworkPolicy) -> None:
        self._info = info
        self._session = session
        self._network = network

    @property
    def info(self) -> StepInfo:
        """Which step the handler itself is."""
        return self._info

    @property
    def key(self) -> str:
        """The step's name within the run."""
        return self._info.key

    @property
    def node_id(self) -> str:
        """The id of its action in the document."""
        return self._info.node_id

    @property
    def kind(self) -> str:
        """The kind of its action."""
        return self._info.kind

    @property
    def name(self) -> str:
        """Its label."""
        return self._info.name

    # --- what both forms share: how a wait is begun, and what it came to

    def _sleep(self, step_id: str, until_ms: int) -> tuple[Hit | None, Wait]:
        key = self._session.begin(step_id, WaitKind.SLEEP.value)
        return self._session.result(key, step_id), Wait(key, WaitKind.SLEEP, until_ms)

    def _after(self, duration: Duration) -> int:
        return self._session.now_ms() + round(1000 * seconds_of(duration, "duration"))

    def _until(self, when: datetime | str) -> int:
        return instant_ms(when, self._session.now_ms())

    def _event(self, step_id: str, event: str, **options: Any) -> tuple[Hit | None, Wait]:
        session = self._session
        key = session.begin(step_id, WaitKind.EVENT.value)
        hit = session.result(key, step_id)
        # One that has begun is not refused by what was not asked then: the run would fail, whatever became of it. Nor
        # is that of a document, which is asked when it is published.
        is_new = hit is None and session.open_wait(key) is None and not self._info.kind.startswith(BUILTIN_PREFIX)
        wait = event_wait(
            key, event, **options, now_ms=session.now_ms(), limits=session.limits, are_places_checked=is_new
        )
        return hit, wait

    def _signal(self, step_id: str, signal: str, timeout: Duration) -> tuple[Hit | None, Wait]:
        session = self._session
        key = session.begin(step_id, WaitKind.SIGNAL.value)
        wait = signal_wait(key, signal, timeout=timeout, now_ms=session.now_ms(), limits=session.limits)
        return session.result(key, step_id), wait

    def _ask(
        self, step_id: str, title: str, *, timeout: Duration, description: str, form: Mapping[str, Any] | None,
        assignees: Id | Sequence[Id], needed: int, reject_on: str, reminders: Sequence[Duration],
    ) -> Asking:  # fmt: skip
        session = self._session
        request = approval_request(
            title, description=description, form=form, assignees=assignees, needed=needed, reject_on=reject_on,
            reminders=reminders, limits=session.limits,
        )  # fmt: skip
        timeout_ms = round(1000 * seconds_of(timeout, "timeout"))
        return Asking(session, step_id, request, timeout_ms, names_nobody=is_empty(assignees))

    def _new_callback(self, step_id: str, timeout: Duration) -> dict[str, Any]:
        session = self._session
        key = session.begin(step_id, CALLBACK_STEP)
        if (hit := session.result(key, step_id)) is not None:
            return dict(hit.output)
        return dict(session.callback(key, session.now_ms() + round(1000 * seconds_of(timeout, "timeout"))))

    def _callback(self, step_id: str, callback_id: str) -> tuple[Hit | None, Wait]:
        session = self._session
        key = session.begin(step_id, WaitKind.CALLBACK.value)
        return session.result(key, step_id), callback_wait(key, callback_id, session.now_ms(), session.limits)

    def _run(
        self, step_id: str, function: Invocable | str, data: Any, timeout: Duration | None, on_cancel: OnCancel
    ) -> tuple[Hit | None, Wait]:
        session = self._session
        key = session.begin(step_id, WaitKind.RUN.value)
        target = function if isinstance(function, str) else getattr(function, "id", None)
        if not isinstance(target, str):
            name = getattr(function, "__name__", type(function).__name__)
            raise NonRetriableError(
                f"step {step_id!r}: {name} is no function that was made by @wk.function, nor the id of a workflow; "
                "other Python is called with ctx.step.run"
            )
        wait = run_wait(
            key, target, data, timeout=timeout, now_ms=session.now_ms(), limits=session.limits, on_cancel=on_cancel
        )
        return session.result(key, step_id), wait

    def _events(self, key: str, events: Events) -> tuple[list[str], tuple[EmittedEvent, ...]]:
        """Return the ids under which events are sent, the same in every attempt, and the events."""
        sent = emitted_events(events, self._session.limits)
        run_id = self._session.run_id
        # SAFETY: I7 — an event that is sent again has the id it had the first time.
        ids = [event.id or f"{derived_id(run_id, key, str(index))}" for index, event in enumerate(sent)]
        return ids, tuple(
            EmittedEvent(event.name, event.data, event_id, event.ts_ms)
            for event_id, event in zip(ids, sent, strict=True)
        )

    def _send(self, step_id: str, events: Events) -> list[str]:
        session, hooks = self._session, self._session.hooks
        key = session.begin(step_id, RUN_STEP)
        if (hit := session.result(key, step_id)) is not None:
            return list(hit.output)
        if hooks is None:
            return self._record_sent(key, events)
        listed = hooks.before_send([events] if isinstance(events, Mapping) else events)
        try:
            ids = self._record_sent(key, listed)
        except Exception as error:
            hooks.after_send([], error)
            raise
        hooks.after_send(ids)
        return ids

    def _record_sent(self, key: str, events: Events) -> list[str]:
        ids, sent = self._events(key, events)
        with self._session.inside(key) as attempt:
            return list(self._session.record(key, attempt, ids, sent))

    def _publish(self, step_id: str, topic: str, data: Any, channel: str | None) -> None:
        session = self._session
        key = session.begin(step_id, RUN_STEP)
        if session.result(key, step_id) is not None:
            return
        message = new_message(channel or run_channel(session.run_id), topic, data, session.limits)
        with session.inside(key) as attempt:
            session.record(key, attempt, None, messages=(message,))

    def _fetch(self, call: Call) -> Response:
        """Send a request: the body of the step that the calling code is inside of."""
        step = self._session.inside_key()
        self._session.permit_fetch(step, f"{call.method} {call.url}")
        key = idempotency_key(self._session.run_id, step)
        return call_http(call, policy=self._network, idempotency_key=key)

    def _settle(self, hit: Hit | None, wait: Wait) -> Any:
        """Return what a wait came to; begin it and block, if it has not ended. Raises ``SuspendInterrupt``."""
        if hit is not None:
            return hit.output
        if wait.kind is WaitKind.SLEEP and wait.until_ms <= self._session.now_ms():
            return None
        self._session.wait(wait)

    def _recall(self, kind: OutputType, step_id: str, output: Any) -> Any:
        """Return the result that an earlier attempt has recorded. Raises ``CodeChanged``: see ``OutputType.recall``."""
        try:
            return kind.recall(step_id, output)
        except CodeChanged as changed:
            self._session.changed = changed
            raise

    def _done(self, key: str, value: Any, compensate: Callable[[Any], Any] | None) -> Any:
        """Return the result of a step, having noted what undoes it."""
        if compensate is not None:
            self._session.note_undo(key, compensate, value)
        return value

    def _plain(self, value: Any) -> Any:
        """Return what a step returned as it is to be stored; a ``Failed`` if it cannot be."""
        try:
            return stored_value(value, self._session.limits)
        except (InvalidInput, LimitExceeded, RecursionError) as error:
            return unstorable(error)

    def _failure(self, attempt: int, failed: Failed, error: Exception | None, retries: int | None) -> Failure:
        """Return what middleware is told of an attempt of a step that failed."""
        return Failure(error, failed.error, self._session.is_final(attempt, failed, retries))


#: What a wait for a callback comes to if none comes.
NOT_RECEIVED: dict[str, Any] = {"received": False, "data": None}


def http_call(
    method: str,
    url: str,
    headers: Mapping[str, str] | None,
    query: Mapping[str, Any] | None,
    json: Any,
    body: Any,
    timeout: Duration | None,
    expected_status: Sequence[int] | None,
) -> Call:
    """Return the request of ``ctx.step.fetch``. Raises ``NonRetriableError`` for a body that is said twice."""
    if json is not None and body is not None:
        raise NonRetriableError("fetch: json and body exclude each other")
    sent = dict(headers or {})
    if json is not None:
        body = dumps(to_json(json))
        if "content-type" not in {name.lower() for name in sent}:
            sent["Content-Type"] = "application/json"
    seconds = None if timeout is None else seconds_of(timeout, "timeout")
    return Call(method.upper(), url, sent, query, body, seconds, expected_status)


def invoked(step_id: str, output: Any, function: Invocable | str, output_type: Any) -> Any:
    """Return the output of a run that a step invoked as ``output_type``, else as the function's own."""
    if output_type is None:
        return OutputType(getattr(function, "decode_output", None)).read(step_id, output)
    return output_type_of(step_id, output_type).read(step_id, output)


def unnamed() -> None:
    """Stand for the function of a step that was given one argument only."""


def check_named(step_id: object, function: Callable[..., Any]) -> None:
    """Raise ``NonRetriableError`` for a step without an id, or without a function."""
    if callable(step_id) or function is unnamed:
        name = getattr(step_id, "__name__", "load")
        raise NonRetriableError(f"a step has an id, and then its function: ctx.step.run({name!r}, {name})")
    if not callable(function):
        raise NonRetriableError(
            f"step {step_id!r} was given {_shown(function)}, which cannot be called: give it the function and then its "
            f"arguments, ctx.step.run({step_id!r}, charge, order), or lambda: charge(order); what is called before, as "
            "in charge(order), is no part of the step"
        )


def _shown(value: object) -> str:
    """Say what something is. Its value may be anybody's."""
    return "None" if value is None else f"a value of type {type(value).__name__}"
