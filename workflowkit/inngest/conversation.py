"""One attempt of a function that lives in an app: calls, and what the replies say done with the engine's own steps.

No state is kept here. What a step came to is recorded by the session like a result of ``ctx.step.run``; what waits is
one of the engine's waits; each call tells the app all of what is known. So a function of an app is retried, cancelled,
timed out and shown as any other handler is.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from functools import partial
from typing import Any

from workflowkit.base.errors import SuspendInterrupt
from workflowkit.base.limits import Limits
from workflowkit.engine.calling import AttemptFailed
from workflowkit.engine.context import StepContext
from workflowkit.engine.group import Group
from workflowkit.inngest import defers
from workflowkit.inngest.addresses import Address, Addresses
from workflowkit.inngest.calls import Calls
from workflowkit.inngest.carriers import Carrier
from workflowkit.inngest.client import AppClient
from workflowkit.inngest.handovers import handed_over, is_failure_of_function
from workflowkit.inngest.operations import RUN_COMPLETE, Steps
from workflowkit.inngest.replies import Finished, Operation, Operations, failed_step, failure

#: What asks for nothing, or is done before anything else.
_NOTHING = frozenset({"None", "DiscoveryRequest", RUN_COMPLETE}) | defers.LAZY
#: The mode of parallel steps after each of which the function is asked how to go on.
_RACE = "race"
#: The version of the protocol from which on parallel steps are waited for together.
_COALESCING_VERSION = 2


class _Ended(Exception):
    """The function has returned, whatever else of it still goes on."""

    def __init__(self, output: Any) -> None:
        super().__init__()
        self.output = output


class Conversation:
    """What one attempt says to the app and hears from it."""

    def __init__(
        self, context: StepContext, address: Address, client: AppClient, addresses: Addresses, carrier: Carrier
    ) -> None:
        # How many steps there may be is bounded; how many of them side by side is the function's own matter.
        self._group = Group(context.session, is_bounded=False)
        self._session, self._emitted = context.session, context.emitted
        self._limits: Limits = client.limits
        self._is_first = context.attempt <= 0
        self._calls = Calls(context, address, client, carrier)
        self._steps = Steps(context, address, client, addresses)
        self._lock = threading.Lock()

    def run(self) -> Any:
        """Return what the function returned. Raises ``SuspendInterrupt`` where it waits, ``AttemptFailed``."""
        try:
            self._converse()
        except _Ended as ended:
            self._emitted += self._steps.deferred()
            self._session.end()  # it has its result, whatever has lost a race still waits for
            return ended.output
        except AttemptFailed as ended:
            # The functions that it wanted to follow it do so when it has failed for good, too.
            raise AttemptFailed(replace(ended.failed, events=tuple(self._steps.deferred()))) from ended

    def _converse(self) -> None:
        idle = 0
        left = self._handed_over()
        while True:
            before = len(self._session.known())
            reply, left = left or self._ask(), None
            told = len(self._session.known())  # with what the app has reported in the middle of the call
            try:
                self._settle_all(reply)
            except SuspendInterrupt:
                # What waits must not keep from going on what has ended meanwhile.
                if len(self._session.known()) == told:
                    raise
            idle = idle + 1 if len(self._session.known()) == before else 0
            if idle >= self._limits.remote_idle_replies:
                raise failure("NoProgress", f"the app answered {idle} times without anything new", "no-progress")
            self._session.give_way()

    def _handed_over(self) -> Operations | None:
        """Return what an app that began the run by itself left to be done, as if it had just answered that.

        Raises ``_Ended`` if it had come to the end, ``AttemptFailed`` if it had failed.
        """
        known = {own: fact.output for own, fact in self._session.known()}
        left = [each for each in handed_over(known) if not self._steps.has_begun(each)]
        for operation in left:
            if operation.code == RUN_COMPLETE:
                raise _Ended(operation.data)
            if is_failure_of_function(operation) and self._is_first:
                raise AttemptFailed(failed_step(operation.error or {}, operation.code == "StepFailed", None))
        items = tuple(each for each in left if not is_failure_of_function(each))
        return Operations(items) if items else None

    def _ask(self, *, plans_only: bool = False) -> Operations:
        """Call the function; return what it wants. Raises ``_Ended`` once it has returned."""
        reply = self._calls.whole(plans_only=plans_only)
        if isinstance(reply, Finished):
            raise _Ended(reply.output)
        self._steps.note_defers(reply)
        for operation in reply.items:
            if operation.code == RUN_COMPLETE:
                raise _Ended(operation.data)
        return reply

    def _settle_all(self, reply: Operations) -> None:
        wanted = [each for each in reply.items if each.code not in _NOTHING]
        if len(wanted) > 1 and self._is_race(wanted):
            self._race(wanted, reply, set())
        elif len(wanted) > 1 or (wanted and self._session.is_blocked):
            self._group.parallel([partial(self._settle, each, reply) for each in wanted])
        elif wanted:
            self._settle(wanted[0], reply)

    # --- races

    def _is_race(self, wanted: list[Operation]) -> bool:
        """Tell whether the function is to be asked after each of some steps, and not only after the last of them."""
        # Before version 2 of the protocol all parallel steps were like that, and functions may rely on it.
        is_old = 0 <= self._calls.version < _COALESCING_VERSION
        return is_old or any(each.options.get("parallelMode") == _RACE for each in wanted)

    def _race(self, wanted: list[Operation], reply: Operations, taken: set[str]) -> None:
        """Let branches go on by themselves: the function is asked after each step of any. ``taken`` are their steps."""
        with self._lock:
            taken |= {each.hashed for each in wanted}
        self._group.parallel([partial(self._run_on, each, reply, taken) for each in wanted], fail_fast=True)

    def _run_on(self, operation: Operation, reply: Operations, taken: set[str]) -> None:
        while True:
            self._settle(operation, reply)
            reply = self._ask(plans_only=True)
            with self._lock:
                fresh = [each for each in reply.items if each.code not in _NOTHING and each.hashed not in taken]
                taken |= {each.hashed for each in fresh}
            if len(fresh) != 1:
                break
            operation = fresh[0]
        if fresh:
            self._race(fresh, reply, taken)

    # --- operations

    def _settle(self, operation: Operation, reply: Operations) -> None:
        """Do what an operation says. Raises ``SuspendInterrupt`` if it waits."""
        if not operation.hashed:
            raise failure("BadReply", f"the operation {operation.code} has no id", "bad-reply")
        if operation.code == "StepPlanned":
            self._execute(operation)
        else:
            self._steps.settle(operation, reply)

    def _execute(self, operation: Operation) -> None:
        """Let the app execute one planned step, unless its next attempt is not due."""
        planned = self._steps.retry_of(operation)
        if planned is not None and planned.retry_at_ms is not None and planned.retry_at_ms > self._session.now_ms():
            self._session.block_until(planned.retry_at_ms)
        reply = self._calls.one(operation, planned)
        if isinstance(reply, Finished):
            return  # the next call of the whole function tells it again
        self._steps.note_defers(reply)
        for each in reply.items:
            if each.code == "StepPlanned" and each.hashed == operation.hashed:
                raise failure("BadReply", "the app planned the step that it was to execute", "bad-reply")
            if each.code not in _NOTHING:
                self._settle(each, reply)
