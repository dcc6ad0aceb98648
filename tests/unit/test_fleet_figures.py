"""Official figures of the demo: invented, said to be, consistent, and of believable size."""

from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from deploy.local.fleet import figures, quarters
from deploy.local.fleet.figures import COUNTIES
from schemas.indicators import Level
from service.api.official_rows import FiguresIn, TargetsIn
from service.domain.intensity import contradicts
from service.domain.rules import ndrc_2020_gap10

TODAY = date(2026, 11, 23)
DOCUMENTS = figures.documents(TODAY)
ROWS: list[dict[str, Any]] = DOCUMENTS.statistics["figures"]


def values(series: str, rows: list[dict[str, Any]] = ROWS) -> dict[tuple[str, str], Decimal]:
    return {
        (row["county"], row["period"]): Decimal(row["value"])
        for row in rows
        if row["series"] == series and "county" in row
    }


def place(row: dict[str, Any]) -> tuple[str | None, ...]:
    return row.get("county"), row.get("enterprise"), row["series"], row["period"]


def test_the_service_takes_them_and_each_says_that_it_is_invented() -> None:
    FiguresIn.model_validate(DOCUMENTS.statistics)
    TargetsIn.model_validate(DOCUMENTS.targets)
    assert all("演示" in row["source"] and "虚构" in row["source"] for row in ROWS)
    assert all("演示" in row["source"] for row in DOCUMENTS.targets["targets"])


def test_no_figure_is_entered_twice() -> None:
    places = [place(row) for row in ROWS]
    assert len(set(places)) == len(places)


def test_the_three_rates_of_a_quarter_agree() -> None:
    reduced, energy, gdp = (
        values(series) for series in ("intensity_reduction", "energy_growth", "gdp_growth")
    )
    assert set(reduced) == set(energy) == set(gdp)
    for place, rate in reduced.items():
        assert not contradicts(rate, energy[place], gdp[place]), place


@pytest.mark.parametrize("quarter", quarters.published(date(2030, 1, 1))[1:], ids=str)
def test_every_quarter_changes_the_level_of_some_counties(quarter: quarters.Quarter) -> None:
    def levels(of: quarters.Quarter) -> list[Level | None]:
        return [ndrc_2020_gap10.judge(c.target, figures.reduction(c, of)) for c in COUNTIES]

    before, after = levels(quarters.quarter_at(quarter.order - 1)), levels(quarter)
    assert sum(one is not other for one, other in zip(before, after, strict=True)) == 2
    assert after.count(Level.GREEN) == 2
    assert after.count(Level.YELLOW) == after.count(Level.RED) == 1


def test_the_energy_of_counties_is_believable() -> None:
    totals = {county: float(tce) for (county, _), tce in values("energy_total").items()}
    assert all(3e5 < tce < 1.2e6 for tce in totals.values())
    assert max(totals, key=lambda county: totals[county]) == "620602"  # the prefecture's town
    growth = values("industrial_energy_growth")
    assert all(-5 < rate < 8 for rate in growth.values())


def test_cumulated_energy_rises_from_month_to_month() -> None:
    for county in COUNTIES:
        months = [
            (period, float(tce))
            for (code, period), tce in sorted(values("industrial_energy").items())
            if code == county.code
        ]
        for (period, one), (following, other) in pairwise(months):
            assert one < other or period[:4] != following[:4]


def test_a_figure_does_not_depend_on_the_day_on_which_it_is_entered() -> None:
    later = figures.documents(date(2027, 3, 5)).statistics["figures"]
    known = {place(row): row for row in later}
    shared = [row for row in ROWS if place(row) in known]
    assert len(shared) > 100
    assert all(known[place(row)] == row for row in shared)


def test_levels_of_a_year_agree_with_its_rates() -> None:
    year, before = "2025-01..2025-12", "2024-01..2024-12"
    energy, gdp = values("energy_total"), values("gdp")
    for county in COUNTIES:
        grown = gdp[county.code, year] / gdp[county.code, before] * 100 - 100
        assert grown == pytest.approx(values("gdp_growth")[county.code, year], abs=Decimal("0.01"))
        used = energy[county.code, year] / energy[county.code, before] * 100 - 100
        rate = values("energy_growth")[county.code, year]
        assert used == pytest.approx(rate, abs=Decimal("0.02"))
        for series in ("feedstock_energy", "renewable_electricity"):
            assert {p for c, p in values(series) if c == county.code} == {
                year, before, "2020-01..2020-12"
            }  # fmt: skip


def test_levels_wait_for_the_rates_of_their_year() -> None:
    early = figures.documents(date(2026, 4, 1)).statistics["figures"]
    assert not values("gdp", early)
