"""What a change of the registry sets in motion.

Collectors refresh their directory on NOTIFY registry. Whatever changes the meaning of readings
that are already stored (a replaced dial, a ratio, a coefficient, the settings of a channel) is
logged as a changed stretch, whoever writes it, so that the rollup derives them again.

Revision ID: 0007
Revises: 0006
"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

DIRECTORY = ("enterprises", "devices", "channels", "clients", "grants")


def upgrade() -> None:
    op.execute("""
        CREATE FUNCTION notify_registry() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM pg_notify('registry', '');
            RETURN NULL;
        END $$
    """)
    for table in DIRECTORY:
        op.execute(f"""
            CREATE TRIGGER notify_registry AFTER INSERT OR UPDATE OR DELETE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION notify_registry()
        """)
    op.execute("""
        CREATE FUNCTION log_stretch(channel integer, first_at timestamptz, last_at timestamptz)
        RETURNS void LANGUAGE sql AS $$
            INSERT INTO changed_stretches (enterprise_id, channel_ids, first_at, last_at)
            SELECT enterprise_id, ARRAY[channel_id], $2, $3
            FROM channels JOIN devices USING (device_id)
            WHERE channel_id = $1 AND $2 <= $3
        $$
    """)
    op.execute("""
        CREATE FUNCTION log_device_event() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP <> 'INSERT' AND OLD.channel_id IS NOT NULL THEN
                PERFORM log_stretch(OLD.channel_id, OLD.at, OLD.at);
            END IF;
            IF TG_OP <> 'DELETE' AND NEW.channel_id IS NOT NULL THEN
                PERFORM log_stretch(NEW.channel_id, NEW.at, NEW.at);
            END IF;
            RETURN NULL;
        END $$
    """)
    op.execute("""
        CREATE TRIGGER log_device_event AFTER INSERT OR UPDATE OR DELETE ON device_events
        FOR EACH ROW EXECUTE FUNCTION log_device_event()
    """)
    # a setting holds until the channel's next one
    op.execute("""
        CREATE FUNCTION log_channel_setting() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            channel integer := coalesce(NEW.channel_id, OLD.channel_id);
            first_at timestamptz := least(NEW.valid_from, OLD.valid_from);
            last_at timestamptz;
        BEGIN
            SELECT min(valid_from) INTO last_at FROM channel_settings
            WHERE channel_id = channel AND valid_from > greatest(NEW.valid_from, OLD.valid_from);
            PERFORM log_stretch(channel, first_at, coalesce(last_at, now()));
            RETURN NULL;
        END $$
    """)
    op.execute("""
        CREATE TRIGGER log_channel_setting AFTER INSERT OR UPDATE OR DELETE ON channel_settings
        FOR EACH ROW EXECUTE FUNCTION log_channel_setting()
    """)
    op.execute("""
        CREATE FUNCTION log_channel() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM log_stretch(NEW.channel_id, NEW.in_service_from, now());
            RETURN NULL;
        END $$
    """)
    op.execute("""
        CREATE TRIGGER log_channel
        AFTER UPDATE OF kind, role, statistic, scale, label, expected_interval_s, hold_s,
            plausible_min, plausible_max, plausible_rate ON channels
        FOR EACH ROW
        WHEN ((OLD.kind, OLD.role, OLD.statistic, OLD.scale, OLD.label, OLD.expected_interval_s,
               OLD.hold_s, OLD.plausible_min, OLD.plausible_max, OLD.plausible_rate)
            IS DISTINCT FROM
              (NEW.kind, NEW.role, NEW.statistic, NEW.scale, NEW.label, NEW.expected_interval_s,
               NEW.hold_s, NEW.plausible_min, NEW.plausible_max, NEW.plausible_rate))
        EXECUTE FUNCTION log_channel()
    """)
    op.execute("""
        CREATE FUNCTION log_coefficient() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO changed_stretches (enterprise_id, channel_ids, first_at, last_at)
            SELECT enterprise_id, array_agg(channel_id),
                   least(NEW.valid_from, OLD.valid_from)::timestamp AT TIME ZONE 'Asia/Shanghai',
                   now()
            FROM channels JOIN devices USING (device_id)
            WHERE quantity IN (NEW.quantity, OLD.quantity)
              AND least(NEW.valid_from, OLD.valid_from) < now()
            GROUP BY enterprise_id;
            RETURN NULL;
        END $$
    """)
    op.execute("""
        CREATE TRIGGER log_coefficient AFTER INSERT OR UPDATE OR DELETE ON coefficients
        FOR EACH ROW EXECUTE FUNCTION log_coefficient()
    """)


def downgrade() -> None:
    for table, trigger in (
        ("coefficients", "log_coefficient"),
        ("channels", "log_channel"),
        ("channel_settings", "log_channel_setting"),
        ("device_events", "log_device_event"),
    ):
        op.execute(f"DROP TRIGGER {trigger} ON {table}")
        op.execute(f"DROP FUNCTION {trigger}()")
    op.execute("DROP FUNCTION log_stretch(integer, timestamptz, timestamptz)")
    for table in DIRECTORY:
        op.execute(f"DROP TRIGGER notify_registry ON {table}")
    op.execute("DROP FUNCTION notify_registry()")
