"""Who and where: counties down to channels."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
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
    # 计量器具台账
    Column("parent_id", Integer),  # 上级计量器具
    text("type_code", nullable=True),  # 计量器具编码, eight digits
    text("maker", nullable=True),
    text("model", nullable=True),
    text("serial_no", nullable=True),
    text("accuracy_class", nullable=True),
    text("measuring_range", nullable=True),
    text("location", nullable=True),
    Column("calibration_months", SmallInteger),  # from one calibration to the next
    UniqueConstraint("enterprise_id", "code"),
    UniqueConstraint("enterprise_id", "device_id"),
    ForeignKeyConstraint(
        ["enterprise_id", "parent_id"],
        ["devices.enterprise_id", "devices.device_id"],
        name="devices_parent_id_fkey",
    ),
    CheckConstraint("type_code ~ '^[0-9]{8}$'", name="type_code"),
    CheckConstraint("calibration_months > 0", name="calibration_months"),
    Index("devices_parent_id_idx", "enterprise_id", "parent_id"),
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
    text("label"),
    Column("expected_interval_s", Integer, nullable=False),
    Column("hold_s", Integer, nullable=False),  # a gauge stands for no longer than this
    # in the catalogue's unit, before the multiplier, whatever unit is sent at the time
    number("plausible_min"),
    number("plausible_max"),
    number("plausible_rate"),  # of a register, per hour: tells a rollover from a reset
    Column("reversible", Boolean, nullable=False, server_default="false"),  # 双向
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
