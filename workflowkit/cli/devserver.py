"""The dev server: everything in one process on a SQLite file, for one developer on one machine.

It asks for no keys and takes its workflows from a folder, next to the code under version control.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workflowkit.base.errors import Conflict
from workflowkit.base.settings import DEFAULT_QUEUE, LOCAL_BROKER_URL, Settings
from workflowkit.cli.listening import listen_beside
from workflowkit.cli.loading import load_app
from workflowkit.cli.output import Failure
from workflowkit.cli.publishing import FindFiles, PublishedFiles
from workflowkit.inngest.connect import is_installed

if TYPE_CHECKING:
    from workflowkit.app import WorkflowKit
    from workflowkit.inngest.watching import AppWatch
    from workflowkit.registry import Registry

#: Where a dev server keeps its database and the e-mail it did not send, below the current directory.
STATE_DIRECTORY = Path(".workflowkit")
DATABASE_NAME = "dev.db"
_MAIL_NAME = "mail"


@dataclass(slots=True)
class DevServer:
    """What a dev server serves: an application, and the workflows of some files.

    ``on_ready`` is called with the application and the ids that are published as soon as requests are answered.
    ``url`` is where that is: what links begin with, unless the settings say otherwise. ``watch_apps`` makes what asks
    the apps of this machine for their functions.
    """

    app: str | None
    database_path: Path
    find_workflows: FindFiles
    concurrency: int = 8
    on_ready: Callable[[WorkflowKit, list[str]], None] | None = None
    url: str | None = None
    watch_apps: Callable[[WorkflowKit], AppWatch] | None = None
    _published: list[str] = field(default_factory=list, init=False)
    _wk: WorkflowKit | None = field(default=None, init=False)
    _files: PublishedFiles | None = field(default=None, init=False)
    _watch: AppWatch | None = field(default=None, init=False)

    def load(self) -> Callable[..., Any]:
        """Bring the database up to date, deploy the workflows, and return the API."""
        wk = self._wk = load_app(self.app)
        wk.settings = dev_settings(wk.settings, self.database_path, wk.registry, url=self.url)
        self._migrate(wk)
        self._files = PublishedFiles(wk, self.find_workflows)
        self._published = self._files.publish_changed()
        return wk.api(dev_mode=True)

    def start(self) -> None:
        """Start the worker and the relay, and the gateway for workers of apps."""
        if self._wk is None or self._files is None:
            raise RuntimeError("load first")
        self._wk.start(concurrency=self.concurrency)
        if self.url is not None and is_installed():
            self._wk.start_gateway(listen_beside(self.url))
        self._files.watch()
        if self.watch_apps is not None:
            self._watch = self.watch_apps(self._wk)
            self._watch.start()
        if self.on_ready is not None:
            self.on_ready(self._wk, self._published)

    def stop(self) -> None:
        """Let running steps end, then end the worker and the relay."""
        if self._watch is not None:
            self._watch.stop()
        if self._files is not None:
            self._files.stop()
        if self._wk is not None:
            self._wk.stop()

    def _migrate(self, wk: WorkflowKit) -> None:
        self.database_path.parent.mkdir(parents=True, exist_ok=True)
        try:
            wk.migrate()
        except Conflict as error:
            raise Failure(
                f"{self.database_path} was made by another version ({error}); delete it, or say --database"
            ) from error


def dev_settings(settings: Settings, database_path: Path, registry: Registry, *, url: str | None = None) -> Settings:
    """Return the settings of a dev server: one process that serves every queue of its actions."""
    mail_directory = (database_path.parent / _MAIL_NAME).resolve()
    is_default_mail = settings.email_url == Settings().email_url
    return replace(
        settings,
        database_url=f"sqlite:///{database_path.resolve()}",
        broker_url=LOCAL_BROKER_URL,
        queues=tuple(sorted({DEFAULT_QUEUE, *settings.queues, *registry.queues()})),
        email_url=mail_directory.as_uri() if is_default_mail else settings.email_url,
        public_url=settings.public_url or url,
        dev_apps=True,
    )
