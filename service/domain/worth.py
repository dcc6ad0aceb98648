"""What one unit of a quantity is worth on each day: kgce by both methods, and kgCO2."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise

from service.domain.coal_equivalent import (
    CONVERTED,
    Entry,
    Measured,
    in_force,
    measured,
)
from service.domain.emissions import Fuel, kgco2_per_unit

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Known:
    """All that decides what a quantity is worth at a device in a county.

    Entries are those in force, of any region; ``fuels`` are the parts of carbon entries by their
    number, of those that have them.
    """

    quantity: str
    county: str
    device_id: int | None = None
    calorific: Sequence[Entry] = ()
    coal_consumption: Sequence[Entry] = ()
    carbon: Sequence[Entry] = ()
    fuels: Mapping[int, Fuel] = field(default_factory=dict)
    heating: Sequence[Measured] = ()


@dataclass(frozen=True, slots=True)
class Worth:
    """Kgce or kgCO2 of a unit, and what that follows from.

    That is an entry, a measured heating value, or a carbon entry with a measured heating value
    in place of its default one.
    """

    value: float
    entry: Entry | None
    measured: Measured | None


@dataclass(frozen=True, slots=True)
class Piece:
    """The days [first, stop) on which nothing changes; None for what is not known."""

    first: date
    stop: date
    calorific: Worth | None
    coal_consumption: Worth | None
    carbon: Worth | None


def calorific(known: Known, day: date) -> Worth | None:
    """Return what one unit is in kgce by the calorific method; what is measured comes first."""
    if (own := measured(known.heating, known.device_id, day)) is not None:
        return Worth(own.kgce_per_unit, None, own)
    return _stated(known.calorific, known.county, day)


def by_coal_consumption(known: Known, day: date) -> Worth | None:
    """Return what one unit is in kgce by coal consumption.

    A fuel has one value by both methods, unless its county has coefficients of it by this one.
    """
    has_own = any(known.county.startswith(entry.region) for entry in known.coal_consumption)
    if has_own or known.quantity in CONVERTED:
        return _stated(known.coal_consumption, known.county, day)
    return calorific(known, day)


def carbon(known: Known, day: date) -> Worth | None:
    """Return what one unit emits in kg; a measured heating value replaces the default one."""
    if (entry := in_force(known.carbon, known.county, day)) is None:
        return None
    if (fuel := known.fuels.get(entry.number)) is None:
        return Worth(entry.value, entry, None)
    own = measured(known.heating, known.device_id, day)
    return Worth(kgco2_per_unit(fuel, own), entry, own)


def pieces(known: Known, first: date, stop: date) -> Iterator[Piece]:
    """Yield the days [first, stop) in pieces, in order and without gaps."""
    bounds = [*sorted({first, *_edges(known, first, stop)}), stop]
    for start, end in pairwise(bounds):
        yield Piece(
            start,
            end,
            calorific(known, start),
            by_coal_consumption(known, start),
            carbon(known, start),
        )


def _edges(known: Known, first: date, stop: date) -> Iterator[date]:
    """Yield the days after the first on which something may change."""
    dated: list[Entry | Measured] = [
        *known.calorific,
        *known.coal_consumption,
        *known.carbon,
        *known.heating,
    ]
    for held in dated:
        if first < held.valid_from < stop:
            yield held.valid_from
        if held.valid_to is not None and first <= held.valid_to < stop - DAY:
            yield held.valid_to + DAY


def _stated(entries: Sequence[Entry], county: str, day: date) -> Worth | None:
    entry = in_force(entries, county, day)
    return None if entry is None else Worth(entry.value, entry, None)
