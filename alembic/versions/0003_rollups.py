"""Rollups.

Revision ID: 0003
Revises: 0002
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE usage_15m (
            at timestamptz NOT NULL,
            amount double precision,
            estimated double precision,
            mean double precision,
            maximum double precision,
            channel_id integer NOT NULL,
            measured_s real NOT NULL,
            flags smallint NOT NULL,
            PRIMARY KEY (channel_id, at)
        )
    """)
    op.execute("""
        SELECT create_hypertable(
            'usage_15m', by_range('at', INTERVAL '30 days'), create_default_indexes => false
        )
    """)
    op.execute("""
        CREATE TABLE usage_daily (
            tce_calorific double precision,
            tce_coal_consumption double precision,
            day date NOT NULL,
            amount double precision,
            estimated double precision,
            mean double precision,
            maximum double precision,
            channel_id integer NOT NULL,
            measured_s real NOT NULL,
            flags smallint NOT NULL,
            PRIMARY KEY (channel_id, day)
        )
    """)
    op.execute("""
        SELECT create_hypertable(
            'usage_daily', by_range('day', INTERVAL '365 days'), create_default_indexes => false
        )
    """)
    op.execute("""
        CREATE TABLE emissions_hourly (
            at timestamptz NOT NULL,
            mean double precision,
            maximum double precision,
            corrected_mean double precision,
            mass_kg double precision,
            outlet_id integer NOT NULL,
            measured_s real NOT NULL,
            valid boolean NOT NULL,
            quantity text NOT NULL,
            PRIMARY KEY (outlet_id, quantity, at)
        )
    """)
    op.execute("""
        SELECT create_hypertable(
            'emissions_hourly', by_range('at', INTERVAL '90 days'), create_default_indexes => false
        )
    """)
    op.execute("""
        CREATE TABLE channel_extents (
            channel_id integer PRIMARY KEY,
            first_at timestamptz NOT NULL,
            last_at timestamptz NOT NULL
        )
    """)


def downgrade() -> None:
    op.execute("DROP TABLE channel_extents")
    op.execute("DROP TABLE emissions_hourly")
    op.execute("DROP TABLE usage_daily")
    op.execute("DROP TABLE usage_15m")
