"""What a gateway decides about a worker that connects: who may, which apps it brings, how much it takes at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from workflowkit.base.errors import AlreadyExists, StoreUnavailable, Unauthenticated, WorkflowKitError
from workflowkit.base.jsonvalue import loads_strict
from workflowkit.base.limits import Limits
from workflowkit.inngest.client import keys_of
from workflowkit.inngest.connect import wire_pb2 as wire
from workflowkit.inngest.naming import own_id
from workflowkit.inngest.registration import CONNECTED_URL
from workflowkit.inngest.server import AppServer, Parts
from workflowkit.store.connections import ConnectedApp, ConnectionRow, ConnectionStatus

#: What session tokens are for.
TOKEN_PURPOSE = "connect"  # noqa: S105 - a name
#: The claims of one.
CONNECTION_CLAIM, ENVIRONMENT_CLAIM = "connection_id", "environment"

POLICY_VIOLATION, INTERNAL_ERROR, GOING_AWAY = 1008, 1011, 1001


class Refused(Exception):
    """A worker is not let in, or no longer: ``status`` and ``reason`` are what its socket is closed with."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


@dataclass(frozen=True, slots=True)
class Admitted:
    """A worker that was let in."""

    connection: ConnectionRow
    apps: tuple[ConnectedApp, ...]
    is_ready: bool


@dataclass(frozen=True, slots=True)
class Desk:
    """Lets workers in. ``parts`` is asked for each time. It blocks: call it on a thread of its own."""

    parts: Callable[[], Parts]

    def admit(self, asked: wire.WorkerConnect, gateway_id: str) -> Admitted:
        """Register the apps of a worker, and note its connection. Raises ``Refused``."""
        try:
            return self._admit(asked, gateway_id)
        except StoreUnavailable as error:
            raise Refused(INTERNAL_ERROR, "connect_internal_error") from error
        except WorkflowKitError as error:
            raise Refused(POLICY_VIOLATION, "connect_invalid_function_config") from error

    def _admit(self, asked: wire.WorkerConnect, gateway_id: str) -> Admitted:
        limits = self.parts().settings.limits
        self._authenticate(asked)
        if len(asked.apps) > limits.connect_apps:
            raise Refused(POLICY_VIOLATION, "connect_too_many_apps_per_connection")
        if not asked.apps or not asked.instance_id:
            raise Refused(POLICY_VIOLATION, "connect_worker_hello_invalid_payload")
        apps = self._register(asked)
        row = ConnectionRow(
            asked.connection_id, "", gateway_id, asked.instance_id, ConnectionStatus.CONNECTED,
            f"{asked.sdk_language}:{asked.sdk_version}", _machine(asked), _max_requests(asked, limits),
        )  # fmt: skip
        try:
            self.parts().connecting.connect(row, apps)
        except AlreadyExists as error:  # a token is good for one connection
            raise Refused(POLICY_VIOLATION, "connect_authentication_failed") from error
        return Admitted(row, apps, not asked.worker_manual_readiness_ack)

    def _authenticate(self, asked: wire.WorkerConnect) -> None:
        """Let in who was given this very connection, and has the signing key. Raises ``Refused``."""
        parts = self.parts()
        tokens, keys = parts.session_tokens, keys_of(parts.settings)
        claims = None if tokens is None else tokens.read(TOKEN_PURPOSE, asked.auth_data.session_token)
        wanted = {CONNECTION_CLAIM: asked.connection_id, ENVIRONMENT_CLAIM: parts.settings.environment}
        is_genuine = claims is not None and wanted.items() <= claims.items()
        try:
            # SAFETY: fail closed: without a key nobody connects, unless to a server for one developer.
            if keys.all:
                keys.check_bearer(asked.auth_data.sync_token)
            elif not parts.settings.dev_apps:
                is_genuine = False
        except Unauthenticated:
            is_genuine = False
        if not is_genuine:
            raise Refused(POLICY_VIOLATION, "connect_authentication_failed")

    def _register(self, asked: wire.WorkerConnect) -> tuple[ConnectedApp, ...]:
        parts = self.parts()
        limits = parts.settings.limits
        told = [
            (app, loads_strict(app.functions, max_bytes=limits.request_bytes, max_depth=limits.json_depth))
            for app in asked.apps
        ]
        apps = [_connected(app, functions) for app, functions in told]
        known = parts.connecting.known_apps(asked.instance_id, apps)
        synced = []
        for (app, functions), connected in zip(told, apps, strict=True):
            is_synced = connected.app_id not in known
            if is_synced:
                AppServer(self.parts).register(_payload(app, functions, asked), is_connected=True)
            synced.append(
                ConnectedApp(connected.app_id, connected.version, connected.hash, connected.functions, is_synced)
            )
        return tuple(synced)


def _connected(app: wire.App, functions: Any) -> ConnectedApp:
    version = app.app_version if app.HasField("app_version") else None
    digest = hashlib.sha256((version or "").encode() + b"\0" + app.functions).hexdigest()
    entries = functions if isinstance(functions, list) else []
    names = tuple(entry["id"] for entry in entries if isinstance(entry, dict) and isinstance(entry.get("id"), str))
    return ConnectedApp(own_id(app.app_name), version, digest, names)


def _payload(app: wire.App, functions: Any, asked: wire.WorkerConnect) -> dict[str, Any]:
    return {
        "appName": app.app_name,
        "appVersion": app.app_version if app.HasField("app_version") else None,
        "url": f"{CONNECTED_URL}?app_name={quote(app.app_name)}",
        "functions": functions,
        "sdk": f"{asked.sdk_language}:v{asked.sdk_version.removeprefix('v')}",
        "deployType": "connect",
    }


def _machine(asked: wire.WorkerConnect) -> dict[str, Any]:
    told = asked.system_attributes
    return {"cpu_cores": told.cpu_cores, "mem_bytes": told.mem_bytes, "os": told.os}


def _max_requests(asked: wire.WorkerConnect, limits: Limits) -> int:
    wanted = asked.max_worker_concurrency if asked.HasField("max_worker_concurrency") else 0
    return min(wanted, limits.connect_requests) if wanted > 0 else limits.connect_requests
