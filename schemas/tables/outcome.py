"""What was measured, judged and done about it."""

from sqlalchemy import (
    REAL,
    BigInteger,
    Column,
    Date,
    DateTime,
    Identity,
    Index,
    Integer,
    SmallInteger,
    Table,
    UniqueConstraint,
)
from sqlalchemy import (
    text as sql,
)
from sqlalchemy.dialects.postgresql import BYTEA, JSONB

from schemas.tables.metadata import METADATA, instant, key, number, recorded, reference, text


def _subject_columns() -> list[Column[object]]:
    return [
        text("subject"),
        reference("county_code", "counties"),
        reference("enterprise_id", "enterprises", nullable=True),
        reference("facility_id", "facilities", nullable=True),
        reference("outlet_id", "outlets", nullable=True),
        text("quantity", nullable=True),
        text("indicator"),
        text("period"),
    ]


INDICATOR_VALUES = Table(
    "indicator_values",
    METADATA,
    Column("value_id", BigInteger, Identity(), primary_key=True),
    *_subject_columns(),
    text("basis"),
    text("stage"),
    instant("as_of"),
    number("value"),
    number("range_low"),
    number("range_high"),
    text("unit"),
    number("target"),
    Column("level", SmallInteger),
    Column("completeness", REAL),
    Column("estimated", REAL),  # share of the value that was spread over gaps
    text("rule_set", nullable=True),
    Column("inputs", JSONB, nullable=False),
    Column("phases", JSONB),  # of its alerts after this value: {level: [phase, since, episode]}
    Column("revision", Integer, nullable=False),
    recorded(),
    Column("superseded_at", DateTime(timezone=True)),
    Index(
        "indicator_values_current_idx",
        "subject",
        "indicator",
        "period",
        "basis",
        "as_of",
        unique=True,
        postgresql_where=sql("superseded_at IS NULL"),
    ),
    Index("indicator_values_county_idx", "county_code", "indicator", "as_of"),
)

ALERTS = Table(
    "alerts",
    METADATA,
    Column("alert_id", BigInteger, Identity(), primary_key=True),
    *_subject_columns(),
    text("chain"),  # the window; empty where official periods follow each other
    text("dimension"),
    Column("level", SmallInteger, nullable=False),
    instant("episode"),  # when it left normal; of an outlet the start of the day
    text("phase"),
    instant("since"),
    instant("as_of"),
    number("value"),
    number("target"),
    text("unit"),
    text("reason"),
    text("reason_zh"),
    UniqueConstraint("subject", "indicator", "chain", "level", "episode"),
    Index("alerts_open_idx", "county_code", "phase", postgresql_where=sql("phase <> 'normal'")),
)

# Ids appear in order: every append holds one advisory lock until its commit.
ALERT_EVENTS = Table(
    "alert_events",
    METADATA,
    Column("event_id", BigInteger, Identity(), primary_key=True),
    reference("alert_id", "alerts", nullable=True),
    text("county_code"),
    Column("enterprise_id", Integer),
    text("kind"),
    instant("as_of"),
    recorded(),
    Column("body", JSONB, nullable=False),
    Index("alert_events_alert_id_idx", "alert_id"),
)

CASES = Table(
    "cases",
    METADATA,
    key("case_id"),
    reference("alert_id", "alerts", nullable=True),
    text("county_code"),
    reference("enterprise_id", "enterprises", nullable=True),
    text("state"),
    Column("due_at", DateTime(timezone=True)),
    recorded(),
    Index("cases_county_code_state_idx", "county_code", "state"),
)

CASE_STEPS = Table(
    "case_steps",
    METADATA,
    key("step_id"),
    reference("case_id", "cases", index=True),
    text("state"),
    text("person"),
    text("note"),
    recorded(),
)

ASSESSMENTS = Table(
    "assessments",
    METADATA,
    key("assessment_id"),
    text("region_code"),
    Column("first_day", Date, nullable=False),
    Column("last_day", Date, nullable=False),
    Column("sheet", BYTEA, nullable=False),  # frozen, reproducible byte for byte
    text("frozen_by"),
    recorded("frozen_at"),
)
