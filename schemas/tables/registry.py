"""Who and where: counties down to channels, and what happened to them."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    Table,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import JSONB

from schemas.tables.metadata import METADATA, instant, key, number, recorded, reference, text

COUNTIES = Table(
    "counties",
    METADATA,
    text("county_code", primary_key=True),
    text("name_zh"),
    text("name_en"),
    # the county's place on the schematic map: {"outline": [[x, y], …], "label": [x, y]}
    Column("schematic", JSONB),
    CheckConstraint("county_code ~ '^[0-9]{6}$'", name="county_code"),
)

PARKS = Table(
    "parks",
    METADATA,
    text("park_code", primary_key=True),
    reference("county_code", "counties"),
    text("name_zh"),
    text("name_en"),
)

ENTERPRISES = Table(
    "enterprises",
    METADATA,
    key("enterprise_id"),
    text("uscc", unique=True),
    reference("county_code", "counties", index=True),
    reference("park_code", "parks", nullable=True),
    text("name_zh"),
    text("name_en"),
    text("trade"),
    Column("above_scale", Boolean, nullable=False, server_default="true"),
    recorded(),
    Column("mqtt_dialect", JSONB),  # schemas.dialect.Dialect, of its MQTT account
    CheckConstraint("length(uscc) = 18", name="uscc"),
)

OUTLETS = Table(
    "outlets",
    METADATA,
    key("outlet_id"),
    reference("enterprise_id", "enterprises"),
    text("code"),
    text("name_zh"),
    text("name_en"),
    text("permit_code", nullable=True),
    UniqueConstraint("enterprise_id", "code"),
)

FACILITIES = Table(
    "facilities",
    METADATA,
    key("facility_id"),
    reference("enterprise_id", "enterprises"),
    text("code"),
    text("name_zh"),
    text("name_en"),
    text("kind"),
    text("product", nullable=True),
    UniqueConstraint("enterprise_id", "code"),
)

FACILITY_PAIRS = Table(
    "facility_pairs",
    METADATA,
    reference("facility_id", "facilities", primary_key=True),
    Column("treatment_id", ForeignKey("facilities.facility_id"), primary_key=True),
    reference("outlet_id", "outlets", nullable=True),
)

DEVICES = Table(
    "devices",
    METADATA,
    key("device_id"),
    reference("enterprise_id", "enterprises"),
    text("code"),
    text("name_zh"),
    text("name_en"),
    text("kind"),
    Column("metering_level", SmallInteger),  # 1 to 3 of GB 17167
    text("mn", nullable=True, unique=True),  # HJ 212
    reference("outlet_id", "outlets", nullable=True),
    reference("facility_id", "facilities", nullable=True),
    UniqueConstraint("enterprise_id", "code"),
)

CHANNELS = Table(
    "channels",
    METADATA,
    key("channel_id"),
    reference("device_id", "devices"),
    text("quantity"),
    text("statistic"),
    text("kind"),
    text("role"),
    text("unit"),  # as the device sends it
    number("scale", nullable=False),  # catalogue units in one of it
    text("label"),
    Column("expected_interval_s", Integer, nullable=False),
    Column("hold_s", Integer, nullable=False),  # a gauge stands for no longer than this
    number("plausible_min"),
    number("plausible_max"),
    number("plausible_rate"),  # of a register, units per hour: tells a rollover from a reset
    instant("in_service_from"),
    Column("in_service_to", DateTime(timezone=True)),
    text("wire_code", nullable=True),  # its name in HJ 212 or NHJC where it is not the default
    text("basis", nullable=True),  # of a concentration or flow: dry, as carbon …
    text("part", nullable=True),  # of its enterprise's energy: what it measures is this part of it
    UniqueConstraint("device_id", "quantity", "statistic"),
    CheckConstraint("expected_interval_s > 0 AND hold_s > 0", name="intervals"),
    CheckConstraint("scale > 0", name="scale"),
    CheckConstraint("part IN ('feedstock', 'renewable', 'nuclear', 'single_listed')", name="part"),
    Index(
        "channels_wire_code_idx",
        "device_id",
        "wire_code",
        "statistic",
        unique=True,
        postgresql_where=Column("wire_code").is_not(None),
    ),
)

# What changes with the transformer or the dial: in force from an instant to the next row's.
CHANNEL_SETTINGS = Table(
    "channel_settings",
    METADATA,
    reference("channel_id", "channels", primary_key=True),
    instant("valid_from", primary_key=True),
    number("multiplier", nullable=False),
    number("width"),  # the dial shows less than this and starts again at zero
    recorded(),
)

DEVICE_EVENTS = Table(
    "device_events",
    METADATA,
    key("event_id"),
    reference("device_id", "devices"),
    reference("channel_id", "channels", nullable=True, index=True),
    text("kind"),
    instant("at"),
    number("closing_value"),
    number("opening_value"),
    text("note", nullable=True),
    text("recorded_by"),
    recorded(),
    CheckConstraint(
        "kind <> 'replacement' OR (channel_id IS NOT NULL"
        " AND closing_value IS NOT NULL AND opening_value IS NOT NULL)",
        name="replacement",
    ),
    UniqueConstraint("channel_id", "at"),
)

CONTACTS = Table(
    "contacts",
    METADATA,
    key("contact_id"),
    reference("enterprise_id", "enterprises", index=True),
    text("name"),
    text("post"),
    text("phone"),
)

LIMITS = Table(
    "limits",
    METADATA,
    key("limit_id"),
    reference("outlet_id", "outlets"),
    text("quantity"),
    text("averaging"),
    number("value", nullable=False),
    number("reference_oxygen"),  # percent; the limit then holds for the corrected value
    Column("valid_from", Date, nullable=False),
    Column("valid_to", Date),
    text("source"),
    Column("confirmed", Boolean, nullable=False),
    UniqueConstraint("outlet_id", "quantity", "averaging", "valid_from"),
)
