"""What a burst of work cost: CPU of process trees, commits, broker messages; and the statistics of samples.

CPU comes from ``/proc`` (with the children a process has already reaped), so a worker's forks and PostgreSQL's
backends are counted in full. The kernel's tick is 10 ms a process: bursts should last a second or more.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import psycopg
import redis

from bench.servers import Servers

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_PAGE = Path("/proc")

#: A PostgreSQL backend reports its counters at most once a second, and an idle one only after 10 seconds
#: (PGSTAT_IDLE_INTERVAL in src/backend/utils/activity/pgstat.c).
STATISTICS_FLUSH_SECONDS = 10.5


@dataclass(frozen=True, slots=True)
class Usage:
    """What happened between two moments.

    ``cpu_seconds`` is by role; ``write_commits`` are transactions that changed something (ids PostgreSQL gave out);
    ``messages`` are pushes to Redis lists, which is how Celery publishes. ``others_cpu_percent`` and
    ``steal_percent`` tell how disturbed the machine was, as parts of all its processors.
    """

    seconds: float
    cpu_seconds: Mapping[str, float]
    write_commits: int
    messages: int
    others_cpu_percent: float
    steal_percent: float

    @property
    def total_cpu_seconds(self) -> float:
        return sum(self.cpu_seconds.values())


class Meter:
    """Measure the time a ``with`` block takes and what it costs; read ``usage`` after it.

    ``roles`` maps a name ("worker", "postgresql", ...) to the roots of its process trees.
    """

    usage: Usage

    def __init__(self, roles: Mapping[str, Sequence[int]], servers: Servers) -> None:
        self._roles = roles
        self._servers = servers

    def __enter__(self) -> Meter:
        self._commits = write_commits(self._servers)
        self._messages = broker_messages(self._servers)
        self._machine = _machine_cpu()
        self._cpu = cpu_seconds_by_role(self._roles)
        self._started = time.perf_counter()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        seconds = time.perf_counter() - self._started
        cpu = cpu_seconds_by_role(self._roles)
        busy, steal = (now - before for now, before in zip(_machine_cpu(), self._machine, strict=True))
        spent = {role: cpu[role] - self._cpu[role] for role in cpu}
        capacity = seconds * (os.cpu_count() or 1)
        self.usage = Usage(
            seconds=seconds,
            cpu_seconds=spent,
            write_commits=write_commits(self._servers) - self._commits,
            messages=broker_messages(self._servers) - self._messages,
            others_cpu_percent=max(0.0, 100 * (busy - sum(spent.values())) / capacity),
            steal_percent=100 * steal / capacity,
        )


def cpu_seconds_by_role(roles: Mapping[str, Sequence[int]]) -> dict[str, float]:
    """Return the CPU time each role has used so far; a process is counted in the first role that has it."""
    table = _process_table()
    children: dict[int, list[int]] = {}
    for pid, (parent, _) in table.items():
        children.setdefault(parent, []).append(pid)
    seen: set[int] = set()
    totals: dict[str, float] = {}
    for role, roots in roles.items():
        pending, ticks = list(roots), 0
        while pending:
            pid = pending.pop()
            if pid in seen or pid not in table:
                continue
            seen.add(pid)
            ticks += table[pid][1]
            pending += children.get(pid, [])
        totals[role] = ticks / _TICKS_PER_SECOND
    return totals


def memory_mb(roles: Mapping[str, Sequence[int]]) -> float:
    """Return the proportional set size of all the roles' process trees now, in MB (shared pages split)."""
    table = _process_table()
    wanted = {pid for roots in roles.values() for pid in roots}
    grown = True
    while grown:
        more = {pid for pid, (parent, _) in table.items() if parent in wanted} - wanted
        wanted |= more
        grown = bool(more)
    return sum(_proportional_kb(pid) for pid in wanted) / 1024


def write_commits(servers: Servers) -> int:
    """Return how many transaction ids PostgreSQL has given out: exact at once, unlike its statistics."""
    return _query_int(servers, "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint")


def transactions(servers: Servers, database: str) -> int:
    """Return all committed transactions of a database, those that only read included.

    Waits until every backend has reported its counters, which takes ``STATISTICS_FLUSH_SECONDS``.
    """
    time.sleep(STATISTICS_FLUSH_SECONDS)
    return _query_int(servers, "SELECT xact_commit FROM pg_stat_database WHERE datname = %s", database)


def broker_messages(servers: Servers) -> int:
    """Return how many messages were published so far: Celery's Redis transport does one LPUSH for each."""
    with redis.Redis(port=servers.redis_port) as client:
        statistics = client.info("commandstats")
    return int(statistics.get("cmdstat_lpush", {}).get("calls", 0))


def percentile(values: Iterable[float], percent: float) -> float:
    """Return a percentile by linear interpolation between the closest ranks."""
    ordered = sorted(values)
    position = (len(ordered) - 1) * percent / 100
    below, above = math.floor(position), math.ceil(position)
    return ordered[below] + (ordered[above] - ordered[below]) * (position - below)


def _process_table() -> dict[int, tuple[int, int]]:
    """Return parent and CPU ticks (own and of reaped children) of every process."""
    table: dict[int, tuple[int, int]] = {}
    for entry in _PAGE.iterdir():
        if not entry.name.isdigit():
            continue
        try:
            text = (entry / "stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        # The name in parentheses may hold spaces; after it: state, parent, …, and the four times at 11 to 14.
        fields = text.rpartition(")")[2].split()
        table[int(entry.name)] = (int(fields[1]), sum(map(int, fields[11:15])))
    return table


def _proportional_kb(pid: int) -> int:
    try:
        lines = (_PAGE / str(pid) / "smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def _machine_cpu() -> tuple[float, float]:
    """Return the seconds all processors were busy, and were taken away by the host, since boot."""
    user, nice, system, _, _, irq, softirq, steal = map(int, (_PAGE / "stat").read_text().split()[1:9])
    return (user + nice + system + irq + softirq) / _TICKS_PER_SECOND, steal / _TICKS_PER_SECOND


def _query_int(servers: Servers, sql: str, *parameters: str) -> int:
    with psycopg.connect(servers.database_url("postgres"), autocommit=True) as connection:
        row = connection.execute(sql.encode(), parameters).fetchone()
    return int(row[0]) if row else 0
