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
#: What apps of SDKs and this engine know each other by; the app is on this machine.
_KEYS = {"WORKFLOWKIT_SIGNING_KEY": "signkey-test-12345678", "WORKFLOWKIT_ALLOW_PRIVATE_NETWORKS": "true"}
_CHAINS = (1, 3, 10, 50, 100, 1000)
_FANS = (20, 100)


class OursPeer(Peer):
    """Workers and settings as in production; the client is an application process that embeds the engine."""

    name = "ours"
    packages = ("workflowkit", "celery", "kombu", "redis", "sqlalchemy", "psycopg", "flask", "gunicorn")
    uses = ("postgresql", "redis")
    has_matching = True
    workloads = frozenset({"W1", "W2", "W3", "W4", "W5", "W6", "W7", "W8"})

    @property
    def python(self) -> Path:
        return controller_python()

    @property
    def environment(self) -> dict[str, str]:
        return {**super().environment, **_LIMITS, **_KEYS}

    def start(self) -> None:
        self._start()

    def start_intake(self) -> Intake:
        key = self._start()
        port = self.spawn_gunicorn("bench.ours.web:app")
        return Intake(port, "/api/events", "/api/events", {"Authorization": f"Bearer {key}"})

    def start_app(self) -> str:
        """Start everything, and an app of the SDK of Python that has registered; return its address."""
        self._start()
        server = f"http://127.0.0.1:{self.spawn_gunicorn('bench.ours.web:app')}"
        port = self.spawn_gunicorn(
            "bench.ours.sdkapp:app", role="app", processes=1, environment={"BENCH_SERVER_URL": server}
        )
        app = f"http://127.0.0.1:{port}"
        self.drivers[0].call("register", url=f"{app}/api/inngest")
        return app

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
