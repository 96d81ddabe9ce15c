"""The second version of the REST API: runs, events, apps and functions, below ``/v2`` and ``/api/v2``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import Flask, Response, request

from workflowkit.base.clock import rfc3339
from workflowkit.base.errors import InvalidInput, NotFound, Problem, WorkflowKitError
from workflowkit.engine.states import RunStatus
from workflowkit.inngest.answers import json_answer, limit_asked, read_body, status_of
from workflowkit.inngest.commands import Commands
from workflowkit.inngest.restv2account import AccountV2
from workflowkit.inngest.server import AppServer
from workflowkit.inngest.traces import Traces
from workflowkit.inngest.views import output_of, shown_status
from workflowkit.store import queries
from workflowkit.store.queries import RunFilter, RunView

PREFIXES = ("/v2", "/api/v2")
#: How many runs a page has, unless another number is asked for, and at most.
PAGE_RUNS, MAX_PAGE_RUNS = 20, 100
#: The statuses here that one of theirs stands for.
_STATUSES = {
    "QUEUED": (RunStatus.SCHEDULED, RunStatus.QUEUED),
    "RUNNING": (RunStatus.RUNNING, RunStatus.WAITING),
    "COMPLETED": (RunStatus.COMPLETED,),
    "FAILED": (RunStatus.FAILED,),
    "CANCELLED": (RunStatus.CANCELLED,),
}


def refusal_v2(error: WorkflowKitError) -> Response:
    """Return an error as this version writes it."""
    return json_answer({"errors": [{"code": error.code, "message": error.in_one_line}]}, status_of(error))


class RestV2:
    """The views."""

    def __init__(self, server: AppServer, commands: Commands) -> None:
        self._server, self._commands = server, commands
        self._traces = Traces(server.parts)

    def add_to(self, app: Flask) -> None:
        """Add the routes."""
        rules: tuple[tuple[str, str, Callable[..., Response]], ...] = (
            ("GET", "/health", lambda: self._data({"status": "ok"})),
            ("GET", "/runs", self._runs),
            ("GET", "/runs/<run_id>", lambda run_id: self._data(_shown(self._traces.of(run_id).run))),
            ("GET", "/runs/<run_id>/trace", self._trace),
            ("POST", "/runs/<run_id>/cancel", self._cancel),
            ("POST", "/runs/<run_id>/rerun", self._rerun),
            ("GET", "/events/<event_id>/runs", self._runs_of_event),
            ("GET", "/apps", lambda: self._data(self._apps())),
            ("GET", "/apps/<app_name>", self._app),
            ("GET", "/apps/<app_name>/functions", self._functions),
            ("GET", "/apps/<app_name>/functions/<function>", self._function),
            ("GET", "/apps/<app_name>/functions/<function>/runs", self._runs_of_function),
            ("POST", "/apps/<app_name>/functions/<function>/invoke", self._invoke),
            *AccountV2(self._server, self._data).rules(),
        )
        for method, rule, view in rules:
            for prefix in PREFIXES:
                app.add_url_rule(f"{prefix}{rule}", f"{method} {prefix}{rule}", view, methods=[method])

    def _data(self, value: Any, *, page: Mapping[str, Any] | None = None, status: int = 200) -> Response:
        metadata = {"fetchedAt": rfc3339(self._server.parts().database.now_ms())}
        return json_answer({"data": value, "metadata": metadata} | ({} if page is None else {"page": page}), status)

    # --- runs

    def _runs(self) -> Response:
        return self._listed(RunFilter(statuses=_statuses_asked()))

    def _runs_of_event(self, event_id: str) -> Response:
        self._server.event(event_id)
        return self._listed(RunFilter(event_id=event_id))

    def _runs_of_function(self, app_name: str, function: str) -> Response:
        own = self._commands.function_id(app_name, function)
        return self._listed(RunFilter(workflow_id=own, statuses=_statuses_asked()))

    def _listed(self, where: RunFilter) -> Response:
        parts, limit = self._server.parts(), limit_asked(PAGE_RUNS, MAX_PAGE_RUNS)
        with parts.database.read() as tx:
            found = queries.find_runs(
                tx, parts.settings.scope, where, limit=limit + 1, before=request.args.get("cursor")
            )
        shown, has_more = found[:limit], len(found) > limit
        page = {"cursor": shown[-1].id if has_more else None, "hasMore": has_more, "limit": limit}
        return self._data([_shown(run) for run in shown], page=page)

    def _trace(self, run_id: str) -> Response:
        return self._data({"runId": run_id, "rootSpan": self._traces.of(run_id).root()})

    def _cancel(self, run_id: str) -> Response:
        self._commands.cancel(run_id)
        return self._data(_shown(self._traces.of(run_id).run))

    def _rerun(self, run_id: str) -> Response:
        return self._data({"runId": self._commands.rerun(run_id)})

    # --- apps

    def _apps(self) -> list[dict[str, Any]]:
        counts: dict[str, int] = {}
        for each in self._server.functions():
            counts[each["app"]] = counts.get(each["app"], 0) + 1
        return [{"id": name, "name": name, "functionCount": count} for name, count in counts.items()]

    def _app(self, app_name: str) -> Response:
        for each in self._apps():
            if each["id"] == app_name:
                return self._data(each)
        raise NotFound(f"there is no app {app_name!r}")

    def _functions(self, app_name: str) -> Response:
        return self._data([_function(each) for each in self._server.functions_of(app_name)])

    def _function(self, app_name: str, function: str) -> Response:
        own = self._commands.function_id(app_name, function)
        found = (each for each in self._server.functions_of(app_name) if each["id"] == own)
        if (shown := next(found, None)) is None:
            raise NotFound(f"there is no function {function!r}")
        return self._data(_function(shown))

    def _invoke(self, app_name: str, function: str) -> Response:
        body = read_body(self._server.parts().settings.limits)
        data = body.get("data") if isinstance(body, dict) else None
        return self._data({"runId": self._commands.invoke(self._commands.function_id(app_name, function), data).run_id})


def _statuses_asked() -> tuple[RunStatus, ...]:
    asked = request.args.getlist("status")
    if unknown := [each for each in asked if each.upper() not in _STATUSES]:
        message = f"there is no status {unknown[0]!r}"
        raise InvalidInput([Problem("/query/status", "invalid-value", message)])
    return tuple(status for each in asked for status in _STATUSES[each.upper()])


def _shown(run: RunView) -> dict[str, Any]:
    app, _, name = run.workflow_id.partition("/")
    began, ended = run.started_at_ms, run.finished_at_ms
    shown = {
        "id": run.id, "status": shown_status(run.status).upper(), "app": {"id": app},
        "function": {"id": run.workflow_id.replace("/", "-", 1), "name": name or run.workflow_id},
        "queuedAt": rfc3339(run.created_at_ms), "startedAt": rfc3339(began),
        "endedAt": rfc3339(ended),
        "durationMs": None if began is None or ended is None else str(ended - began),
        "trigger": {"eventIds": [run.event_id]},
    }  # fmt: skip
    return shown | ({"output": output_of(run)} if run.output is not None or run.error is not None else {})


def _function(shown: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": shown["slug"], "name": shown["name"], "app": {"id": shown["app"]}, "triggers": shown["triggers"]}
