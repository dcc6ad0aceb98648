"""Coefficients, measured heating values and carbon factors in revisions, and what they change.

A factor is never updated: another value for its key is a new revision. What it changes are days
only, so that the log of changed stretches says so, and quarter hours are left alone. Defaults
follow in the same migration: carriers and media of GB/T 2589-2020 that had none, default carbon
contents of the guidelines for 24 industries, and carbon factors of electricity by year. None of
their values was read in its own document, so none is confirmed.

Revision ID: 0016
Revises: 0015
"""

from datetime import date

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

TABLES = {
    # table: what its rows compete within, what of a row a day is multiplied by, whether days
    # before the oldest row use it, and whom it concerns
    "coefficients": (
        ("quantity", "method", "region"), "kgce_per_unit", True,
        "changed.quantity, changed.region, NULL, NULL",
    ),
    "heating_values": (
        ("enterprise_id", "device_id", "quantity"), "kj", False,
        "changed.quantity, '', changed.enterprise_id, changed.device_id",
    ),
    "carbon_factors": (
        ("quantity", "region"), "kgco2_per_unit, {row}.tc_per_gj, {row}.oxidation", True,
        "changed.quantity, changed.region, NULL, NULL",
    ),
}  # fmt: skip

OF_2020 = date(2021, 4, 1)  # the day on which GB/T 2589-2020 came into force
EDITION = "GB/T 2589-2020"
TABLE_A = "GB/T 2589-2020, appendix A; checked against the heating value / 29,307.6 kJ"
TABLE_B = "GB/T 2589-2020, appendix B (耗能工质, by coal consumption); text not seen"
CARRIERS = (  # kgce of the catalogue unit
    ("washed_middlings", 285.7),
    ("coal_gangue", 285.7),
    ("heavy_oil_catalytic_gas", 0.6571),
    ("heavy_oil_thermal_gas", 1.2143),
    ("coke_gasification_gas", 0.5571),
    ("pressure_gasification_gas", 0.5143),
    ("water_gas", 0.3571),
)
MEDIA = (
    ("fresh_water", 0.2571),
    ("softened_water", 0.4857),
    ("deaerated_water", 0.9714),
    ("compressed_air", 0.0400),
    ("oxygen_gas", 0.4000),
    ("nitrogen_byproduct", 0.4000),
    ("nitrogen_main", 0.6714),
    ("carbon_dioxide", 0.2143),
    ("acetylene", 8.3143),
    ("carbide_medium", 2078.6),
)
GUIDELINES = "24个行业企业温室气体核算方法与报告指南（2013–2015）缺省值"
FUELS_SOURCE = "缺省值，见于实际系统，未见指南原文 / defaults as seen in use, guidelines not seen"
FUELS = (  # GJ of a tonne or of a m³, tC/GJ, share oxidised
    ("anthracite", 24.515, 0.02749, 0.94),
    ("bituminous_coal", 23.204, 0.02618, 0.93),
    ("lignite", 14.449, 0.02800, 0.96),
    ("washed_coal", 26.344, 0.02540, 0.93),
    ("other_washed_coal", 15.373, 0.02540, 0.90),
    ("briquettes", 17.46, 0.03360, 0.90),
    ("coke", 28.446, 0.02940, 0.93),
    ("crude_oil", 42.62, 0.02010, 0.98),
    ("fuel_oil", 40.19, 0.02110, 0.98),
    ("gasoline", 44.80, 0.01890, 0.98),
    ("diesel", 43.33, 0.02020, 0.98),
    ("kerosene", 44.75, 0.01960, 0.98),
    ("lpg", 47.31, 0.01720, 0.99),
    ("lng", 41.868, 0.01530, 0.99),
    ("natural_gas", 0.038931, 0.01530, 0.99),
    ("coke_oven_gas", 0.0173854, 0.01360, 0.99),
    ("blast_furnace_gas", 0.003769, 0.07080, 0.99),
    ("converter_gas", 0.007954, 0.04960, 0.99),
    ("refinery_gas", 46.05, 0.01820, 0.99),
    ("petroleum_coke", 31.00, 0.02750, 0.98),
)
NO_12 = "生态环境部、国家统计局公告2024年第12号"
NO_33 = "生态环境部、国家统计局公告2024年第33号（2024-12-20）"
IN_USE = "；数值见于实际系统 / value as seen in use"
ELECTRICITY = (  # region, year of the data, kgCO2/kWh, source
    ("", 2021, 0.5568, f"{NO_12}；数值未核对原文 / value not checked against it"),
    ("", 2022, 0.5366, NO_33 + IN_USE),
    ("", 2023, 0.5306, "生态环境部、国家统计局2025-12-31公布" + IN_USE),
    ("62", 2021, 0.4955, NO_12 + IN_USE),
    ("62", 2022, 0.4772, NO_33 + IN_USE),
)
HEAT = (110.0, "0.11 tCO₂/GJ；未见原文 / text not seen")  # kgCO2 of a GJ


def upgrade() -> None:
    op.execute("ALTER TABLE changed_stretches ADD COLUMN only_days boolean NOT NULL DEFAULT false")
    op.execute("ALTER TABLE usage_daily ADD COLUMN co2_t double precision")
    op.execute("DROP TRIGGER log_coefficient ON coefficients")
    op.execute("DROP FUNCTION log_coefficient()")
    _revise_coefficients()
    _create_heating_values()
    _create_carbon_factors()
    _create_triggers()
    op.execute("REVOKE UPDATE, DELETE ON coefficients FROM qingyu_service")
    for table in TABLES:
        op.execute(f"GRANT SELECT, INSERT ON {table} TO qingyu_service")
        op.execute(f"GRANT UPDATE (superseded_at, withdrawn_by) ON {table} TO qingyu_service")
    op.execute("ALTER TABLE heating_values ENABLE ROW LEVEL SECURITY")
    op.execute("""
        CREATE POLICY scope ON heating_values TO qingyu_service
        USING (sees_all() OR enterprise_id IN (SELECT enterprise_id FROM enterprises))
    """)
    _enter_defaults()


def _revise_coefficients() -> None:
    op.execute("""
        ALTER TABLE coefficients
            ADD COLUMN region text NOT NULL DEFAULT '',
            ADD COLUMN edition text,
            ADD COLUMN revision integer NOT NULL DEFAULT 1,
            ADD COLUMN recorded_by text NOT NULL DEFAULT 'unknown',
            ADD COLUMN superseded_at timestamptz,
            ADD COLUMN withdrawn_by text,
            DROP CONSTRAINT coefficients_quantity_method_valid_from_key,
            ADD CONSTRAINT coefficients_region_check CHECK (region ~ '^([0-9]{2}){0,3}$')
    """)
    op.execute("ALTER TABLE coefficients ALTER COLUMN recorded_by SET DEFAULT CURRENT_USER")
    # nothing refused it before; such a row held for no day
    op.execute("UPDATE coefficients SET valid_to = valid_from WHERE valid_to < valid_from")
    op.execute("""
        ALTER TABLE coefficients
            ADD CONSTRAINT coefficients_valid_to_check CHECK (valid_to >= valid_from),
            ADD CONSTRAINT coefficients_revision_key
                UNIQUE (quantity, method, region, valid_from, revision)
    """)
    op.execute("""
        CREATE UNIQUE INDEX coefficients_in_force_idx
        ON coefficients (quantity, method, region, valid_from) WHERE superseded_at IS NULL
    """)
    op.execute(f"""
        UPDATE coefficients SET edition = '{EDITION}', recorded_by = 'migration'
        WHERE source LIKE '{EDITION}%'
    """)


def _create_heating_values() -> None:
    op.execute("""
        CREATE TABLE heating_values (
            heating_value_id integer GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
            enterprise_id integer NOT NULL REFERENCES enterprises,
            device_id integer REFERENCES devices,
            quantity text NOT NULL,
            kj double precision NOT NULL,
            unit text NOT NULL,
            valid_from date NOT NULL,
            valid_to date,
            report text NOT NULL,
            laboratory text NOT NULL,
            source text NOT NULL,
            confirmed boolean NOT NULL,
            revision integer NOT NULL DEFAULT 1,
            recorded_by text NOT NULL DEFAULT CURRENT_USER,
            recorded_at timestamptz NOT NULL DEFAULT now(),
            superseded_at timestamptz,
            withdrawn_by text,
            CONSTRAINT heating_values_kj_check CHECK (kj > 0),
            CONSTRAINT heating_values_unit_check CHECK (unit IN ('kJ/kg', 'kJ/m³')),
            CONSTRAINT heating_values_valid_to_check CHECK (valid_to >= valid_from),
            CONSTRAINT heating_values_revision_key
                UNIQUE NULLS NOT DISTINCT (enterprise_id, device_id, quantity, valid_from, revision)
        )
    """)
    op.execute("""
        CREATE UNIQUE INDEX heating_values_in_force_idx
        ON heating_values (enterprise_id, device_id, quantity, valid_from)
        NULLS NOT DISTINCT WHERE superseded_at IS NULL
    """)


def _create_carbon_factors() -> None:
    op.execute("""
        CREATE TABLE carbon_factors (
            carbon_factor_id integer GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
            quantity text NOT NULL,
            region text NOT NULL DEFAULT '',
            kgco2_per_unit double precision NOT NULL,
            gj_per_unit double precision,
            tc_per_gj double precision,
            oxidation double precision,
            valid_from date NOT NULL,
            valid_to date,
            edition text NOT NULL,
            source text NOT NULL,
            confirmed boolean NOT NULL,
            revision integer NOT NULL DEFAULT 1,
            recorded_by text NOT NULL DEFAULT CURRENT_USER,
            recorded_at timestamptz NOT NULL DEFAULT now(),
            superseded_at timestamptz,
            withdrawn_by text,
            CONSTRAINT carbon_factors_kgco2_per_unit_check CHECK (kgco2_per_unit >= 0),
            CONSTRAINT carbon_factors_parts_check CHECK (
                num_nulls(gj_per_unit, tc_per_gj, oxidation) IN (0, 3)
                AND (gj_per_unit IS NULL OR abs(
                    gj_per_unit * tc_per_gj * oxidation * 44 / 12 * 1000 / kgco2_per_unit - 1
                ) < 1e-9)
            ),
            CONSTRAINT carbon_factors_region_check CHECK (region ~ '^([0-9]{2}){0,3}$'),
            CONSTRAINT carbon_factors_valid_to_check CHECK (valid_to >= valid_from),
            CONSTRAINT carbon_factors_revision_key
                UNIQUE (quantity, region, valid_from, revision)
        )
    """)
    op.execute("""
        CREATE UNIQUE INDEX carbon_factors_in_force_idx
        ON carbon_factors (quantity, region, valid_from) WHERE superseded_at IS NULL
    """)


def _create_triggers() -> None:
    # Whoever enters a factor, it concerns channels that they may not see. The bounds are wider
    # than the readings known here: a rollup under way may hold others, and days by the old value.
    op.execute("""
        CREATE FUNCTION log_days(
            wanted_quantity text, wanted_region text, wanted_enterprise integer,
            wanted_device integer, first_day date, stop_day date
        ) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
            INSERT INTO changed_stretches
                (enterprise_id, channel_ids, first_at, last_at, only_days)
            SELECT enterprise_id, array_agg(channel_id ORDER BY channel_id),
                   min(touched.first_at), max(touched.last_at), true
            FROM channels AS c
            JOIN devices AS d USING (device_id)
            JOIN enterprises AS e USING (enterprise_id)
            LEFT JOIN channel_extents AS x USING (channel_id)
            CROSS JOIN LATERAL (
                SELECT greatest(
                           least(x.first_at, c.in_service_from) - INTERVAL '1 day',
                           first_day::timestamp AT TIME ZONE 'Asia/Shanghai'
                       ) AS first_at,
                       least(
                           greatest(x.last_at, now()) + INTERVAL '1 day',
                           stop_day::timestamp AT TIME ZONE 'Asia/Shanghai'
                               - INTERVAL '1 microsecond'
                       ) AS last_at
            ) AS touched
            WHERE (wanted_quantity IS NULL OR carrier_of(c.quantity) = wanted_quantity)
              AND c.kind <> 'gauge'
              AND starts_with(e.county_code, wanted_region)
              AND (wanted_enterprise IS NULL OR enterprise_id = wanted_enterprise)
              AND (wanted_device IS NULL OR device_id = wanted_device)
              AND touched.first_at <= touched.last_at
            GROUP BY enterprise_id
        $$
    """)
    for table in TABLES:
        _create_trigger(table)
    # its region has coefficients of its own
    op.execute("""
        CREATE FUNCTION log_moved_enterprise() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM log_days(NULL, '', NEW.enterprise_id, NULL, '-infinity', 'infinity');
            RETURN NULL;
        END $$
    """)
    op.execute("""
        CREATE TRIGGER log_moved_enterprise AFTER UPDATE OF county_code ON enterprises
        FOR EACH ROW WHEN (OLD.county_code IS DISTINCT FROM NEW.county_code)
        EXECUTE FUNCTION log_moved_enterprise()
    """)


def _create_trigger(table: str) -> None:
    partition, value, before_oldest, concerned = TABLES[table]

    def worth(row: str) -> str:
        return f"({row}.{value.format(row=row)}, {row}.valid_to)"

    same = " AND ".join(f"t.{name} IS NOT DISTINCT FROM changed.{name}" for name in partition)
    first_day, stop_day = "changed.valid_from", "greatest(changed.valid_to, known.valid_to) + 1"
    if before_oldest:  # the oldest also holds for earlier days, any of them up to the next one
        first_day = "CASE WHEN has_earlier THEN changed.valid_from ELSE '-infinity' END"
        stop_day = f"CASE WHEN is_revised THEN least(following, {stop_day}) ELSE following END"
    op.execute(f"""
        CREATE FUNCTION log_{table}() RETURNS trigger LANGUAGE plpgsql
        SECURITY DEFINER SET search_path = public, pg_temp AS $$
        DECLARE
            changed {table}%ROWTYPE;
            known {table}%ROWTYPE;
            is_revised boolean := false;
            has_earlier boolean;
            following date;
        BEGIN
            IF TG_OP = 'DELETE' THEN
                changed := OLD;
                known := OLD;
            ELSE
                changed := NEW;
                known := NEW;
            END IF;
            IF TG_OP = 'UPDATE' THEN
                IF NEW.withdrawn_by IS NOT DISTINCT FROM OLD.withdrawn_by
                    AND {worth("NEW")} IS NOT DISTINCT FROM {worth("OLD")}
                THEN
                    RETURN NULL;  -- superseded: the next revision, a row of its own, follows
                END IF;
                known := OLD;
            ELSIF TG_OP = 'INSERT' THEN
                SELECT * INTO known FROM {table} AS t
                WHERE {same} AND t.valid_from = changed.valid_from
                  AND t.revision = changed.revision - 1
                  AND t.superseded_at = changed.recorded_at AND t.withdrawn_by IS NULL;
                is_revised := FOUND;
                IF is_revised AND {worth("known")} IS NOT DISTINCT FROM {worth("changed")} THEN
                    RETURN NULL;  -- only what is said about it is new
                END IF;
                IF NOT is_revised THEN
                    known := changed;
                END IF;
            END IF;
            IF changed.valid_to IS NULL OR known.valid_to IS NULL THEN
                changed.valid_to := NULL;  -- the later of the two ends
                known.valid_to := NULL;
            END IF;
            SELECT coalesce(bool_or(t.valid_from < changed.valid_from), false),
                   min(t.valid_from) FILTER (WHERE t.valid_from > changed.valid_from)
            INTO has_earlier, following
            FROM {table} AS t
            WHERE {same} AND t.superseded_at IS NULL AND t.valid_from <> changed.valid_from;
            PERFORM log_days({concerned}, {first_day}, coalesce({stop_day}, 'infinity'));
            RETURN NULL;
        END $$
    """)
    op.execute(f"""
        CREATE TRIGGER log_{table} AFTER INSERT OR UPDATE OR DELETE ON {table}
        FOR EACH ROW EXECUTE FUNCTION log_{table}()
    """)


def _enter_defaults() -> None:
    told = {"confirmed": False, "recorded_by": "migration"}
    _insert(
        "coefficients",
        [
            {
                "quantity": quantity, "method": method, "kgce_per_unit": kgce,
                "valid_from": OF_2020, "edition": EDITION, "source": source, **told,
            }
            for rows, method, source in (
                (CARRIERS, "calorific", TABLE_A), (MEDIA, "coal_consumption", TABLE_B),
            )
            for quantity, kgce in rows
        ],
    )  # fmt: skip
    parts = {"gj_per_unit": None, "tc_per_gj": None, "oxidation": None}
    fuels = [
        {
            "quantity": quantity, "region": "", "valid_from": date(2013, 1, 1),
            "kgco2_per_unit": gj * carbon * oxidation * 44 / 12 * 1000,
            "gj_per_unit": gj, "tc_per_gj": carbon, "oxidation": oxidation,
            "edition": GUIDELINES, "source": FUELS_SOURCE, **told,
        }
        for quantity, gj, carbon, oxidation in FUELS
    ]  # fmt: skip
    electricity = [
        {
            "quantity": "electricity", "region": region, "valid_from": date(year, 1, 1),
            "kgco2_per_unit": kgco2, **parts, "edition": f"{year}年度 / data of {year}",
            "source": source, **told,
        }
        for region, year, kgco2, source in ELECTRICITY
    ]  # fmt: skip
    heat = {
        "quantity": "heat", "region": "", "valid_from": date(2013, 1, 1),
        "kgco2_per_unit": HEAT[0], **parts, "edition": GUIDELINES, "source": HEAT[1], **told,
    }  # fmt: skip
    _insert("carbon_factors", [*fuels, *electricity, heat])


def _insert(table: str, rows: list[dict[str, object]]) -> None:
    dates = {"valid_from": sa.Date}
    columns = [sa.column(name, dates.get(name)) for name in rows[0]]
    op.bulk_insert(sa.table(table, *columns), rows)


def downgrade() -> None:
    op.execute("DROP TRIGGER log_moved_enterprise ON enterprises")
    op.execute("DROP FUNCTION log_moved_enterprise()")
    op.execute("DROP TABLE heating_values")
    op.execute("DROP TABLE carbon_factors")
    op.execute("DROP TRIGGER log_coefficients ON coefficients")
    for table in TABLES:
        op.execute(f"DROP FUNCTION log_{table}()")
    op.execute("DROP FUNCTION log_days(text, text, integer, integer, date, date)")
    named = ", ".join(f"'{quantity}'" for quantity, _ in (*CARRIERS, *MEDIA))
    op.execute(f"""
        DELETE FROM coefficients
        WHERE superseded_at IS NOT NULL OR region <> ''
           OR recorded_by = 'migration' AND quantity IN ({named})
    """)
    op.execute("DROP INDEX coefficients_in_force_idx")
    op.execute("""
        ALTER TABLE coefficients
            DROP CONSTRAINT coefficients_revision_key,
            DROP CONSTRAINT coefficients_valid_to_check,
            DROP COLUMN region, DROP COLUMN edition, DROP COLUMN revision,
            DROP COLUMN recorded_by, DROP COLUMN superseded_at, DROP COLUMN withdrawn_by,
            ADD UNIQUE (quantity, method, valid_from)
    """)
    op.execute("GRANT UPDATE, DELETE ON coefficients TO qingyu_service")
    op.execute("ALTER TABLE usage_daily DROP COLUMN co2_t")
    op.execute("DELETE FROM changed_stretches WHERE only_days")
    op.execute("ALTER TABLE changed_stretches DROP COLUMN only_days")
    _restore_trigger()


def _restore_trigger() -> None:
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
