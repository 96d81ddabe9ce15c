"""Which installation a command talks to: options for the database and the tenant, and how it is opened."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from workflowkit.base.errors import StoreUnavailable
from workflowkit.base.scope import DEFAULT_SCOPE, Scope
from workflowkit.base.settings import Settings
from workflowkit.cli.devserver import DATABASE_NAME, STATE_DIRECTORY
from workflowkit.cli.loading import load_app, load_settings
from workflowkit.cli.output import Failure, dim, plain

if TYPE_CHECKING:
    from workflowkit.app import WorkflowKit

_Command = TypeVar("_Command", bound=Callable[..., Any])

_DATABASE_VARIABLES = ("WORKFLOWKIT_DATABASE_URL", "DATABASE_URL")


def scope_options(command: _Command) -> _Command:
    """Give a command ``--environment`` and ``--tenant``."""
    for name, default in (("tenant", DEFAULT_SCOPE.tenant), ("environment", DEFAULT_SCOPE.environment)):
        option = click.option(
            f"--{name}", default=default, show_default=True, envvar=f"WORKFLOWKIT_{name.upper()}", help=f"Whose {name}."
        )
        command = option(command)
    return command


def scope_of(environment: str, tenant: str) -> Scope:
    """Return the scope that the options name."""
    return Scope(environment, tenant)


def named_app() -> WorkflowKit | None:
    """Return the application of ``WORKFLOWKIT_APP``, on whose installation commands work; ``None`` without one."""
    name = os.environ.get("WORKFLOWKIT_APP")
    return None if not name or Path(name).is_dir() else load_app(name)


def target_settings(app: WorkflowKit | None = None) -> Settings:
    """Return the settings, those of ``app`` if there is one.

    Where no database is set in the environment it is that of the dev server in this directory, if there is one: the dev
    server does not ask the application for its database either.
    """
    settings = load_settings() if app is None else app.settings
    dev_database = (STATE_DIRECTORY / DATABASE_NAME).resolve()
    if not any(os.environ.get(name) for name in _DATABASE_VARIABLES) and dev_database.exists():
        return replace(settings, database_url=f"sqlite:///{dev_database}")
    return settings


@contextmanager
def opened(app: WorkflowKit | None = None, *, writes: bool = False) -> Iterator[WorkflowKit]:
    """Open the installation of the settings, or that of an application, and close it at the end.

    Without ``app`` it is that of ``WORKFLOWKIT_APP``. A command that ``writes`` values does so as it would,
    which may encrypt them; others show what is encrypted as it is stored. Raises ``Failure`` if its database does not
    exist, lacks tables or does not answer.
    """
    from workflowkit.app import WorkflowKit

    named = named_app() if app is None else app
    settings = target_settings(named) if app is None else app.settings
    if named is not None and settings.database_url != named.settings.database_url != load_settings().database_url:
        click.echo(dim("on the database of the dev server in this directory, not on the application's own"), err=True)
    if (path := sqlite_path(settings.database_url)) is not None and not path.exists():
        raise Failure(f"there is no database {path}: {_how_to_name(named)}")
    import sqlalchemy.exc

    from workflowkit.store.outages import unavailable

    wk = app or (named if writes else None) or WorkflowKit(settings=settings)
    if wk.settings != settings:
        wk.stop()  # what it may have opened when it was loaded
        wk.settings = settings
    try:
        yield wk
    except (sqlalchemy.exc.OperationalError, sqlalchemy.exc.ProgrammingError) as error:
        raise Failure(plain(str(unavailable(error)))) from error
    except StoreUnavailable as error:
        raise Failure(plain(str(error))) from error
    finally:
        wk.stop()


def _how_to_name(app: WorkflowKit | None) -> str:
    if app is not None:
        return "`workflowkit migrate` makes it"
    return "set WORKFLOWKIT_APP (shop.app:wk) or WORKFLOWKIT_DATABASE_URL, or start `workflowkit dev` here"


def of_tenant(environment: str, tenant: str) -> str:
    """Say whose something is, for those who may have meant somebody else's."""
    return f"of tenant {tenant!r} in environment {environment!r}"


def sqlite_path(url: str) -> Path | None:
    """Return the file of a SQLite URL, ``None`` for other databases and for one in memory."""
    scheme, _, path = url.partition("///")
    return Path(path.partition("?")[0]) if scheme.startswith("sqlite:") and path not in ("", ":memory:") else None
