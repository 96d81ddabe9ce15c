"""A private PostgreSQL and a private Redis with the durability of production.

PostgreSQL runs with its distribution's defaults (fsync and synchronous_commit on) on a real disk, never in memory;
Redis with its built-in defaults. Both listen on loopback only and are removed at the end. The tests' own servers trade
durability for speed, so they are not used here.
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import redis

from bench.processes import Account, Child, free_port, spawn

_MEMORY_FILESYSTEMS = frozenset({"tmpfs", "ramfs"})
_START_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Servers:
    """The running servers."""

    postgresql: Child
    postgresql_port: int
    redis: Child
    redis_port: int
    directory: Path
    versions: dict[str, str]

    def database_url(self, name: str) -> str:
        return f"postgresql://bench@127.0.0.1:{self.postgresql_port}/{name}"

    @property
    def redis_address(self) -> str:
        """The URL without a database number."""
        return f"redis://127.0.0.1:{self.redis_port}"

    def fresh_database(self, name: str) -> None:
        """Make an empty database, and a checkpoint so that nobody pays for what came before."""
        with psycopg.connect(self.database_url("postgres"), autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'.encode())
            connection.execute(f'CREATE DATABASE "{name}"'.encode())
            connection.execute("CHECKPOINT")

    def empty_redis(self) -> None:
        with redis.Redis(port=self.redis_port) as client:
            client.flushall()


@contextmanager
def running_servers() -> Iterator[Servers]:
    """Start both servers in a new directory on disk; stop them and remove it at the end."""
    directory = Path(tempfile.mkdtemp(prefix="workflowkit-bench-", dir=_disk_directory()))
    children: list[Child] = []
    try:
        postgresql_port, redis_port = free_port(), free_port()
        binaries = _postgresql_binaries()
        postgresql = _start_postgresql(binaries, directory, postgresql_port)
        children.append(postgresql)
        redis_server = _start_redis(directory, redis_port)
        children.append(redis_server)
        versions = {
            "postgresql": _version_of(binaries / "postgres"),
            "redis": _version_of(Path(_find_redis())),
        }
        yield Servers(postgresql, postgresql_port, redis_server, redis_port, directory, versions)
    finally:
        for child in reversed(children):
            child.stop(signal.SIGINT)  # for PostgreSQL: end now, do not wait for clients
        shutil.rmtree(directory, ignore_errors=True)


def filesystem_of(path: Path) -> str:
    """Return the type of the file system ``path`` is on, as the mount table names it."""
    best, found = "", "unknown"
    for line in Path("/proc/mounts").read_text().splitlines():
        _, mount, kind, *_ = line.split()
        inside = path.is_relative_to(mount)
        if inside and len(mount) >= len(best):
            best, found = mount, kind
    return found


def _disk_directory() -> Path:
    for candidate in (Path("/var/tmp"), Path(tempfile.gettempdir()), Path.cwd()):
        if os.access(candidate, os.W_OK) and filesystem_of(candidate.resolve()) not in _MEMORY_FILESYSTEMS:
            return candidate
    raise RuntimeError("no writable directory on a disk: commits in memory would be measured")


def _postgresql_binaries() -> Path:
    """Return the directory of the newest installed PostgreSQL; ``WORKFLOWKIT_PG_BIN`` overrides."""
    if chosen := os.environ.get("WORKFLOWKIT_PG_BIN"):
        return Path(chosen)
    installed = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if (path / "postgres").exists()]
    if installed:
        return max(installed, key=lambda path: int(path.parent.name))
    if initdb := shutil.which("initdb"):
        return Path(initdb).resolve().parent
    raise RuntimeError("no PostgreSQL found: install the package postgresql, or set WORKFLOWKIT_PG_BIN")


def _find_redis() -> str:
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    if found is None:
        raise RuntimeError("no Redis found: install the package redis-server")
    return found


def _account() -> Account | None:
    """Return whom PostgreSQL runs as: it refuses root, so then an ordinary account that exists."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise RuntimeError("no account to run PostgreSQL as")


def _start_postgresql(binaries: Path, directory: Path, port: int) -> Child:
    account = _account()
    home = directory / "postgresql"
    home.mkdir()
    if account is not None:
        directory.chmod(0o755)
        os.chown(home, account.uid, account.gid)
    data = home / "data"
    subprocess.run(
        [binaries / "initdb", "-D", data, "-U", "bench", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"],
        check=True,
        capture_output=True,
        cwd=home,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    )
    # No setting that touches speed or durability: those are the distribution's.
    options = ("-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=")
    child = spawn(
        "postgresql",
        [binaries / "postgres", "-D", data, "-p", str(port), *options],
        log_path=directory / "postgresql.log",
        directory=home,
        account=account,
    )
    url = f"postgresql://bench@127.0.0.1:{port}/postgres"
    _await_ready(child, lambda: psycopg.connect(url, connect_timeout=2).close(), psycopg.OperationalError)
    return child


def _start_redis(directory: Path, port: int) -> Child:
    home = directory / "redis"
    home.mkdir()
    child = spawn(
        "redis",
        [_find_redis(), "--port", str(port), "--bind", "127.0.0.1", "--dir", home],
        log_path=directory / "redis.log",
        directory=home,
    )

    def ping() -> None:
        with redis.Redis(port=port) as client:
            client.ping()

    _await_ready(child, ping, redis.ConnectionError)
    return child


def _await_ready(child: Child, attempt: Callable[[], object], not_yet: type[Exception]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        child.check_alive()
        try:
            attempt()
        except not_yet as error:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{child.name} does not answer\n{child.log_tail()}") from error
            time.sleep(0.02)
        else:
            return


def _version_of(binary: Path) -> str:
    text = subprocess.run([binary, "--version"], check=True, capture_output=True, text=True, cwd="/").stdout
    found = re.search(r"(?:v=|PostgreSQL\) |\s)(\d+(?:\.\d+)+)", text)
    return found.group(1) if found else text.strip()
