"""Rollups; all can be rebuilt from readings."""

from sqlalchemy import (
    REAL,
    Boolean,
    Column,
    Date,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
)

from schemas.tables.metadata import METADATA, instant, number


def _rollup_columns() -> list[Column[object]]:
    return [
        number("amount"),  # of registers and amounts, catalogue units
        number("estimated"),  # the part of it spread over a gap longer than expected
        number("mean"),  # of gauges, weighted by time
        number("maximum"),
        Column("channel_id", Integer, nullable=False),
        Column("measured_s", REAL, nullable=False),  # seconds with a value
        Column("flags", SmallInteger, nullable=False),
    ]


USAGE_15M = Table(
    "usage_15m",
    METADATA,
    instant("at"),  # start of the quarter hour
    *_rollup_columns(),
    PrimaryKeyConstraint("channel_id", "at"),
)

USAGE_DAILY = Table(
    "usage_daily",
    METADATA,
    number("tce_calorific"),
    number("tce_coal_consumption"),
    number("co2_t"),  # tonnes; none where no factor is known
    Column("day", Date, nullable=False),  # of Asia/Shanghai
    *_rollup_columns(),
    PrimaryKeyConstraint("channel_id", "day"),
)

EMISSIONS_HOURLY = Table(
    "emissions_hourly",
    METADATA,
    instant("at"),  # start of the clock hour
    number("mean"),  # measured, mg/m³ dry at standard state
    number("maximum"),
    number("corrected_mean"),  # to the reference oxygen, as the monitor sends it
    number("mass_kg"),
    Column("outlet_id", Integer, nullable=False),
    Column("measured_s", REAL, nullable=False),
    Column("valid", Boolean, nullable=False),
    Column("quantity", Text, nullable=False),
    PrimaryKeyConstraint("outlet_id", "quantity", "at"),
)

# The first and the last reading of each channel that the rollup has seen: where they end, no
# neighbour is looked for.
CHANNEL_EXTENTS = Table(
    "channel_extents",
    METADATA,
    Column("channel_id", Integer, primary_key=True, autoincrement=False),
    instant("first_at"),
    instant("last_at"),
)
