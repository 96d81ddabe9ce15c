"""What clients of the REST API change: runs started, repeated and cancelled, one or many."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from workflowkit.base.clock import rfc3339
from workflowkit.base.errors import InvalidInput, NotFound, Problem
from workflowkit.base.scope import Scope
from workflowkit.inngest.addresses import Addresses
from workflowkit.inngest.durations import moment_asked
from workflowkit.inngest.naming import slug_of
from workflowkit.inngest.parts import Stored
from workflowkit.inngest.views import ENVIRONMENT_ID
from workflowkit.runtime.control import Control
from workflowkit.runtime.invoking import Invoking, Started
from workflowkit.runtime.jobs import Jobs, NewJob
from workflowkit.runtime.rerunning import Rerunning
from workflowkit.store.jobs import JobKind, JobRow, JobState

_REASON = "cancelled by an app's client"


class Parts(Stored, Protocol):
    """What this takes from a composed runtime."""

    @property
    def control(self) -> Control: ...
    @property
    def invoking(self) -> Invoking: ...
    @property
    def rerunning(self) -> Rerunning: ...
    @property
    def jobs(self) -> Jobs: ...


@dataclass(frozen=True, slots=True)
class Commands:
    """Changes of the installation's own tenant. ``parts`` is asked for with each request."""

    parts: Callable[[], Parts]

    @property
    def _scope(self) -> Scope:
        return self.parts().settings.scope

    def function_id(self, app: str, name: str) -> str:
        """Return the id of a function: ``name`` is its slug, or its name within the app, if that is given.

        Raises ``NotFound``.
        """
        parts = self.parts()
        addresses, environment = Addresses(parts.database), parts.settings.environment
        with parts.database.read() as tx:
            for slug in (f"{app}-{name}", name) if app else (name,):
                own = addresses.id_of(environment, slug, app)
                if addresses.find(tx, environment, own) is not None:
                    return own
        raise NotFound(f"there is no function {name!r}")

    def invoke(self, own_id: str, data: Any) -> Started:
        """Start a run of a function. Raises ``NotFound``, ``Conflict`` where it starts none, ``InvalidInput``."""
        return self.parts().invoking.begin(self._scope, own_id, data)

    def rerun(self, run_id: str) -> str:
        """Start a run that repeats another one; return its id. Raises ``NotFound``, ``Conflict``."""
        return self.parts().rerunning.rerun(self._scope, run_id)

    def cancel(self, run_id: str) -> None:
        """End a run; one that has ended stays as it is. Raises ``NotFound``."""
        self.parts().control.cancel(self._scope, run_id, reason=_REASON)

    def cancel_many(self, asked: Any) -> dict[str, Any]:
        """Cancel the runs of a function that were created in a time; return what is being done.

        Raises ``NotFound`` for a function that there is not, ``InvalidInput``.
        """
        fields: Mapping[str, Any] = asked if isinstance(asked, dict) else {}
        app, function = fields.get("app_id") or "", fields.get("function_id")
        if not isinstance(app, str) or not isinstance(function, str) or not function:
            raise InvalidInput([Problem("/function_id", "required", "the function whose runs are to be cancelled")])
        condition = fields.get("if") or None
        if condition is not None and not isinstance(condition, str):
            raise InvalidInput([Problem("/if", "wrong-type", "an expression")])
        wanted = NewJob(
            JobKind.CANCEL,
            workflow_id=self.function_id(app, function),
            created_after_ms=moment_asked(fields.get("started_after"), "/started_after") or 0,
            created_before_ms=moment_asked(fields.get("started_before"), "/started_before"),
            condition=condition,
            reason=_REASON,
        )
        return _shown_job(self.parts().jobs.create(self._scope, wanted))

    def cancellations(self) -> list[dict[str, Any]]:
        """Return the latest work on many runs that cancels them."""
        parts = self.parts()
        found = parts.jobs.find(self._scope, limit=parts.settings.limits.page_size)
        return [_shown_job(job) for job in found if job.kind is JobKind.CANCEL]

    def stop(self, job_id: str) -> None:
        """Cancel no further run; those that are cancelled stay so. Raises ``NotFound``."""
        jobs = self.parts().jobs
        job = jobs.get(self._scope, job_id)
        if job.kind is not JobKind.CANCEL:
            raise NotFound(f"there is no cancellation {job_id!r}")
        if job.state is JobState.RUNNING:
            jobs.stop(self._scope, job_id)


def _shown_job(job: JobRow) -> dict[str, Any]:
    chosen = job.chosen
    return {
        "id": job.id, "environment_id": ENVIRONMENT_ID, "function_id": slug_of(chosen.workflow_id),
        "started_after": rfc3339(chosen.created_after_ms) if chosen.created_after_ms else None,
        "started_before": rfc3339(chosen.created_before_ms), "if": chosen.condition,
        "created_at": rfc3339(job.created_at_ms), "status": job.state.value, "matched": job.matched_count,
    }  # fmt: skip
