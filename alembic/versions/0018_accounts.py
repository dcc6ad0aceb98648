"""Parts of an enterprise's energy, the estimated share of every figure; frames that wait.

Revision ID: 0018
Revises: 0017
"""

from alembic import op

revision = "0018"
down_revision = "0017"
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
    # so does where a meter stands: its level, and its facility
    op.execute("""
        CREATE FUNCTION log_device() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM log_stretch(channel_id, '-infinity', 'infinity')
            FROM channels WHERE device_id = NEW.device_id;
            RETURN NULL;
        END $$
    """)
    op.execute("""
        CREATE TRIGGER log_device AFTER UPDATE OF metering_level, facility_id ON devices
        FOR EACH ROW WHEN ((OLD.metering_level, OLD.facility_id)
            IS DISTINCT FROM (NEW.metering_level, NEW.facility_id))
        EXECUTE FUNCTION log_device()
    """)
    op.execute("""
        CREATE INDEX rejected_payloads_waiting_idx ON rejected_payloads (sender, payload_id)
        WHERE collector = 'hj212' AND reason = 'unknown_mn'
    """)


def downgrade() -> None:
    op.execute("DROP INDEX rejected_payloads_waiting_idx")
    op.execute("DROP TRIGGER log_device ON devices")
    op.execute("DROP FUNCTION log_device()")
    op.execute("DROP TRIGGER log_channel_part ON channels")
    op.execute("ALTER TABLE indicator_values DROP COLUMN estimated")
    op.execute("ALTER TABLE channels DROP COLUMN part")
