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
@click.option(
    "--check", is_flag=True, help="Change nothing; exit with 1 if migrations are missing, or it is for newer versions."
)
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
    settings = load_settings() if app is None else app.settings
    url, schema = settings.database_url, settings.database_schema
    database = Database.open(url, schema=schema)
    try:
        before, trouble = standing(database)
    finally:
        database.close()
    head = migrate.head_revision()
    if trouble is None:
        ahead = f", by a newer version than this one ({head})" if before != head else ""
        click.echo(f"{status('completed', text='up to date')} at {before}{ahead}")
    elif check:
        is_ahead = before is not None and before > head
        text = "for newer versions only" if is_ahead else "migrations are missing"
        click.echo(f"{status('failed', text=text)}: {trouble}")
        ctx.exit(FAILED)
    else:
        migrate.upgrade(url, schema=schema)
        click.echo(f"{status('completed', text='migrated')} from {before or 'an empty database'} to {head}")


def standing(database: Database) -> tuple[str | None, str | None]:
    """Return the revision a database is at, and what it lacks, ``None`` where that is nothing.

    Raises ``StoreUnavailable``.
    """
    import sqlalchemy.exc

    from workflowkit.store.migrate import current_revision, trouble

    try:
        return current_revision(database), trouble(database)
    except sqlalchemy.exc.OperationalError as error:
        raise StoreUnavailable("the database is not available", driver_message=str(error.orig)) from error
