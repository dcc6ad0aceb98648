"""How well readings arrive, as a visitor may see it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from service.console.visitors import Visitor
from service.store import counties, health
from service.store.engine import Connection
from service.store.health import Refused, Reporting

REFUSED_WITHIN = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Conditions:
    """The state of ingest; ``refused`` and ``waiting`` are None for who may not see them."""

    reporting: Sequence[Reporting]
    names: dict[str, str]  # of counties
    waiting: int | None
    refused: Sequence[Refused] | None
    now: datetime

    @property
    def channels(self) -> int:
        """Return how many channels are in service."""
        return sum(county.channels for county in self.reporting)

    @property
    def silent(self) -> int:
        """Return how many of them are overdue."""
        return self.channels - sum(county.reporting for county in self.reporting)

    @property
    def share(self) -> float | None:
        """Return the share that reports, in percent; None without channels."""
        return share(self.channels - self.silent, self.channels)

    @property
    def newest_at(self) -> datetime | None:
        """Return the instant of the newest reading."""
        known = [county.newest_at for county in self.reporting if county.newest_at is not None]
        return max(known, default=None)

    @property
    def age(self) -> timedelta | None:
        """Return how old the newest reading is."""
        return None if self.newest_at is None else self.now - self.newest_at


def share(part: int, whole: int) -> float | None:
    """Return a share in percent."""
    return 100 * part / whole if whole else None


async def read(connection: Connection, visitor: Visitor, now: datetime) -> Conditions:
    """Return the state of ingest within a visitor's scope."""
    reporting = await health.reporting(connection, now)
    regions = [county.county_code for county in reporting]
    found = await counties.overview(connection, regions, []) if regions else []
    operator = visitor.is_operator and visitor.permit.enterprise_id is None
    return Conditions(
        reporting,
        {c.code: visitor.words.name(c.name_zh, c.name_en) for c in found},
        await health.waiting(connection) if operator else None,
        await health.refused(connection, now, REFUSED_WITHIN) if operator else None,
        now,
    )
