"""Quarters and months of official figures: when each is out."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from service.domain.windows import Months, shift

FIRST_YEAR = 2025
QUARTER_LAG = timedelta(days=21)  # from the end of a quarter to its figures
MONTH_LAG = timedelta(days=20)


@dataclass(frozen=True, slots=True, order=True)
class Quarter:
    """A quarter; its figures are cumulated from the beginning of the year."""

    year: int
    number: int

    def __str__(self) -> str:
        """Return it as it is asked for: 2026Q3."""
        return f"{self.year}Q{self.number}"

    @property
    def months(self) -> Months:
        """Return the months from the beginning of the year to its end."""
        return Months(date(self.year, 1, 1), date(self.year, 3 * self.number, 1))

    @property
    def order(self) -> int:
        """Return its place among all quarters."""
        return 4 * self.year + self.number - 1

    @property
    def out_on(self) -> date:
        """Return the day on which its figures come out."""
        return self.months.stop + QUARTER_LAG

    def following(self) -> "Quarter":
        """Return the next one."""
        return quarter_at(self.order + 1)


def quarter_at(order: int) -> Quarter:
    """Return the quarter at a place."""
    return Quarter(order // 4, order % 4 + 1)


def parse(text: str) -> Quarter | None:
    """Return the quarter printed as 2026Q3; None for anything else."""
    if (found := re.fullmatch(r"(\d{4})Q([1-4])", text.strip().upper())) is None:
        return None
    return Quarter(int(found[1]), int(found[2]))


def published(today: date) -> list[Quarter]:
    """Return the quarters whose figures are out, the oldest first."""
    found = []
    quarter = Quarter(FIRST_YEAR, 1)
    while quarter.out_on <= today:
        found.append(quarter)
        quarter = quarter.following()
    return found


def published_months(today: date) -> Iterator[Months]:
    """Yield the cumulated months of last and this year that are out; none for January alone."""
    for year in (today.year - 1, today.year):
        for month in range(2, 13):
            months = Months(date(year, 1, 1), date(year, month, 1))
            if shift(months.last, 1) + MONTH_LAG <= today:
                yield months
