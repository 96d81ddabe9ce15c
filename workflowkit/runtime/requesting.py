"""Runs that somebody asks for and then looks at: by hand, and by an HTTP request that is answered with the result.

Their events are matched by the process that was asked, so that the run is there when its id is told. No step is
performed here.
"""

from __future__ import annotations

import logging
from typing import Any

from workflowkit.base.errors import NotFound, NotManual, StoreUnavailable
from workflowkit.base.scope import Scope
from workflowkit.definition.model import Workflow
from workflowkit.engine.waitspecs import CALLED_EVENT, REQUESTED_EVENT
from workflowkit.runtime.hints import Dispatcher, hint
from workflowkit.runtime.invoking import Invoking, Started
from workflowkit.runtime.matching import Matching
from workflowkit.runtime.requestkeys import RequestKey

_log = logging.getLogger(__name__)


class Requesting:
    """Starts runs for those who wait for them. ``matching`` must claim nothing: nobody would perform it."""

    def __init__(self, invoking: Invoking, matching: Matching, dispatcher: Dispatcher) -> None:
        self._invoking = invoking
        self._matching = matching
        self._dispatcher = dispatcher

    def by_hand(
        self, scope: Scope, workflow_id: str, data: Any = None, *, is_author: bool = False,
        key: RequestKey | None = None,
    ) -> Started:  # fmt: skip
        """Start a run because a person wants it; with a ``key`` that was there before, return the run of then.

        Raises ``NotManual`` unless the workflow has a manual trigger or it is one of its authors who asks, and what
        ``Invoking.invoke`` raises.
        """

        def admit(workflow: Workflow) -> None:
            if not workflow.is_manual and not is_author:
                raise NotManual(f"workflow {workflow_id!r} has no manual trigger")

        started = self._invoking.start(scope, workflow_id, data, name=REQUESTED_EVENT, admit=admit, key=key)
        return self._begin(started)

    def by_request(self, scope: Scope, workflow_id: str, data: Any) -> tuple[Started, int]:
        """Start a run that answers an HTTP request; return how long the request may wait for it, in ms.

        Raises ``NotFound`` for a workflow without such a trigger too, and what ``Invoking.invoke`` raises.
        """

        def admit(workflow: Workflow) -> None:
            if workflow.http is None:
                raise NotFound(f"there is no published workflow {workflow_id!r}")

        started = self._invoking.start(scope, workflow_id, data, name=CALLED_EVENT, admit=admit)
        http = started.workflow.http
        return self._begin(started), 0 if http is None else http.wait_ms

    def _begin(self, started: Started) -> Started:
        try:
            matched = self._matching.match([started.event_id])
        except StoreUnavailable as error:
            # The event is stored: the run begins when the database is back.
            _log.warning("event %s is left to others: %s", started.event_id, error)
            self._dispatcher.match([started.event_id])
        else:
            # With nothing to go on with, the event may be pending yet: encrypted for others, or others are at it.
            left = () if matched.openings else (started.event_id,)
            hint(self._dispatcher, [opening.hint for opening in matched.openings], (*matched.event_ids, *left))
        return started
