"""Windows, periods and the instants at which indicators are measured."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from service.domain.calendar import DAY, SHANGHAI, day_of, midnight

HOUR = timedelta(hours=1)
LIVE = timedelta(hours=48)  # back from now, leads are judged by the hour; before that by the day


ENDING = {"hour": HOUR, "24h": DAY, "day": DAY, "7d": 7 * DAY, "30d": 30 * DAY}  # by period


class Cadence(StrEnum):
    """How often an indicator is measured."""

    HOURLY = "hourly"  # each clock hour while live, each midnight of the past
    HOURLY_LIVE = "hourly_live"  # each clock hour while live, nothing of the past
    DAILY = "daily"
    MONTHLY = "monthly"
    ON_ENTRY = "on_entry"  # when an official figure is entered


@dataclass(frozen=True, slots=True)
class Months:
    """Whole months from the first to the last, both included."""

    first: date  # the first day of a month
    last: date  # the first day of a month

    @property
    def start(self) -> date:
        """Return the first day."""
        return self.first

    @property
    def stop(self) -> date:
        """Return the day after the last."""
        return shift(self.last, 1)

    def __str__(self) -> str:
        """Return it as it is printed and stored: 2026-01..2026-09."""
        return f"{self.first:%Y-%m}..{self.last:%Y-%m}"

    def year_before(self) -> "Months":
        """Return the same months a year before."""
        return Months(shift(self.first, -12), shift(self.last, -12))


def parse_months(text: str) -> Months:
    """Return months printed as 2026-01..2026-09; raises ValueError."""
    first, separator, last = text.partition("..")
    months = Months(date.fromisoformat(f"{first}-01"), date.fromisoformat(f"{last}-01"))
    if not separator or months.last < months.first:
        raise ValueError(f"not months as 2026-01..2026-09: {text!r}")
    return months


def stretch_of(period: str, as_of: datetime) -> tuple[datetime | None, datetime]:
    """Return when the data of a figure begin and end; None of a period that is no stretch."""
    if period in ENDING:
        return as_of - ENDING[period], as_of
    try:
        months = parse_months(period)
    except ValueError:
        return None, as_of
    return midnight(months.start), midnight(months.stop)


def shift(day: date, months: int) -> date:
    """Return the first day of the month that lies so many months after a day's."""
    number = day.year * 12 + day.month - 1 + months
    return date(number // 12, number % 12 + 1, 1)


def first_month(at: datetime) -> date:
    """Return the first day of the first month that begins at an instant or after it."""
    month = shift(day_of(at), 0)
    return month if midnight(month) == at else shift(month, 1)


def months_closed_at(as_of: datetime) -> tuple[Months, Months]:
    """Return the cumulative months of the year and the rolling 12 that end at a month's end."""
    last = shift(day_of(as_of), -1)
    return Months(last.replace(month=1), last), Months(shift(last, -11), last)


def closed_periods(as_of: datetime) -> list[Months]:
    """Return the month that ends at an instant, the year's months up to it, and the last 12."""
    cumulative, rolling = months_closed_at(as_of)
    return list(dict.fromkeys((Months(cumulative.last, cumulative.last), cumulative, rolling)))


def instants(
    cadence: Cadence, first: datetime, last: datetime, now: datetime
) -> Iterator[datetime]:
    """Yield when an indicator is measured, in (first, last] and not after now."""
    last = min(last, now)
    match cadence:
        case Cadence.MONTHLY:
            yield from _midnights(first, last, of_month=True)
        case Cadence.DAILY:
            yield from _midnights(first, last)
        case Cadence.HOURLY:
            live = now - LIVE
            yield from _midnights(first, min(last, live))
            yield from _hours(max(first, live), last)
        case Cadence.HOURLY_LIVE:
            yield from _hours(max(first, now - LIVE), last)
        case Cadence.ON_ENTRY:
            return


def _midnights(first: datetime, last: datetime, *, of_month: bool = False) -> Iterator[datetime]:
    day = day_of(first)
    while (at := midnight(day)) <= last:
        if at > first and (not of_month or day.day == 1):
            yield at
        day += DAY


def _hours(first: datetime, last: datetime) -> Iterator[datetime]:
    at = first.astimezone(SHANGHAI).replace(minute=0, second=0, microsecond=0)
    while at <= last:
        if at > first:
            yield at
        at += HOUR
