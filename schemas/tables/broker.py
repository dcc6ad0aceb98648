"""Accounts in the MQTT broker, slots of its collectors, and payloads that are stored again."""

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Table,
)
from sqlalchemy import (
    text as sql,
)
from sqlalchemy.dialects.postgresql import BYTEA, JSONB

from schemas.tables.metadata import METADATA, recorded, reference, text


def _count(name: str, kind: type[Integer] = Integer) -> Column[int]:
    return Column(name, kind, nullable=False, server_default="0")


# Readings are counted in stored, duplicate and superseded, payloads in the others.
REPLAYS = Table(
    "replays",
    METADATA,
    Column("replay_id", BigInteger, Identity(), primary_key=True),
    text("requested_by"),
    recorded("requested_at"),
    Column("wanted", JSONB, nullable=False),  # the ids or the filter, as asked for
    Column("payloads", Integer, nullable=False),
    Column("started_at", DateTime(timezone=True)),
    Column("finished_at", DateTime(timezone=True)),
    _count("stored", BigInteger),
    _count("duplicate", BigInteger),
    _count(
        "superseded", BigInteger
    ),  # another value had been stored since; this one is in the trail
    _count("removed"),  # payloads that were stored in full
    _count("still_rejected"),
    _count("gone"),  # purged or stored by others meanwhile
    Column("reasons", JSONB, nullable=False, server_default=sql("'{}'::jsonb")),
    text("error", nullable=True),  # why it waits
    Index("replays_open_idx", "replay_id", postgresql_where=sql("finished_at IS NULL")),
)

# What is left to do of a replay; newest payload first.
REPLAY_PAYLOADS = Table(
    "replay_payloads",
    METADATA,
    Column("replay_id", ForeignKey("replays.replay_id", ondelete="CASCADE"), primary_key=True),
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("payload_id", BigInteger, nullable=False),
)

# The hash is for a broker that reads this table; the sealed password for one that has to be told.
MQTT_ACCOUNTS = Table(
    "mqtt_accounts",
    METADATA,
    text("user_name", primary_key=True),
    reference("enterprise_id", "enterprises", index=True),
    text("role"),
    text("salt"),
    text("password_hash"),  # hexadecimal SHA-256 of salt and password
    Column("sealed", BYTEA, nullable=False),
    recorded("created_at"),
    text("created_by"),
    Column("disabled_at", DateTime(timezone=True)),
    Column("revoked_at", DateTime(timezone=True)),  # from then on; may lie ahead
    Column("applied_at", DateTime(timezone=True)),  # when the broker agreed; None: it is yet to
    text("problem", nullable=True),
)

COLLECTOR_SLOTS = Table(
    "collector_slots",
    METADATA,
    text("broker", primary_key=True),
    text("slot", primary_key=True),
    Column("lock_key", Integer, nullable=False),  # of the advisory lock that its process holds
    recorded("claimed_at"),
    text("claimed_by"),
    Column("drained_at", DateTime(timezone=True)),
)
