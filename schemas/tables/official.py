"""Official figures, targets and plans: entered, never computed."""

from sqlalchemy import Boolean, Column, Date, Index, Integer, Numeric, Table, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB

from schemas.tables.metadata import METADATA, key, recorded, reference, text

STATISTICS = Table(
    "statistics",
    METADATA,
    key("statistic_id"),
    reference("county_code", "counties"),
    text("series"),
    text("period"),  # first month..last month
    Column("value", Numeric, nullable=False),
    text("unit"),
    text("price_base", nullable=True),  # current, or the year of constant prices; constant of rates
    text("state"),  # flash 快报, preliminary 初步核算, verified 最终核实
    text("source"),
    Column("revision", Integer, nullable=False),
    text("recorded_by"),
    recorded(),
    reference("enterprise_id", "enterprises", nullable=True),  # null: of the county
    text("product", nullable=True),
    Column("contradictions", JSONB),  # what it contradicts and was entered all the same
    text("reason", nullable=True),  # why
    UniqueConstraint(
        "county_code",
        "enterprise_id",
        "series",
        "product",
        "period",
        "price_base",
        "revision",
        name="statistics_place_key",
        postgresql_nulls_not_distinct=True,
    ),
)

TARGETS = Table(
    "targets",
    METADATA,
    key("target_id"),
    reference("county_code", "counties"),
    text("indicator"),
    text("period"),
    text("kind"),  # basic 基本目标, incentive 激励目标
    Column("value", Numeric, nullable=False),
    text("unit"),
    text("source"),
    Column("confirmed", Boolean, nullable=False),
    Column("revision", Integer, nullable=False),
    text("recorded_by"),
    recorded(),
    UniqueConstraint("county_code", "indicator", "period", "kind", "revision"),
)

BUDGETS = Table(
    "budgets",
    METADATA,
    key("budget_id"),
    reference("enterprise_id", "enterprises"),
    Column("year", Integer, nullable=False),
    Column("tce", Numeric, nullable=False),
    text("basis"),
    text("source"),
    Column("revision", Integer, nullable=False),
    recorded(),
    UniqueConstraint("enterprise_id", "year", "basis", "revision"),
)

PLAN = Table(
    "plan",
    METADATA,
    key("plan_id"),
    text("region_code"),
    text("section"),
    text("indicator"),
    Column("first_day", Date, nullable=False),
    Column("last_day", Date, nullable=False),
    Column("value", Numeric),
    text("unit"),
    text("office"),
    text("source"),
    Index("plan_region_code_indicator_idx", "region_code", "indicator"),
)
