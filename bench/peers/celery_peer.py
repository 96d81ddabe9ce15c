"""Raw Celery chains and chords on Redis: what a team without an engine writes. Nothing it does is durable."""

from __future__ import annotations

from pathlib import Path

from bench.peers.base import WORKER_PROCESSES, Intake, Peer
from bench.venvs import python_of


class CeleryPeer(Peer):
    """One prefork worker with two children, Redis as broker and result store."""

    name = "celery"
    packages = ("celery", "kombu", "redis", "flask", "gunicorn")
    uses = ("redis",)

    @property
    def python(self) -> Path:
        return python_of("celery")

    def start(self) -> None:
        self.servers.empty_redis()
        options = ["--concurrency", str(WORKER_PROCESSES), "--loglevel", "warning"]
        quiet = ["--without-gossip", "--without-mingle"]
        self.spawn("worker", [self.python, "-m", "celery", "-A", "bench.peers.celery_app", "worker", *options, *quiet])
        self.drivers.append(self.spawn_driver("client", "bench.peers.celery_driver"))

    def start_intake(self) -> Intake:
        self.start()
        port = self.spawn_gunicorn("bench.peers.celery_web:app")
        return Intake(port, "/event", "/events", {})
