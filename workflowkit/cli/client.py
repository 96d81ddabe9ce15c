"""A small client of the HTTP API, for commands that must start fast: no more than the standard library."""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

from workflowkit.cli.output import Failure, Invalid, plain

TIMEOUT_SECONDS = 60.0


class ApiClient:
    """Calls one server. ``url`` is where its API is mounted, without ``/api``."""

    def __init__(self, url: str, key: str | None = None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Invalid(f"{plain(url)} is no http or https address")
        self.url = url.rstrip("/")
        self._path = parts.path.rstrip("/")
        connect = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = connect(parts.hostname, parts.port, timeout=TIMEOUT_SECONDS)
        self._headers = {} if key is None else {"Authorization": f"Bearer {key}"}

    def get(self, path: str) -> Any:
        """Return what the API answers. Raises ``Failure`` with its words if it refuses or cannot be reached."""
        return self._call("GET", path)

    def post(self, path: str, body: Any) -> Any:
        """Send a JSON body and return what the API answers. Raises ``Failure`` like ``get``."""
        return self._call("POST", path, json.dumps(body))

    def close(self) -> None:
        self._connection.close()

    def _call(self, method: str, path: str, body: str | None = None) -> Any:
        headers = self._headers | ({} if body is None else {"Content-Type": "application/json"})
        try:
            self._connection.request(method, self._path + path, body, headers)
            response = self._connection.getresponse()
            text = response.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise Failure(f"no answer from {self.url}: {error}") from error
        return _answer(response.status, text, f"{method} {self.url}{path}")


def _answer(status: int, text: bytes, request: str) -> Any:
    try:
        value = json.loads(text)
    except ValueError:
        raise Failure(f"{request}: {status}, and no JSON; is that a Workflow Kit server?") from None
    if status < 400:
        return value
    details = [f"{problem['pointer']}: {problem['message']}" for problem in value.get("problems", ())]
    raise Failure("\n  ".join(plain(line) for line in (f"{request}: {status} {value.get('detail', '')}", *details)))
