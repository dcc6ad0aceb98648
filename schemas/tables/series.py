"""Time series as they arrived, and the logs of what they changed."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
)
from sqlalchemy import (
    text as sql,
)
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA

from schemas.tables.metadata import METADATA, instant, number, recorded, text

# Wide columns first: 13 bytes less per row. No foreign key: a collector knows its channels.
READINGS = Table(
    "readings",
    METADATA,
    instant("at"),
    number("value", nullable=False),
    Column("channel_id", Integer, nullable=False),
    Column("quality", SmallInteger, nullable=False),
    PrimaryKeyConstraint("channel_id", "at"),
)

READING_REVISIONS = Table(
    "reading_revisions",
    METADATA,
    Column("revision_id", BigInteger, Identity(), primary_key=True),
    Column("channel_id", Integer, nullable=False),
    instant("at"),
    number("value", nullable=False),  # the one that was replaced
    Column("quality", SmallInteger, nullable=False),
    recorded("replaced_at"),
    text("replaced_by"),
    Index("reading_revisions_channel_id_at_idx", "channel_id", "at"),
)

REJECTED_PAYLOADS = Table(
    "rejected_payloads",
    METADATA,
    Column("payload_id", BigInteger, Identity(), primary_key=True),
    text("collector"),
    text("sender"),
    text("source", nullable=True),  # address of the peer, where the sender proves nothing
    text("reason"),
    text("detail"),
    Column("payload", BYTEA, nullable=False),
    Column("payload_bytes", Integer, nullable=False),  # before any cut
    Column("digest", BYTEA, nullable=False),
    recorded("first_received_at"),
    recorded("last_received_at"),
    Column("occurrences", Integer, nullable=False, server_default="1"),
    Index("rejected_payloads_digest_idx", "sender", "collector", "digest", unique=True),
    Index("rejected_payloads_last_received_at_idx", "last_received_at"),
    Index(  # frames of monitors that nobody registered yet
        "rejected_payloads_waiting_idx",
        "sender",
        "payload_id",
        postgresql_where=sql("collector = 'hj212' AND reason = 'unknown_mn'"),
    ),
)

ACCEPTED_FRAMES = Table(
    "accepted_frames",
    METADATA,
    instant("received_at", primary_key=True),
    Column("frame_id", BigInteger, Identity(), primary_key=True),
    text("mn"),
    text("source"),
    Column("frame", BYTEA, nullable=False),
    Index("accepted_frames_mn_idx", "mn", "received_at"),
)

# Append-only, so writers never wait for the rollup; the instants are neither rounded nor widened.
CHANGED_STRETCHES = Table(
    "changed_stretches",
    METADATA,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("enterprise_id", Integer, nullable=False, index=True),
    Column("channel_ids", ARRAY(Integer), nullable=False),
    instant("first_at"),
    instant("last_at"),
    # readings are as they were: a coefficient, a heating value or a carbon factor changed
    Column("only_days", Boolean, nullable=False, server_default="false"),
)

# What was recomputed or entered, one row for each indicator that has to look at it.
CHANGED_USAGE = Table(
    "changed_usage",
    METADATA,
    Column("id", BigInteger, Identity(), primary_key=True),
    text("indicator", index=True),
    text("county_code"),
    Column("enterprise_id", Integer),  # none where an official figure of the county changed
    instant("first_at"),
    instant("last_at"),
)

# How far the clock has been followed, a row per indicator.
EVALUATED = Table(
    "evaluated",
    METADATA,
    text("indicator", primary_key=True),
    Column("until", DateTime(timezone=True), nullable=False),
)
