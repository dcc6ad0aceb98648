"""Official figures of enterprises and products, in several price bases; none is overwritten.

Revision ID: 0017
Revises: 0016
"""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

RATES = (
    "intensity_reduction",
    "gdp_growth",
    "industrial_value_added_growth",
)


def upgrade() -> None:
    op.execute(
        "ALTER TABLE statistics ADD COLUMN enterprise_id integer REFERENCES enterprises,"
        " ADD COLUMN product text, ADD COLUMN contradictions jsonb, ADD COLUMN reason text"
    )
    # the price base is part of what a figure is; that of a rate is always constant
    rates = ", ".join(f"'{series}'" for series in RATES)
    op.execute(f"""
        UPDATE statistics SET price_base = CASE WHEN series IN ({rates}) THEN 'constant' END
        WHERE price_base IS DISTINCT FROM CASE WHEN series IN ({rates}) THEN 'constant' END
    """)
    op.execute(
        "ALTER TABLE statistics DROP CONSTRAINT statistics_county_code_series_period_revision_key"
    )
    op.execute("""
        ALTER TABLE statistics ADD CONSTRAINT statistics_place_key UNIQUE NULLS NOT DISTINCT
            (county_code, enterprise_id, series, product, period, price_base, revision)
    """)
    op.execute("REVOKE UPDATE, DELETE ON statistics FROM qingyu_service")
    op.execute("ALTER TABLE statistics ENABLE ROW LEVEL SECURITY")
    # an enterprise sees its county's figures and its own, and enters none of the county
    op.execute("""
        CREATE POLICY scope ON statistics TO qingyu_service
        USING (
            in_scope(county_code, enterprise_id)
            OR enterprise_id IS NULL AND county_code LIKE ANY (
                string_to_array(coalesce(current_setting('qingyu.region', true), ''), ',')
            )
        )
        WITH CHECK (in_scope(county_code, enterprise_id))
    """)


def downgrade() -> None:
    op.execute("DROP POLICY scope ON statistics")
    op.execute("ALTER TABLE statistics DISABLE ROW LEVEL SECURITY")
    op.execute("GRANT UPDATE, DELETE ON statistics TO qingyu_service")
    op.execute("ALTER TABLE statistics DROP CONSTRAINT statistics_place_key")
    # what the older table has no place for goes; several price bases become revisions
    op.execute("DELETE FROM statistics WHERE enterprise_id IS NOT NULL OR product IS NOT NULL")
    op.execute("""
        UPDATE statistics AS s SET revision = numbered.revision
        FROM (
            SELECT statistic_id, row_number() OVER (
                PARTITION BY county_code, series, period ORDER BY recorded_at, statistic_id
            ) AS revision
            FROM statistics
        ) AS numbered
        WHERE s.statistic_id = numbered.statistic_id AND s.revision <> numbered.revision
    """)
    op.execute("""
        ALTER TABLE statistics ADD CONSTRAINT statistics_county_code_series_period_revision_key
            UNIQUE (county_code, series, period, revision)
    """)
    op.execute(
        "ALTER TABLE statistics DROP COLUMN enterprise_id, DROP COLUMN product,"
        " DROP COLUMN contradictions, DROP COLUMN reason"
    )
