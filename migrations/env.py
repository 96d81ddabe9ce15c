"""Alembic's entry: runs the migrations on the connection that ``workflowkit.store.migrate`` hands over."""

from pathlib import Path
from typing import Any

from alembic import context
from alembic.runtime.migration import MigrationContext, MigrationInfo

from workflowkit.store.schema import metadata
from workflowkit.store.versions import VERSION_TABLE, keep_for


def _note_oldest_code(ctx: MigrationContext, step: MigrationInfo, heads: object, run_args: object) -> None:
    """After a ``post`` migration, note which code still works: ``oldest_code`` of its module, else its own revision."""
    script: Any = step.up_revision
    if ctx.connection is not None and "_post_" in Path(script.path).name:
        keep_for(ctx.connection, getattr(script.module, "oldest_code", script.revision))


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,
    transaction_per_migration=True,
    on_version_apply=_note_oldest_code,
)
with context.begin_transaction():
    context.run_migrations()
