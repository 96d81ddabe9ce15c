"""Calls to the server that performs our functions: registering, sending events, asking for what was too large."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from workflowkit.base.clock import sleep
from workflowkit.base.errors import ActionError, NotFound
from workflowkit.base.jsonvalue import dumps, loads
from workflowkit.base.limits import Limits
from workflowkit.base.netguard import GuardedResponse, NetworkPolicy, request
from workflowkit.engine.channels import Message
from workflowkit.engine.outcome import EmittedEvent
from workflowkit.inngest.serving.options import EndpointConfig
from workflowkit.inngest.serving.requests import Call
from workflowkit.inngest.signing import key_hash

_REFUSED = frozenset({401, 403})
#: Stands for the event key where a dev server asks for none.
_NO_EVENT_KEY = "dev"
_OK, _MISSING = 200, 404
_ACCEPTED = range(200, 300)
#: Stands for no answer: from here on another try may help.
_NO_ANSWER = 500
#: Pauses between tries to save results: the call that they are of goes on meanwhile.
_SAVE_PAUSES_SECONDS = (0.05, 0.2, 0.5, 1.0)


@dataclass(frozen=True, slots=True)
class Platform:
    """The server, as an endpoint's options say where it is. ``headers`` go with each request."""

    config: EndpointConfig
    limits: Limits
    headers: dict[str, str]

    def register(self, payload: dict[str, Any], sync_id: str | None) -> GuardedResponse:
        """Send what an app registers; return the server's answer. Raises ``ActionError`` if there is none."""
        query = f"?{urlencode({'deployId': sync_id})}" if sync_id else ""
        return self._authorized("POST", f"{self.config.api_origin}/fn/register{query}", dumps(payload).encode())

    def send(self, events: Sequence[EmittedEvent]) -> list[str]:
        """Send events; return the ids under which the server has them. Raises ``ActionError``."""
        config = self.config
        key = config.event_key or _NO_EVENT_KEY
        body = dumps([_sent(each) for each in events]).encode()
        answer = self._request("POST", f"{config.event_origin}/e/{quote(key, safe='')}", body, None)
        found = _json(answer)
        ids = found.get("ids") if isinstance(found, dict) else None
        if answer.status != _OK or not isinstance(ids, list) or len(ids) != len(events):
            raise ActionError(f"the events were not accepted: {answer.status}")
        return [str(each) for each in ids]

    def start(self, app: str, function: str, data: Any) -> str:
        """Start a run of a function of an app; return its id. Raises ``NotFound``, ``ActionError``."""
        path = f"/v2/apps/{quote(app, safe='')}/functions/{quote(function, safe='')}/invoke"
        answer = self._authorized("POST", self.config.api_origin + path, dumps({"data": data}).encode())
        if answer.status == _MISSING:
            raise NotFound(f"the server knows no function {function!r} of {app!r}")
        run_id = _data_of(answer).get("runId")
        if answer.status not in _ACCEPTED or not isinstance(run_id, str):
            raise ActionError(f"the run was not started: {answer.status}")
        return run_id

    def publish(self, message: Message, run_id: str) -> None:
        """Publish a message of a run to a topic of a channel. Raises ``ActionError``."""
        query = urlencode({"channel": message.channel, "topic": message.topic, "run_id": run_id})
        url = f"{self.config.api_origin}/v1/realtime/publish?{query}"
        answer = self._authorized("POST", url, message.text.encode())
        if answer.status not in _ACCEPTED:
            raise ActionError(f"the message was not accepted: {answer.status}")

    def signal(self, name: str, data: Any) -> str | None:
        """Resume the run that waits for a signal; return its id. Raises ``NotFound`` if none does, ``ActionError``."""
        body = dumps({"signal": name, "data": data}).encode()
        answer = self._authorized("POST", f"{self.config.api_origin}/v1/signals", body)
        if answer.status == _MISSING:
            raise NotFound(f"no run waits for signal {name!r}")
        if answer.status not in _ACCEPTED:
            raise ActionError(f"the signal was not accepted: {answer.status}")
        run_id = _data_of(answer).get("run_id")
        return run_id if isinstance(run_id, str) else None

    def save(self, call: Call, steps: Sequence[dict[str, Any]], began_ms: int, now_ms: int) -> None:
        """Save results in the middle of a call. Raises ``ActionError`` if the server does not take them."""
        dispatch = call.dispatch
        assert dispatch is not None  # noqa: S101 - nobody saves without
        payload = {
            "run_id": call.run_id, "fn_id": dispatch.function_id, "qi_id": dispatch.queue_item_id,
            "request_id": call.request_id, "generation_id": dispatch.generation, "request_started_at": began_ms,
            "ts": now_ms, "steps": [{**each, "mode": "sync"} for each in steps],
        }  # fmt: skip
        url = f"{self.config.api_origin}/v1/checkpoint/{quote(call.run_id, safe='')}/async"
        body = dumps(payload).encode()
        for pause_seconds in (*_SAVE_PAUSES_SECONDS, None):
            try:
                status = self._authorized("POST", url, body).status
            except ActionError:
                if pause_seconds is None:
                    raise
                status = _NO_ANSWER
            if status in _ACCEPTED:
                return
            if status < _NO_ANSWER or pause_seconds is None:
                raise ActionError(f"the server does not take results on the way: {status}")
            sleep(pause_seconds)

    def fetch(self, run_id: str) -> tuple[list[Any], dict[str, Any]]:
        """Return the events of a run and what is remembered of its steps. Raises ``ActionError``."""
        run_url = f"{self.config.api_origin}/v0/runs/{quote(run_id, safe='')}"
        batch, actions = (_json(self._authorized("GET", f"{run_url}/{what}", None)) for what in ("batch", "actions"))
        if not isinstance(batch, list) or not batch or not isinstance(actions, dict):
            raise ActionError(f"the server does not tell the state of run {run_id}")
        return batch, actions

    def _authorized(self, method: str, url: str, body: bytes | None) -> GuardedResponse:
        """Send a request with the hash of the key; where that is refused, with that of the other one."""
        keys: tuple[str | None, ...] = self.config.keys.all or (None,)
        for key in keys:
            answer = self._request(method, url, body, key)
            if answer.status not in _REFUSED:
                break
        return answer

    def _request(self, method: str, url: str, body: bytes | None, key: str | None) -> GuardedResponse:
        limits = self.limits
        # The address is the developer's own, and may well be a private one.
        policy = NetworkPolicy(
            allow_private=True, max_request_bytes=limits.remote_request_bytes,
            max_response_bytes=limits.serve_request_bytes,
        )  # fmt: skip
        headers = {"Content-Type": "application/json", **self.headers}
        if key is not None:
            headers["Authorization"] = f"Bearer {key_hash(key)}"
        return request(method, url, policy=policy, headers=headers, body=body)


def _sent(event: EmittedEvent) -> dict[str, Any]:
    fields = {"id": event.id, "ts": event.ts_ms}
    return {"name": event.name, "data": event.data} | {key: value for key, value in fields.items() if value is not None}


def _data_of(answer: GuardedResponse) -> dict[str, Any]:
    found = _json(answer)
    data = found.get("data") if isinstance(found, dict) else None
    return data if isinstance(data, dict) else {}


def _json(answer: GuardedResponse) -> Any:
    try:
        return loads(answer.body)
    except ValueError:
        return None
