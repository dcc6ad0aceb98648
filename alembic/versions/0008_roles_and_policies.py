"""Three roles and what each may touch; rows by region or enterprise.

The owner runs the migrations; ``qingyu_ingest`` and ``qingyu_service`` own nothing and are
granted to the logins of the two programs. A session sees the rows of ``qingyu.region`` (LIKE
patterns of county codes, with commas between) and, where it is set, of ``qingyu.enterprise``; a
session that set neither sees none. Readings and rollups carry no policy: TimescaleDB does not
apply policies to chunks, so they are reached by channels that came from a query under policy.

Revision ID: 0008
Revises: 0007
"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

OF_ENTERPRISE = (
    "outlets",
    "facilities",
    "devices",
    "contacts",
    "budgets",
)
OF_SUBJECT = ("indicator_values", "alerts", "alert_events", "cases")
THROUGH = {
    "facility_pairs": ("facility_id", "facilities"),
    "channels": ("device_id", "devices"),
    "channel_settings": ("channel_id", "channels"),
    "device_events": ("device_id", "devices"),
    "limits": ("outlet_id", "outlets"),
    "case_steps": ("case_id", "cases"),
}
HYPERTABLES = ("readings", "accepted_frames", "usage_15m", "usage_daily", "emissions_hourly")

GRANTS = (
    "SELECT ON enterprises, outlets, devices, channels, clients, grants TO qingyu_ingest",
    "SELECT, INSERT, UPDATE ON readings, rejected_payloads TO qingyu_ingest",
    "INSERT ON reading_revisions, changed_stretches, accepted_frames TO qingyu_ingest",
    "SELECT ON ALL TABLES IN SCHEMA public TO qingyu_service",
    """INSERT, UPDATE, DELETE ON
        counties, parks, enterprises, outlets, facilities, facility_pairs, devices, channels,
        channel_settings, device_events, contacts, limits, coefficients,
        statistics, targets, budgets, plan, people, clients, grants,
        usage_15m, usage_daily, emissions_hourly, channel_extents,
        changed_stretches, changed_usage, evaluated,
        indicator_values, alerts, cases, rejected_payloads
       TO qingyu_service""",
    # append-only
    "INSERT ON alert_events, audit_log, case_steps, assessments TO qingyu_service",
)


def upgrade() -> None:
    for role in ("qingyu_ingest", "qingyu_service"):
        op.execute(f"""
            DO $$ BEGIN
                IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN
                    CREATE ROLE {role} NOLOGIN;
                END IF;
            END $$
        """)
    for grant in GRANTS:
        op.execute(f"GRANT {grant}")
    _create_policies()
    _create_drop_before()


def _create_policies() -> None:
    op.execute("""
        CREATE FUNCTION sees_all() RETURNS boolean LANGUAGE sql STABLE AS $$
            SELECT coalesce(current_setting('qingyu.region', true), '') = '%'
               AND coalesce(current_setting('qingyu.enterprise', true), '') = ''
        $$
    """)
    op.execute("""
        CREATE FUNCTION in_scope(county text, enterprise integer) RETURNS boolean
        LANGUAGE sql STABLE AS $$
            SELECT county LIKE ANY (
                       string_to_array(coalesce(current_setting('qingyu.region', true), ''), ',')
                   )
               AND coalesce(current_setting('qingyu.enterprise', true), '')
                   IN ('', coalesce(enterprise::text, '-'))
        $$
    """)
    _add_policy("enterprises", "in_scope(county_code, enterprise_id)")
    for table in OF_ENTERPRISE:
        _add_policy(table, "sees_all() OR enterprise_id IN (SELECT enterprise_id FROM enterprises)")
    for table in OF_SUBJECT:
        _add_policy(table, "sees_all() OR in_scope(county_code, enterprise_id)")
    for table, (column, parent) in THROUGH.items():
        _add_policy(table, f"sees_all() OR {column} IN (SELECT {column} FROM {parent})")
    for table in ("enterprises", "outlets", "devices", "channels"):
        op.execute(f"CREATE POLICY collect ON {table} FOR SELECT TO qingyu_ingest USING (true)")


def _add_policy(table: str, condition: str) -> None:
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY scope ON {table} TO qingyu_service USING ({condition})")


def _create_drop_before() -> None:
    # only an owner may drop chunks, and the programs own nothing
    names = ", ".join(f"'{name}'" for name in HYPERTABLES)
    op.execute(f"""
        CREATE FUNCTION drop_before(relation text, instant timestamptz) RETURNS bigint
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
        BEGIN
            IF relation NOT IN ({names}) THEN
                RAISE EXCEPTION 'not a table with retention: %', relation;
            END IF;
            IF relation = 'usage_daily' THEN  -- by days of Beijing time, not by instants
                RETURN (SELECT count(*) FROM drop_chunks(
                    relation::regclass,
                    older_than => (instant AT TIME ZONE 'Asia/Shanghai')::date
                ));
            END IF;
            RETURN (SELECT count(*) FROM drop_chunks(relation::regclass, older_than => instant));
        END $$
    """)
    op.execute("REVOKE ALL ON FUNCTION drop_before(text, timestamptz) FROM PUBLIC")
    op.execute("GRANT EXECUTE ON FUNCTION drop_before(text, timestamptz) TO qingyu_service")


def downgrade() -> None:
    op.execute("DROP FUNCTION drop_before(text, timestamptz)")
    for table in ("enterprises", "outlets", "devices", "channels"):
        op.execute(f"DROP POLICY collect ON {table}")
    for table in ("enterprises", *OF_ENTERPRISE, *OF_SUBJECT, *THROUGH):
        op.execute(f"DROP POLICY scope ON {table}")
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
    op.execute("DROP FUNCTION in_scope(text, integer)")
    op.execute("DROP FUNCTION sees_all()")
    for role in ("qingyu_ingest", "qingyu_service"):
        # the roles belong to the cluster and may serve another database of it
        op.execute(f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}")
