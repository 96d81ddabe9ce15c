"""This engine on PostgreSQL and Redis: two worker processes, and a client process that sends events."""

from __future__ import annotations

from pathlib import Path

from bench.peers.base import WORKER_PROCESSES, Intake, Peer, controller_python

#: What an installation that wants runs of a thousand steps in a row would set.
_LIMITS = {
    "WORKFLOWKIT_LIMIT_ACTIONS_PER_WORKFLOW": "2000",
    "WORKFLOWKIT_LIMIT_EDGES_PER_WORKFLOW": "2000",
    "WORKFLOWKIT_LIMIT_PATH_LENGTH": "2000",
}
_CHAINS = (1, 3, 10, 50, 100, 1000)
_FANS = (20, 100)


class OursPeer(Peer):
    """Workers and settings as in production; the client is an application process that embeds the engine."""

    name = "ours"
    packages = ("workflowkit", "celery", "kombu", "redis", "sqlalchemy", "psycopg", "flask", "gunicorn")
    uses = ("postgresql", "redis")
    has_matching = True
    workloads = frozenset({"W1", "W2", "W3", "W4", "W5", "W6", "W7"})

    @property
    def python(self) -> Path:
        return controller_python()

    @property
    def environment(self) -> dict[str, str]:
        return {**super().environment, **_LIMITS}

    def start(self) -> None:
        self._start()

    def start_intake(self) -> Intake:
        key = self._start()
        port = self.spawn_gunicorn("bench.ours.web:app")
        return Intake(port, "/api/events", "/api/events", {"Authorization": f"Bearer {key}"})

    def _start(self) -> str:
        """Start everything but the web server; return an API key."""
        self.servers.empty_redis()
        self.servers.fresh_database(self.database)
        driver = self.spawn_driver("client", "bench.ours.driver")
        key: str = driver.call("prepare", chain_steps=_CHAINS, fan_widths=_FANS)
        for _ in range(WORKER_PROCESSES):
            self.spawn("worker", [self.python, "-m", "bench.ours.worker"])
        self.drivers.append(driver)
        return key
