"""Coal equivalents (折标准煤): from heating values, and which value holds on which day."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

KJ_PER_KGCE = 29_307.6  # 7,000 kcal: GB/T 2589-2020
PER_UNIT = {"kJ/kg": 1_000.0, "kJ/m³": 1.0}  # kg or m³ in the catalogue unit, t or m³
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
        return self.kj * PER_UNIT[self.unit] / 1e6

    @property
    def kgce_per_unit(self) -> float:
        """Return what one catalogue unit, a tonne or a m³, is in kgce."""
        return self.kj * PER_UNIT[self.unit] / KJ_PER_KGCE


def in_force(entries: Iterable[Entry], county: str, day: date) -> Entry | None:
    """Return the entry that holds in a county on a day; None where it is not known.

    The most specific region that has any entry counts alone. In it each holds from its first day
    to the next one's or past its last, the oldest for all days before it.
    """
    here = [entry for entry in entries if county.startswith(entry.region)]
    region = max((entry.region for entry in here), key=len, default=None)
    own = sorted((e for e in here if e.region == region), key=lambda entry: entry.valid_from)
    if not own:
        return None
    found = own[0]
    for entry in own:
        if entry.valid_from <= day:
            found = entry
    return None if found.valid_to is not None and day > found.valid_to else found


def measured(values: Iterable[Measured], device_id: int | None, day: date) -> Measured | None:
    """Return the heating value of a device's carrier on a day; None where none was measured.

    The device's own beats its enterprise's, and the one from a later day an older one.
    """
    there = [
        value
        for value in values
        if value.device_id in {None, device_id}
        and value.valid_from <= day
        and (value.valid_to is None or day <= value.valid_to)
    ]
    return max(there, key=lambda v: (v.device_id is not None, v.valid_from), default=None)
