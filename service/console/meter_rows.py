"""The meters of one enterprise: register, balance of levels, and what happened to them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from schemas.quantities import CATALOGUE
from service.domain.balance import Balance
from service.domain.balance import balance as balanced
from service.domain.calendar import day_of
from service.domain.meters import Calibration, State
from service.store import balance, channel_settings, device_events, meters
from service.store.engine import Connection
from service.store.meters import Meter

MOST = 1_000  # of meters, events and settings
SETTING = "setting"


@dataclass(frozen=True, slots=True)
class Row:
    """One meter; ``depth`` is how many meters stand above it, ``overdue`` for how long it is."""

    meter: Meter
    depth: int
    overdue: timedelta | None
    silence: timedelta | None

    @property
    def is_notable(self) -> bool:
        """Tell whether somebody has to look after it."""
        row = self.meter.row
        return row.calibration == Calibration.OVERDUE or row.state in {State.SILENT, State.NEVER}


@dataclass(frozen=True, slots=True)
class Register:
    """All meters, and how many of them want something."""

    rows: list[Row]
    overdue: int
    due_soon: int
    silent: int  # never heard of, or no longer


@dataclass(frozen=True, slots=True)
class Level:
    """One carrier in one month, by metering level."""

    quantity: str
    unit: str
    found: Balance


@dataclass(frozen=True, slots=True)
class Happening:
    """A replacement, a calibration, or a setting that replaced ``before``."""

    kind: str
    at: datetime
    device: str
    quantity: str | None
    row: Any
    before: Any | None


async def register(connection: Connection, uscc: str, now: datetime) -> Register:
    """Return the register of meters of an enterprise, each meter under the one above it."""
    found = await meters.page(
        connection, now, day_of(now), uscc=uscc, county=None, level=None, state=None,
        calibration=None, after=None, limit=MOST,
    )  # fmt: skip
    rows = [_row(meter, depth, now) for meter, depth in in_order(found)]
    states = [row.meter.row.state for row in rows]
    calibrations = [row.meter.row.calibration for row in rows]
    return Register(
        rows,
        calibrations.count(Calibration.OVERDUE),
        calibrations.count(Calibration.DUE_SOON),
        states.count(State.SILENT) + states.count(State.NEVER),
    )


def in_order(found: Sequence[Meter]) -> list[tuple[Meter, int]]:
    """Return meters by level and code, each followed by those under it, with their depth."""
    codes = {meter.row.code for meter in found}
    under: dict[str | None, list[Meter]] = {}
    for meter in sorted(found, key=lambda m: (m.row.metering_level or 9, m.row.code)):
        parent = meter.row.parent if meter.row.parent in codes else None
        under.setdefault(parent, []).append(meter)
    ordered: list[tuple[Meter, int]] = []

    def place(parent: str | None, depth: int) -> None:
        for meter in under.get(parent, []):
            ordered.append((meter, depth))
            place(meter.row.code, depth + 1)

    place(None, 0)
    return ordered


def _row(meter: Meter, depth: int, now: datetime) -> Row:
    row = meter.row
    overdue = None
    if row.calibration == Calibration.OVERDUE and row.due is not None:
        overdue = max(day_of(now) - row.due, timedelta(0))
    silence = None if meter.last_reading_at is None else now - meter.last_reading_at
    return Row(meter, depth, overdue, silence)


async def balances(
    connection: Connection, enterprise_id: int, month: date, stop: date, now: datetime
) -> list[Level]:
    """Return the balance of each carrier in one month, of which both first days are given."""
    found = await balance.monthly(connection, [enterprise_id], month, stop, now)
    return [
        Level(account.carrier, CATALOGUE[account.carrier].unit, balanced(metered))
        for account, metered in found.items()
    ]


async def happenings(connection: Connection, uscc: str) -> list[Happening]:
    """Return what happened to meters and their settings, the newest first, voided ones too."""
    events = await device_events.page(connection, uscc, None, None, None, MOST)
    found = [Happening(row.kind, row.at, row.device, row.quantity, row, None) for row, _ in events]
    settings = await channel_settings.page(connection, uscc, None, None, None, MOST)
    by_channel: dict[int, list[Any]] = {}
    for row, _ in settings:
        by_channel.setdefault(row.channel_id, []).append(row)
    for rows in by_channel.values():
        found += _changes(sorted(rows, key=lambda row: row.valid_from))
    return sorted(found, key=lambda each: each.at, reverse=True)


def _changes(rows: Sequence[Any]) -> Iterator[Happening]:
    """Yield the settings of a channel but the first, each with the one that it replaced."""
    before = None
    for row in rows:
        if before is not None:
            yield Happening(SETTING, row.valid_from, row.device, row.quantity, row, before)
        if before is None or row.superseded_at is None:
            before = row
