"""Runs of durable endpoints, as their app opens them, tells of them, and hands them over; and what they came to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from workflowkit.base.clock import Clock, SystemClock
from workflowkit.base.errors import InvalidInput, LimitExceeded, NotFound, Problem, Unauthenticated
from workflowkit.base.jsonvalue import canonical
from workflowkit.base.limits import Limits
from workflowkit.base.scope import APP_TENANT, Scope
from workflowkit.base.secrets import Keyring
from workflowkit.base.tokens import Tokens
from workflowkit.engine.failures import stored_value
from workflowkit.engine.waitspecs import ENDPOINT_EVENT
from workflowkit.inngest import defers, realtime
from workflowkit.inngest.endpoints import Request, read_request, remote_function
from workflowkit.inngest.handovers import kept_of
from workflowkit.inngest.notes import HANDED_OVER
from workflowkit.inngest.registration import RemoteFunction
from workflowkit.inngest.replies import read_operation
from workflowkit.inngest.state import RESULTS, RunState
from workflowkit.registry import Registry
from workflowkit.runtime.adopting import Adopting, Beginning
from workflowkit.runtime.functions import App, Declared, Functions
from workflowkit.store import apps, queries
from workflowkit.store.apps import Origin
from workflowkit.store.queries import RunView

#: What the tokens are signed for with which a caller fetches the result.
_PURPOSE = "endpoint-output"


class Parts(realtime.Parts, Protocol):
    """What this takes from a composed runtime."""

    @property
    def registry(self) -> Registry: ...
    @property
    def functions(self) -> Functions: ...
    @property
    def adopting(self) -> Adopting: ...
    @property
    def keyring(self) -> Keyring | None: ...
    @property
    def clock(self) -> Clock | None: ...


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """The runs that apps have begun. ``parts`` is asked for with each request."""

    parts: Callable[[], Parts]

    @property
    def _limits(self) -> Limits:
        return self.parts().settings.limits

    @property
    def _state(self) -> RunState:
        parts = self.parts()
        return RunState(parts.database, parts.settings.environment, parts.settings.limits)

    def open(self, payload: Any, sdk: str) -> dict[str, Any]:
        """Store a run that an app has begun, with its first steps; return what the app goes on with.

        May be repeated. Raises ``InvalidInput``, ``LimitExceeded``, ``Conflict`` for the id of another run.
        """
        asked, parts = read_request(payload), self.parts()
        tokens = self._tokens()
        self._publish(asked, sdk)
        scope = parts.settings.scope
        kept = stored_value(dict(asked.fields), self._limits)
        is_new = parts.adopting.adopt(scope, Beginning(asked.run_id, asked.function_id, ENDPOINT_EVENT, kept))
        if is_new or not self._is_over(scope, asked.run_id):
            self.report(asked.run_id, payload)
        claims = {"environment": scope.environment, "tenant": scope.tenant, "run_id": asked.run_id}
        return {
            "fn_id": asked.function_id, "app_id": asked.app_id, "run_id": asked.run_id,
            "token": tokens.mint(_PURPOSE, claims, ttl_seconds=self._limits.endpoint_token_seconds),
            "realtime_token": realtime.Realtime(self.parts).run_token(scope, asked.run_id),
        }  # fmt: skip

    def report(self, run_id: str, payload: Any) -> None:
        """Record what an app tells of a run of its own: results, and what it hands over.

        Raises ``NotFound``, also for runs that no app has begun, ``Conflict`` once the run is not the app's any more,
        ``InvalidInput``, ``LimitExceeded``.
        """
        entries = payload.get("steps") if isinstance(payload, dict) else None
        if not isinstance(entries, list):
            raise InvalidInput([Problem("/steps", "required", "a list of steps")])
        if len(entries) > self._limits.steps_per_run:
            raise LimitExceeded("steps_per_run", self._limits.steps_per_run, len(entries), pointer="/steps")
        state = self._state
        node_id = state.own_node(run_id)
        outputs: dict[str, Any] = {}
        handed: list[dict[str, Any]] = []
        for index, entry in enumerate(entries):
            operation = read_operation(entry)
            if operation is None or operation.code in RESULTS | defers.LAZY:
                outputs |= dict(filter(None, [state.result(entry, index)]))
            else:
                handed.append(kept_of(entry))
        if handed:
            outputs[HANDED_OVER] = stored_value(handed, self._limits)
        self.parts().adopting.report(run_id, node_id, outputs, hands_over=bool(handed))

    def token_run(self, run_id: str, token: str) -> Scope:
        """Return whose the run is that a token lets its bearer see. Raises ``Unauthenticated``."""
        match self._tokens().read(_PURPOSE, token):
            case {"environment": str(environment), "tenant": str(tenant), "run_id": str(own)} if own == run_id:
                return Scope(environment, tenant)
            case _:
                raise Unauthenticated("the token has expired, or is for another run")

    def run(self, scope: Scope, run_id: str) -> RunView:
        """Return a run. Raises ``NotFound``."""
        with self.parts().database.read() as tx:
            return queries.get_run(tx, scope, run_id)

    def _is_over(self, scope: Scope, run_id: str) -> bool:
        """Tell whether an app has handed a run over, or it has ended: what is told again then is known."""
        try:
            return HANDED_OVER in self._state.noted(run_id) or self.run(scope, run_id).status.is_terminal
        except NotFound:
            return False

    def _tokens(self) -> Tokens:
        parts = self.parts()
        if parts.keyring is None:
            raise InvalidInput([Problem("", "no-secret-key", "to sign tokens, set WORKFLOWKIT_SECRET_KEY")])
        return Tokens(parts.keyring, parts.clock or SystemClock())

    # --- the function that an endpoint is

    def _publish(self, asked: Request, sdk: str) -> None:
        """Publish the function that an endpoint is, unless it is as it was. Raises ``LimitExceeded``."""
        parts = self.parts()
        scope, spec_of = Scope(parts.settings.environment, APP_TENANT), parts.registry.remote
        assert spec_of is not None  # noqa: S101 - whoever mounts this has installed it
        own, document = asked.function_id, asked.document(sdk)
        with parts.database.read() as tx:
            found = apps.find_functions(tx, scope, limit=1, function_id=own)
            if found and found[0].enabled and canonical(found[0].document) == canonical(document):
                return
            # SAFETY: S1 — whoever calls an app chooses paths and names of hosts: what follows from these is bounded.
            most = self._limits.remote_endpoints
            known = [
                each for each in apps.find_functions(tx, scope, limit=10 * most)
                if each.document["metadata"].get("endpoint")
            ]  # fmt: skip
        if not found and len(known) >= most:
            raise LimitExceeded("remote_endpoints", most, len(known) + 1)
        declared: dict[str, Declared] = {
            each.id: RemoteFunction(each.document, spec_of(each.id))
            for each in known
            if each.enabled and each.app_id == asked.app_id
        }
        declared[own] = remote_function(asked, sdk, spec_of(own))
        origin = Origin(asked.fields["domain"], asked.fields["domain"], sdk)
        parts.functions.sync(
            parts.settings.environment, App(asked.app_id, None, declared, origin), force=True
        ).log_warnings()
