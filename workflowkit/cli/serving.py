"""What a production server process serves: the API, and with a broker inside the process also the worker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from workflowkit.base.settings import LOCAL_BROKER_URL
from workflowkit.cli.listening import listen_beside
from workflowkit.cli.loading import load_app
from workflowkit.inngest.connect import is_installed

if TYPE_CHECKING:
    from workflowkit.app import WorkflowKit
    from workflowkit.runtime.hints import StepHint


class NoHints:
    """The ``Dispatcher`` of a process that nobody listens to: the workers' relays find what is due."""

    def match(self, event_ids: Sequence[str]) -> None: ...

    def execute(self, hints: Sequence[StepHint]) -> None: ...

    def queued(self, queue: str = "") -> int:
        return 0


@dataclass(slots=True)
class ApiServer:
    """The API of an application. ``concurrency`` is that of the worker beside it, ``None`` for no worker.

    ``gateway_beside`` is the address of the API, if workers of apps may connect to this process, too.
    """

    app: str | None
    concurrency: int | None = None
    gateway_beside: str | None = None
    _wk: WorkflowKit | None = field(default=None, init=False)

    def load(self) -> Callable[..., Any]:
        wk = self._wk = load_app(self.app)
        if self.concurrency is None and wk.settings.broker_url == LOCAL_BROKER_URL:
            wk.runtime.dispatcher_override = NoHints()
        return wk.api()

    def start(self) -> None:
        if self._wk is not None and self.concurrency is not None:
            self._wk.start(concurrency=self.concurrency)
            if self.gateway_beside is not None and is_installed():
                self._wk.start_gateway(listen_beside(self.gateway_beside))

    def stop(self) -> None:
        if self._wk is not None:
            self._wk.stop()
