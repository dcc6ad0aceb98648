"""Devices that speak protocols of their own (HJ 212, NHJC): bindings, links, commands, codes."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, JSONB

from schemas.tables.metadata import METADATA, instant, number, recorded, reference, text


def _known(name: str) -> Column[object]:
    return Column(name, DateTime(timezone=True))


# Who a monitor is: HJ 212 itself proves nothing, so its first days are learnt and then locked.
MONITOR_BINDINGS = Table(
    "monitor_bindings",
    METADATA,
    reference("device_id", "devices", primary_key=True),
    Column("locked", Boolean, nullable=False, server_default="false"),
    text("password", nullable=True),  # PW; goes over the wire in clear
    Column("addresses", ARRAY(Text), nullable=False, server_default="{}"),  # CIDR
    _known("learning_since"),
    Column("cipher_key", BYTEA),  # SM4
    Column("previous_cipher_key", BYTEA),
    recorded(),
    CheckConstraint(
        "coalesce(length(cipher_key), 16) = 16 AND coalesce(length(previous_cipher_key), 16) = 16",
        name="cipher_key",
    ),
)

DEVICE_LINKS = Table(
    "device_links",
    METADATA,
    reference("device_id", "devices", primary_key=True),
    text("collector"),
    text("source"),
    text("version", nullable=True),
    _known("connected_since"),  # none while it is not connected
    _known("last_frame_at"),
    _known("last_heartbeat_at"),
    _known("restarted_at"),
    number("clock_skew_s"),  # its clock minus ours
    text("verdict"),
    Column("frames", BigInteger, nullable=False, server_default="0"),
    # split packets whose parts did not all come
    Column("incomplete_sets", BigInteger, nullable=False, server_default="0"),
    recorded(),
)

# Production conditions that are sent as letters (HJ 212-2025, ST 45): p99101-Rtd=St.
CONDITION_MARKS = Table(
    "condition_marks",
    METADATA,
    reference("device_id", "devices", primary_key=True),
    text("wire_code", primary_key=True),
    instant("at", primary_key=True, index=True),
    text("mark"),
    recorded(),
)

DEVICE_COMMANDS = Table(
    "device_commands",
    METADATA,
    Column("command_id", BigInteger, Identity(), primary_key=True),
    reference("device_id", "devices", index=True),
    text("cn"),
    Column("parameters", JSONB, nullable=False),
    text("requested_by"),
    recorded("requested_at"),
    instant("expires_at"),
    text("state", server_default="waiting"),
    text("qn", nullable=True),
    Column("attempts", Integer, nullable=False, server_default="0"),
    _known("sent_at"),
    _known("answered_at"),
    Column("request_return", Integer),  # QnRtn
    _known("finished_at"),
    Column("execution_return", Integer),  # ExeRtn
    Column("reply", JSONB),
)
Index(
    "device_commands_open_idx",
    DEVICE_COMMANDS.c.command_id,
    postgresql_where=DEVICE_COMMANDS.c.finished_at.is_(None),
)

# Codes that no channel carries yet, with the newest value of each.
UNMAPPED_CODES = Table(
    "unmapped_codes",
    METADATA,
    text("collector", primary_key=True),
    text("sender", primary_key=True),
    text("wire_code", primary_key=True),
    text("statistic", primary_key=True),
    recorded("first_received_at"),
    recorded("last_received_at"),
    _known("first_at"),
    instant("last_at"),
    number("last_value"),
    Column("occurrences", BigInteger, nullable=False, server_default="1"),
)

# NHJC end devices: how each speaks, and the identity that `register` handed out.
NHJC_DEVICES = Table(
    "nhjc_devices",
    METADATA,
    reference("device_id", "devices", primary_key=True),
    text("device_key", nullable=True, unique=True),  # deviceId; in clear, it is given out again
    Column("secret_key", BYTEA),  # SM4
    Column("dialect", JSONB, nullable=False),
    Column("addresses", ARRAY(Text), nullable=False),  # CIDR; none: the first that asks is learnt
    text("learned", nullable=True),
    _known("open_until"),
    _known("registered_at"),
    text("registered_from", nullable=True),
    _known("refused_at"),
    text("refused_from", nullable=True),
    text("recorded_by"),
    recorded(),
    CheckConstraint("length(secret_key) = 16", name="secret_key"),
)

# What end devices say of themselves: enterprise, processes, their list of codes.
NHJC_DOCUMENTS = Table(
    "nhjc_documents",
    METADATA,
    reference("device_id", "devices", primary_key=True),
    text("kind", primary_key=True),
    Column("body", JSONB, nullable=False),
    recorded("received_at"),
)
