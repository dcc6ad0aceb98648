"""Makes `shapes.json` from the real series in the folder named by QINGYU_SERIES.

``python -m deploy.local.fleet.derive``; only these figures are part of the repository.
"""

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np

from deploy.local import settings
from deploy.local.fleet import recordings
from deploy.local.fleet.clock import Values
from deploy.local.fleet.shapes import FILE

STEEL = (
    'V E Sathishkumar, C. Shin, Y. Cho: "Steel Industry Energy Consumption",'
    " UCI Machine Learning Repository, CC BY 4.0"
)
_BETWEEN_NUMBERS = re.compile(r"(?<=[\d,\[])\n +(?=[-\d])|(?<=\d)\n +(?=\])")
AIR = 'S. De Vito: "Air Quality", UCI Machine Learning Repository, CC BY 4.0'


def main() -> None:
    """Write the derived figures."""
    folder = settings.read(os.environ).series
    if folder is None:
        sys.exit("Set QINGYU_SERIES to the folder of the real series.")
    figures = {"load": _load(recordings.energy(folder)), "monitor": _monitor(folder)}
    text = json.dumps(figures, ensure_ascii=False, indent=1)
    FILE.write_text(_BETWEEN_NUMBERS.sub(" ", text) + "\n", encoding="utf-8")


def _load(kwh: Values) -> dict[str, Any]:
    weeks = kwh[: len(kwh) // 672 * 672].reshape(-1, 672)
    return {
        "source": STEEL,
        "what": "kWh in each quarter hour of the week from Monday 00:00 on, over 52 weeks of 2018",
        "mean": weeks.mean(axis=0).round(2).tolist(),
        "spread": weeks.std(axis=0).round(2).tolist(),
    }


def _monitor(folder: Path) -> dict[str, Any]:
    hours = recordings.concentration(folder)
    weeks = hours.values[: len(hours.values) // 168 * 168].reshape(-1, 168)
    by_hour = np.roll(np.nanmean(weeks, axis=0), hours.first_hour_of_week)
    spread = np.roll(np.nanstd(weeks, axis=0), hours.first_hour_of_week)
    return {
        "source": AIR,
        "what": "benzene in µg/m³ in each hour of the week from Monday 00:00 on, March 2004 to"
        " April 2005; gaps, and the stretches before, between and after them, in hours",
        "mean": by_hour.round(2).tolist(),
        "spread": spread.round(2).tolist(),
        "gaps": _lengths(np.isnan(hours.values)),
        "stretches": _lengths(~np.isnan(hours.values)),
    }


def _lengths(marked: Any) -> list[int]:
    """Return how long each run of marked hours is, in order."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], marked.astype(int), [0]])))
    return [int(length) for length in edges[1::2] - edges[::2]]


if __name__ == "__main__":
    main()
