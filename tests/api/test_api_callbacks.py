"""Callbacks over HTTP: whoever has the URL may call it, once."""

from __future__ import annotations

from typing import Any

from asking import durable, output, start
from runtimes import a_runtime
from webapi import Web

from workflowkit.api.services import services_of
from workflowkit.engine.context import StepContext


def _web(harness: Any) -> tuple[Web, str]:
    """Start a run that hands out a URL; return the API and the URL's path."""
    start(harness)
    return Web(harness, services_of(harness.runtime)), URLS[-1]


URLS: list[str] = []


def _handler(ctx: StepContext) -> Any:
    done = ctx.step.callback("done", timeout="1h")
    URLS.append(done.url)
    return done.wait()


def test_a_url_is_called_once(database_url: str) -> None:
    with a_runtime(database_url, durable(_handler)) as harness:
        web, path = _web(harness)
        client = web.anonymous()
        received = client.post(path, {"file": "x.pdf"})
        assert (received.status_code, received.get_json()["status"]) == (200, "received")
        assert client.post(path, {}).status_code == 409
        assert output(harness, "d") == {"received": True, "data": {"file": "x.pdf"}}
        assert client.post(path, {}).status_code == 409


def test_any_json_is_taken_and_nothing_else(database_url: str) -> None:
    with a_runtime(database_url, durable(_handler)) as harness:
        web, path = _web(harness)
        client = web.anonymous()
        for body, content_type, status in (
            ("{", "application/json", 400),
            ("", "application/json", 400),
            ('{"a": 1, "a": 2}', "application/json", 400),
            ("[1]", "text/plain", 415),
            ("a=1", "application/x-www-form-urlencoded", 415),
            (f'"{"x" * 600_000}"', "application/json", 413),
        ):
            assert client.post(path, data=body, content_type=content_type).status_code == status, body[:20]
        assert client.post(path, data="null", content_type="application/json").status_code == 200
        assert output(harness, "d") == {"received": True, "data": None}


def test_other_methods_unknown_urls_and_late_calls_are_refused(database_url: str) -> None:
    with a_runtime(database_url, durable(_handler)) as harness:
        web, path = _web(harness)
        client = web.anonymous()
        for method in ("GET", "PUT", "DELETE", "HEAD"):
            assert client.call(method, path).status_code == 405, method
        assert client.post(f"{path[:-1]}!", {}).status_code == 404
        assert client.post("/c/x", {}).status_code == 404
        harness.clock.advance(seconds=3600)
        assert client.post(path, {}).status_code == 410
        harness.skip(0)
        assert output(harness, "d")["received"] is False
        assert client.post(path, {}).status_code == 410
