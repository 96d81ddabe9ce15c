"""One attempt of a function that lives in an app: calls, and what the replies say done with the engine's own steps.

No state is kept here. What a step came to is recorded by the session like a result of ``ctx.step.run``; what waits is
one of the engine's waits; each call tells the app all of what is known. So a function of an app is retried, cancelled,
timed out and shown as any other handler is.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from workflowkit.base.errors import InvalidInput, LimitExceeded, NonRetriableError
from workflowkit.base.ids import idempotency_key
from workflowkit.base.limits import Limits
from workflowkit.engine.context import StepContext
from workflowkit.engine.facts import Fact
from workflowkit.engine.failures import stored_value, unstorable
from workflowkit.engine.outcome import Failed
from workflowkit.engine.session import RUN_STEP
from workflowkit.engine.waits import Wait, WaitKind
from workflowkit.engine.waitspecs import event_wait, run_wait
from workflowkit.inngest.addresses import Address, Addresses
from workflowkit.inngest.client import AppClient
from workflowkit.inngest.durations import moment_ms, seconds_until
from workflowkit.inngest.events import shown_event
from workflowkit.inngest.memos import memoized
from workflowkit.inngest.naming import hash_of, step_id
from workflowkit.inngest.registration import call_url
from workflowkit.inngest.replies import Finished, Operation, Operations, failed_step, failure, read_reply

_WHOLE = "step"
#: The latest version of the protocol that this speaks; unknown is -1.
_UNKNOWN_VERSION = -1
_NOTHING = frozenset({"None", "DiscoveryRequest"})


class Conversation:
    """The calls of one attempt."""

    def __init__(self, context: StepContext, address: Address, client: AppClient, addresses: Addresses) -> None:
        self._context, self._session = context, context.session
        self._address, self._addresses = address, addresses
        self._client = client
        self._limits: Limits = client.limits
        self._version = _UNKNOWN_VERSION

    def run(self) -> Any:
        """Return what the function returned. Raises ``SuspendInterrupt`` where it waits, ``AttemptFailed``."""
        idle = 0
        while True:
            known = len(self._session.known())
            reply = self._call(None)
            if isinstance(reply, Finished):
                return reply.output
            for operation in reply.items:
                if operation.code == "RunComplete":
                    return operation.data
            self._settle_all(reply)
            idle = idle + 1 if len(self._session.known()) == known else 0
            if idle >= self._limits.remote_idle_replies:
                raise failure("NoProgress", f"the app answered {idle} times without anything new", "no-progress")
            self._session.give_way()

    def _settle_all(self, reply: Operations) -> None:
        branches = [partial(self._settle, each, reply) for each in reply.items if each.code not in _NOTHING]
        if len(branches) == 1:
            branches[0]()
        elif branches:
            self._context.group.parallel(branches)

    def _call(self, operation: Operation | None) -> Finished | Operations:
        """Call the function: all of it, or the one step that an operation plans."""
        context, session, address = self._context, self._session, self._address
        hashed = _WHOLE if operation is None else operation.hashed
        known, retries = session.known(), session.retries_planned()
        now_ms = session.now_ms()
        if operation is None:
            due = [fact for fact in retries.values() if (fact.retry_at_ms or 0) <= now_ms]
            attempt = due[0].attempt if len(due) == len(retries) == 1 else max(0, context.attempt)
            # Else the app would execute at once a step whose next attempt is not due.
            plans_only = session.has_open_waits or len(due) < len(retries) or len(retries) > 1
        else:
            fact = self._retry_of(operation)
            attempt, plans_only = (max(0, context.attempt) if fact is None else fact.attempt), True
        events = [shown_event(each) for each in context.events]
        stack = [hash_of(own) for own, _ in known]
        payload = {
            "ctx": {
                "attempt": attempt, "disable_immediate_execution": plans_only, "env": context.run.environment,
                "fn_id": context.run.workflow_id, "max_attempts": session.retries + 1, "run_id": context.run.id,
                "stack": {"current": len(stack), "stack": stack}, "step_id": _WHOLE, "use_api": False,
            },
            "event": events[0], "events": events, "use_api": False, "version": self._version,
            "steps": {hash_of(own): memoized(fact) for own, fact in known},
        }  # fmt: skip
        headers = {
            "X-Run-Id": context.run.id, "X-Inngest-Step-Id": hashed, "X-Inngest-Req-Version": str(self._version),
            "X-Inngest-Job-Id": idempotency_key(context.run.id, f"{session.node_id}/{hashed}/{len(stack)}"),
        }  # fmt: skip
        raw = self._client.send("POST", call_url(address.url, address.slug, hashed), payload, headers)
        reply = read_reply(raw, session.now_ms() / 1000, self._limits)
        if isinstance(reply, Operations) and reply.version is not None:
            self._version = reply.version
        return reply

    # --- operations

    def _settle(self, operation: Operation, reply: Operations) -> None:
        """Do what an operation says. Raises ``SuspendInterrupt`` if it waits."""
        if not operation.hashed:
            raise failure("BadReply", f"the operation {operation.code} has no id", "bad-reply")
        match operation.code:
            case "StepPlanned":
                self._execute(operation)
            case "StepRun" | "Step":
                self._keep(operation)
            case "StepError" | "StepFailed":
                is_final = reply.is_final or operation.code == "StepFailed"
                failed = failed_step(operation.error or {}, is_final, reply.retry_after_seconds)
                self._fail(operation, failed)
            case "Sleep" | "WaitForEvent" | "InvokeFunction":
                self._session.wait(self._wait(operation))
            case _:
                raise failure(
                    "UnsupportedOperation", f"{operation.code} is not supported", "unsupported-operation", is_final=True
                )

    def _execute(self, operation: Operation) -> None:
        """Let the app execute one planned step, unless its next attempt is not due."""
        fact = self._retry_of(operation)
        if fact is not None and fact.retry_at_ms is not None and fact.retry_at_ms > self._session.now_ms():
            self._session.block_until(fact.retry_at_ms)
        reply = self._call(operation)
        if isinstance(reply, Finished):
            return  # the next call of the whole function tells it again
        for each in reply.items:
            if each.code == "StepPlanned" and each.hashed == operation.hashed:
                raise failure("BadReply", "the app planned the step that it was to execute", "bad-reply")
            if each.code not in _NOTHING and each.code != "RunComplete":
                self._settle(each, reply)

    def _keep(self, operation: Operation) -> None:
        own, session = _own_id(operation), self._session
        if self._is_known(operation):
            return
        data = operation.data
        if operation.code == "Step" and isinstance(data, dict) and data.keys() == {"data"}:
            data = data["data"]
        try:
            plain = stored_value(data, session.limits)
        except (InvalidInput, LimitExceeded, RecursionError) as error:
            self._fail(operation, unstorable(error))
            return
        attempt = self._attempt(operation)
        session.record(session.begin(own, RUN_STEP), attempt, plain)

    def _fail(self, operation: Operation, failed: Failed) -> None:
        """Record that a step failed: the function hears of it once there is no further attempt."""
        own, session = _own_id(operation), self._session
        if self._is_known(operation):
            return
        attempt = self._attempt(operation)
        session.record_failure(session.begin(own, RUN_STEP), own, attempt, failed, None)

    def _attempt(self, operation: Operation) -> int:
        fact = self._retry_of(operation)
        return 1 if fact is None else fact.attempt + 1

    def _retry_of(self, operation: Operation) -> Fact | None:
        """Return what is planned for a step that failed. By its hash: an operation may leave out its name."""
        planned = self._session.retries_planned().items()
        return next((fact for own, fact in planned if hash_of(own) == operation.hashed), None)

    def _is_known(self, operation: Operation) -> bool:
        return any(hash_of(own) == operation.hashed for own, _ in self._session.known())

    def _wait(self, operation: Operation) -> Wait:
        session, options, limits = self._session, operation.options, self._limits
        own, now_ms = _own_id(operation), session.now_ms()
        timeout = options.get("timeout")
        if self._is_known(operation):
            raise failure("BadReply", f"the app waits again for step {own!r}, which has ended", "bad-reply")
        if operation.code == "Sleep":
            until_ms = moment_ms(options.get("duration") or operation.name, now_ms)
            return Wait(session.begin(own, WaitKind.SLEEP.value), WaitKind.SLEEP, until_ms)
        if operation.code == "WaitForEvent":
            key = session.begin(own, WaitKind.EVENT.value)
            return event_wait(
                key, options.get("event") or operation.name, if_=options.get("if") or None, match=None, equals=None,
                timeout=seconds_until(timeout, now_ms), lookback=None, now_ms=now_ms, limits=limits,
            )  # fmt: skip
        return self._invocation(own, options, now_ms)

    def _invocation(self, own: str, options: Any, now_ms: int) -> Wait:
        slug, payload, timeout = options.get("function_id"), options.get("payload"), options.get("timeout")
        if not isinstance(slug, str):
            raise NonRetriableError("InvokeFunction needs a function_id")
        target = self._addresses.id_of(self._context.run.environment, slug, self._address.app)
        data = payload.get("data") if isinstance(payload, dict) else None
        return run_wait(
            self._session.begin(own, WaitKind.RUN.value), target, data, now_ms=now_ms, limits=self._limits,
            timeout=None if timeout is None else seconds_until(timeout, now_ms), on_cancel="abandon",
        )  # fmt: skip


def _own_id(operation: Operation) -> str:
    return step_id(operation.hashed, operation.display_name, operation.index)
