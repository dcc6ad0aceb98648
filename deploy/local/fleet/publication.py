"""The command that publishes the official figures of a quarter for all counties."""

import time
from collections.abc import Iterator
from datetime import date
from typing import Any

from deploy.local.errors import Cannot
from deploy.local.fleet import enrolment, figures, quarters
from deploy.local.fleet.api import Api
from deploy.local.fleet.quarters import Quarter
from deploy.local.fleet.variables import Variables

JUDGED_WITHIN_S = 30.0
SERIES = "intensity_reduction"


def publish(variables: Variables, wanted: str | None, today: date) -> Iterator[str]:
    """Enter a quarter, the next one by default; yields each county's level before and after."""
    enrolment.check(variables)
    office = Api(variables.api, variables.key("QINGYU_STATISTICS_KEY"))
    known = {
        row["period"] for row in office.get(f"/statistics?series={SERIES}&limit=10000")["items"]
    }
    quarter = _choose(wanted, known, today)
    before = _levels(office)
    office.post("/statistics", {"figures": figures.of_quarter(quarter)})
    yield f"{quarter}: official figures of {len(figures.COUNTIES)} counties entered (invented)."
    after = _judged(office, str(quarter.months))
    for county in figures.COUNTIES:
        old, new = before.get(county.code), after.get(county.code)
        reduced = figures.reduction(county, quarter)
        name = "" if new is None else f"{new['name']} {new['name_en']} "
        level = "not judged yet" if new is None else _level(new)
        yield (
            f"{county.code} {name}{_level(old)} -> {level}"
            f" (reduction {reduced} %, target {county.target} %)"
        )


def _choose(wanted: str | None, known: set[str], today: date) -> Quarter:
    out = quarters.published(today)
    if wanted is None:
        left = [quarter for quarter in out if str(quarter.months) not in known]
        if left:
            return left[0]
        coming = out[-1].following() if out else Quarter(quarters.FIRST_YEAR, 1)
        raise Cannot(
            f"Every quarter that is out was imported; {coming} comes out on {coming.out_on}."
        )
    quarter = quarters.parse(wanted)
    if quarter is None or quarter.year < quarters.FIRST_YEAR:
        raise Cannot(f"There is no quarter {wanted}: name one from 2025Q1 on, such as 2026Q3.")
    if quarter not in out:
        raise Cannot(f"{quarter} lies ahead: its figures come out on {quarter.out_on}.")
    if str(quarter.months) in known:
        raise Cannot(f"{quarter} was imported already; without QUARTER the next one is.")
    return quarter


def _levels(office: Api) -> dict[str, Any]:
    return {county["code"]: county for county in office.get("/counties")["items"]}


def _judged(office: Api, period: str) -> dict[str, Any]:
    """Return the counties judged for a period, as soon as all are."""
    deadline = time.monotonic() + JUDGED_WITHIN_S
    while True:
        judged = {
            code: county
            for code, county in _levels(office).items()
            for result in county["results"]
            if (result["indicator"], result["period"]) == ("official_intensity", period)
        }
        if len(judged) >= len(figures.COUNTIES) or time.monotonic() > deadline:
            return judged
        time.sleep(0.5)


def _level(county: dict[str, Any] | None) -> str:
    return "not rated" if county is None else county["level"] or "not rated"
