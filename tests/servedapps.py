"""Applications of ours that are served over HTTP, to our own server or to a test that plays one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import flask
import httpx
from sdkapps import SdkApp, serving

from workflowkit import WorkflowKit
from workflowkit.base.clock import SystemClock
from workflowkit.base.settings import Settings
from workflowkit.inngest.canonical import canonical_json
from workflowkit.inngest.naming import hash_of
from workflowkit.inngest.signing import SIGNATURE_HEADER, sign

PATH = "/api/inngest"


def an_app(app_id: str = "shop", **settings: Any) -> WorkflowKit:
    """Return an application without a database."""
    return WorkflowKit(app_id, settings=Settings(database_url="sqlite://", **settings))


@contextmanager
def served(wk: WorkflowKit, server: str | None = None, **options: Any) -> Iterator[str]:
    """Serve all functions of an application by Flask, for a dev server if one is named; give the address."""
    web = flask.Flask("served")
    if server is not None:
        options = {"is_dev": True, "base_url": server} | options
    wk.serve(web, **options)
    with serving(web) as url:
        yield url + PATH


@contextmanager
def registered(wk: WorkflowKit, sdk: SdkApp, **options: Any) -> Iterator[str]:
    """Serve an application and register it with the dev server of a test; give the address."""
    with served(wk, sdk.server, **options) as url:
        answer = httpx.put(url, timeout=30)
        assert answer.status_code == 200, answer.text
        yield url


def sync(url: str, key: str, told: str | None = None, **headers: str) -> httpx.Response:
    """Ask an app to register itself, as a server does that has its key; ``told`` is the address that it says."""
    body = canonical_json({"url": url if told is None else told})
    signed = {SIGNATURE_HEADER: sign(key, body, SystemClock().now_ms() // 1000), **headers}
    return httpx.put(url, content=body, headers=signed, timeout=60)


@dataclass
class Caller:
    """Plays the server: calls a function of an app, step by step, and remembers what it is told."""

    url: str
    key: str | None = None
    slug: str = "shop-fn"
    max_attempts: int = 5

    def call(
        self,
        steps: Mapping[str, Any] | None = None,
        *,
        target: str = "step",
        attempt: int = 0,
        event: Mapping[str, Any] | None = None,
        plans_only: bool = False,
        **headers: str,
    ) -> httpx.Response:
        """Call the function; ``steps`` are results by the names of steps, ``target`` a step's hash."""
        body = canonical_json(self.payload(steps or {}, attempt=attempt, event=event, plans_only=plans_only))
        if self.key is not None:
            headers[SIGNATURE_HEADER] = sign(self.key, body, SystemClock().now_ms() // 1000)
        query = {"fnId": self.slug, "stepId": target}
        return httpx.post(self.url, params=query, content=body, headers=headers, timeout=30)

    def payload(
        self, steps: Mapping[str, Any], *, attempt: int = 0, event: Mapping[str, Any] | None = None,
        plans_only: bool = False,
    ) -> dict[str, Any]:  # fmt: skip
        """Return the body of a call."""
        hashed = {hash_of(name): value for name, value in steps.items()}
        happened = {"id": "e1", "name": "go", "data": {"n": 4}, "ts": 1_795_327_654_172, "user": {}, **(event or {})}
        return {
            "ctx": {
                "attempt": attempt, "disable_immediate_execution": plans_only, "env": "", "fn_id": "f",
                "max_attempts": self.max_attempts, "run_id": "01M80XVY8W5S89X6WH0761K36X", "step_id": "step",
                "stack": {"current": len(hashed), "stack": [*hashed]}, "use_api": False,
            },
            "event": happened, "events": [happened], "steps": hashed, "use_api": False, "version": 2,
        }  # fmt: skip

    def operations(self, *args: Any, **options: Any) -> list[dict[str, Any]]:
        """Return the operations of an answer that has some."""
        answer = self.call(*args, **options)
        assert answer.status_code == 206, answer.text
        found: list[dict[str, Any]] = json.loads(answer.text)
        return found
