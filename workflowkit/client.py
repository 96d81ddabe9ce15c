"""``Client``: sends events to a server from other services, once however often it has to ask."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from workflowkit.base.clock import SystemClock, sleep
from workflowkit.base.errors import (
    ActionError,
    Forbidden,
    InvalidInput,
    NonRetriableError,
    Problem,
    Unauthenticated,
)
from workflowkit.base.ids import random_fraction, request_seed
from workflowkit.base.jsonvalue import dumps, loads
from workflowkit.base.netguard import GuardedResponse, NetworkPolicy, request
from workflowkit.typeschema import to_json

#: How often a request is sent at most, and the pause after the first; each further one is twice as long.
ATTEMPTS, FIRST_PAUSE_SECONDS = 5, 0.1
_SEED_HEADER = "X-Inngest-Event-Id-Seed"
_MAX_REQUEST_BYTES = 10 * 1024 * 1024


class Client:
    """Sends events over HTTP. Thread-safe.

    ``url`` is where the API is, without ``/api``; ``key`` may send events. One call takes ``timeout_seconds`` at most,
    and is repeated after network errors and answers of 500 and above.
    """

    def __init__(
        self, url: str, key: str, *, timeout_seconds: float = 30.0, pause: Callable[[float], object] = sleep
    ) -> None:
        self._url = url.rstrip("/")
        # SAFETY: S17 — the key stands in the path, where all events are stored or none: the address is never shown.
        self._address = f"{self._url}/e/{quote(key, safe='')}"
        # The address is the program's own: it may well be a private one.
        self._policy = NetworkPolicy(
            allow_private=True, timeout_seconds=timeout_seconds, max_request_bytes=_MAX_REQUEST_BYTES
        )
        self._pause = pause

    def __repr__(self) -> str:
        return f"Client({self._url!r})"

    def send(self, events: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> list[str]:
        """Send an event, or a list of them, and return their ids in order. All are stored, or none.

        However often the request had to be repeated, each is stored once. Raises ``InvalidInput`` with what is wrong
        with the events, ``Unauthenticated``, ``Forbidden``, and ``ActionError`` if the server cannot be reached.
        """
        listed = [events] if isinstance(events, Mapping) else list(events)
        body = dumps([to_json(dict(each)) for each in listed]).encode()
        headers = {"Content-Type": "application/json", _SEED_HEADER: request_seed(SystemClock().now_ms())}
        return [str(each) for each in self._sent(body, headers)["ids"]]

    async def send_async(self, events: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> list[str]:
        """Do what ``send`` does, on a thread."""
        return await asyncio.to_thread(self.send, events)

    def _sent(self, body: bytes, headers: Mapping[str, str]) -> Any:
        for attempt in range(1, ATTEMPTS + 1):
            failed: ActionError
            try:
                response = request("POST", self._address, policy=self._policy, headers=headers, body=body)
                if response.status < 500:
                    return self._answer(response)
                failed = ActionError(f"{self._url} answered {response.status}")
            except NonRetriableError:
                raise
            except ActionError as error:
                failed = error
            if attempt < ATTEMPTS:
                self._pause(FIRST_PAUSE_SECONDS * 2 ** (attempt - 1) * (1 + random_fraction()) / 2)
        raise failed

    def _answer(self, response: GuardedResponse) -> Any:
        """Return what the server answers. Raises what it refuses with."""
        try:
            value = loads(response.body)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise NonRetriableError(f"{self._url} answered {response.status}, and no JSON: is that a server of ours?")
        if response.status < 300:
            return value
        detail = str(value.get("detail", ""))
        if response.status == 401:
            raise Unauthenticated(detail)
        if response.status == 403:
            raise Forbidden(detail)
        problems = value.get("problems")
        raise InvalidInput(map(_problem, problems) if problems else [Problem("", str(value.get("code", "")), detail)])


def _problem(shown: Mapping[str, Any]) -> Problem:
    return Problem(str(shown["pointer"]), str(shown["code"]), str(shown["message"]))
