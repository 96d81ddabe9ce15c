"""Flow control: lanes that open after a rate was published are under it, whichever version their runs are of."""

import sqlalchemy as sa
from alembic import op

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None

# A function's rate is that of the application. Who opens a lane while a rate is published waits for nobody: a timer
# that is planned with it corrects what was opened at the old one.
OPEN = """
CREATE FUNCTION workflowkit_present_rate() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    _rate text;
BEGIN
    SELECT r.rate INTO _rate FROM rates r
    WHERE r.environment = NEW.environment AND r.tenant IN (NEW.tenant, '*')
        AND r.workflow_id = CAST(NEW.throttle AS jsonb) ->> 'workflow_id';
    IF FOUND THEN
        NEW.throttle := CAST(CAST(NEW.throttle AS jsonb) || CAST(_rate AS jsonb) AS text);
    END IF;
    RETURN NEW;
END $$
"""
OPEN_TRIGGER = """
CREATE TRIGGER workflowkit_present_rate BEFORE INSERT ON lanes FOR EACH ROW WHEN (NEW.throttle IS NOT NULL)
EXECUTE FUNCTION workflowkit_present_rate()
"""
OPEN_TRIGGER_SQLITE = """
CREATE TRIGGER workflowkit_present_rate AFTER INSERT ON lanes FOR EACH ROW WHEN NEW.throttle IS NOT NULL
BEGIN
    UPDATE lanes SET throttle = json_patch(throttle, coalesce((
        SELECT r.rate FROM rates r
        WHERE r.environment = NEW.environment AND r.tenant IN (NEW.tenant, '*')
            AND r.workflow_id = json_extract(NEW.throttle, '$.workflow_id')
    ), '{}'))
    WHERE id = NEW.id;
END
"""


def upgrade() -> None:
    op.create_table(
        "rates",
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("workflow_id", sa.Text(), nullable=False),
        sa.Column("rate", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("environment", "tenant", "workflow_id", name=op.f("pk_rates")),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute(OPEN)
        op.execute(OPEN_TRIGGER)
    else:
        op.execute(OPEN_TRIGGER_SQLITE)
