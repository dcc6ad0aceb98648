"""Who may do what, and what they did."""

from sqlalchemy import BigInteger, Column, DateTime, Identity, Index, Table
from sqlalchemy.dialects.postgresql import BYTEA, JSONB

from schemas.tables.metadata import METADATA, key, recorded, reference, text

PEOPLE = Table(
    "people",
    METADATA,
    key("person_id"),
    text("login", unique=True),
    text("name"),
    text("password_hash", nullable=True),
    reference("enterprise_id", "enterprises", nullable=True),
    recorded(),
    Column("disabled_at", DateTime(timezone=True)),
)

CLIENTS = Table(
    "clients",
    METADATA,
    key("client_id"),
    text("name", unique=True),
    reference("enterprise_id", "enterprises", nullable=True),
    recorded(),
    Column("revoked_at", DateTime(timezone=True)),
    Column("dialect", JSONB),  # schemas.dialect.Dialect; none: our own document
)

# A client may have several, so that one can be put in place before the other is taken away.
CLIENT_KEYS = Table(
    "client_keys",
    METADATA,
    key("key_id"),
    reference("client_id", "clients", index=True),
    Column("digest", BYTEA, nullable=False, unique=True),  # SHA-256; the key is shown once
    recorded(),
    Column("expires_at", DateTime(timezone=True)),
    Column("revoked_at", DateTime(timezone=True)),
)

GRANTS = Table(
    "grants",
    METADATA,
    key("grant_id"),
    reference("client_id", "clients", nullable=True, index=True),
    reference("person_id", "people", nullable=True, index=True),
    text("region_prefix"),  # '' is everywhere, '6206' a prefecture, '620623' a county
    text("domain"),
    text("verb"),
)

# Append-only: the programs may insert and select, nothing else.
AUDIT_LOG = Table(
    "audit_log",
    METADATA,
    Column("entry_id", BigInteger, Identity(), primary_key=True),
    recorded("at"),
    text("actor"),
    text("action"),
    Column("detail", JSONB, nullable=False),
    Index("audit_log_at_idx", "at"),
)
