"""The calls of SDKs and their users for runs and events: ``/v0`` and ``/v1``; and what is newer (``restv2``)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask, Response, request

from workflowkit.base.errors import InvalidInput, Problem
from workflowkit.base.limits import Limits
from workflowkit.inngest.answers import data_answer, json_answer, limit_asked, read_body, read_lenient_body
from workflowkit.inngest.checkpointroutes import CheckpointRoutes
from workflowkit.inngest.commands import Commands
from workflowkit.inngest.devqueries import DevQueries
from workflowkit.inngest.metadata import Metadata
from workflowkit.inngest.realtimeroutes import RealtimeRoutes
from workflowkit.inngest.restv2 import RestV2
from workflowkit.inngest.server import AppServer
from workflowkit.inngest.traces import Traces

#: How many events a page has, unless another number is asked for, and at most.
PAGE_EVENTS, MAX_PAGE_EVENTS = 20, 51


def add_rest(app: Flask, server: AppServer) -> None:
    """Add the routes."""
    commands = Commands(server.parts)
    _State(server, commands).add_to(app)
    RealtimeRoutes(server).add_to(app)
    CheckpointRoutes(server).add_to(app)
    _Runs(server, commands).add_to(app)
    _Changes(server, commands).add_to(app)
    RestV2(server, commands).add_to(app)


class _Routes:
    """Views over the server; each group adds its own."""

    def __init__(self, server: AppServer, commands: Commands) -> None:
        self._server, self._commands = server, commands
        self._metadata = Metadata(server.parts)

    @property
    def _limits(self) -> Limits:
        return self._server.parts().settings.limits

    def _data(self, value: Any, status: int = 200) -> Response:
        return data_answer(value, self._server.parts().database.now_ms(), status)

    def _add(self, app: Flask, method: str, rule: str, view: Callable[..., Response]) -> None:
        app.add_url_rule(rule, f"{method} {rule}", view, methods=[method])


class _State(_Routes):
    """What apps fetch of their runs, and add to them, in the middle of a call."""

    def add_to(self, app: Flask) -> None:
        self._add(app, "GET", "/v0/runs/<run_id>/actions", self._actions)
        self._add(app, "GET", "/v0/runs/<run_id>/batch", self._batch)
        self._add(app, "POST", "/v1/checkpoint/<run_id>/async", self._checkpoint)
        self._add(app, "POST", "/v1/runs/<run_id>/metadata", self._note)
        self._add(app, "POST", "/v1/signals", self._signal)

    def _actions(self, run_id: str) -> Response:
        return json_answer(self._server.state.actions(run_id))

    def _batch(self, run_id: str) -> Response:
        return json_answer(self._server.state.batch(run_id))

    def _checkpoint(self, run_id: str) -> Response:
        payload = read_lenient_body(self._limits)
        self._server.state.checkpoint(run_id, payload)
        self._metadata.note_steps(run_id, payload)
        return Response(status=200)

    def _note(self, run_id: str) -> Response:
        self._metadata.note(run_id, read_body(self._limits))
        return Response(status=200)

    def _signal(self) -> Response:
        body = read_body(self._limits)
        name = body.get("signal") if isinstance(body, dict) else None
        if not isinstance(name, str) or not name:
            raise InvalidInput([Problem("/signal", "required", "the name of the signal")])
        return self._data({"run_id": self._server.signal(name, body.get("data"))})


class _Runs(_Routes):
    """What clients ask of runs and events."""

    def add_to(self, app: Flask) -> None:
        self._add(app, "GET", "/v1/runs/<run_id>", lambda run_id: self._data(self._server.run(run_id)))
        self._add(app, "GET", "/v1/runs/<run_id>/jobs", lambda run_id: self._data(self._server.jobs(run_id)))
        self._add(app, "GET", "/v1/events", self._events)
        self._add(app, "GET", "/v1/events/<event_id>", lambda event_id: self._data(self._server.event(event_id)))
        self._add(
            app, "GET", "/v1/events/<event_id>/runs", lambda event_id: self._data(self._server.runs_of_event(event_id))
        )
        self._add(
            app, "GET", "/v1/apps/<app_name>/functions",
            lambda app_name: json_answer(self._server.functions_of(app_name)),
        )  # fmt: skip

    def _events(self) -> Response:
        limit = limit_asked(PAGE_EVENTS, MAX_PAGE_EVENTS)
        asked = {name: request.args.get(name) for name in ("name", "cursor", "received_after", "received_before")}
        return self._data(self._server.events(limit=limit, **asked))


class _Changes(_Routes):
    """What clients change, and what they ask by GraphQL."""

    def add_to(self, app: Flask) -> None:
        self._add(app, "DELETE", "/v1/runs/<run_id>", lambda run_id: self._cancelled(run_id, 200))
        self._add(app, "DELETE", "/v0/runs/<run_id>", lambda run_id: self._cancelled(run_id, 204))
        self._add(app, "POST", "/v1/cancellations", self._cancel_many)
        self._add(app, "GET", "/v1/cancellations", lambda: self._data(self._commands.cancellations()))
        self._add(app, "DELETE", "/v1/cancellations/<cancellation_id>", self._stop)
        self._add(app, "POST", "/invoke/<function>", self._invoke)
        self._add(app, "POST", "/v0/gql", self._ask)

    def _cancelled(self, run_id: str, status: int) -> Response:
        self._commands.cancel(run_id)
        return Response(status=status)

    def _cancel_many(self) -> Response:
        return self._data(self._commands.cancel_many(read_body(self._limits)), 201)

    def _stop(self, cancellation_id: str) -> Response:
        self._commands.stop(cancellation_id)
        return Response(status=204)

    def _invoke(self, function: str) -> Response:
        body = read_body(self._limits)
        data = body.get("data") if isinstance(body, dict) else None
        started = self._commands.invoke(self._commands.function_id("", function), data)
        return json_answer({"id": started.event_id, "status": 200})

    def _ask(self) -> Response:
        queries = DevQueries(self._server, self._commands, Traces(self._server.parts))
        return json_answer(queries.answer(read_body(self._limits)))
