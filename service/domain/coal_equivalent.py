"""Coal equivalents (折标准煤): from heating values, and which value holds on which day.

The SQL in `service.store.factors` restates this; tests compare them over generated data.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

KJ_PER_KGCE = 29_307.6  # 7,000 kcal: GB/T 2589-2020
KG_PER_UNIT = {"kJ/kg": 1_000.0, "kJ/m³": 1.0}  # kg or m³ in the catalogue unit, t or m³
CALORIFIC = "calorific"  # 当量值
COAL_CONSUMPTION = "coal_consumption"  # 等价值
# What one of them is worth by coal consumption depends on how it is made, not on what it holds.
CONVERTED = frozenset({"electricity", "heat"})


@dataclass(frozen=True, slots=True)
class Entry:
    """A coefficient or factor of a region, a prefix of county codes, from a day on.

    ``valid_to`` is its last day. ``number`` tells entries apart.
    """

    region: str
    valid_from: date
    valid_to: date | None
    value: float
    number: int = 0


@dataclass(frozen=True, slots=True)
class Measured:
    """A heating value of an enterprise's carrier, in kJ of a unit; of one device or of all."""

    device_id: int | None
    valid_from: date
    valid_to: date | None
    kj: float
    unit: str
    number: int = 0

    @property
    def gj_per_unit(self) -> float:
        """Return what one catalogue unit, a tonne or a m³, holds in GJ."""
        return self.kj * KG_PER_UNIT[self.unit] / 1e6

    @property
    def kgce_per_unit(self) -> float:
        """Return what one catalogue unit, a tonne or a m³, is in kgce."""
        return self.kj * KG_PER_UNIT[self.unit] / KJ_PER_KGCE


def in_force(entries: Iterable[Entry], county: str, day: date) -> Entry | None:
    """Return the entry that holds in a county on a day; None where it is not known.

    The most specific region that has any entry counts alone. In it each holds from its first day
    to the next one's or past its last, the oldest for all days before it.
    """
    here = [entry for entry in entries if county.startswith(entry.region)]
    region = max((entry.region for entry in here), key=len, default=None)
    own = sorted((e for e in here if e.region == region), key=lambda entry: entry.valid_from)
    found = own[0] if own and day < own[0].valid_from else None
    for entry in own:
        if entry.valid_from <= day:
            found = entry
    if found is None or (found.valid_to is not None and day > found.valid_to):
        return None
    return found


def measured(values: Iterable[Measured], device_id: int, day: date) -> Measured | None:
    """Return the heating value of a device's carrier on a day; None where none was measured.

    The device's own beats its enterprise's, the one from the latest day on an older one.
    """
    there = [
        value
        for value in values
        if value.device_id in {None, device_id}
        and value.valid_from <= day
        and (value.valid_to is None or day <= value.valid_to)
    ]
    return max(there, key=lambda v: (v.device_id is not None, v.valid_from), default=None)


def kgce_per_unit(
    quantity: str,
    method: str,
    entries: dict[str, Sequence[Entry]],
    heating_value: Measured | None,
    county: str,
    day: date,
) -> float | None:
    """Return what one unit of a quantity is in kgce by a method; None where it is not known.

    ``entries`` are the quantity's coefficients by method. What is measured has priority over a
    reference value. A fuel has one value by both methods, unless its county has coefficients of it
    by coal consumption.
    """
    by_coal = [e for e in entries.get(COAL_CONSUMPTION, ()) if county.startswith(e.region)]
    if method == COAL_CONSUMPTION and (by_coal or quantity in CONVERTED):
        found = in_force(by_coal, county, day)
        return None if found is None else found.value
    if heating_value is not None:
        return heating_value.kgce_per_unit
    found = in_force(entries.get(CALORIFIC, ()), county, day)
    return None if found is None else found.value
