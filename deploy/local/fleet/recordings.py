"""The real series of the folder named by QINGYU_SERIES, as they were recorded.

What cannot be replayed is refused in one sentence: half a replay would not be noticed.
"""

import csv
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deploy.local.errors import Cannot
from deploy.local.fleet.clock import Values

ENERGY = "steel_plant_15min.csv"
CONCENTRATION = "nmhc_hourly.csv"
_QUARTERS = 52 * 672  # 52 weeks
_HOURS = 54 * 168  # 52 different weeks of a year, whatever the day of their beginning


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
    path = folder / ENERGY
    kwh = np.array([row["energy_kwh"] for row in _rows(path, "energy_kwh")], dtype=np.str_)
    values = _numbers(path, kwh)
    if np.isnan(values).any() or len(values) < _QUARTERS:
        raise _refusal(path, "does not hold 52 weeks of quarter hours without a gap")
    return values


def concentration(folder: Path) -> Hours:
    """Return the benzene column; the file labels an hour by its end."""
    path = folder / CONCENTRATION
    rows = _rows(path, "period_end", "benzene_ug_m3")
    values = _numbers(path, np.array([row["benzene_ug_m3"] or "nan" for row in rows]))
    try:
        ends = np.array([datetime.fromisoformat(row["period_end"]) for row in rows], "M8[s]")
    except ValueError:
        raise _refusal(path, "has a period_end that is no time") from None
    if (np.diff(ends) != np.timedelta64(1, "h")).any() or len(ends) < _HOURS:
        raise _refusal(path, "does not list every hour of 54 weeks")
    return Hours(ends[0].item() - timedelta(hours=1), values)


def _rows(path: Path, *columns: str) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, restval="")
            names = reader.fieldnames or ()
            rows = list(reader)
    except OSError as error:
        raise _refusal(path, f"cannot be read ({error.strerror})") from None
    except (UnicodeDecodeError, csv.Error):
        raise _refusal(path, "is no table of comma-separated text") from None
    if missing := [name for name in columns if name not in names]:
        raise _refusal(path, f"has no column {missing[0]}")
    return rows


def _numbers(path: Path, texts: NDArray[np.str_]) -> Values:
    """Return numbers of 0 or more, at least one of them above 0; NaN where nothing is known."""
    try:
        values = texts.astype(np.float64)
    except ValueError:
        raise _refusal(path, "holds a value that is no number") from None
    if np.isinf(values).any() or (values < 0).any() or not (values > 0).any():
        raise _refusal(path, "holds a value that nothing can measure")
    return values


def _refusal(path: Path, what: str) -> Cannot:
    return Cannot(f"{path} {what}: correct the file, or set QINGYU_SERIES to another folder.")
