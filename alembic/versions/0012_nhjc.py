"""NHJC end devices: registration, settings of each, what they say of themselves.

``device_key`` and ``secret_key`` are the only credentials of the protocol. They are kept in clear,
because a device that registers again is given them again; only the collectors may read them.

Revision ID: 0012
Revises: 0011
"""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

SHOWN = """device_id, dialect, addresses, learned, open_until, registered_at, registered_from,
    refused_at, refused_from, recorded_by, recorded_at"""
GRANTS = (
    "SELECT, UPDATE ON nhjc_devices TO qingyu_ingest",
    "SELECT, INSERT, UPDATE ON nhjc_documents TO qingyu_ingest",
    f"SELECT ({SHOWN}), INSERT, UPDATE ON nhjc_devices TO qingyu_service",
    "SELECT ON nhjc_documents TO qingyu_service",
)


def upgrade() -> None:
    op.execute("ALTER TABLE unmapped_codes ADD COLUMN first_at timestamptz")
    op.execute("""
        CREATE TABLE nhjc_devices (
            device_id integer PRIMARY KEY REFERENCES devices,
            device_key text UNIQUE,
            secret_key bytea,
            dialect jsonb NOT NULL,
            addresses text[] NOT NULL,
            learned text,
            open_until timestamptz,
            registered_at timestamptz,
            registered_from text,
            refused_at timestamptz,
            refused_from text,
            recorded_by text NOT NULL,
            recorded_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT nhjc_devices_secret_key_check CHECK (length(secret_key) = 16)
        )
    """)
    op.execute("""
        CREATE TABLE nhjc_documents (
            device_id integer NOT NULL REFERENCES devices,
            kind text NOT NULL,
            body jsonb NOT NULL,
            received_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (device_id, kind)
        )
    """)
    # that somebody asked to register changes nothing for the collectors
    op.execute("""
        CREATE TRIGGER notify_registry
        AFTER INSERT OR DELETE OR UPDATE OF device_key, secret_key, dialect ON nhjc_devices
        FOR EACH STATEMENT EXECUTE FUNCTION notify_registry()
    """)
    for table in ("nhjc_devices", "nhjc_documents"):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"""
            CREATE POLICY scope ON {table} TO qingyu_service
            USING (sees_all() OR device_id IN (SELECT device_id FROM devices))
        """)
        op.execute(f"CREATE POLICY collect ON {table} TO qingyu_ingest USING (true)")
    for grant in GRANTS:
        op.execute(f"GRANT {grant}")


def downgrade() -> None:
    op.execute("DROP TABLE nhjc_documents")
    op.execute("DROP TABLE nhjc_devices")
    op.execute("ALTER TABLE unmapped_codes DROP COLUMN first_at")
