"""The registry as collectors need it: a snapshot that says whose channel a reading belongs to."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from ingest.errors import Reason, Rejected
from schemas.reading import Readings, Source

AHEAD = timedelta(minutes=5)  # of our clock
NEVER = int(np.iinfo(np.int64).max)
UNKNOWN, AMBIGUOUS = -1, -2
LARGEST = 1e15  # no quantity in any unit of the catalogue reaches this


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sent a payload: a client's name or an MQTT account, and the enterprise it speaks for."""

    name: str
    enterprise_id: int
    uscc: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Readings of one sender with their channels, as columns of one length."""

    sender: Sender
    channels: NDArray[np.int32]
    instants: NDArray[np.int64]  # microseconds since 1970 UTC
    values: NDArray[np.float64]
    qualities: NDArray[np.int16]

    def __len__(self) -> int:
        """Return the number of readings."""
        return len(self.channels)


@dataclass(frozen=True, slots=True)
class ChannelRow:
    """One channel of the registry; the instants bound its time in service, the last is open."""

    enterprise_id: int
    device: str
    quantity: str
    statistic: str
    channel_id: int
    first: int
    last: int | None


@dataclass(frozen=True, slots=True)
class Registry:
    """Channels and senders at one moment; rows are places in the three arrays."""

    channels: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))
    first: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    last: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    rows: dict[int, dict[Source, int]] = field(default_factory=dict)  # by enterprise
    devices: dict[int, set[str]] = field(default_factory=dict)
    accounts: dict[str, Sender] = field(default_factory=dict)  # by social credit code
    keys: dict[bytes, Sender] = field(default_factory=dict)  # by SHA-256

    def find(self, sender: Sender, sources: Sequence[Source]) -> NDArray[np.int64]:
        """Return the row of each source, `UNKNOWN` or `AMBIGUOUS`."""
        get = self.rows.get(sender.enterprise_id, {}).get
        return np.array([get(source, UNKNOWN) for source in sources], dtype=np.int64)

    def resolve(
        self, sender: Sender, readings: Readings, now: datetime, retention: timedelta
    ) -> tuple[Batch, list[tuple[int, Rejected]]]:
        """Return the readings with their channels, and the places of those that are refused."""
        rows = self.find(sender, readings.sources)
        known = rows >= 0
        instants = readings.instants
        accepted = known & (np.abs(readings.values) <= LARGEST)  # nor is NaN
        accepted &= instants >= _microseconds(now - retention)
        accepted &= instants <= _microseconds(now + AHEAD)
        accepted[known] &= instants[known] >= self.first[rows[known]]
        accepted[known] &= instants[known] < self.last[rows[known]]
        rejected = [
            (int(place), self._explain(sender, readings, int(place), int(rows[place]), now))
            for place in np.flatnonzero(~accepted)
        ]
        batch = Batch(
            sender,
            self.channels[rows[accepted]],
            instants[accepted],
            readings.values[accepted],
            readings.qualities[accepted],
        )
        return batch, rejected

    def _explain(
        self, sender: Sender, readings: Readings, place: int, row: int, now: datetime
    ) -> Rejected:
        device, quantity, statistic = readings.sources[place]
        if row == AMBIGUOUS:
            return Rejected(Reason.AMBIGUOUS_STATISTIC, quantity)
        if device not in self.devices.get(sender.enterprise_id, ()):
            return Rejected(Reason.UNKNOWN_DEVICE, device)
        if row == UNKNOWN:
            return Rejected(Reason.UNKNOWN_QUANTITY, f"{quantity} {statistic or ''}".strip())
        if not np.isfinite(value := readings.values[place]):
            return Rejected(Reason.NOT_FINITE, value)
        if abs(value) > LARGEST:
            return Rejected(Reason.OUT_OF_RANGE, value)
        return self._explain_time(int(readings.instants[place]), row, now)

    def _explain_time(self, at: int, row: int, now: datetime) -> Rejected:
        first, last = int(self.first[row]), int(self.last[row])
        if at > _microseconds(now + AHEAD):
            return Rejected(Reason.FUTURE_TIME, f"{(at - _microseconds(now)) // 60_000_000:,} min")
        if at < first:
            return Rejected(Reason.BEFORE_SERVICE, _printed(first))
        if at >= last:
            return Rejected(Reason.AFTER_SERVICE, _printed(last))
        return Rejected(Reason.TOO_OLD, "the retention that is configured")


def build(
    channels: Sequence[ChannelRow],
    enterprises: dict[int, str],
    clients: Iterable[tuple[bytes, str, int]],
) -> Registry:
    """Return the registry of channels, social credit codes by enterprise, and client keys."""
    rows: dict[int, dict[Source, int]] = {}
    devices: dict[int, set[str]] = {}
    for row, channel in enumerate(channels):
        sources = rows.setdefault(channel.enterprise_id, {})
        sources[channel.device, channel.quantity, channel.statistic] = row
        unsaid = (channel.device, channel.quantity, None)
        sources[unsaid] = AMBIGUOUS if unsaid in sources else row
        devices.setdefault(channel.enterprise_id, set()).add(channel.device)
    return Registry(
        np.array([channel.channel_id for channel in channels], dtype=np.int32),
        np.array([channel.first for channel in channels], dtype=np.int64),
        np.array([channel.last or NEVER for channel in channels], dtype=np.int64),
        rows,
        devices,
        {uscc: Sender(uscc, number, uscc) for number, uscc in enterprises.items()},
        {digest: Sender(name, number, enterprises[number]) for digest, name, number in clients},
    )


def _microseconds(at: datetime) -> int:
    return round(at.timestamp() * 1_000_000)


def _printed(microseconds: int) -> str:
    return datetime.fromtimestamp(microseconds / 1_000_000, UTC).isoformat()
