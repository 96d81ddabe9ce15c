"""What the test suites of SDKs and development tools ask by GraphQL: runs, events, functions, and a few commands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workflowkit.base.errors import InvalidInput, Problem
from workflowkit.base.jsonvalue import dumps, loads
from workflowkit.inngest.commands import Commands
from workflowkit.inngest.graphql import execute
from workflowkit.inngest.graphqlreader import Table
from workflowkit.inngest.server import AppServer
from workflowkit.inngest.traces import Traced, Traces


class DevQueries:
    """The roots of queries and mutations."""

    def __init__(self, server: AppServer, commands: Commands, traces: Traces) -> None:
        self._server, self._commands, self._traces = server, commands, traces

    def answer(self, body: Any) -> dict[str, Any]:
        """Answer a request. Raises ``InvalidInput`` for what is none."""
        fields: Mapping[str, Any] = body if isinstance(body, dict) else {}
        text, variables, name = fields.get("query"), fields.get("variables") or {}, fields.get("operationName")
        if not isinstance(text, str) or not isinstance(variables, dict) or not isinstance(name, str | None):
            raise InvalidInput([Problem("/query", "required", "a query, and an object of variables")])
        return execute(text, variables, name or None, {"query": self._queries(), "mutation": self._mutations()})

    def _queries(self) -> Table:
        return {
            "run": lambda asked: _run(self._traces.of(_text(asked, "runID"))),
            "runTrigger": lambda asked: _trigger(self._traces.of(_text(asked, "runID"))),
            "runTraceSpanOutputByID": lambda asked: self._traces.output(_text(asked, "outputID")),
            "event": self._event,
            "eventV2": self._event_by_id,
            "functions": lambda asked: [_function(each) for each in self._server.functions()],
        }

    def _mutations(self) -> Table:
        return {"invokeFunction": self._invoke, "cancelRun": self._cancel, "rerun": self._rerun}

    def _event(self, asked: Table) -> dict[str, Any]:
        query = asked.get("query")
        event_id = _text(query if isinstance(query, dict) else {}, "eventId")
        event, runs = self._server.event(event_id), self._server.runs_of_event(event_id)
        shown = [{"id": run["run_id"], "status": run["status"].upper()} for run in runs]
        return {
            "id": event_id, "name": event["name"], "payload": dumps(event["data"]), "totalRuns": len(shown),
            "functionRuns": shown,
        }  # fmt: skip

    def _event_by_id(self, asked: Table) -> dict[str, Any]:
        event = self._server.event(_text(asked, "id"))
        raw = {name: event[name] for name in ("name", "data", "id", "ts")}
        return {
            "id": event["internal_id"], "name": event["name"], "idempotencyKey": event["id"], "raw": dumps(raw),
            "receivedAt": event["received_at"],
        }  # fmt: skip

    def _invoke(self, asked: Table) -> bool:
        slug, data = _text(asked, "functionSlug"), asked.get("data")
        given = loads(data) if isinstance(data, str) else data
        self._commands.invoke(self._commands.function_id("", slug), given)
        return True

    def _cancel(self, asked: Table) -> dict[str, Any]:
        run_id = _text(asked, "runID")
        self._commands.cancel(run_id)
        return _run(self._traces.of(run_id))

    def _rerun(self, asked: Table) -> str:
        return self._commands.rerun(_text(asked, "runID"))


def _run(traced: Traced) -> dict[str, Any]:
    run, root = traced.run, traced.root()
    return {
        "id": run.id, "status": traced.status, "output": traced.output, "eventName": traced.events[0]["name"],
        "functionID": run.workflow_id, "queuedAt": root["queuedAt"], "startedAt": root["startedAt"],
        "endedAt": root["endedAt"], "isBatch": len(traced.events) > 1,
        "function": {"id": run.workflow_id, "slug": run.workflow_id.replace("/", "-", 1), "name": root["name"]},
        "trace": lambda asked: root,
    }  # fmt: skip


def _trigger(traced: Traced) -> dict[str, Any]:
    first = traced.events[0]
    cron = first["data"].get("cron") if first["name"] == "inngest/scheduled.timer" else None
    return {
        "IDs": [event["id"] for event in traced.events], "eventName": first["name"], "cron": cron,
        "isBatch": len(traced.events) > 1, "batchID": None, "timestamp": first["ts"],
        "payloads": [dumps(event) for event in traced.events],
    }  # fmt: skip


def _function(shown: Mapping[str, Any]) -> dict[str, Any]:
    return {name: shown[name] for name in ("id", "slug", "name", "url")}


def _text(asked: Mapping[str, Any], name: str) -> str:
    value = asked.get(name)
    if not isinstance(value, str) or not value:
        raise InvalidInput([Problem(f"/variables/{name}", "required", f"the argument {name}, a text")])
    return value
