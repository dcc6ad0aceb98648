"""The page of one figure: what it is, what it was computed from, and the way to its readings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import isclose
from typing import Any

from schemas.official import SERIES
from schemas.quantities import CATALOGUE
from service.access import State, session
from service.console import dossier, ledger
from service.console.dossier import Context
from service.console.ledger import Carrier
from service.console.visitors import Visitor
from service.domain import validity
from service.domain.calendar import DAY, day_of, midnight
from service.domain.windows import stretch_of
from service.store import registered, sources
from service.store.engine import Connection
from service.store.sources import Amounts, EnterpriseValue, SourceChannel, Traced

# Inputs that have a place of their own on the page; the others are listed as they are.
PLACED = {
    "assessed_for", "carriers", "documents", "factors", "figures", "media_left_out",
    "missing_coefficients", "not_measured", "of", "on_record_tce", "taken_off_tce", "unknown",
}  # fmt: skip
INSTANT = timedelta(microseconds=1)
SAME = 1e-9  # of sums in another order


@dataclass(frozen=True, slots=True)
class Part:
    """An enterprise behind a county's figure, and what it contributed when that was computed."""

    value: EnterpriseValue
    name: str
    contribution: float | None

    @property
    def has_changed(self) -> bool:
        """Tell whether its figure is another one by now."""
        now, then = self.value.value, self.contribution
        if now is None or then is None:
            return now is not then
        return not isclose(now, then, rel_tol=SAME)


@dataclass(frozen=True, slots=True)
class Source:
    """A channel behind an enterprise's figure; shares are 0 to 1."""

    channel: SourceChannel
    unit: str
    measured: Amounts | None
    completeness: float | None

    @property
    def estimated(self) -> float | None:
        """Return the share of the amount that was spread over gaps."""
        if self.measured is None or self.measured.estimated is None or not self.measured.amount:
            return None
        return abs(self.measured.estimated / self.measured.amount)


async def read(state: State, visitor: Visitor, value_id: int) -> Context | None:
    """Return what the page needs; None where there is no such figure in scope."""
    async with session(state, visitor.permit) as opened:
        connection = opened.connection
        traced = await sources.find(connection, value_id)
        if traced is None:
            return None
        start, stop = stretch_of(traced.value.period, traced.value.as_of)
        of_enterprise = traced.uscc is not None
        return {
            **await dossier.of_place(connection, visitor, traced.county_code),
            "v": traced.value,
            "traced": traced,
            "title": visitor.words.find(
                f"indicator.{traced.value.indicator}", traced.value.indicator
            ),
            "owner": await _owner(connection, visitor, traced.uscc) if of_enterprise else None,
            "revisions": await sources.revisions(connection, traced),
            "carriers": _carriers(traced.value.inputs),
            "figures": _figures(visitor, traced.value.inputs),
            "others": _others(traced.value.inputs),
            "parts": [] if of_enterprise else await _parts(connection, visitor, traced),
            "channels": await _channels(connection, traced, start, stop),
            "factors": [(None, factor) for factor in traced.value.inputs.get("factors") or []],
            "first": None if start is None else day_of(start),
            "last": _day_after(stop),
        }


async def _owner(connection: Connection, visitor: Visitor, uscc: str | None) -> str:
    [found] = await registered.enterprises(connection, None, uscc, None, 1)
    return visitor.words.name(found.name_zh, found.name_en)


def _day_after(stop: datetime) -> date:
    """Return the day after the last one that an instant ends."""
    return day_of(stop - INSTANT) + DAY


def _carriers(inputs: Mapping[str, Any]) -> list[Carrier]:
    return ledger.carriers_of({"own": inputs.get("carriers") or {}})


def _figures(visitor: Visitor, inputs: Mapping[str, Any]) -> list[tuple[str, str, Any]]:
    """Return official figures among the inputs: what each is called, its unit, and the rest."""
    found = []
    for name, told in (inputs.get("figures") or {}).items():
        series = SERIES.get(name)
        text = name if series is None else visitor.words.name(series.zh, series.en)
        found.append((text, "" if series is None else series.unit, told))
    return found


def _others(inputs: Mapping[str, Any]) -> list[tuple[str, list[Any]]]:
    """Return the inputs that are numbers or words; of two periods both, the earlier first."""
    return [
        (name, value if isinstance(value, list) else [value])
        for name, value in sorted(inputs.items())
        if name not in PLACED and isinstance(value, int | float | str | list) and value != ""
    ]


async def _parts(connection: Connection, visitor: Visitor, traced: Traced) -> Sequence[Part]:
    contributions = traced.value.inputs.get("of") or {}
    return [
        Part(
            found,
            visitor.words.name(found.name_zh, found.name_en),
            contributions.get(str(found.enterprise_id)),
        )
        for found in await sources.enterprise_values(connection, traced)
    ]


async def _channels(
    connection: Connection, traced: Traced, start: datetime | None, stop: datetime
) -> list[Source]:
    if traced.uscc is None or start is None:
        return []
    found = await sources.channels(connection, traced)
    first, last = day_of(start), day_of(stop)
    amounts: dict[int, Amounts] = {}
    if (midnight(first), midnight(last)) == (start, stop):
        ids = [channel.channel_id for channel in found]
        amounts = await sources.amounts(connection, ids, first, last)
    seconds = (stop - start).total_seconds()
    return [_source(channel, amounts.get(channel.channel_id), seconds) for channel in found]


def _source(channel: SourceChannel, measured: Amounts | None, seconds: float) -> Source:
    return Source(
        channel,
        CATALOGUE[channel.quantity].unit,
        measured,
        validity.completeness(measured.measured_s, seconds) if measured else None,
    )
