"""``workflowkit send --url``: the small HTTP client, against a server that answers as told."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, ClassVar

import pytest
from click.testing import CliRunner, Result

from workflowkit.cli.root import cli


class _Handler(BaseHTTPRequestHandler):
    answer: ClassVar[tuple[int, str]] = (200, "{}")
    seen: ClassVar[list[tuple[str, str | None, Any]]] = []

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.seen.append((self.path, self.headers["Authorization"], body))
        status, text = self.answer
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    _Handler.seen.clear()
    with HTTPServer(("127.0.0.1", 0), _Handler) as http:
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()
        thread.join()


def _send(url: str, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["send", "a/b", "--data", '{"n": 1}', "--url", url, *arguments])


def test_an_event_is_posted_with_the_key(server: str) -> None:
    _Handler.answer = (200, json.dumps({"results": [{"id": "1", "duplicate_of": None}]}))
    result = _send(f"{server}/flows/", "--key", "wk_x", "--id", "once")
    assert (result.exit_code, result.stdout) == (0, "sent a/b as 1\n")
    assert _Handler.seen == [
        ("/flows/api/events", "Bearer wk_x", {"name": "a/b", "data": {"n": 1}, "id": "once"}),
    ]


def test_a_refusal_is_told_in_the_server_s_words(server: str) -> None:
    problems = [{"pointer": "/name", "message": "is \x1b[31mreserved"}]
    _Handler.answer = (400, json.dumps({"detail": "cannot be taken", "problems": problems}))
    result = _send(server)
    assert result.exit_code == 1
    assert "400 cannot be taken" in result.stderr
    assert r"/name: is \x1b[31mreserved" in result.stderr


def test_something_that_is_no_such_server_is_told_from_one(server: str) -> None:
    _Handler.answer = (200, "<html>")
    assert "200, and no JSON; is that a Workflow Kit server?" in _send(server).stderr


def test_a_server_that_is_not_there_is_named() -> None:
    result = _send("http://127.0.0.1:1")
    assert result.exit_code == 1
    assert "no answer from http://127.0.0.1:1: " in result.stderr


@pytest.mark.parametrize("url", ["ftp://x", "127.0.0.1:8288", "http://"])
def test_only_http_addresses_are_taken(url: str) -> None:
    assert (_send(url).exit_code, "is no http or https address" in _send(url).stderr) == (2, True)
