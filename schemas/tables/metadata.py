"""The one MetaData and the column shapes that tables share."""

from typing import Any

from sqlalchemy import (
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Integer,
    MetaData,
    Text,
    func,
)
from sqlalchemy.dialects.postgresql import DOUBLE_PRECISION

METADATA = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "fk": "%(table_name)s_%(column_0_name)s_fkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ck": "%(table_name)s_%(constraint_name)s_check",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    }
)


def key(name: str) -> Column[int]:
    """Return an integer key that the database draws."""
    return Column(name, Integer, Identity(), primary_key=True)


def instant(name: str, **options: Any) -> Column[Any]:
    """Return a required instant."""
    return Column(name, DateTime(timezone=True), **{"nullable": False, **options})


def recorded(name: str = "recorded_at") -> Column[Any]:
    """Return the instant at which the row was written."""
    return instant(name, server_default=func.now())


def text(name: str, **options: Any) -> Column[Any]:
    """Return a required text."""
    return Column(name, Text, **{"nullable": False, **options})


def number(name: str, **options: Any) -> Column[Any]:
    """Return a physical amount."""
    return Column(name, DOUBLE_PRECISION, **options)


def reference(name: str, target: str, **options: Any) -> Column[Any]:
    """Return a required reference to the column of the same name in another table."""
    return Column(name, ForeignKey(f"{target}.{name}"), **{"nullable": False, **options})
