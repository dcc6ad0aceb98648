"""What the days of channels were multiplied by, and where that value comes from."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import text

from service.domain import coal_equivalent
from service.domain.coal_equivalent import CALORIFIC, COAL_CONSUMPTION, Entry
from service.domain.worth import Piece, Worth
from service.store import factors
from service.store.engine import Connection

COEFFICIENT, HEATING_VALUE, CARBON_FACTOR = "coefficient", "heating_value", "carbon_factor"
# Rows are never changed or deleted, so that what was read can be looked up.
_TOLD = {
    COEFFICIENT: text("""
        SELECT coefficient_id AS id, edition, source, revision, confirmed FROM coefficients
        WHERE coefficient_id = ANY(CAST(:ids AS integer[]))
    """),
    HEATING_VALUE: text("""
        SELECT heating_value_id AS id, report AS edition, laboratory || ': ' || source AS source,
               revision, confirmed
        FROM heating_values WHERE heating_value_id = ANY(CAST(:ids AS integer[]))
    """),
    CARBON_FACTOR: text("""
        SELECT carbon_factor_id AS id, edition, source, revision, confirmed FROM carbon_factors
        WHERE carbon_factor_id = ANY(CAST(:ids AS integer[]))
    """),
}
CARBON = "carbon"
USES = (CALORIFIC, CARBON, COAL_CONSUMPTION)
Origin = tuple[str, int]  # which table, which row
_OF_ELECTRICITY = text("""
    SELECT region, valid_from, valid_to, kgce_per_unit, coefficient_id
    FROM coefficients
    WHERE quantity = 'electricity' AND method = 'coal_consumption' AND superseded_at IS NULL
    ORDER BY region, valid_from
""")


@dataclass(frozen=True, slots=True)
class InForce:
    """What the amounts of a channel were multiplied by on the days [first_day, stop_day).

    ``use`` is calorific, coal_consumption or carbon; ``value`` is kgce or kgCO2 of one catalogue
    unit. ``origin`` is coefficient, heating_value or carbon_factor, and ``origin_id`` its row.
    ``edition`` is None of an operator's own coefficient, the report's number of a heating value,
    and tells the year of the data of a carbon factor of electricity. ``heating_value_id`` is the
    measured heating value that took the place of a carbon factor's default one.
    """

    channel_id: int
    use: str
    first_day: date
    stop_day: date
    value: float
    origin: str
    origin_id: int
    edition: str | None
    source: str
    revision: int
    confirmed: bool
    heating_value_id: int | None = None


@dataclass(frozen=True, slots=True)
class Electricity:
    """What electricity is worth by coal consumption (等价值), as the operator entered it."""

    entries: Sequence[Entry]

    def kgce_per_kwh(self, county: str, day: date) -> Decimal | None:
        """Return the value in a county on a day; None where none was entered."""
        found = coal_equivalent.in_force(self.entries, county, day)
        return None if found is None else Decimal(str(found.value))


async def of_electricity(connection: Connection) -> Electricity:
    """Return what electricity is worth by coal consumption, in every region."""
    return Electricity([Entry(*row) for row in await connection.execute(_OF_ELECTRICITY)])


@dataclass(frozen=True, slots=True)
class _Run:
    use: str
    first_day: date
    stop_day: date
    worth: Worth


async def in_force(
    connection: Connection, channel_ids: Sequence[int], first: date, stop: date
) -> list[InForce]:
    """Return what the days [first, stop) of channels are multiplied by, by channel, use and day.

    Days for which nothing is known are left out. Days that wait to be derived again are still by
    the value before, for a few seconds.
    """
    shared = await factors.of_channels(connection, channel_ids, first, stop)
    runs = [(each.channels, list(_runs(each.pieces))) for each in shared]
    told = await _told(connection, [run for _, several in runs for run in several])
    found = [
        _in_force(channel, run, told)
        for channels, several in runs
        for channel in channels
        for run in several
    ]
    return sorted(found, key=lambda each: (each.channel_id, each.use, each.first_day))


def _runs(pieces: Sequence[Piece]) -> Iterator[_Run]:
    """Yield pieces that follow each other and have the same origin as one, for each use."""
    for use in USES:
        for worth, same in groupby(pieces, attrgetter(use)):
            if worth is not None:
                together = list(same)
                yield _Run(use, together[0].first, together[-1].stop, worth)


async def _told(connection: Connection, runs: Sequence[_Run]) -> dict[Origin, Any]:
    """Return what is said about the rows that values come from."""
    wanted: dict[str, set[int]] = {origin: set() for origin in _TOLD}
    for run in runs:
        for origin, number in _origins(run):
            wanted[origin].add(number)
    return {
        (origin, row.id): row
        for origin, ids in wanted.items()
        if ids
        for row in await connection.execute(_TOLD[origin], {"ids": sorted(ids)})
    }


def _origins(run: _Run) -> list[Origin]:
    """Return where a value comes from, and behind it the heating value that replaced a part."""
    entry, heating_value = run.worth.entry, run.worth.measured
    kind = CARBON_FACTOR if run.use == CARBON else COEFFICIENT
    return [
        *([] if entry is None else [(kind, entry.number)]),
        *([] if heating_value is None else [(HEATING_VALUE, heating_value.number)]),
    ]


def _in_force(channel: int, run: _Run, told: dict[Origin, Any]) -> InForce:
    origins = _origins(run)
    origin, origin_id = origins[0]
    row = told[origin, origin_id]
    return InForce(
        channel,
        run.use,
        run.first_day,
        run.stop_day,
        run.worth.value,
        origin,
        origin_id,
        row.edition,
        row.source,
        row.revision,
        all(told[each].confirmed for each in origins),
        origins[1][1] if len(origins) > 1 else None,
    )
