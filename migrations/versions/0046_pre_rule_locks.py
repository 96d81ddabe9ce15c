"""Flow control: whoever opens a lane waits for a limit that is changed only if the lane is under that."""

import sqlalchemy as sa
from alembic import op

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None

# As before (0041), but for each rule. Lanes are opened in any order of their rules, and more of them after others. So
# who changes a limit takes one lock only, with nothing to wait for behind it, or the two would wait for each other:
# that of the rule, or, for several rules, that of all, which is taken before those of single rules.
CHANGE = """
CREATE FUNCTION workflowkit_change_ceilings(_rules text[]) RETURNS void
LANGUAGE sql AS $$
    SELECT pg_advisory_xact_lock(
        hashtextextended(CASE WHEN cardinality(_rules) = 1 THEN _rules[1] ELSE 'ceilings' END, -2)
    )
$$
"""
JOIN = """
CREATE OR REPLACE FUNCTION workflowkit_present_ceiling() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('ceilings', -2));
    PERFORM pg_advisory_xact_lock_shared(hashtextextended(NEW.rule, -2));
    -- SAFETY: I18 - looked up after the locks: who changes it from now on sees this row.
    NEW.ceiling := coalesce((SELECT c.ceiling FROM ceilings c WHERE c.rule = NEW.rule), NEW.ceiling);
    RETURN NEW;
END $$
"""


def upgrade() -> None:
    with_rule = sa.text("rule IS NOT NULL")
    op.create_index(
        "ix_lane_groups_rule", "lane_groups", ["rule"], sqlite_where=with_rule, postgresql_where=with_rule
    )  # fmt: skip
    if op.get_bind().dialect.name == "postgresql":
        for function in (CHANGE, JOIN):
            op.execute(function)
