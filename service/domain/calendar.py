"""Calendar days and months of Asia/Shanghai; instants are aware."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")
DAY = timedelta(days=1)


def day_of(at: datetime) -> date:
    """Return the calendar day of an instant."""
    return at.astimezone(SHANGHAI).date()


def midnight(day: date) -> datetime:
    """Return the instant at which a calendar day begins."""
    return datetime.combine(day, time(), SHANGHAI)


def days(first: date, stop: date) -> Iterator[date]:
    """Yield the days [first, stop)."""
    while first < stop:
        yield first
        first += DAY
