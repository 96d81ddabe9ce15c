"""The private servers of the test suite leave nothing behind, and given servers keep what is theirs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
import redis
import services

ROOT = Path(__file__).resolve().parents[2]

START_AND_WAIT = """
import sys, services
server = services.start_redis()
print(server.process.pid, server.url, server.workspaces[0].path, flush=True)
sys.stdin.read()
"""


def redis_port(url: str) -> int:
    return int(url.rpartition(":")[2])


def test_a_killed_test_session_leaves_no_server_and_no_files() -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "tests")}
    session = subprocess.Popen(
        [sys.executable, "-c", START_AND_WAIT],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with session:
        assert session.stdout is not None
        _, url, directory = session.stdout.readline().split()
        assert services.redis_accepts(redis_port(url))
        session.send_signal(signal.SIGKILL)
    assert services.wait_until(lambda: not services.redis_accepts(redis_port(url)), timeout_seconds=60)

    services.start_redis().stop()  # whoever starts a server next tidies up

    assert not Path(directory).exists()


def test_a_stopped_server_takes_its_files_with_it() -> None:
    server = services.start_redis()
    server.stop()
    server.stop()
    assert not services.redis_accepts(redis_port(server.url))
    assert not [workspace for workspace in server.workspaces if workspace.path.exists()]


def test_a_given_redis_keeps_its_data() -> None:
    server = services.start_redis()
    with closing(redis.Redis.from_url(f"{server.url}/63")) as client:
        client.set("theirs", "1")
        environment = {**os.environ, "REDIS_URL": server.url}
        probe = f"{Path(__file__).relative_to(ROOT)}::test_a_redis_database_is_empty_at_first"
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", probe]
        result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stdout
        assert "used a private" not in result.stdout
        assert client.get("theirs") == b"1"
    server.stop()


def test_a_redis_database_is_empty_at_first(redis_url: str) -> None:
    with closing(redis.Redis.from_url(redis_url)) as client:
        assert client.dbsize() == 0
        client.set("ours", "1")


def test_a_postgresql_database_is_empty_at_first(empty_postgres_url: str) -> None:
    import psycopg

    with psycopg.connect(empty_postgres_url) as connection:
        assert connection.execute("select count(*) from pg_tables where schemaname = 'public'").fetchone() == (0,)


def test_the_developers_settings_do_not_reach_the_tests() -> None:
    visible = [name for name in os.environ if name.startswith("WORKFLOWKIT_") and "_TEST_" not in name]
    assert visible == []
    assert "DATABASE_URL" not in os.environ
    assert "REDIS_URL" not in os.environ


def test_waiting_ends_when_the_time_is_over() -> None:
    assert not services.wait_until(lambda: False, timeout_seconds=0.01, poll_seconds=0.001)
    assert services.wait_until(lambda: True, timeout_seconds=0.0)


def test_without_any_server_program_the_message_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "_postgres_directories", lambda: iter(()))
    with pytest.raises(services.ServerUnavailable, match="DATABASE_URL"):
        services.start_postgres()


def test_a_name_is_held_by_one_at_a_time() -> None:
    name = f"name-{os.getpid()}"
    first = services.hold(name)
    assert first is not None
    assert services.hold(name) is None
    first.release()
    second = services.hold(name)
    assert second is not None
    second.release()
    assert not second.path.exists()
