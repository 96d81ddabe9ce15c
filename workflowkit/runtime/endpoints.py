"""Runs that begin in the process that was asked for them, and go on there as long as they do not wait."""

from __future__ import annotations

import logging
from typing import Any

from workflowkit.base.errors import StoreUnavailable
from workflowkit.base.scope import Scope
from workflowkit.engine.waitspecs import CALLED_EVENT
from workflowkit.runtime.invoking import Invoking
from workflowkit.runtime.worker import Worker

_log = logging.getLogger(__name__)


class Endpoints:
    """Performs the beginnings of runs for one process."""

    def __init__(self, invoking: Invoking, worker: Worker) -> None:
        self._invoking = invoking
        self._worker = worker

    def call(self, scope: Scope, function_id: str, data: Any) -> str:
        """Start a run of a function and perform it here until it ends, waits, or has taken its time; return its id.

        No transaction is open while the function's code runs. Should this process die, workers go on after the lease;
        so they do where this one does not serve the function's queue. Raises what ``Invoking.invoke`` raises.
        """
        started = self._invoking.start(scope, function_id, data, name=CALLED_EVENT)
        try:
            self._worker.begin(started.event_id)
        except StoreUnavailable as error:
            _log.warning("event %s is left to others: %s", started.event_id, error)
        return started.run_id
