"""Streams on a real server: many more than it has threads, and it answers as before."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from sse import Reader, Received

DEADLINE_SECONDS = 60
#: More than the server has threads.
STREAMS = 60
DOCUMENT = {
    "name": "Two steps",
    "triggers": [{"event": "go"}],
    "actions": [
        {"id": "nap", "kind": "builtin:wait", "inputs": {"duration": "1s"}},
        {"id": "note", "kind": "log", "inputs": {"message": "awake"}},
    ],
    "edges": [{"from": "$source", "to": "nap"}, {"from": "nap", "to": "note"}],
}


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """The address of a dev server."""
    command = [sys.executable, "-m", "workflowkit", "dev", "--port", "0"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield next(found[0] for line in process.stdout if (found := re.search(r"http://[\d.]+:\d+", line)))
        process.terminate()
        assert process.wait(DEADLINE_SECONDS) == 0


def _call(address: str, path: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{address}{path}", data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=DEADLINE_SECONDS) as response:
        return json.loads(response.read())


class Stream:
    """A client that reads the bytes themselves: how an answer is framed is a matter of the server."""

    def __init__(self, address: str, token: str, version: str = "1.1") -> None:
        host, port = urlsplit(address).hostname, urlsplit(address).port
        self.sock = socket.create_connection((host, port), DEADLINE_SECONDS)
        self.sock.sendall(f"GET /api/realtime?token={token} HTTP/{version}\r\nHost: {host}:{port}\r\n\r\n".encode())
        self.file = self.sock.makefile("rb")
        self.status = self.file.readline().split()[1]
        self.headers = {}
        while line := self.file.readline().strip():
            name, _, value = line.decode().partition(": ")
            self.headers[name] = value
        self.is_chunked = self.headers.get("Transfer-Encoding") == "chunked"

    def all(self) -> list[Received]:
        """Read to the end."""
        reader, received = Reader(), list[Received]()
        while data := self._read():
            received += reader.feed(data.decode())
        return received

    def _read(self) -> bytes:
        if not self.is_chunked:
            return self.file.readline()
        size = int(self.file.readline(), 16)
        data = self.file.read(size)
        assert self.file.readline() == b"\r\n"
        return data

    def close(self) -> None:
        self.file.close()
        self.sock.close()


def test_a_server_with_more_streams_than_threads_answers_and_tells_each_of_them(address: str) -> None:
    _call(address, "/api/workflows", {"id": "two", "document": DOCUMENT})
    request = urllib.request.Request(f"{address}/api/workflows/two/draft")
    with urllib.request.urlopen(request, timeout=DEADLINE_SECONDS) as response:
        etag = response.headers["ETag"]
    publish = urllib.request.Request(f"{address}/api/workflows/two/publish", b"", {"If-Match": etag}, method="POST")
    urllib.request.urlopen(publish, timeout=DEADLINE_SECONDS).close()
    run_id = _call(address, "/api/workflows/two/runs", {"data": {}})["run_id"]
    token = _call(address, f"/api/runs/{run_id}/token", {})["token"]
    streams = [Stream(address, token, "1.0" if number == 0 else "1.1") for number in range(STREAMS)]
    assert {stream.status for stream in streams} == {b"200"}
    assert [stream.is_chunked for stream in streams] == [False] + [True] * (STREAMS - 1)
    assert _call(address, f"/api/runs/{run_id}")["id"] == run_id
    told = [stream.all() for stream in streams]
    for received in told:
        assert received[-1].event == "end"
        assert received[-2].data["status"] == "completed"
        facts = [fact for each in received[:-1] for fact in each.data["facts"]]
        ended = [fact["step"] for fact in facts if fact["kind"] == "completed"]
        assert ended == ["$source", "nap/wait", "nap", "note"]
        revisions = [each.data["revision"] for each in received[:-1]]
        assert revisions == sorted(set(revisions)), "something was told twice"
    for stream in streams:
        stream.close()
