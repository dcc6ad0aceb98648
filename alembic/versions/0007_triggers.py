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
    # of a channel without readings nothing is derived yet
    op.execute("""
        CREATE FUNCTION log_stretch(channel integer, first_at timestamptz, last_at timestamptz)
        RETURNS void LANGUAGE sql AS $$
            INSERT INTO changed_stretches (enterprise_id, channel_ids, first_at, last_at)
            SELECT enterprise_id, ARRAY[channel_id],
                   greatest($2, known.first_at), least($3, known.last_at)
            FROM channels
            JOIN devices USING (device_id)
            JOIN channel_extents AS known USING (channel_id)
            WHERE channel_id = $1 AND $2 <= known.last_at AND $3 >= known.first_at
        $$
    """)
    # a replaced dial is known at its instant, whether there are readings or not
    op.execute("""
        CREATE FUNCTION log_device_event() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO changed_stretches (enterprise_id, channel_ids, first_at, last_at)
            SELECT enterprise_id, ARRAY[event.channel_id], event.at, event.at
            FROM (VALUES (OLD.channel_id, OLD.at), (NEW.channel_id, NEW.at))
                AS event (channel_id, at)
            JOIN channels USING (channel_id)
            JOIN devices USING (device_id);
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
            IF NOT EXISTS (
                SELECT FROM channel_settings WHERE channel_id = channel AND valid_from < first_at
            ) THEN
                first_at := '-infinity';  -- before the first setting the first holds
            END IF;
            PERFORM log_stretch(channel, first_at, coalesce(last_at, 'infinity'));
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
            PERFORM log_stretch(NEW.channel_id, '-infinity', 'infinity');
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
        DECLARE
            changed_from timestamptz := least(NEW.valid_from, OLD.valid_from)::timestamp
                AT TIME ZONE 'Asia/Shanghai';
        BEGIN
            IF NOT EXISTS (
                SELECT FROM coefficients
                WHERE quantity = coalesce(NEW.quantity, OLD.quantity)
                  AND method = coalesce(NEW.method, OLD.method)
                  AND valid_from < coalesce(NEW.valid_from, OLD.valid_from)
            ) THEN
                changed_from := '-infinity';  -- days before the oldest coefficient use it
            END IF;
            INSERT INTO changed_stretches (enterprise_id, channel_ids, first_at, last_at)
            SELECT enterprise_id, array_agg(channel_id),
                   greatest(min(first_at), changed_from), max(last_at)
            FROM channels
            JOIN devices USING (device_id)
            JOIN channel_extents USING (channel_id)
            WHERE quantity IN (NEW.quantity, OLD.quantity) AND last_at >= changed_from
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
