"""Letters that production conditions are sent as (HJ 212-2025, ST 45); sets that stayed incomplete.

Revision ID: 0011
Revises: 0010
"""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        ALTER TABLE device_links ADD COLUMN incomplete_sets bigint NOT NULL DEFAULT 0
    """)
    op.execute("""
        CREATE TABLE condition_marks (
            device_id integer NOT NULL REFERENCES devices,
            wire_code text NOT NULL,
            at timestamptz NOT NULL,
            mark text NOT NULL,
            recorded_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (device_id, wire_code, at)
        )
    """)
    op.execute("CREATE INDEX condition_marks_at_idx ON condition_marks (at)")
    op.execute("ALTER TABLE condition_marks ENABLE ROW LEVEL SECURITY")
    op.execute("""
        CREATE POLICY scope ON condition_marks TO qingyu_service
        USING (sees_all() OR device_id IN (SELECT device_id FROM devices))
    """)
    op.execute("CREATE POLICY collect ON condition_marks TO qingyu_ingest USING (true)")
    op.execute("GRANT SELECT, INSERT, UPDATE ON condition_marks TO qingyu_ingest")
    # deleted when they are older than what is kept
    op.execute("GRANT SELECT, DELETE ON condition_marks TO qingyu_service")


def downgrade() -> None:
    op.execute("DROP TABLE condition_marks")
    op.execute("ALTER TABLE device_links DROP COLUMN incomplete_sets")
