"""The registry as collectors need it: a snapshot that says whose channel a reading belongs to."""

from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import NamedTuple

from ingest.errors import Reason, Rejected
from ingest.protocols.dialects import form_of
from ingest.protocols.json_reading import Form
from schemas.reading import Coded, Readings, Source

AHEAD = timedelta(minutes=5)  # of our clock
NEVER = 2**63 - 1
LARGEST = 1e15  # no quantity in any unit of the catalogue reaches this


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sent a payload: a client's name or an MQTT account, and the enterprise it speaks for.

    ``form`` is what its documents look like, None where they are ours; ``due`` how many readings
    a second the enterprise's channels are due to send.
    """

    name: str
    enterprise_id: int
    uscc: str
    form: Form | None = None
    due: float = 0.0


@dataclass(frozen=True, slots=True)
class Key:
    """A key that a sender holds, and when it ends; revoked ones are not read."""

    sender: Sender
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RawFrame:
    """A frame to keep as it came, committed together with its readings."""

    received_at: datetime
    mn: str
    source: str  # address of the peer
    frame: bytes


@dataclass(frozen=True, slots=True)
class Mark:
    """A condition of production as it is sent in letters (HJ 212-2025, ST 45: p99101=St)."""

    device_id: int
    code: str
    at: datetime
    mark: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Readings of one sender with their channels, as columns of one length, and their frame."""

    sender: Sender
    channels: list[int]
    instants: list[int]  # microseconds since 1970 UTC
    values: list[float]
    qualities: list[int]
    frames: tuple[RawFrame, ...] = ()
    marks: tuple[Mark, ...] = ()

    def __len__(self) -> int:
        """Return the number of readings."""
        return len(self.channels)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write."""
        return not (self.channels or self.frames or self.marks)


class ChannelRow(NamedTuple):
    """One channel of the registry; the instants bound its time in service, the last is open."""

    enterprise_id: int
    device: str
    quantity: str
    statistic: str
    channel_id: int
    first: int
    last: int | None
    device_id: int
    wire_code: str | None
    expected_interval_s: int = 0  # 0: nobody waits for it


@dataclass(frozen=True, slots=True)
class EnterpriseRow:
    """One enterprise of the registry, with the dialect of its MQTT account as JSON."""

    enterprise_id: int
    uscc: str
    dialect: str | None = None


@dataclass(frozen=True, slots=True)
class KeyRow:
    """One key of a client that may submit, with the client's dialect as JSON."""

    digest: bytes
    name: str
    enterprise_id: int
    expires_at: datetime | None = None
    dialect: str | None = None


Row = tuple[int, int, int]  # channel, first and last instant in service
_AMBIGUOUS: Row = (-1, 0, 0)


@dataclass(frozen=True, slots=True)
class Monitor:
    """A device with an HJ 212 identity, and what it is bound to; see `monitor_bindings`."""

    device_id: int
    code: str
    mn: str
    sender: Sender
    locked: bool = False
    password: str | None = None
    addresses: tuple[str, ...] = ()  # CIDR
    learning_since: datetime | None = None
    cipher_keys: tuple[bytes, ...] = ()  # the newest first


@dataclass(frozen=True, slots=True)
class Registry:
    """Channels and senders at one moment."""

    rows: dict[int, dict[Source, Row]] = field(default_factory=dict)  # by enterprise
    accounts: dict[str, Sender] = field(default_factory=dict)  # by social credit code
    keys: dict[bytes, Key] = field(default_factory=dict)  # by SHA-256
    monitors: dict[str, Monitor] = field(default_factory=dict)  # by MN
    # by device, then by code on the wire, or quantity where a channel has none, and statistic: of
    # monitors and of channels with such a code
    coded: dict[int, dict[tuple[str, str], Row]] = field(default_factory=dict)

    def knows(self, sender: Sender, sources: Sequence[Source]) -> bool:
        """Tell whether every source is registered."""
        return self.rows.get(sender.enterprise_id, {}).keys() >= set(sources)

    def resolve(
        self, sender: Sender, readings: Readings, now: datetime, retention: timedelta
    ) -> tuple[Batch, list[tuple[int, Rejected]]]:
        """Return the readings with their channels, and the places of those that are refused."""
        get = self.rows.get(sender.enterprise_id, {}).get
        rows = [get(source) for source in readings.sources]
        oldest, latest = _microseconds(now - retention), _microseconds(now + AHEAD)
        refused = [
            place
            for place, (row, at, value) in enumerate(
                zip(rows, readings.instants, readings.values, strict=True)
            )
            if row is None
            or not row[1] <= at < row[2]
            or not oldest <= at <= latest
            or not -LARGEST <= value <= LARGEST  # nor is NaN
        ]
        if refused:
            return self._divide(sender, readings, rows, refused, now)
        channels = [row[0] for row in rows if row is not None]
        return (
            Batch(sender, channels, readings.instants, readings.values, readings.qualities),
            [],
        )

    def admit(
        self,
        device_id: int,
        sender: Sender,
        values: Sequence[Coded],
        now: datetime,
        kept: timedelta,
    ) -> tuple[Batch, list[tuple[int, Rejected]], list[int]]:
        """Return the values with their channels, those that are refused, those without a channel.

        The last two by their places. ``kept`` is the retention.
        """
        get = self.coded.get(device_id, {}).get
        oldest, latest = _microseconds(now - kept), _microseconds(now + AHEAD)
        batch = Batch(sender, [], [], [], [])
        refused: list[tuple[int, Rejected]] = []
        unmapped: list[int] = []
        for place, (names, statistic, at, value, quality) in enumerate(values):
            row = None
            for name in names:
                if row := get((name, statistic)):
                    break
            if row is None:
                unmapped.append(place)
            elif not -LARGEST <= value <= LARGEST:
                refused.append((place, _explain_magnitude(value)))
            elif not (oldest <= at <= latest and row[1] <= at < row[2]):
                refused.append((place, _explain_time(at, row, now)))
            else:
                batch.channels.append(row[0])
                batch.instants.append(at)
                batch.values.append(value)
                batch.qualities.append(quality)
        return batch, refused, unmapped

    def _divide(
        self,
        sender: Sender,
        readings: Readings,
        rows: list[Row | None],
        refused: list[int],
        now: datetime,
    ) -> tuple[Batch, list[tuple[int, Rejected]]]:
        batch = Batch(sender, [], [], [], [])
        out = set(refused)
        devices = {device for device, _, _ in self.rows.get(sender.enterprise_id, {})}
        for place, row in enumerate(rows):
            if row is not None and place not in out:
                batch.channels.append(row[0])
                batch.instants.append(readings.instants[place])
                batch.values.append(readings.values[place])
                batch.qualities.append(readings.qualities[place])
        rejected = [
            (place, _explain(readings, place, rows[place], devices, now)) for place in refused
        ]
        return batch, rejected


def build(
    channels: Sequence[ChannelRow],
    enterprises: Sequence[EnterpriseRow],
    keys: Sequence[KeyRow],
    monitors: Sequence[Monitor] = (),
) -> Registry:
    """Return the registry of channels, enterprises, client keys and monitors."""
    rows: dict[int, dict[Source, Row]] = {}
    coded: dict[int, dict[tuple[str, str], Row]] = {}
    due: dict[int, float] = {}
    coding = {monitor.device_id for monitor in monitors}
    for channel in channels:
        row = (channel.channel_id, channel.first, NEVER if channel.last is None else channel.last)
        sources = rows.setdefault(channel.enterprise_id, {})
        sources[channel.device, channel.quantity, channel.statistic] = row
        unsaid = (channel.device, channel.quantity, None)
        sources[unsaid] = _AMBIGUOUS if unsaid in sources else row
        if channel.wire_code is not None or channel.device_id in coding:
            name = channel.wire_code or channel.quantity
            coded.setdefault(channel.device_id, {})[name, channel.statistic] = row
        if channel.last is None and channel.expected_interval_s:
            due[channel.enterprise_id] = (
                due.get(channel.enterprise_id, 0.0) + 1 / channel.expected_interval_s
            )
    usccs = {row.enterprise_id: row.uscc for row in enterprises}

    def sender(name: str, enterprise: int, dialect: str | None) -> Sender:
        rate = due.get(enterprise, 0.0)
        return Sender(name, enterprise, usccs[enterprise], form_of(dialect), rate)

    return Registry(
        rows,
        {row.uscc: sender(row.uscc, row.enterprise_id, row.dialect) for row in enterprises},
        {
            row.digest: Key(sender(row.name, row.enterprise_id, row.dialect), row.expires_at)
            for row in keys
            if row.enterprise_id in usccs  # else it is newer than what was read of enterprises
        },
        {monitor.mn: monitor for monitor in monitors},
        coded,
    )


def _explain(
    readings: Readings, place: int, row: Row | None, devices: Set[str], now: datetime
) -> Rejected:
    device, quantity, statistic = readings.sources[place]
    if row is _AMBIGUOUS:
        return Rejected(Reason.AMBIGUOUS_STATISTIC, quantity)
    if device not in devices:
        return Rejected(Reason.UNKNOWN_DEVICE, device)
    if row is None:
        return Rejected(Reason.UNKNOWN_QUANTITY, f"{quantity} {statistic or ''}".strip())
    value = readings.values[place]
    if not -LARGEST <= value <= LARGEST:
        return _explain_magnitude(value)
    return _explain_time(readings.instants[place], row, now)


def _explain_magnitude(value: float) -> Rejected:
    return Rejected(Reason.OUT_OF_RANGE if isfinite(value) else Reason.NOT_FINITE, value)


def _explain_time(at: int, row: Row, now: datetime) -> Rejected:
    ahead = at - _microseconds(now)
    if ahead > AHEAD / timedelta(microseconds=1):
        return Rejected(Reason.FUTURE_TIME, f"{ahead // 60_000_000:,} min")
    if at < row[1]:
        return Rejected(Reason.BEFORE_SERVICE, _printed(row[1]))
    if at >= row[2]:
        return Rejected(Reason.AFTER_SERVICE, _printed(row[2]))
    return Rejected(Reason.TOO_OLD, "the retention that is configured")


def _microseconds(at: datetime) -> int:
    return round(at.timestamp() * 1_000_000)


def _printed(microseconds: int) -> str:
    return datetime.fromtimestamp(microseconds / 1_000_000, UTC).isoformat()
