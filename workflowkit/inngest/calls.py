"""One call of a function of an app: all that is known of the run, and what the app answers."""

from __future__ import annotations

from typing import Any

from workflowkit.base.ids import idempotency_key, new_id
from workflowkit.engine.context import StepContext
from workflowkit.engine.facts import Fact
from workflowkit.inngest import defers
from workflowkit.inngest.addresses import Address
from workflowkit.inngest.carriers import Call, Carrier
from workflowkit.inngest.client import AppClient
from workflowkit.inngest.events import shown_event
from workflowkit.inngest.memos import memoized
from workflowkit.inngest.naming import hash_of, item_id
from workflowkit.inngest.notes import is_note
from workflowkit.inngest.replies import Finished, Operation, Operations, read_reply

#: What is called when no single step is: all of the function.
WHOLE = "step"
#: The version of the protocol before the app has told its own.
_UNKNOWN_VERSION = -1
#: SDKs that never report steps in the middle of a call.
_WITHOUT_CHECKPOINTS = "inngest-py:"


class Calls:
    """The calls of one attempt. Thread-safe."""

    def __init__(self, context: StepContext, address: Address, client: AppClient, carrier: Carrier) -> None:
        self._context, self._session = context, context.session
        self._address, self._client, self._carrier = address, client, carrier
        self._version = _UNKNOWN_VERSION

    @property
    def version(self) -> int:
        """The version of the protocol that the app speaks, once it has told."""
        return self._version

    def whole(self, *, plans_only: bool = False) -> Finished | Operations:
        """Call the function. With ``plans_only`` the app executes no step by itself. Raises ``AttemptFailed``."""
        session, now_ms = self._session, self._session.now_ms()
        retries = session.retries_planned()
        due = [fact for fact in retries.values() if (fact.retry_at_ms or 0) <= now_ms]
        attempt = due[0].attempt if len(due) == len(retries) == 1 else max(0, self._context.attempt)
        # Else the app would execute at once a step whose next attempt is not due.
        plans_only = plans_only or session.has_open_waits or len(due) < len(retries) or len(retries) > 1
        return self._call(WHOLE, attempt, plans_only=plans_only)

    def one(self, operation: Operation, planned: Fact | None) -> Finished | Operations:
        """Call the one step that an operation plans; ``planned`` is what is known of its next attempt."""
        attempt = max(0, self._context.attempt) if planned is None else planned.attempt
        return self._call(operation.hashed, attempt, plans_only=True)

    def _call(self, hashed: str, attempt: int, *, plans_only: bool) -> Finished | Operations:
        session, limits = self._session, self._client.limits
        known = session.known()
        payload = self._payload(known, attempt, plans_only=plans_only)
        call = Call(hashed, payload, self._version, session.generation, self._job_id(hashed, len(known)), plans_only)
        raw = self._carrier.send(self._context, self._address, call)
        reply = read_reply(raw, session.now_ms() / 1000, limits)
        if isinstance(reply, Operations):
            if reply.version is not None:
                self._version = reply.version
            if not reply.sdk.startswith(_WITHOUT_CHECKPOINTS):
                session.catch_up()
        return reply

    def _payload(self, known: list[tuple[str, Fact]], attempt: int, *, plans_only: bool) -> dict[str, Any]:
        context, session = self._context, self._session
        events = [shown_event(each) for each in context.events]
        steps = [(own, fact) for own, fact in known if not is_note(own)]
        stack = [hash_of(own) for own, _ in steps]
        payload: dict[str, Any] = {
            "ctx": {
                "attempt": attempt, "disable_immediate_execution": plans_only, "env": context.run.environment,
                "fn_id": context.run.workflow_id, "generation_id": session.generation,
                "job_id": self._job_id(WHOLE, len(stack)), "max_attempts": session.retries + 1,
                "qi_id": item_id(session.node_id, session.generation),
                "request_id": new_id(session.now_ms()), "run_id": context.run.id,
                "stack": {"current": len(stack), "stack": stack}, "step_id": WHOLE, "use_api": False,
            },
            "defers": defers.shown(known), "event": events[0], "events": events, "use_api": False,
            "version": self._version,
            "steps": {hash_of(own): memoized(fact) for own, fact in steps},
        }  # fmt: skip
        if not self._client.fits(payload):
            # The app fetches what does not fit, by itself: ``state``.
            payload["ctx"]["use_api"] = payload["use_api"] = True
            payload["steps"], payload["events"] = {}, []
        return payload

    def _job_id(self, hashed: str, known_count: int) -> str:
        return idempotency_key(self._context.run.id, f"{self._session.node_id}/{hashed}/{known_count}")
