"""The controller's side of a peer: start its processes, ask its drivers for work, know whose CPU is whose."""

from __future__ import annotations

import json
import os
import selectors
import socket
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.measure import Meter, cpu_seconds_by_role
from bench.processes import Child, free_port, spawn
from bench.servers import Servers

#: Every peer executes with this many processes.
WORKER_PROCESSES = 2
#: Every peer's HTTP intake: gunicorn's processes, and threads in each.
WEB_PROCESSES = 2
WEB_THREADS = 4

_START_SECONDS = 60
_CALL_SECONDS = 600

#: A peer is at rest when its processes together used less than this part of one processor for so long.
_QUIET_WINDOW_SECONDS, _QUIET_PART = 0.5, 0.1


@dataclass(frozen=True, slots=True)
class Intake:
    """Where and how a peer takes events over HTTP. Paths answer 2xx once an event is accepted."""

    port: int
    single_path: str
    bulk_path: str
    headers: Mapping[str, str]


class Driver:
    """A program that speaks ``protocol`` on its pipes: a load generator, or a worker that generates its own load."""

    def __init__(self, child: Child) -> None:
        self.child = child
        assert child.process.stdout is not None
        os.set_blocking(child.process.stdout.fileno(), False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(child.process.stdout, selectors.EVENT_READ)
        self._buffer = b""

    def call(self, operation: str, **arguments: Any) -> Any:
        """Return what the program answers. Raises ``RuntimeError`` with its traceback, or ``TimeoutError``."""
        stdin = self.child.process.stdin
        assert stdin is not None
        self.child.check_alive()
        stdin.write(json.dumps({"op": operation, **arguments}).encode() + b"\n")
        stdin.flush()
        answer = json.loads(self._read_line())
        if "error" in answer:
            raise RuntimeError(f"{self.child.name}: {operation} failed\n{answer['error']}")
        return answer["result"]

    def _read_line(self) -> bytes:
        deadline = time.monotonic() + _CALL_SECONDS
        while b"\n" not in self._buffer:
            if not self._selector.select(max(0.0, deadline - time.monotonic())):
                raise TimeoutError(f"{self.child.name} did not answer\n{self.child.log_tail()}")
            chunk = os.read(self._selector_fd(), 65536)
            if not chunk:
                self.child.process.wait()
                self.child.check_alive()
            self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def _selector_fd(self) -> int:
        assert self.child.process.stdout is not None
        return self.child.process.stdout.fileno()


class Peer(ABC):
    """One system, started afresh for each measurement and stopped after it.

    A driver answers ``ready()``, ``warm()`` (a few runs of each kind), ``burst(runs)`` (submit and wait for all),
    ``idle(samples)`` (latencies in seconds, one run at a time), ``chain(steps, repeats)`` and ``fan(width, repeats)``
    (seconds of each run), and for HTTP intake ``settled()``: how many events so far have caused all they will, be it
    that they match nothing or that their run is finished.
    """

    name: str
    #: Versions of the software, for the report.
    packages: tuple[str, ...] = ()
    #: The roles of the shared servers this peer uses.
    uses: tuple[str, ...] = ()
    #: Workloads it takes part in.
    workloads: frozenset[str] = frozenset({"W1", "W2", "W3", "W5"})
    #: Whether it matches events against triggers, so that an event may match none.
    has_matching = False

    def __init__(self, servers: Servers) -> None:
        self.servers = servers
        self._roles: dict[str, list[int]] = {}
        self._children: list[Child] = []
        self.drivers: list[Driver] = []

    @property
    @abstractmethod
    def python(self) -> Path:
        """The interpreter of its environment."""

    @property
    def database(self) -> str:
        return f"bench_{self.name.replace('-', '_')}"

    @abstractmethod
    def start(self) -> None:
        """Prepare the servers and start workers and drivers."""

    @abstractmethod
    def start_intake(self) -> Intake:
        """Start workers, drivers, and a web server that accepts events over HTTP."""

    def start_app(self) -> str:
        """Start workers, drivers, and an app of an SDK whose functions they call; return its address."""
        raise NotImplementedError(f"{self.name} calls no apps")

    def warm_up(self) -> None:
        """Let every driver do a few runs, so that nothing is done for the first time under measurement."""
        self.await_quiet()
        for driver in self.drivers:
            driver.call("warm")
        self.await_quiet()

    def await_quiet(self) -> None:
        """Wait until this peer's processes are at rest: all have started, and no work is left over.

        Raises ``TimeoutError`` if they never are.
        """
        deadline = time.monotonic() + _START_SECONDS
        before = sum(cpu_seconds_by_role(self.roles).values())
        while True:
            time.sleep(_QUIET_WINDOW_SECONDS)
            now = sum(cpu_seconds_by_role(self.roles).values())
            if now - before <= _QUIET_WINDOW_SECONDS * _QUIET_PART:
                return
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.name} does not come to rest")
            before = now

    @property
    def environment(self) -> dict[str, str]:
        """What its programs find in their environment."""
        return {
            "BENCH_DATABASE_URL": self.servers.database_url(self.database),
            "BENCH_REDIS_URL": self.servers.redis_address,
        }

    @property
    def roles(self) -> dict[str, list[int]]:
        """The roots of all process trees this peer's work runs in, by role."""
        shared = {"postgresql": self.servers.postgresql.pid, "redis": self.servers.redis.pid}
        return {**self._roles, **{role: [shared[role]] for role in self.uses}}

    def meter(self) -> Meter:
        return Meter(self.roles, self.servers)

    def burst(self, runs: int) -> None:
        """Submit runs as fast as possible, shared out over the drivers, and return when all are finished."""
        shares = [runs // len(self.drivers)] * len(self.drivers)
        shares[0] += runs - sum(shares)
        with ThreadPoolExecutor(len(self.drivers)) as pool:
            pending = [
                pool.submit(driver.call, "burst", runs=share)
                for driver, share in zip(self.drivers, shares, strict=True)
            ]
            for future in pending:
                future.result()

    def stop(self) -> None:
        """End everything this peer started, the last first."""
        for child in reversed(self._children):
            child.stop()
        self._children.clear()
        self.drivers.clear()
        self._roles.clear()

    def spawn(self, role: str, command: Sequence[str | Path], *, environment: Mapping[str, str] | None = None) -> Child:
        """Start a program of this peer and count its CPU under ``role``."""
        return self._spawn(role, command, environment, pipes=False)

    def spawn_driver(self, role: str, module: str, *arguments: str, python: Path | None = None) -> Driver:
        """Start a module of this repository, in the peer's environment unless told, and wait until it answers."""
        child = self._spawn(role, [python or self.python, "-m", module, *arguments], None, pipes=True)
        driver = Driver(child)
        driver.call("ready")
        return driver

    def spawn_gunicorn(
        self,
        application: str,
        *,
        role: str = "web",
        processes: int = WEB_PROCESSES,
        environment: Mapping[str, str] | None = None,
    ) -> int:
        """Serve a WSGI application with what every peer gets, unless told; return its port."""
        port = free_port()
        # The default of 30 s for one request is too short for a bulk of the slowest.
        binding = ["--bind", f"127.0.0.1:{port}", "--log-level", "warning", "--timeout", "180"]
        size = ["--workers", str(processes), "--worker-class", "gthread", "--threads", str(WEB_THREADS)]
        child = self.spawn(role, [self.python, "-m", "gunicorn", *size, *binding, application], environment=environment)
        await_listening(child, port)
        return port

    def _spawn(
        self, role: str, command: Sequence[str | Path], environment: Mapping[str, str] | None, *, pipes: bool
    ) -> Child:
        child = spawn(
            f"{self.name}-{role}",
            command,
            log_path=self.servers.directory / f"{self.name}-{role}.log",
            environment={**self.environment, **(environment or {})},
            pipes=pipes,
        )
        self._children.append(child)
        self._roles.setdefault(role, []).append(child.pid)
        return child


def await_listening(child: Child, port: int) -> None:
    """Return once ``child`` takes connections; raise ``RuntimeError`` with its log if it ends, or takes too long."""
    deadline = time.monotonic() + _START_SECONDS
    while True:
        child.check_alive()
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError as error:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{child.name} does not listen\n{child.log_tail()}") from error
            time.sleep(0.05)
        else:
            return


def controller_python() -> Path:
    """Return the interpreter of this process: the load generator for HTTP runs in it for every peer."""
    return Path(sys.executable)
