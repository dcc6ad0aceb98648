"""Series of enterprises and facilities, as long as the windows of some instants reach back."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from schemas.indicators import Basis, Measured
from service.domain import leads
from service.domain.calendar import DAY, day_of, midnight
from service.domain.leads import REACH, WINDOWS, Figure, Lead, Series, Window
from service.store import energy
from service.store.energy import EnergySubject
from service.store.engine import Connection

HOUR = timedelta(hours=1)
DAILY = WINDOWS  # at midnight
HOURLY = WINDOWS[:1]  # at any other hour


@dataclass(frozen=True, slots=True)
class Measurable:
    """One subject with its series, the instants to measure at, and the windows to measure."""

    subject: EnergySubject
    series: Series
    instants: Sequence[datetime]
    windows: Sequence[Window]


async def measure(
    connection: Connection,
    due: Mapping[int, Sequence[datetime]],
    indicator: str,
    figure: Figure,
    unit_of: Callable[[EnergySubject], str | None],
) -> list[Measured]:
    """Return a figure of each subject for the instants due, by the calorific method (当量).

    All windows are measured at midnights, the day's at other hours; its baseline is the target.
    Subjects without a unit are left out.
    """
    return [
        Measured(
            item.subject.subject,
            indicator,
            window.name,
            Basis.CALORIFIC,
            lead.as_of,
            lead.value,
            unit,
            lead.baseline.mean if lead.baseline else None,
            lead.completeness,
            lead.estimated,
            inputs=_inputs(item.subject, lead),
        )
        for item in await _load(connection, due)
        if (unit := unit_of(item.subject)) is not None
        for window in item.windows
        for lead in leads.measure(item.series, item.instants, window, figure)
    ]


def _inputs(subject: EnergySubject, lead: Lead) -> dict[str, object]:
    media = {"media_left_out": list(subject.media)} if subject.media else {}
    return {"product": subject.product, **media, **lead.inputs()}


async def _load(connection: Connection, due: Mapping[int, Sequence[datetime]]) -> list[Measurable]:
    midnights = {e: [at for at in instants if _is_midnight(at)] for e, instants in due.items()}
    hours = {e: [at for at in instants if not _is_midnight(at)] for e, instants in due.items()}
    found: list[Measurable] = []
    if any(midnights.values()):
        found += await _load_days(connection, midnights)
    if any(hours.values()):
        found += await _load_hours(connection, hours)
    return found


async def _load_days(
    connection: Connection, due: Mapping[int, Sequence[datetime]]
) -> list[Measurable]:
    first = min(at for instants in due.values() for at in instants) - REACH
    last = max(at for instants in due.values() for at in instants)
    enterprises = [enterprise for enterprise, instants in due.items() if instants]
    subjects = await energy.subjects(connection, enterprises)
    found = _measurables(subjects, due, first, DAY, (last - first) // DAY, DAILY)
    for row in await energy.daily(connection, enterprises, day_of(first), day_of(last)):
        if (measurable := found.get((row.enterprise_id, row.facility_id))) is not None:
            measurable.series.add(row.at, row.kgce, row.output, row.measured_s, row.estimated_kgce)
    return list(found.values())


async def _load_hours(
    connection: Connection, due: Mapping[int, Sequence[datetime]]
) -> list[Measurable]:
    [window] = HOURLY
    first = min(at for instants in due.values() for at in instants)
    last = max(at for instants in due.values() for at in instants)
    ranges = _joined(
        (first - window.length - number * window.apart, last - number * window.apart)
        for number in range(window.past, -1, -1)
    )
    start = ranges[0][0]
    enterprises = [enterprise for enterprise, instants in due.items() if instants]
    subjects = await energy.subjects(connection, enterprises)
    found = _measurables(subjects, due, start, HOUR, (last - start) // HOUR, HOURLY)
    for row in await energy.hourly(connection, enterprises, ranges):
        if (measurable := found.get((row.enterprise_id, row.facility_id))) is not None:
            measurable.series.add(row.at, row.kgce, row.output, row.measured_s, row.estimated_kgce)
    return list(found.values())


def _measurables(
    subjects: Sequence[EnergySubject],
    due: Mapping[int, Sequence[datetime]],
    start: datetime,
    step: timedelta,
    length: int,
    windows: Sequence[Window],
) -> dict[tuple[int, int | None], Measurable]:
    return {
        (enterprise, item.subject.facility_id): Measurable(
            item, Series(start, step, length, item.meters), due[enterprise], windows
        )
        for item in subjects
        if (enterprise := item.subject.enterprise_id) is not None
    }


def _joined(ranges: Iterator[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    """Return ranges, given in order, with those that overlap made one."""
    joined: list[tuple[datetime, datetime]] = []
    for start, stop in ranges:
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(stop, joined[-1][1]))
        else:
            joined.append((start, stop))
    return joined


def _is_midnight(at: datetime) -> bool:
    return midnight(day_of(at)) == at
