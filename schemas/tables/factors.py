"""What an amount is worth: coal equivalents, measured heating values, carbon factors.

All three only grow: another value for the same key is a new revision, and the one before it gets
the instant at which it was superseded. What was withdrawn has no successor.
"""

from typing import Any

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Index,
    Integer,
    Table,
    UniqueConstraint,
)
from sqlalchemy import text as sql

from schemas.tables.metadata import METADATA, key, number, recorded, reference, text

REGION = "region ~ '^([0-9]{2}){0,3}$'"
OTHER_VALUE = "valid_to >= valid_from"


def _validity() -> list[Column[Any]]:
    return [Column("valid_from", Date, nullable=False), Column("valid_to", Date)]


def _revision() -> list[Column[Any]]:
    return [
        text("source"),
        Column("confirmed", Boolean, nullable=False),
        Column("revision", Integer, nullable=False, server_default="1"),
        text("recorded_by", server_default=sql("CURRENT_USER")),
        recorded(),
        Column("superseded_at", DateTime(timezone=True)),
        text("withdrawn_by", nullable=True),
    ]


def _one_in_force(table: str, *columns: str, nulls: bool = False) -> list[Any]:
    options: dict[str, Any] = {"postgresql_nulls_not_distinct": True} if nulls else {}
    return [
        UniqueConstraint(*columns, "revision", name=f"{table}_revision_key", **options),
        Index(
            f"{table}_in_force_idx",
            *columns,
            unique=True,
            postgresql_where=sql("superseded_at IS NULL"),
            **options,
        ),
    ]


COEFFICIENTS = Table(
    "coefficients",
    METADATA,
    key("coefficient_id"),
    text("quantity"),
    text("method"),  # calorific 当量, coal_consumption 等价
    text("region", server_default=""),  # prefix of county codes; the longest that has rows counts
    number("kgce_per_unit", nullable=False),  # of the catalogue unit
    *_validity(),
    text("edition", nullable=True),  # of the standard; none of an operator's own
    *_revision(),
    CheckConstraint("kgce_per_unit > 0", name="kgce_per_unit"),
    CheckConstraint(REGION, name="region"),
    CheckConstraint(OTHER_VALUE, name="valid_to"),
    *_one_in_force("coefficients", "quantity", "method", "region", "valid_from"),
)

HEATING_VALUES = Table(
    "heating_values",
    METADATA,
    key("heating_value_id"),
    reference("enterprise_id", "enterprises"),
    reference("device_id", "devices", nullable=True),  # of all of the enterprise's where none
    text("quantity"),
    number("kj", nullable=False),  # net calorific value (收到基低位发热量) of one kg or m³
    text("unit"),  # kJ/kg or kJ/m³
    *_validity(),
    text("report"),
    text("laboratory"),
    *_revision(),
    CheckConstraint("kj > 0", name="kj"),
    CheckConstraint("unit IN ('kJ/kg', 'kJ/m³')", name="unit"),
    CheckConstraint(OTHER_VALUE, name="valid_to"),
    *_one_in_force(
        "heating_values", "enterprise_id", "device_id", "quantity", "valid_from", nulls=True
    ),
)

CARBON_FACTORS = Table(
    "carbon_factors",
    METADATA,
    key("carbon_factor_id"),
    text("quantity"),
    text("region", server_default=""),
    number("kgco2_per_unit", nullable=False),  # of the catalogue unit
    number("gj_per_unit"),  # the parts of a fuel's: heating value,
    number("tc_per_gj"),  # carbon content,
    number("oxidation"),  # and the share that burns
    *_validity(),
    text("edition"),  # of electricity the year of the data
    *_revision(),
    CheckConstraint("kgco2_per_unit >= 0", name="kgco2_per_unit"),
    CheckConstraint(
        "num_nulls(gj_per_unit, tc_per_gj, oxidation) IN (0, 3)"
        " AND (gj_per_unit IS NULL OR abs("
        "gj_per_unit * tc_per_gj * oxidation * 44 / 12 * 1000 / kgco2_per_unit - 1) < 1e-9)",
        name="parts",
    ),
    CheckConstraint(REGION, name="region"),
    CheckConstraint(OTHER_VALUE, name="valid_to"),
    *_one_in_force("carbon_factors", "quantity", "region", "valid_from"),
)
