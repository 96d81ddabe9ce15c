"""This engine on PostgreSQL and Redis: two worker processes, and a client process that sends events."""

from __future__ import annotations

from pathlib import Path

from bench.peers.base import WORKER_PROCESSES, Intake, Peer, controller_python


class OursPeer(Peer):
    """Workers as in production; the client is an application process that embeds the engine and sends events."""

    name = "ours"
    packages = ("workflowkit", "celery", "kombu", "redis", "sqlalchemy", "psycopg", "flask", "gunicorn")
    uses = ("postgresql", "redis")
    has_matching = True

    @property
    def python(self) -> Path:
        return controller_python()

    def start(self) -> None:
        raise RuntimeError("the runtime is not there yet")

    def start_intake(self) -> Intake:
        raise RuntimeError("the runtime is not there yet")
