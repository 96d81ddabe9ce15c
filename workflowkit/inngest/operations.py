"""What an app says of single steps, done with the engine's own: results, failures, waits, requests."""

from __future__ import annotations

import threading
from dataclasses import replace
from functools import cached_property
from typing import Any

from workflowkit.base.errors import InvalidInput, LimitExceeded, NonRetriableError
from workflowkit.engine.context import StepContext
from workflowkit.engine.facts import Fact
from workflowkit.engine.failures import stored_value, unstorable
from workflowkit.engine.memo import RUN_STEP
from workflowkit.engine.outcome import EmittedEvent, Failed
from workflowkit.engine.waits import MAX_WAIT_SECONDS, Wait, WaitKind
from workflowkit.engine.waitspecs import event_wait, run_wait, signal_wait
from workflowkit.inngest import defers
from workflowkit.inngest.addresses import Address, Addresses
from workflowkit.inngest.client import AppClient
from workflowkit.inngest.durations import moment_ms, seconds_until
from workflowkit.inngest.ends import event_here
from workflowkit.inngest.gateways import Gateway
from workflowkit.inngest.memos import told_error
from workflowkit.inngest.naming import hash_of, step_id
from workflowkit.inngest.replies import Operation, Operations, failed_step, failure

RUN_COMPLETE = "RunComplete"
#: A signal that nothing says the time of is waited for a year; so is a function that is invoked.
_YEAR_SECONDS = 365 * 86_400.0
_WAITS = frozenset({"Sleep", "WaitForEvent", "InvokeFunction", "WaitForSignal"})
_REQUESTS = frozenset({"Gateway", "AIGateway"})
_REPLACE = "replace"


class Steps:
    """The steps of one attempt. Thread-safe."""

    def __init__(self, context: StepContext, address: Address, client: AppClient, addresses: Addresses) -> None:
        self._context, self._session = context, context.session
        self._address, self._addresses, self._client = address, addresses, client
        self._lock = threading.Lock()
        #: The keys of the steps that this attempt has come to, and until when those of them wait that do.
        self._keys: dict[str, str] = {}
        self._waits: dict[str, int] = {}

    @cached_property
    def _gateway(self) -> Gateway:
        policy = replace(
            self._context.config.network, allow_private=self._client.policy.allow_private,
            timeout_seconds=self._session.limits.remote_fetch_seconds,
            max_response_bytes=self._session.limits.output_bytes,
        )  # fmt: skip
        return Gateway(policy)

    def settle(self, operation: Operation, reply: Operations) -> None:
        """Record a result or a failure, send a request, or wait.

        Raises ``SuspendInterrupt`` if it waits, ``AttemptFailed`` for an operation that nobody knows.
        """
        code = operation.code
        if code in ("StepRun", "Step"):
            self._keep(operation, operation.result)
        elif code in ("StepError", "StepFailed"):
            is_final = reply.is_final or code == "StepFailed"
            self._fail(operation, failed_step(operation.error or {}, is_final, reply.retry_after_seconds))
        elif code in _WAITS:
            self._begin_wait(operation)
        elif code in _REQUESTS:
            self._request(operation)
        else:
            raise failure("UnsupportedOperation", f"{code} is not supported", "unsupported-operation", is_final=True)

    # --- functions that follow this one

    def note_defers(self, reply: Operations) -> None:
        """Keep what is to be started with the end of the function, and what is not to be any more."""
        for operation in reply.items:
            note = defers.note_of(operation, self._session.limits) if operation.code in defers.LAZY else None
            if note is not None and all(own != note.own_id for own, _ in self._session.known()):
                self._session.record(self._key(note.own_id, RUN_STEP), 1, note.value)

    def deferred(self) -> list[EmittedEvent]:
        """Return what lets the functions begin, with the end of this one, that were noted and not taken back."""
        context, limits = self._context, self._session.limits
        self._session.catch_up()
        found = []
        for hashed, noted in defers.surviving(self._session.known(), limits).items():
            target = self._addresses.id_of(context.run.environment, noted["fn_slug"], self._address.app)
            found.append(defers.starting_event(hashed, noted, target, self._address, context.run.id, limits))
        return found

    def retry_of(self, operation: Operation) -> Fact | None:
        """Return what is planned for a step that failed. By its hash: an operation may leave out its name."""
        planned = self._session.retries_planned().items()
        return next((fact for own, fact in planned if hash_of(own) == operation.hashed), None)

    def has_begun(self, operation: Operation) -> bool:
        """Tell whether a step has a result, or a next attempt."""
        return self._is_known(operation) or self.retry_of(operation) is not None

    # --- results

    def _keep(self, operation: Operation, data: Any) -> None:
        session = self._session
        if self._is_known(operation):
            return
        try:
            plain = stored_value(data, session.limits)
        except (InvalidInput, LimitExceeded, RecursionError) as error:
            self._fail(operation, unstorable(error))
            return
        attempt = self._attempt(operation)
        session.record(self._key(_own_id(operation), RUN_STEP), attempt, plain)

    def _fail(self, operation: Operation, failed: Failed) -> None:
        """Record that a step failed: the function hears of it once there is no further attempt."""
        own, session = _own_id(operation), self._session
        if self._is_known(operation):
            return
        attempt = self._attempt(operation)
        told = told_error(operation.error, session.limits)
        session.record_failure(self._key(own, RUN_STEP), own, attempt, failed, None, told=told)

    def _request(self, operation: Operation) -> None:
        """Send the request that the app wants sent, and keep the answer."""
        if self._is_known(operation):
            return
        planned = self.retry_of(operation)
        if planned is not None and planned.retry_at_ms is not None and planned.retry_at_ms > self._session.now_ms():
            self._session.block_until(planned.retry_at_ms)
        answer = self._gateway.send(operation)
        if isinstance(answer, Failed):
            self._fail(operation, answer)
        else:
            self._keep(operation, answer.data)
            self._publish(operation.options.get("publish"), answer.data)

    def _publish(self, where: Any, data: Any) -> None:
        """Tell those who follow a topic what was answered, if the app wants that: nothing of the run depends on it."""
        channel, topic = (where.get("channel"), where.get("topic")) if isinstance(where, dict) else (None, None)
        if isinstance(channel, str) and isinstance(topic, str):
            try:
                self._context.publish(topic, data, channel=channel)
            except (InvalidInput, LimitExceeded) as error:
                self._context.logger.warning("what was answered is not published: %s", error.message)

    def _attempt(self, operation: Operation) -> int:
        fact = self.retry_of(operation)
        return 1 if fact is None else fact.attempt + 1

    def _is_known(self, operation: Operation) -> bool:
        return any(hash_of(own) == operation.hashed for own, _ in self._session.known())

    def _key(self, own: str, kind: str) -> str:
        """Return the key of a step: the app tells of it several times, and it begins once."""
        with self._lock:
            key = self._keys.get(own)
            if key is None:
                key = self._keys[own] = self._session.begin(own, kind)
            return key

    # --- waits

    def _begin_wait(self, operation: Operation) -> None:
        with self._lock:
            until_ms = self._waits.get(operation.hashed)
        if until_ms is None:
            wait = self._wait(operation)
            with self._lock:
                until_ms = self._waits[operation.hashed] = wait.until_ms
            self._session.begin_wait(wait)
        self._session.block_until(until_ms)

    def _wait(self, operation: Operation) -> Wait:
        session, options = self._session, operation.options
        own, now_ms = _own_id(operation), session.now_ms()
        if self._is_known(operation):
            raise failure("BadReply", f"the app waits again for step {own!r}, which has ended", "bad-reply")
        match operation.code:
            case "Sleep":
                # SDKs in their third version write nothing for what is shorter than a second.
                asked = options.get("duration") or operation.name
                until_ms = now_ms if asked == "" else moment_ms(asked, now_ms)
                if until_ms - now_ms > MAX_WAIT_SECONDS * 1000:
                    raise NonRetriableError(f"step {own!r} sleeps for more than 366 days")
                return Wait(self._key(own, WaitKind.SLEEP.value), WaitKind.SLEEP, until_ms)
            case "WaitForEvent":
                key, name = self._key(own, WaitKind.EVENT.value), options.get("event") or operation.name
                event, condition = event_here(name, options.get("if") or None, self._address.app, "/opts/if")
                return event_wait(
                    key, event, if_=condition, match=None,
                    equals=None, timeout=seconds_until(options.get("timeout"), now_ms), lookback=None, now_ms=now_ms,
                    limits=session.limits, are_places_checked=False,
                )  # fmt: skip
            case "WaitForSignal":
                return self._signal(own, operation, now_ms)
            case _:
                return self._invocation(own, options, now_ms)

    def _signal(self, own: str, operation: Operation, now_ms: int) -> Wait:
        options, timeout = operation.options, operation.options.get("timeout")
        return signal_wait(
            self._key(own, WaitKind.SIGNAL.value), options.get("signal") or operation.name,
            timeout=seconds_until(timeout, now_ms) if timeout else _YEAR_SECONDS, now_ms=now_ms,
            limits=self._session.limits, replaces=options.get("conflict") == _REPLACE,
        )  # fmt: skip

    def _invocation(self, own: str, options: Any, now_ms: int) -> Wait:
        slug, payload, timeout = options.get("function_id"), options.get("payload"), options.get("timeout")
        if not isinstance(slug, str):
            raise NonRetriableError("InvokeFunction needs a function_id")
        target = self._addresses.id_of(self._context.run.environment, slug, self._address.app)
        data = payload.get("data") if isinstance(payload, dict) else None
        return run_wait(
            self._key(own, WaitKind.RUN.value), target, data, now_ms=now_ms, limits=self._session.limits,
            timeout=None if timeout is None else seconds_until(timeout, now_ms), on_cancel="abandon",
        )  # fmt: skip


def _own_id(operation: Operation) -> str:
    return step_id(operation.hashed, operation.display_name, operation.index)
