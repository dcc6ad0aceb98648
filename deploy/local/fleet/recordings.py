"""The real series of the folder named by QINGYU_SERIES, as they were recorded."""

import csv
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from deploy.local.errors import Cannot
from deploy.local.fleet.clock import Values

ENERGY = "steel_plant_15min.csv"
CONCENTRATION = "nmhc_hourly.csv"
QUARTERS_OF_WEEK, HOURS_OF_WEEK = 672, 168


@dataclass(frozen=True, slots=True)
class Hours:
    """Hour means in µg/m³, NaN where nothing was measured, from the start of the first hour on."""

    start: datetime  # the monitor's local time
    values: Values

    @property
    def first_hour_of_week(self) -> int:
        """Return the hour of the week, from Monday on, at which they begin."""
        return self.start.weekday() * 24 + self.start.hour


def energy(folder: Path) -> Values:
    """Return a steel plant's kWh in each quarter hour of 2018, from Monday 1 January 00:00 on.

    The file prints the end of a day as its beginning, so the order of its rows is what counts.
    """
    return np.array([float(row["energy_kwh"]) for row in _rows(folder / ENERGY)])


def concentration(folder: Path) -> Hours:
    """Return the benzene column; the file labels an hour by its end."""
    rows = _rows(folder / CONCENTRATION)
    start = datetime.fromisoformat(rows[0]["period_end"]) - timedelta(hours=1)
    return Hours(start, np.array([float(row["benzene_ug_m3"] or "nan") for row in rows]))


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))
    except OSError as error:
        raise Cannot(
            f"{path} cannot be read ({error.strerror}): correct or unset QINGYU_SERIES."
        ) from None
