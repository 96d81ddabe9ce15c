"""What workers ask over HTTP: for a gateway to connect to, and to take a reply that no gateway has acknowledged.

The package of the extra ``connect`` is imported with the first such request.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, request

from workflowkit.base.errors import InvalidInput, LimitExceeded, NotFound, Problem
from workflowkit.base.ids import new_id
from workflowkit.base.limits import Limits
from workflowkit.inngest.answers import error_answer, json_answer
from workflowkit.inngest.connect import MISSING, is_installed
from workflowkit.inngest.server import AppServer
from workflowkit.inngest.views import ENVIRONMENT_ID
from workflowkit.store.connections import ConnectionRow
from workflowkit.store.gateways import GatewayRow

_PROTOBUF = "application/octet-stream"
#: How the protocol numbers what a connection can be.
_STATUS_NUMBERS = {status: number for number, status in enumerate(("connected", "ready", "draining"))}


def add_connect(app: Flask, server: AppServer) -> None:
    """Add the routes."""
    desk = _Connections(server)
    app.add_url_rule("/v0/connect/start", "connect start", desk.start, methods=["POST"])
    app.add_url_rule("/v0/connect/flush", "connect flush", desk.flush, methods=["POST"])
    app.add_url_rule("/v0/connect/envs/<environment>/conns", "connections", desk.list, methods=["GET"])


class _Connections:
    """The views. Whoever gets here has shown the signing key, or is the developer of this machine."""

    def __init__(self, server: AppServer) -> None:
        self._server = server

    def start(self) -> Response:
        """Name a gateway, and give the token with which it lets the worker in."""
        if not is_installed():
            return _unavailable(MISSING)
        from workflowkit.inngest.connect import frames
        from workflowkit.inngest.connect import wire_pb2 as wire
        from workflowkit.inngest.connect.desk import CONNECTION_CLAIM, ENVIRONMENT_CLAIM, TOKEN_PURPOSE

        parts = self._server.parts()
        limits = parts.settings.limits
        try:
            asked = frames.read(wire.StartRequest, _body(limits))
        except frames.BadFrame:
            raise InvalidInput([Problem("", "invalid-value", "the body is no StartRequest")]) from None
        gateway, tokens = parts.connecting.gateway_for(asked.exclude_gateways), parts.session_tokens
        if tokens is None:
            return _unavailable("set WORKFLOWKIT_SECRET_KEY: workers connect with signed tokens")
        if gateway is None:
            return _unavailable("no gateway is running: start one with `workflowkit gateway`")
        if gateway.connection_count >= limits.connections:
            return error_answer("the gateways have as many connections as they take", 429, "connect_too_many")
        connection_id = new_id(parts.database.now_ms())
        claims = {CONNECTION_CLAIM: connection_id, ENVIRONMENT_CLAIM: parts.settings.environment}
        given = request.authorization
        answer = wire.StartResponse(
            connection_id=connection_id,
            gateway_endpoint=_endpoint(gateway),
            gateway_group=gateway.id,
            session_token=tokens.mint(TOKEN_PURPOSE, claims, ttl_seconds=limits.connect_token_seconds),
            sync_token=given.token if given is not None and given.token else "",
        )
        return Response(answer.SerializeToString(), content_type=_PROTOBUF)

    def flush(self) -> Response:
        """Take a reply that was not acknowledged. One that came before, or that nobody waits for, changes nothing."""
        if not is_installed():
            return _unavailable(MISSING)
        from workflowkit.inngest.connect import frames
        from workflowkit.inngest.connect import wire_pb2 as wire

        parts = self._server.parts()
        try:
            reply = frames.read(wire.Reply, _body(parts.settings.limits))
        except frames.BadFrame:
            reply = wire.Reply()
        if not reply.request_id:
            raise InvalidInput([Problem("", "invalid-value", "the body is no reply to a request")])
        parts.worker_requests.answer(reply.request_id, frames.reply_of(reply))
        return Response(
            wire.FlushResponse(request_id=reply.request_id).SerializeToString(), content_type=_PROTOBUF
        )  # fmt: skip

    def list(self, environment: str) -> Response:
        """List the connections, all or those of one app."""
        parts = self._server.parts()
        if environment not in ("dev", ENVIRONMENT_ID, parts.settings.environment):
            raise NotFound(f"there is no environment {environment!r}")
        found = parts.connecting.find(app_id=request.args.get("app_id"))
        return json_answer({"data": [self._shown(each) for each in found]})

    def _shown(self, row: ConnectionRow) -> dict[str, Any]:
        apps = self._server.parts().connecting.apps_of(row.id)
        language, _, version = row.sdk.partition(":")
        groups = {app.app_id: app.hash for app in apps}
        return {
            "id": row.id,
            "gateway_id": row.gateway_id,
            "instance_id": row.instance_id,
            "all_worker_groups": groups,
            "synced_worker_groups": groups,
            "status": _STATUS_NUMBERS[row.status.value],
            "last_heartbeat_at": {"seconds": row.seen_at_ms // 1000, "nanos": row.seen_at_ms % 1000 * 1_000_000},
            "sdk_language": language,
            "sdk_version": version,
            "attributes": row.machine,
        }


def _unavailable(message: str) -> Response:
    return error_answer(message, 503, "connect_no_gateway")


def _endpoint(gateway: GatewayRow) -> str:
    """Return where a gateway is reached: at the host where this server was, unless it says another address."""
    host = urlsplit(f"//{request.host}").hostname or "127.0.0.1"
    return gateway.url or f"ws://{f'[{host}]' if ':' in host else host}:{gateway.port}/v0/connect"


def _body(limits: Limits) -> bytes:
    data = request.get_data(cache=False)
    if len(data) > limits.request_bytes:
        raise LimitExceeded("request_bytes", limits.request_bytes, len(data))
    return data
