"""The page of one channel: its amounts by month, day or quarter hour, and a day's readings."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from urllib.parse import urlencode

from schemas.access import Domain
from schemas.quantities import CATALOGUE
from schemas.reading import QUALITIES
from schemas.registry import ChannelKind
from service.access import State, session
from service.console import dossier
from service.console.dossier import Context
from service.console.visitors import Visitor
from service.domain import validity
from service.domain.calendar import DAY, day_of, midnight
from service.domain.segments import Flag
from service.domain.windows import shift
from service.store import amounts, readings, registered
from service.store.amounts import Amount, Step
from service.store.engine import Connection
from service.store.registered import RegisteredChannel

QUARTER = timedelta(minutes=15)
LONGEST = timedelta(days=5 * 366)
DAILY = timedelta(days=62)  # what is longer is shown by month
MOST_READINGS = 1_000
METHOD = "calorific"


@dataclass(frozen=True, slots=True)
class Asked:
    """A channel of an enterprise and the days [first, stop)."""

    uscc: str
    device: str
    quantity: str
    statistic: str
    first: date
    stop: date

    @property
    def step(self) -> Step:
        """Return how long the buckets are that are shown."""
        if self.stop - self.first > DAILY:
            return Step.MONTH
        return Step.DAY if self.stop - self.first > DAY else Step.QUARTER

    def query(self, first: date, stop: date) -> str:
        """Return the query of the page for other days."""
        return urlencode(
            {
                "device": self.device, "quantity": self.quantity, "statistic": self.statistic,
                "first": first, "stop": stop,
            }
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bucket:
    """A stretch of time and what was measured in it; None where nothing was."""

    start: datetime
    stop: datetime
    amount: Amount | None

    @property
    def days(self) -> tuple[date, date]:
        """Return its first day, and the one after its last."""
        return day_of(self.start), max(day_of(self.stop), day_of(self.start) + DAY)

    @property
    def completeness(self) -> float | None:
        """Return the share of it that was measured."""
        if self.amount is None:
            return None
        return validity.completeness(self.amount.measured_s, self.amount.seconds)

    @property
    def estimated(self) -> float | None:
        """Return the share of the amount that was spread over gaps."""
        if self.amount is None or not self.amount.amount:
            return None
        return abs(self.amount.estimated / self.amount.amount)

    @property
    def flags(self) -> list[str]:
        """Return what cannot be seen from the amount."""
        if self.amount is None:
            return []
        return [(flag.name or "").lower() for flag in Flag if flag & self.amount.flags]


async def read(state: State, visitor: Visitor, asked: Asked) -> Context | None:
    """Return what the page needs; None where there is no such channel in scope."""
    async with session(state, visitor.permit) as opened:
        connection = opened.connection
        enterprises = await registered.enterprises(connection, None, asked.uscc, None, 1)
        found = await registered.channels(
            connection, asked.uscc, asked.device, asked.quantity, asked.statistic
        )
        if not enterprises or not found:
            return None
        [enterprise], [channel] = enterprises, found
        county = enterprise.county_code
        sees_amounts = visitor.may_read(Domain.ENERGY, county)
        sees_readings = visitor.may_read(Domain.METERING, county)
        return {
            **await dossier.of_place(connection, visitor, county),
            "e": enterprise,
            "owner": visitor.words.name(enterprise.name_zh, enterprise.name_en),
            "title": asked.device,
            "asked": asked,
            "channel": channel,
            "unit": CATALOGUE[channel.quantity].unit,
            "day": asked.step is Step.QUARTER,
            "buckets": await _buckets(connection, channel, asked) if sees_amounts else [],
            "readings": await _readings(connection, channel, asked) if sees_readings else [],
            "qualities": QUALITIES,
            "units": await registered.units(connection, [channel.channel_id]),
            "most": MOST_READINGS,
            "choices": list(_choices(asked)),
            "query": f"{asked.query(asked.first, asked.stop)}&",
            "address": _address(asked),
        }


async def _buckets(
    connection: Connection, channel: RegisteredChannel, asked: Asked
) -> list[Bucket]:
    if channel.kind == ChannelKind.GAUGE:
        return []
    start, stop = midnight(asked.first), midnight(asked.stop)
    stretches = list(_stretches(asked))
    found = await amounts.page(
        connection, [channel.channel_id], asked.step, METHOD, start, stop, len(stretches) + 1, None
    )
    by_start = {amount.at: amount for amount in found}
    return [Bucket(at, until, by_start.get(at)) for at, until in stretches]


def _stretches(asked: Asked) -> Iterator[tuple[datetime, datetime]]:
    match asked.step:
        case Step.MONTH:
            month = shift(asked.first, 0)
            while month < asked.stop:
                yield midnight(month), midnight(shift(month, 1))
                month = shift(month, 1)
        case Step.DAY:
            day = asked.first
            while day < asked.stop:
                yield midnight(day), midnight(day + DAY)
                day += DAY
        case _:
            at = midnight(asked.first)
            while at < midnight(asked.stop):
                yield at, at + QUARTER
                at += QUARTER


async def _readings(
    connection: Connection, channel: RegisteredChannel, asked: Asked
) -> list[readings.StoredReading]:
    if asked.step is not Step.QUARTER:
        return []
    start, stop = midnight(asked.first), midnight(asked.stop)
    return await readings.page(
        connection, [channel.channel_id], start, stop, MOST_READINGS + 1, None
    )


def _choices(asked: Asked) -> Iterator[tuple[str, date, date]]:
    """Yield the days around those that are shown: the day before and after, month, 12 months."""
    length = asked.stop - asked.first
    if length == DAY:
        yield "before", asked.first - DAY, asked.first
        yield "after", asked.stop, asked.stop + DAY
    month = shift(asked.stop - DAY, 0)
    yield "month", month, shift(month, 1)
    yield "rolling", shift(month, -11), shift(month, 1)


def _address(asked: Asked) -> str:
    """Return the query of the same days at the API."""
    return urlencode(
        {
            "enterprise": asked.uscc,
            "device": asked.device,
            "quantity": asked.quantity,
            "from": midnight(asked.first).isoformat(),
            "to": midnight(asked.stop).isoformat(),
        }
    )
