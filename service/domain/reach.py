"""What the change of a reading can change: quarter hours, by the kind of its channel."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from schemas.registry import ChannelKind, Label

QUARTER = timedelta(minutes=15)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Kind:
    """How the values of a channel stand in time; ``period_s`` is None of instants."""

    kind: ChannelKind
    period_s: int | None
    label: Label
    hold_s: int


@dataclass(frozen=True, slots=True)
class Span:
    """Quarter hours [low, high) of one channel to replace, and the readings that they follow from.

    ``read_from`` and ``read_to`` are included.
    """

    channel_id: int
    low: datetime
    high: datetime
    read_from: datetime
    read_to: datetime

    @property
    def quarters(self) -> int:
        """Return how many quarter hours the span has."""
        return max(0, (self.high - self.low) // QUARTER)


def span_of_values(channel_id: int, kind: Kind, first: datetime, last: datetime) -> Span:
    """Return what values between two instants change: their periods, or their longest hold."""
    reach = kind.hold_s if kind.period_s is None else kind.period_s
    back, ahead = timedelta(0), timedelta(seconds=reach)
    if kind.period_s is not None and kind.label is Label.END:
        back, ahead = ahead, back
    low, high = floor(first - back), ceil(last + ahead)
    return Span(channel_id, low, high, low - back - ahead, high + back + ahead)


def floor(at: datetime) -> datetime:
    """Return the start of the quarter hour."""
    return at - (at - _EPOCH) % QUARTER


def ceil(at: datetime) -> datetime:
    """Return the end of the quarter hour; an instant on a border is its own."""
    return at + (_EPOCH - at) % QUARTER
