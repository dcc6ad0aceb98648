"""Four counties with a drawing of our own, their official figures and targets, all invented."""

from datetime import datetime
from typing import Any

from service.domain.windows import Months, months_closed_at, shift

# Corners on a grid of 64 columns and 40 rows; neighbours share them.
_CORNERS: dict[str, list[tuple[float, float]]] = {
    "620621": [
        (0, 5), (13, 3.3), (20, 3.4), (30, 4.5), (37, 3), (44, 1), (52, 0), (60, 0), (64, 5),
        (62, 7), (57, 11), (50, 13), (45, 15.5), (45, 18.5), (42, 19), (28, 18.6), (23, 18.2),
        (23, 15.5), (16, 12), (16, 8), (9, 7.5), (0, 6.2),
    ],
    "620602": [
        (23, 18.2), (28, 18.6), (42, 19), (42, 22), (36, 22.6), (31, 24), (31, 25.8), (26, 27),
        (24.5, 29.5), (23, 30), (19, 27.5), (19, 25.2), (17, 23), (8, 22.7), (7, 21), (11, 19),
        (19, 18.6),
    ],
    "620622": [
        (42, 22), (45, 23), (51, 24.2), (54, 26), (50, 28), (50, 32.3), (46, 33), (43, 32.3),
        (38, 31), (37, 30), (32, 30.8), (28, 31.5), (26, 30.5), (24.5, 29.5), (26, 27),
        (31, 25.8), (31, 24), (36, 22.6),
    ],
    "620623": [
        (8, 22.7), (17, 23), (19, 25.2), (19, 27.5), (23, 30), (24.5, 29.5), (26, 30.5),
        (28, 31.5), (32, 30.8), (37, 30), (38, 31), (43, 32.3), (46, 33), (47, 34.5), (45, 37.5),
        (40, 35.5), (37, 36.5), (30, 36), (27, 38.5), (24, 40), (22, 39), (23, 37.5), (18, 35.5),
        (21, 33), (15, 30.5), (8, 27.5), (6, 25.5), (8, 23.5),
    ],
}  # fmt: skip
_LABELS = {"620621": (36, 10), "620602": (27, 22), "620622": (41, 27.5), "620623": (29, 33.4)}
NAMES = {
    "620602": ("凉州区", "Liangzhou District"),
    "620621": ("民勤县", "Minqin County"),
    "620622": ("古浪县", "Gulang County"),
    "620623": ("天祝藏族自治县", "Tianzhu Tibetan Autonomous County"),
}
# Reductions of energy intensity by quarter, newest last, in percent; the target of a year is 2.80.
# One county's newest quarter is not out yet, another has never published any.
REDUCTIONS = {
    "620602": ["3.05", "2.95"],
    "620622": ["2.90", "2.75", "2.60"],
    "620623": ["2.85", "2.10", "1.10"],
}
TARGET = "2.80"
SOURCE = "演示数据"


def _place(corner: tuple[float, float]) -> list[float]:
    column, row = corner
    return [round(16 + column * 67 / 64, 1), round(row * 2.5, 1)]


def registered() -> list[dict[str, Any]]:
    """Return the counties as they are entered."""
    return [
        {
            "code": code,
            "name_zh": zh,
            "name_en": en,
            "schematic": {
                "outline": [_place(corner) for corner in _CORNERS[code]],
                "label": _place(_LABELS[code]),
            },
        }
        for code, (zh, en) in NAMES.items()
    ]


def quarters(now: datetime) -> list[str]:
    """Return the three newest cumulative quarters that are closed, newest last."""
    month = months_closed_at(now)[0].last
    while month.month % 3:
        month = shift(month, -1)
    ends = [shift(month, -6), shift(month, -3), month]
    return [str(Months(end.replace(month=1), end)) for end in ends]


def targets(now: datetime) -> list[dict[str, Any]]:
    """Return the targets of the years of the quarters."""
    years = sorted({period[:4] for period in quarters(now)})
    return [
        {
            "county": code,
            "indicator": "intensity_reduction",
            "period": f"{year}-01..{year}-12",
            "kind": kind,
            "value": value,
            "source": SOURCE,
        }
        for code in NAMES
        for year in years
        for kind, value in (("basic", TARGET), ("incentive", "3.20"))
    ]


def figure(county: str, period: str, value: str, **more: str) -> dict[str, Any]:
    """Return one official figure as it is entered."""
    return {
        "county": county,
        "series": "intensity_reduction",
        "period": period,
        "value": value,
        "state": "preliminary",
        "source": SOURCE,
        **more,
    }


def figures(now: datetime, quarter: int) -> list[dict[str, Any]]:
    """Return what is published for one of the three quarters."""
    period = quarters(now)[quarter]
    return [
        figure(code, period, rates[quarter])
        for code, rates in REDUCTIONS.items()
        if quarter < len(rates)
    ]


def on_bases() -> list[dict[str, Any]]:
    """Return a county's energy of 2024 with what may be taken off, and of 2020 what is compared."""
    year, base = "2024-01..2024-12", "2020-01..2020-12"
    return [
        figure("620623", period, value, series=series, **more)
        for period, series, value, more in (
            (year, "energy_total", "700000", {}),
            (year, "feedstock_energy", "50000", {}),
            (year, "renewable_electricity", "300000000", {}),
            (base, "renewable_electricity", "100000000", {}),
            (year, "gdp", "900000", {"price_base": "2020"}),
        )
    ]


def industry(now: datetime) -> list[dict[str, Any]]:
    """Return the energy of industry above scale over the closed months of this year."""
    period = str(months_closed_at(now)[0])
    return [
        figure(code, period, tce, series="industrial_energy")
        for code, tce in (("620602", "96000"), ("620623", "182000"))
    ]
