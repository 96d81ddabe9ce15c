"""Workflows that are files: published when the dev server starts, and again whenever a file changes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from workflowkit.base.errors import (
    DefinitionError,
    InvalidInput,
    LimitExceeded,
    Problem,
    StoreUnavailable,
    WorkflowArchived,
)
from workflowkit.cli import documents
from workflowkit.cli.output import Failure, status

if TYPE_CHECKING:
    from workflowkit.app import WorkflowKit

_log = logging.getLogger(__name__)

WATCH_SECONDS = 1.0

#: The files by workflow id, as they are now.
FindFiles = Callable[[], Mapping[str, Path]]


def files_in(directory: Path) -> FindFiles:
    """Return what finds the documents of a folder by id, which is the file's name: ``orders.json`` is ``orders``."""
    return lambda: {path.stem: path for path in sorted(directory.glob("*.json"))}


class PublishedFiles:
    """Keeps the workflows of an application in step with files. What is wrong with a file is told on the terminal.

    A file that is deleted leaves its workflow as it is: runs of it may be under way.
    """

    def __init__(self, wk: WorkflowKit, find: FindFiles) -> None:
        self._wk, self._find = wk, find
        self._seen: dict[Path, tuple[int, int]] = {}
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def publish_changed(self) -> list[str]:
        """Publish the files that are new or have changed since the last time; return the ids that are published now."""
        changed = []
        for workflow_id, path in self._find().items():
            stamp = _stamp(path)
            if stamp is not None and self._seen.get(path) != stamp:
                self._seen[path] = stamp
                changed.append((workflow_id, path))
        return [workflow_id for workflow_id, path in changed if publish(self._wk, workflow_id, path)]

    def watch(self) -> None:
        """Go on publishing what changes, in a thread, until ``stop``."""
        self._thread = threading.Thread(target=self._watch, name="workflowkit-files", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(WATCH_SECONDS):
            try:
                for workflow_id in self.publish_changed():
                    click.echo(f"{status('completed', text='published')} {workflow_id}")
            except StoreUnavailable as error:
                _log.warning("%s", error)
            except Exception:
                _log.exception("the workflow files could not be published")


def publish(wk: WorkflowKit, workflow_id: str, path: Path) -> bool:
    """Publish a document; print its problems, and tell whether it is the published version now."""
    from workflowkit.definition import load_json, parse

    try:
        source = documents.read(str(path))
    except Failure as error:
        click.echo(error.format_message(), err=True)
        return False
    try:
        document = documents.checked(source, lambda text: load_json(text, wk.settings.limits))
        parse(document, wk.registry, wk.settings.limits)
        published = wk.publish(workflow_id, document)
    except (documents.InvalidDocument, DefinitionError) as error:
        documents.echo_problems(source, error.problems)
    except (InvalidInput, LimitExceeded) as error:
        documents.echo_problems(source, _about_the_file(error))
    except WorkflowArchived as error:
        documents.echo_problems(source, [Problem("", error.code, error.message)])
    else:
        documents.echo_problems(source, published.warnings)
        return True
    click.echo(f"{path} is not published", err=True)
    return False


def _about_the_file(error: InvalidInput | LimitExceeded) -> Iterator[Problem]:
    """Yield problems that are not about a place in the file but about all of it, such as its name."""
    if isinstance(error, LimitExceeded):
        yield Problem("", error.code, error.message)
    else:
        yield from (Problem("", problem.code, problem.message) for problem in error.problems)


def _stamp(path: Path) -> tuple[int, int] | None:
    """Return what changes when a file does, ``None`` if it has just gone."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
