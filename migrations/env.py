"""Alembic's entry: runs the migrations on the connection that ``workflowkit.store.migrate`` hands over."""

from alembic import context

from workflowkit.store.schema import metadata
from workflowkit.store.versions import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
