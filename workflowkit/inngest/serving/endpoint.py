"""What answers a server's requests: introspection, registration, and the steps of runs."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from workflowkit import __version__
from workflowkit.base.errors import (
    ActionError,
    InvalidInput,
    LimitExceeded,
    NotFound,
    Unauthenticated,
    WorkflowKitError,
)
from workflowkit.base.jsonvalue import loads, loads_strict
from workflowkit.engine.failures import failed_by
from workflowkit.inngest.replies import NO_RETRY_HEADER, RETRY_HEADER
from workflowkit.inngest.serving.announcing import function_configs
from workflowkit.inngest.serving.checkpointing import perform_on
from workflowkit.inngest.serving.exchange import Request, Response, json_response
from workflowkit.inngest.serving.functions import perform_function
from workflowkit.inngest.serving.graphs import perform_graph
from workflowkit.inngest.serving.inspecting import CAPABILITIES, inspection
from workflowkit.inngest.serving.operations import described
from workflowkit.inngest.serving.options import NO_ORIGIN, SDK_NAME, EndpointConfig
from workflowkit.inngest.serving.performing import FAILED, Attempt, Means, Reply, failure
from workflowkit.inngest.serving.platform import Platform
from workflowkit.inngest.serving.recollection import own_event
from workflowkit.inngest.serving.requests import Call, read_call
from workflowkit.inngest.serving.served import Served
from workflowkit.inngest.serving.trust import Trust
from workflowkit.inngest.signing import SIGNATURE_HEADER, sign
from workflowkit.inngest.syncing import IN_BAND, SYNC_KIND_HEADER

METHODS = ("GET", "POST", "PUT")
_SERVER_KIND = "x-inngest-server-kind"
_OK, _BAD, _UNSIGNED, _MISSING, _METHOD, _TOO_LARGE = 200, 400, 401, 404, 405, 413

_log = logging.getLogger("workflowkit.serving")


@dataclass(frozen=True, slots=True)
class ServeEndpoint:
    """One address at which functions and documents are served. Thread-safe."""

    config: EndpointConfig
    served: Mapping[str, Served]
    means: Means
    platform: Platform
    trust: Trust
    framework: str

    def handle(self, request: Request) -> Response:
        """Return the answer to a request. Never raises but what stops the process."""
        key: str | None = None
        try:
            key = self._key_of(request)
            response = self._answer(request, key)
        except Unauthenticated as error:
            _log.warning("refused a %s of %s: %s", request.method, request.url, error.message)
            response = self._error(_UNSIGNED, error, "sig_verification_failed")
        except LimitExceeded as error:
            response = self._error(_TOO_LARGE, error, "body_invalid", no_retry=True)
        except InvalidInput as error:
            response = self._error(_BAD, error, "body_invalid", no_retry=True)
        except NotFound as error:
            response = self._error(_MISSING, error, "function_not_found")
        except Exception as error:
            _log.exception("a %s of %s failed", request.method, request.url)
            response = self._reply(Reply(FAILED, described(failed_by(error).error)))
        return response if key is None else self._signed(response, key)

    def streams(self, request: Request) -> bool:
        """Tell whether the answer to a request begins before it is known."""
        return self.config.streaming and request.method == "POST" and "fnId" in request.query

    def headers(self) -> dict[str, str]:
        """Return the headers of every answer."""
        return self.config.headers(self.framework)

    def _key_of(self, request: Request) -> str | None:
        """Return the key that a request is signed with; ``None`` if it is not, where that may be.

        Raises ``Unauthenticated``. SAFETY: what counts is how this endpoint is configured, never what a header says.
        """
        signature = request.headers.get(SIGNATURE_HEADER.lower())
        is_plain_sync = request.method == "PUT" and not self._is_in_band(request)
        # SAFETY: anybody may let the app register, if it knows where it is: that is not taken from what nobody has
        # signed. The server would call a stranger, with the data of all runs, and do what the stranger answers.
        may_be_unsigned = request.method == "GET" or (is_plain_sync and self.config.origin is not None)
        if signature is None and (self.config.is_dev or may_be_unsigned):
            return None
        if signature is None and is_plain_sync:
            raise Unauthenticated(f"the request is not signed, and {NO_ORIGIN}")
        if self.config.is_dev and not self.config.keys.all:
            return None
        now_seconds = self.means.now_ms() // 1000
        return self.trust.check(signature, request.body, now_seconds)

    def _answer(self, request: Request, key: str | None) -> Response:
        match request.method:
            case "GET":
                return self._json(_OK, inspection(self, is_trusted=key is not None))
            case "PUT":
                return self._sync(request, is_signed=key is not None)
            case "POST":
                return self._call(request, key)
        return self._json(_METHOD, {"message": f"{request.method} is not a method of this address"})

    # --- registration

    def _sync(self, request: Request, *, is_signed: bool) -> Response:
        kind = request.headers.get(_SERVER_KIND, self.config.mode)
        if kind != self.config.mode:
            message = f"this app expects a server of the kind {self.config.mode}, and this is one of the kind {kind}"
            return self._json(_BAD, {"code": "server_kind_mismatch", "message": message})
        if self._is_in_band(request):
            return self._tell_functions(self.url(self._asked(request)))
        # SAFETY: what a signature covers is the body: a signed request may come with any name of a host.
        url = self.url(self._asked(request) if is_signed and request.body else request.url)
        payload = {
            "appName": self.config.app_id, "appVersion": self.config.app_version, "url": url,
            "functions": self._configs(url), "framework": self.framework, "deployType": "ping",
            "sdk": f"{SDK_NAME}:v{__version__}", "v": "0.1", "capabilities": CAPABILITIES,
        }  # fmt: skip
        told = {name: value for name, value in payload.items() if value is not None}
        try:
            answer = self.platform.register(told, request.query.get("deployId"))
            said = loads(answer.body)
        except (ActionError, ValueError) as error:
            _log.error("registering with %s failed: %s", self.config.api_origin, error)
            message = f"the server at {self.config.api_origin} did not answer"
            return self._json(FAILED, {"code": "registration_failed", "message": message, "modified": False})
        return self._json(_OK if answer.status == _OK else FAILED, said)

    def _tell_functions(self, url: str) -> Response:
        told = {
            "app_id": self.config.app_id, "appVersion": self.config.app_version, "capabilities": CAPABILITIES,
            "env": self.config.environment, "framework": self.framework, "functions": self._configs(url),
            "inspection": inspection(self, is_trusted=True), "platform": None, "sdk_author": SDK_NAME,
            "sdk_language": SDK_NAME, "sdk_version": __version__, "url": url,
        }  # fmt: skip
        response = self._json(_OK, {name: value for name, value in told.items() if value is not None})
        return replace(response, headers={**response.headers, SYNC_KIND_HEADER: IN_BAND})

    def _configs(self, url: str) -> list[dict[str, Any]]:
        return function_configs(self.served.values(), self.means.names, url)

    @staticmethod
    def _is_in_band(request: Request) -> bool:
        return request.headers.get(SYNC_KIND_HEADER, "").replace("-", "_") == IN_BAND

    def _asked(self, request: Request) -> str:
        """Return the address that a server says it has called, else the one that the request came to."""
        limits = self.means.limits
        asked = loads_strict(request.body, max_bytes=limits.serve_request_bytes, max_depth=limits.json_depth)
        url = asked.get("url") if isinstance(asked, dict) else None
        return url if isinstance(url, str) else request.url

    def url(self, asked: str) -> str:
        """Return where the app is reached, from where it was: what the options say comes first."""
        parts = urlsplit(asked)
        origin = self.config.origin or f"{parts.scheme}://{parts.netloc}"
        return origin + (self.config.path or parts.path)

    # --- calls

    def _call(self, request: Request, key: str | None) -> Response:
        if (probe := request.query.get("probe")) is not None:
            return self._json(_OK if probe == "trust" else _BAD, {})
        call = read_call(request.query, request.body, self.means.limits)
        if key is not None and call.request_id is not None:
            address = f"{call.function} {call.target}"
            signature = request.headers[SIGNATURE_HEADER.lower()]
            self.trust.check_once(signature, address, self.means.now_ms() // 1000)
        served = self.served.get(call.function)
        if served is None:
            raise NotFound(f"this app has no function {call.function!r}")
        try:
            return self._reply(self._perform(served, call))
        except WorkflowKitError as error:  # not of the handler: of what stands around it
            failed = failed_by(error)
            return self._reply(failure(failed.error, is_final=not failed.error.retryable))

    def _perform(self, served: Served, call: Call) -> Reply:
        if call.use_api:
            events, steps = self.platform.fetch(call.run_id)
            call = replace(call, events=tuple(events), steps=steps)
        options = self.config.checkpointing
        if options is None or call.target is not None or call.plans_only or call.dispatch is None:
            return self._perform_once(served, call)
        began_ms = self.means.now_ms()

        def save(steps: Sequence[dict[str, Any]]) -> None:
            self.platform.save(call, steps, began_ms, self.means.now_ms())

        return perform_on(call, lambda call: self._perform_once(served, call), options, save, self.means.now_ms)

    def _perform_once(self, served: Served, call: Call) -> Reply:
        own = [own_event(event, self.means.names) for event in call.events]
        if served.given is not None:
            own = [own[0]["data"]["event"]]
        node, now_ms = next(iter(served.workflow.nodes.values())), self.means.now_ms()
        # One moment for the whole call: what is to last an hour is told as an hour, however long that takes to find.
        means = replace(self.means, now_ms=lambda: now_ms)
        attempt = Attempt(means, served, call, own, node, call.target, plans_only=call.plans_only)
        return perform_graph(attempt) if served.is_graph else perform_function(attempt)

    # --- answers

    def _reply(self, reply: Reply) -> Response:
        response = self._json(reply.status, reply.value)
        more: dict[str, str] = {}
        if reply.no_retry is not None:
            more[NO_RETRY_HEADER] = "true" if reply.no_retry else "false"
        if reply.retry_after_seconds is not None:
            more[RETRY_HEADER] = str(math.ceil(reply.retry_after_seconds))
        return replace(response, headers={**response.headers, **more})

    def _error(self, status: int, error: WorkflowKitError, code: str, *, no_retry: bool | None = None) -> Response:
        said = {"name": type(error).__name__, "message": error.in_one_line, "code": code}
        return self._reply(Reply(status, said, no_retry))

    def _json(self, status: int, value: Any) -> Response:
        return json_response(status, value, self.headers())

    def _signed(self, response: Response, key: str) -> Response:
        signature = sign(key, response.body, self.means.now_ms() // 1000)
        return replace(response, headers={**response.headers, SIGNATURE_HEADER: signature})
