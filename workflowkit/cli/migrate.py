"""``workflowkit migrate``: bring the database to the schema of this version."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from workflowkit.base.errors import StoreUnavailable
from workflowkit.cli.loading import load_settings
from workflowkit.cli.output import FAILED, status
from workflowkit.cli.target import named_app

if TYPE_CHECKING:
    from workflowkit.store.database import Database


@click.command("migrate", short_help="Bring the database to the schema of this version.")
@click.option("--check", is_flag=True, help="Change nothing; exit with 1 if migrations are missing.")
@click.pass_context
def command(ctx: click.Context, check: bool) -> None:
    """Bring the database to the schema of this version.

    The database is that of the application WORKFLOWKIT_APP, else WORKFLOWKIT_DATABASE_URL (or DATABASE_URL): a SQLite
    file or PostgreSQL. Running it again changes
    nothing, and several processes may run it at once.

    \b
    WORKFLOWKIT_DATABASE_URL=postgresql://app@db/app workflowkit migrate
    workflowkit migrate --check
    """
    from workflowkit.store import migrate
    from workflowkit.store.database import Database

    app = named_app()
    url = (load_settings() if app is None else app.settings).database_url
    database = Database.open(url)
    try:
        before, head = revision_of(database), migrate.head_revision()
    finally:
        database.close()
    if before == head:
        click.echo(f"{status('completed', text='up to date')} at {head}")
    elif check:
        click.echo(f"{status('failed', text='migrations are missing')}: at {before or 'nothing'}, needs {head}")
        ctx.exit(FAILED)
    else:
        migrate.upgrade(url)
        click.echo(f"{status('completed', text='migrated')} from {before or 'an empty database'} to {head}")


def revision_of(database: Database) -> str | None:
    """Return the revision a database is at, ``None`` for an empty one. Raises ``StoreUnavailable``."""
    import sqlalchemy.exc

    from workflowkit.store.migrate import current_revision

    try:
        return current_revision(database)
    except sqlalchemy.exc.OperationalError as error:
        raise StoreUnavailable("the database is not available", driver_message=str(error.orig)) from error
