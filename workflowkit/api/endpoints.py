"""Views of a host application that are code functions: performed in the request as far as they do not wait."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from flask import Response, url_for
from flask.typing import ResponseReturnValue
from werkzeug.routing import BuildError

from workflowkit.api.contract import answer
from workflowkit.api.errors import problem, problems_of, status_of
from workflowkit.api.requestdata import request_data
from workflowkit.api.results import RUN_HEADER, result_path
from workflowkit.base.errors import Conflict, NotFound, RunCancelled, RunFailed, WorkflowKitError
from workflowkit.base.limits import Limits
from workflowkit.base.scope import Scope
from workflowkit.engine.states import RunStatus
from workflowkit.runtime.endpoints import Endpoints
from workflowkit.store import queries
from workflowkit.store.database import Database

#: Makes the answer where the run, whose id it is given, goes on in the background.
Later = Callable[[str], ResponseReturnValue]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One durable endpoint. ``later`` is ``None`` for a redirect to the result.

    ``sync`` publishes its function; ``is_retired`` tells whether another process's sync has switched it off.
    """

    function_id: str
    scope: Scope
    endpoints: Endpoints
    database: Database
    limits: Limits
    sync: Callable[[], object]
    is_retired: Callable[[], bool]
    public_url: str | None = None
    later: Later | None = None

    def answer(self, path: Mapping[str, Any]) -> ResponseReturnValue:
        """Answer the present request, whose route has the parameters ``path``. Never raises errors of ours."""
        try:
            return self._answer({**request_data(self.limits), "path": dict(path)})
        except WorkflowKitError as error:
            status = status_of(error)
            # SAFETY: S26 — what is no mistake of the caller's is told by its kind only.
            is_told = status < HTTPStatus.INTERNAL_SERVER_ERROR or isinstance(error, RunFailed)
            detail = error.message if is_told else "something went wrong on the server"
            return problem(status, error.code, detail, problems_of(error))

    def _answer(self, data: dict[str, Any]) -> ResponseReturnValue:
        run_id = self._begin(data)
        try:
            with self.database.read() as tx:
                run = queries.get_run(tx, self.scope, run_id)
        except NotFound:  # the database was away after the event was stored: the run begins later
            return self._later(run_id)
        if not run.status.is_terminal:
            return self._later(run_id)
        if run.status is RunStatus.FAILED:
            raise RunFailed(f"run {run_id} has failed")
        if run.status is RunStatus.CANCELLED:
            raise RunCancelled(f"run {run_id} was cancelled")
        return answer(run.output, headers={RUN_HEADER: run_id})

    def _begin(self, data: dict[str, Any]) -> str:
        try:
            return self.endpoints.call(self.scope, self.function_id, data)
        except NotFound:
            pass  # the first request of all, before any process has published the function
        except Conflict:
            if not self.is_retired():  # somebody has switched it off, or paused it
                raise
        self.sync()
        return self.endpoints.call(self.scope, self.function_id, data)

    def _later(self, run_id: str) -> ResponseReturnValue:
        if self.later is not None:
            return self.later(run_id)
        headers = {"Location": self._result_url(run_id), RUN_HEADER: run_id}
        return Response(status=HTTPStatus.SEE_OTHER, headers=headers)

    def _result_url(self, run_id: str) -> str:
        if self.public_url is not None:
            return f"{self.public_url}{result_path(run_id)}"
        try:
            return url_for("workflowkit.serve", path=result_path(run_id).removeprefix("/"))
        except BuildError:  # the API is served elsewhere
            return result_path(run_id)
