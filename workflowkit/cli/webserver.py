"""gunicorn, told everything by us: threads, a socket that is open already, and hooks around the application.

Import this only where requests are served.
"""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from gunicorn.app.base import BaseApplication
from gunicorn.errors import AppImportError

from workflowkit.base.errors import WorkflowKitError
from workflowkit.cli.logformat import gunicorn_logging
from workflowkit.cli.output import Failure, explain
from workflowkit.cli.processes import is_json_logged

#: How long requests and steps that are running may take to end.
GRACEFUL_SECONDS = 30


class Hosted(Protocol):
    """What a server process serves."""

    def load(self) -> Callable[..., Any]:
        """Return the WSGI application. Called in the process that serves it, after forking."""
        ...

    def start(self) -> None:
        """Start what runs beside the application; it serves from now on."""
        ...

    def stop(self) -> None:
        """End what ``start`` began."""
        ...


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """How to serve. ``threads`` are per process."""

    threads: int = 8
    processes: int = 1
    log_level: str = "warning"


class Server(BaseApplication):
    """Serves one application on one socket until SIGTERM or SIGINT, which let what is running end.

    ``listener`` is used up: it belongs to the server from now on.
    """

    def __init__(self, hosted: Hosted, listener: socket.socket, options: ServerOptions) -> None:
        self._hosted, self._options = hosted, options
        self._descriptor = listener.detach()  # gunicorn closes it when it has made a copy
        super().__init__()

    def load_config(self) -> None:
        """Set what differs from gunicorn's defaults."""
        settings = {
            "bind": f"fd://{self._descriptor}",
            "worker_class": "workflowkit.streams.webworker.StreamWorker",
            "workers": self._options.processes,
            "threads": self._options.threads,
            "graceful_timeout": GRACEFUL_SECONDS,
            "loglevel": self._options.log_level,
            "proc_name": "workflowkit",
            "when_ready": _take_interrupts_for_terminations,
            "post_worker_init": self._start,
            "worker_exit": self._stop,
            **({"logconfig_dict": gunicorn_logging(self._options.log_level)} if is_json_logged() else {}),
            "control_socket_disable": True,  # from gunicorn 25 on it would leave a socket in the home directory
        }
        for name, value in settings.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> Callable[..., Any]:
        """Return the application, in the process that serves it; what is wrong with it is told in one line."""
        try:
            return self._hosted.load()
        except Failure as error:
            raise AppImportError(f"error: {error.format_message()}") from error
        except WorkflowKitError as error:
            raise AppImportError(f"error: {explain(error)}") from error

    def _start(self, _worker: Any) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches us too; the parent ends us in order
        self._hosted.start()

    def _stop(self, _server: Any, _worker: Any) -> None:
        self._hosted.stop()


def _take_interrupts_for_terminations(_server: Any) -> None:
    """Let Ctrl-C end requests and steps in order; gunicorn would cut them off."""
    signal.signal(signal.SIGINT, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
