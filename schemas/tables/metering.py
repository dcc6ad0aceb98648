"""What was entered of meters: dated settings, replacements, calibrations; nothing of it is lost.

The tables hold what is in force. A trigger keeps every row that was corrected or voided in the
table of its revisions, with who did it; the programs cannot write there.
"""

from sqlalchemy import (
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
)

from schemas.tables.metadata import METADATA, instant, key, number, recorded, reference, text


def _setting() -> list[Column[object]]:
    return [
        text("unit"),  # as the device sends it
        number("scale", nullable=False),  # catalogue units in one of it
        number("multiplier", nullable=False),  # CT × PT
        number("ct"),
        number("pt"),
        number("width"),  # the dial shows less than this, in ``unit``, and starts again at zero
        text("note", nullable=True),
        text("recorded_by"),
        recorded(),
        Column("revision", Integer, nullable=False, server_default="1"),
    ]


def _event() -> list[Column[object]]:
    return [
        text("kind"),
        instant("at"),
        number("closing_value"),  # in the unit in force before ``at``
        number("opening_value"),  # in the unit in force from ``at`` on
        text("certificate", nullable=True),
        text("organisation", nullable=True),
        text("result", nullable=True),
        Column("valid_until", Date),  # of a calibration, the last day
        text("note", nullable=True),
        text("recorded_by"),
        recorded(),
        Column("revision", Integer, nullable=False, server_default="1"),
    ]


def _superseded() -> list[Column[object]]:
    return [
        instant("superseded_at"),
        text("superseded_by"),
        text("superseded_note", nullable=True),
    ]


# What changes with the transformer, the dial or the gateway: in force from an instant to the next
# row's; before the first, the first.
CHANNEL_SETTINGS = Table(
    "channel_settings",
    METADATA,
    key("setting_id"),
    reference("channel_id", "channels"),
    instant("valid_from"),
    *_setting(),
    UniqueConstraint("channel_id", "valid_from"),
    CheckConstraint("scale > 0 AND multiplier > 0 AND width > 0", name="factors"),
)

CHANNEL_SETTING_REVISIONS = Table(
    "channel_setting_revisions",
    METADATA,
    Column("setting_id", Integer, nullable=False),
    Column("channel_id", ForeignKey("channels.channel_id"), nullable=False, index=True),
    instant("valid_from"),
    *_setting(),
    *_superseded(),
    PrimaryKeyConstraint("setting_id", "revision"),
)

DEVICE_EVENTS = Table(
    "device_events",
    METADATA,
    key("event_id"),
    reference("device_id", "devices"),
    reference("channel_id", "channels", nullable=True, index=True),
    *_event(),
    CheckConstraint(
        "kind <> 'replacement' OR (channel_id IS NOT NULL"
        " AND closing_value IS NOT NULL AND opening_value IS NOT NULL)",
        name="replacement",
    ),
    UniqueConstraint("channel_id", "at"),
    Index("device_events_device_id_idx", "device_id", "kind", "at"),
)

DEVICE_EVENT_REVISIONS = Table(
    "device_event_revisions",
    METADATA,
    Column("event_id", Integer, nullable=False),
    Column("device_id", ForeignKey("devices.device_id"), nullable=False, index=True),
    Column("channel_id", ForeignKey("channels.channel_id")),
    *_event(),
    *_superseded(),
    PrimaryKeyConstraint("event_id", "revision"),
)
