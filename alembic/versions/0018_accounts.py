"""Parts of an enterprise's energy, and the estimated share of every figure.

Revision ID: 0018
Revises: 0014
"""

from alembic import op

revision = "0018"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE channels ADD COLUMN part text")
    op.execute("""
        ALTER TABLE channels ADD CONSTRAINT channels_part_check
        CHECK (part IN ('feedstock', 'renewable', 'nuclear', 'single_listed'))
    """)
    op.execute("ALTER TABLE indicator_values ADD COLUMN estimated real")
    # what counts as a part of the energy changes no amount, only what is made of it
    op.execute("""
        CREATE TRIGGER log_channel_part AFTER UPDATE OF part ON channels
        FOR EACH ROW WHEN (OLD.part IS DISTINCT FROM NEW.part)
        EXECUTE FUNCTION log_channel()
    """)


def downgrade() -> None:
    op.execute("DROP TRIGGER log_channel_part ON channels")
    op.execute("ALTER TABLE indicator_values DROP COLUMN estimated")
    op.execute("ALTER TABLE channels DROP COLUMN part")
