"""Completeness of data (数据完整率) of enterprises and counties, by day and over 30 days."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from itertools import accumulate

from schemas.indicators import Basis, Dimension, Measured, Stage, Subject, SubjectKind
from service.analyzers import Analyzer, Due
from service.domain import validity
from service.domain.calendar import DAY, day_of
from service.domain.windows import Cadence
from service.store import evaluated, measured
from service.store.engine import Connection
from service.store.measured import MeasuredDay

NAME = "completeness"
PERIODS = {"day": DAY, "30d": 30 * DAY}
TARGET = 100 * validity.COMPLETE


async def measure(connection: Connection, due: Due) -> Sequence[Measured]:
    """Return the share of the time measured, in percent, with the share expected as target.

    A county's is that of all meters and monitors of its enterprises.
    """
    counties = await evaluated.enterprises(connection)
    wanted = {e: county for e, county in counties.items() if e in due.enterprises}
    wanted |= {e: county for e, county in counties.items() if county in due.counties}
    instants = {at for times in (*due.enterprises.values(), *due.counties.values()) for at in times}
    if not wanted or not instants:
        return []
    first, last = min(instants) - max(PERIODS.values()), max(instants)
    by_enterprise: dict[int, list[MeasuredDay]] = defaultdict(list)
    by_county: dict[str, list[MeasuredDay]] = defaultdict(list)
    for day in await measured.days(connection, list(wanted), day_of(first), day_of(last)):
        by_enterprise[day.enterprise_id].append(day)
        by_county[wanted[day.enterprise_id]].append(day)
    enterprises = {e: _Record(days) for e, days in by_enterprise.items()}
    whole = {county: _Record(days) for county, days in by_county.items()}
    nothing = _Record([])
    values = [
        _value(
            Subject(SubjectKind.ENTERPRISE, wanted[e], e), enterprises.get(e, nothing), at, period
        )
        for e, times in due.enterprises.items()
        for at in times
        for period in PERIODS
    ]
    values += [
        _value(Subject(SubjectKind.COUNTY, county), whole.get(county, nothing), at, period)
        for county, times in due.counties.items()
        for at in times
        for period in PERIODS
    ]
    return values


class _Record:
    """Days in order, with running sums, so that any stretch of them is summed at once."""

    def __init__(self, days: Sequence[MeasuredDay]) -> None:
        in_order = sorted(days, key=lambda day: day.start)
        self._starts = [day.start.timestamp() for day in in_order]
        self._measured = [0.0, *accumulate(day.measured_s for day in in_order)]
        self._due = [0.0, *accumulate(day.due_s for day in in_order)]

    def share(self, start: datetime, stop: datetime) -> float | None:
        """Return the completeness of the days that begin in [start, stop)."""
        first, last = (bisect_left(self._starts, at.timestamp()) for at in (start, stop))
        return validity.completeness(
            self._measured[last] - self._measured[first], self._due[last] - self._due[first]
        )


def _value(subject: Subject, record: _Record, as_of: datetime, period: str) -> Measured:
    share = record.share(as_of - PERIODS[period], as_of)
    percent = None if share is None else 100 * share
    return Measured(subject, NAME, period, Basis.NONE, as_of, percent, "%", TARGET, share)


ANALYZER = Analyzer(
    name=NAME,
    dimension=Dimension.DATA_QUALITY,
    stage=Stage.LEAD,
    cadence=Cadence.DAILY,
    reach=max(PERIODS.values()),
    measure=measure,
)
