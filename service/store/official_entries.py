"""Entering official figures: what is known of the same places, and the new revisions."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import Any

from sqlalchemy import text

from service.store.engine import Connection

# Of counties and enterprises, the newest revision of each figure of some periods.
_NEWEST = text("""
    SELECT DISTINCT ON (county_code, enterprise_id, series, product, period, price_base)
           county_code, enterprise_id, series, product, period, price_base,
           value, state, source, revision
    FROM statistics
    WHERE county_code = ANY(CAST(:counties AS text[])) AND period = ANY(CAST(:periods AS text[]))
      AND (enterprise_id IS NULL OR enterprise_id = ANY(CAST(:enterprises AS integer[])))
    ORDER BY county_code, enterprise_id, series, product, period, price_base, revision DESC
""")
# The clock, not the transaction: entries wait for each other, so later revisions are later.
_APPEND = text("""
    INSERT INTO statistics (county_code, enterprise_id, series, product, period, price_base,
                            value, unit, state, source, revision, recorded_by, recorded_at,
                            contradictions, reason)
    VALUES (:county_code, :enterprise_id, :series, :product, :period, :price_base,
            :value, :unit, :state, :source, :revision, :recorded_by, clock_timestamp(),
            CAST(:contradictions AS jsonb), :reason)
""")
_ENTERPRISES = text("""
    SELECT uscc, enterprise_id, county_code FROM enterprises
    WHERE uscc = ANY(CAST(:usccs AS text[]))
""")


AT_ONCE = 500  # rows; others have their turn between


@dataclass(frozen=True, slots=True)
class Place:
    """Where a figure stands: two of the same place are revisions of each other."""

    county_code: str
    enterprise_id: int | None
    series: str
    product: str | None
    period: str
    price_base: str | None


@dataclass(frozen=True, slots=True)
class Stored:
    """The newest revision of a figure."""

    value: Decimal
    state: str
    source: str
    revision: int


async def newest(
    connection: Connection,
    counties: Sequence[str],
    enterprises: Sequence[int],
    periods: Sequence[str],
) -> dict[Place, Stored]:
    """Return the newest figures of periods, of counties and of some enterprises in them."""
    rows = await connection.execute(
        _NEWEST,
        {"counties": list(counties), "enterprises": list(enterprises), "periods": list(periods)},
    )
    return {Place(*row[:6]): Stored(*row[6:]) for row in rows}


async def append(connection: Connection, figures: Iterable[Mapping[str, Any]]) -> None:
    """Append new revisions; the lock `OFFICIAL` is held."""
    coming = iter(figures)
    while some := [_row(figure) for figure in islice(coming, AT_ONCE)]:
        await connection.execute(_APPEND, some)


def _row(figure: Mapping[str, Any]) -> dict[str, Any]:
    marks = figure["contradictions"]
    told = None if marks is None else json.dumps(marks, ensure_ascii=False)
    return {**figure, "contradictions": told}


async def enterprises(connection: Connection, usccs: Sequence[str]) -> dict[str, tuple[int, str]]:
    """Return id and county of enterprises in scope, by social credit code."""
    rows = await connection.execute(_ENTERPRISES, {"usccs": list(usccs)})
    return {row.uscc: (row.enterprise_id, row.county_code) for row in rows}
