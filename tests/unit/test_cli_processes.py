"""The commands that stay: addresses, the supervisor of several processes, and processes that follow their parent."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import psutil
import pytest
import services
from click.testing import CliRunner

from workflowkit.cli.api import parse_address
from workflowkit.cli.listening import check_loopback, listen, url_of
from workflowkit.cli.root import cli

SUPERVISED = """
import os, sys
from workflowkit.cli.supervisor import Child, Supervisor
stays = "import os, signal; from workflowkit.cli import lifeline; lifeline.follow_parent(os.environ); signal.pause()"
programs = {"stays": stays, "invalid": "import sys; sys.exit(2)", "dies": "import sys; sys.exit(1)"}
children = [Child(name, [sys.executable, "-c", programs[name]]) for name in sys.argv[1:]]
sys.exit(Supervisor(children).run())
"""
DEADLINE_SECONDS = 60


@contextmanager
def _supervisor(log: Path, *names: str) -> Iterator[subprocess.Popen[bytes]]:
    with open(log, "wb") as file:
        process = subprocess.Popen([sys.executable, "-c", SUPERVISED, *names], stderr=file)
    family: list[psutil.Process] = []
    try:
        yield process
        family = psutil.Process(process.pid).children() if process.poll() is None else []
    finally:
        process.kill()
        process.wait()
        assert psutil.wait_procs(family, timeout=DEADLINE_SECONDS)[1] == []


def _started(log: Path) -> list[int]:
    return [int(pid) for pid in re.findall(r"started, pid (\d+)", log.read_text())]


def _wait_for_starts(log: Path, count: int) -> list[int]:
    assert services.wait_until(lambda: len(_started(log)) >= count, timeout_seconds=DEADLINE_SECONDS), log.read_text()
    return _started(log)


def test_a_process_that_dies_is_started_again_and_the_others_stay(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with _supervisor(log, "stays", "stays") as process:
        first, second = _wait_for_starts(log, 2)
        os.kill(first, signal.SIGKILL)
        _wait_for_starts(log, 3)
        assert "stays ended with -9; next start in 0.5 s" in log.read_text()
        assert psutil.pid_exists(second)
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE_SECONDS) == 0
        assert not any(psutil.pid_exists(pid) for pid in _started(log))


def test_a_process_that_keeps_dying_is_started_more_and_more_slowly(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with _supervisor(log, "dies"):
        _wait_for_starts(log, 3)
        assert re.findall(r"next start in (\S+) s", log.read_text())[:2] == ["0.5", "1"]


def test_a_wrong_command_line_ends_all_instead_of_being_tried_again(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with _supervisor(log, "stays", "invalid") as process:
        assert process.wait(DEADLINE_SECONDS) == 2
        assert not any(psutil.pid_exists(pid) for pid in _started(log))


def test_processes_end_with_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with _supervisor(log, "stays"):
        (pid,) = _wait_for_starts(log, 1)
        child = psutil.Process(pid)
        # Not before it listens to the pipe: its thread is there.
        assert services.wait_until(lambda: child.num_threads() > 1, timeout_seconds=DEADLINE_SECONDS)
    # The supervisor was killed by leaving the block, which also saw its children end.
    assert not child.is_running()


def test_a_port_is_free_or_taken() -> None:
    with listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        assert url_of(first) == f"http://127.0.0.1:{port}"
        with pytest.raises(click.ClickException, match=f"port {port} is taken; choose another one: --port {port + 1}"):
            listen("127.0.0.1", port)


def test_who_connects_before_the_server_answers_waits() -> None:
    with listen("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname(), timeout=30):
        pass


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_a_dev_server_serves_this_machine(host: str) -> None:
    check_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.com", ""])
def test_a_dev_server_never_serves_another_machine(host: str) -> None:
    result = CliRunner().invoke(cli, ["dev", "--host", host])
    assert result.exit_code == 2
    assert "a dev server asks for no keys" in result.stderr


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:80", ("127.0.0.1", 80)),
        (":8288", ("0.0.0.0", 8288)),
        ("[::1]:8288", ("::1", 8288)),
        ("host:0", ("host", 0)),
    ],
)
def test_an_address_is_host_and_port(text: str, address: tuple[str, int]) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize("text", ["8288", "host:", "host:http", "host:65536", ""])
def test_anything_else_is_no_address(text: str) -> None:
    result = CliRunner().invoke(cli, ["api", "--bind", text])
    assert (result.exit_code, "write HOST:PORT" in result.stderr) == (2, True)


def test_a_scheduler_without_a_broker_is_refused() -> None:
    result = CliRunner().invoke(cli, ["scheduler"])
    assert (result.exit_code, "WORKFLOWKIT_BROKER_URL=redis://" in result.stderr) == (2, True)
