"""What the fleet's own level-1 meters count in whole months, without misbehaviour."""

from datetime import date
from functools import cache
from pathlib import Path

import numpy as np

from deploy.local.fleet import coefficients
from deploy.local.fleet.clock import midnight_of
from deploy.local.fleet.enterprises import enterprises
from service.domain.windows import Months, shift


def above_scale_tce(county: str, months: Months, series: Path | None) -> float:
    """Return the energy of a county's enterprises in tce, electricity by coal consumption."""
    total, month = 0.0, months.first
    while month <= months.last:
        total += _month_tce(county, month, series)
        month = shift(month, 1)
    return total


@cache
def _month_tce(county: str, month: date, series: Path | None) -> float:
    ends = np.array([midnight_of(month), midnight_of(shift(month, 1))], dtype=np.int64)
    total = 0.0
    for item in enterprises(series):
        for meter in item.meters if item.county == county else ():
            if meter.level == 1:
                amount = float(np.diff(meter.amounts(ends))[0])
                sign = -1 if meter.role == "export" else 1
                kgce = coefficients.by_coal_consumption(meter.quantity, month.year)
                total += sign * amount * kgce / 1000
    return total
