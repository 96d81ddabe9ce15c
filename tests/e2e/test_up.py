"""``workflowkit up`` as ``./wk up`` runs it, the first thing that anybody sees of this project, and the dev server."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import services
from builders import a_workflow

from workflowkit.cli.client import ApiClient

UP = [sys.executable, "-m", "workflowkit", "up"]
DEADLINE_SECONDS = 60


@contextlib.contextmanager
def hearing_ctrl_c() -> Iterator[None]:
    """Let what is started hear Ctrl-C: a shell that runs the tests in the background has it ignored by all of them."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def test_up_once_runs_the_example_over_http_and_exits_with_0(tmp_path: Path) -> None:
    done = subprocess.run(
        [*UP, "--once"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=DEADLINE_SECONDS
    )
    assert (done.returncode, done.stderr) == (0, "")
    steps = dict(re.findall(r"^  \S (.+?) {2,}(completed|skipped)", done.stdout, re.MULTILINE))
    assert steps == {
        "Check the stock": "completed",
        "A large order?": "completed",
        "Send by courier": "completed",
        "Send by post": "skipped",
        "Reserve the items": "completed",
        "Write the invoice": "completed",
        "Tell the customer": "completed",
    }
    assert "\x1b" not in done.stdout
    (mail,) = (tmp_path / ".workflowkit/mail").iterdir()
    assert "Thank you, Ada! 4 pieces are on their way." in mail.read_text()


def test_up_stays_until_ctrl_c_and_then_leaves_no_process(tmp_path: Path) -> None:
    with hearing_ctrl_c():
        process = subprocess.Popen([*UP, "--port", "0"], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout:
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "stays until Ctrl-C" in line:
                break
        family = psutil.Process(process.pid).children(recursive=True)
        address = re.search(r"http://127\.0\.0\.1:(\d+)/api/docs", "".join(lines))
        assert address is not None
        with socket.create_connection(("127.0.0.1", int(address[1])), timeout=5):
            pass
        process.send_signal(signal.SIGINT)
        assert process.wait(DEADLINE_SECONDS) == 0
    assert family
    assert psutil.wait_procs(family, timeout=DEADLINE_SECONDS)[1] == []


def test_the_server_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    process = subprocess.Popen([*UP, "--port", "0"], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout:
        for line in process.stdout:
            if "stays until Ctrl-C" in line:
                break
        family = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.wait()
    assert family
    assert psutil.wait_procs(family, timeout=DEADLINE_SECONDS)[1] == []


def test_a_port_that_is_taken_is_named_with_the_option_that_changes_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = subprocess.run(
            [*UP, "--port", str(port)], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=30
        )
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: port {port} is taken; choose another one: --port")


def test_a_terminal_gets_colours_unless_it_says_no(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "workflowkit", "validate", str(tmp_path / "workflow.json")]
    (tmp_path / "workflow.json").write_text("{}")
    assert b"\x1b[" in _output_on_terminal(command, {})
    assert b"\x1b[" not in _output_on_terminal(command, {"NO_COLOR": "1"})


def _output_on_terminal(command: list[str], environment: dict[str, str]) -> bytes:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(command, stdout=theirs, stderr=theirs, env={**os.environ, **environment})
    os.close(theirs)
    output = b""
    try:
        while chunk := os.read(ours, 4096):
            output += chunk
    except OSError:  # how Linux says that the other end of a terminal is closed
        pass
    os.close(ours)
    process.wait(DEADLINE_SECONDS)
    return output


def test_a_dev_server_serves_the_workflows_of_its_folder_without_keys(tmp_path: Path) -> None:
    (tmp_path / "workflows").mkdir()
    document = a_workflow("Hello").action("a", "set", {"x": 1}).path("$source", "a").trigger("test/*").document()
    (tmp_path / "workflows/hello.json").write_text(json.dumps(document))
    command = [sys.executable, "-m", "workflowkit", "dev", "--port", "0"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout:
        told = ""
        for line in process.stdout:
            told += line
            if "database" in line:
                break
        url = re.search(r"address +(\S+)", told)
        assert url is not None
        with contextlib.closing(ApiClient(url[1])) as client:
            assert [one["id"] for one in client.get("/api/workflows")["items"]] == ["hello"]
            (sent,) = client.post("/api/events", {"name": "test/a", "data": {}})["results"]
            assert services.wait_until(
                lambda: [run["status"] for run in client.get(f"/api/events/{sent['id']}")["runs"]] == ["completed"],
                timeout_seconds=60,
            )
        process.send_signal(signal.SIGINT)
        assert process.wait(DEADLINE_SECONDS) == 0
    assert "workflows  hello" in told
