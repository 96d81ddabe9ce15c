"""Durable endpoints over HTTP: ``/v1/checkpoint``, and the result for those who called the endpoint."""

from __future__ import annotations

from typing import Any

from flask import Flask, Response, request

from workflowkit.api.waiting import MAX_RESULT_WAIT_SECONDS, Waiting
from workflowkit.base.jsonvalue import dumps
from workflowkit.inngest.answers import data_answer, json_answer, read_lenient_body
from workflowkit.inngest.checkpoints import Checkpoints
from workflowkit.inngest.replies import SDK_HEADER
from workflowkit.inngest.server import AppServer
from workflowkit.inngest.views import output_of

#: The endpoint of Flask that needs a token only.
OUTPUT = "checkpoint.output"
_PREFIXES = ("/v1/checkpoint", "/v1/http/runs")
#: What an app may say of its answer. Nothing else: it is given under our name, beside our own pages.
_PASSED_ON = frozenset({"content-type", "content-language", "cache-control", "etag", "last-modified"})
# SAFETY: S26 — what an app answers is shown under our address: no page of it may act as one of ours.
_CONFINED = {"Content-Security-Policy": "sandbox; default-src 'none'", "Access-Control-Allow-Origin": "*"}


class CheckpointRoutes:
    """The views."""

    def __init__(self, server: AppServer) -> None:
        self._server, self._checkpoints = server, Checkpoints(server.parts)
        self._waiting: Waiting | None = None

    def add_to(self, app: Flask) -> None:
        """Add the routes."""
        app.add_url_rule("/v1/checkpoint", "checkpoint.open", self._open, methods=["POST"])
        for prefix in _PREFIXES:
            suffix = "" if prefix == _PREFIXES[0] else ".http"
            app.add_url_rule(f"{prefix}/<run_id>/steps", f"checkpoint.steps{suffix}", self._report, methods=["POST"])
            app.add_url_rule(
                f"{prefix}/<run_id>/output", OUTPUT + suffix, self._output, provide_automatic_options=False
            )  # fmt: skip

    def _open(self) -> Response:
        parts = self._server.parts()
        opened = self._checkpoints.open(read_lenient_body(parts.settings.limits), request.headers.get(SDK_HEADER, ""))
        return data_answer(opened, parts.database.now_ms())

    def _report(self, run_id: str) -> Response:
        self._checkpoints.report(run_id, read_lenient_body(self._server.parts().settings.limits))
        return Response(status=200)

    def _output(self, run_id: str) -> Response:
        """Answer as the endpoint would have, once the run has ended; that it goes on if it takes longer."""
        scope = self._checkpoints.token_run(run_id, request.args.get("token", ""))
        if self._waiting is None:
            self._waiting = Waiting(self._server.parts().database)
        self._waiting.until_ended(scope, run_id, seconds=MAX_RESULT_WAIT_SECONDS)
        run = self._checkpoints.run(scope, run_id)
        if not run.status.is_terminal:
            answer = json_answer({"status": "running", "run_id": run_id}, 202)
            answer.headers["Retry-After"] = "1"
        elif run.error is not None or run.output is None:
            answer = json_answer(output_of(run) or {"name": "RunCancelled", "message": "the run was cancelled"}, 500)
        else:
            answer = _answer(run.output)
        answer.headers.update(_CONFINED)
        return answer


def _answer(output: Any) -> Response:
    """Return the answer that an endpoint has given: a status, headers and a body."""
    match output:
        case {"status": int(status), "headers": dict(headers), "body": str(body)} if 200 <= status <= 599:
            kept = {str(name): str(each) for name, each in headers.items() if str(name).lower() in _PASSED_ON}
            return Response(body, status, headers=kept)
        case _:
            return Response(dumps(output), content_type="application/json")
