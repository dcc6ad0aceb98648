"""Every table, once; `alembic check` compares them with the migrations."""

from schemas.tables import (
    access,
    broker,
    derived,
    factors,
    field,
    metering,
    official,
    outcome,
    registry,
    series,
)
from schemas.tables.metadata import METADATA

__all__ = [
    "METADATA",
    "access",
    "broker",
    "derived",
    "factors",
    "field",
    "metering",
    "official",
    "outcome",
    "registry",
    "series",
]
