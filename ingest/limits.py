"""How much a sender may send: a bucket of readings and one of bytes for each key and account.

A bucket holds a burst and fills at a rate. What arrives is taken out of it even where it does not
suffice, so that the largest document passes, and nothing more until there is one in it again.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from ingest.settings import Allowance

DAY_S = 86_400
MAX_SENDERS = 50_000  # the one that was silent longest is forgotten, and with it what it owes


class Limit(StrEnum):
    """What is limited."""

    READINGS = "readings"
    BYTES = "bytes"


@dataclass(slots=True)
class Bucket:
    """So much may be sent at once, and so much a second for ever; instants are in seconds."""

    rate: float
    burst: float
    level: float
    at: float

    def left(self, now: float) -> float:
        """Return how much may be sent; below zero where too much was."""
        return min(self.burst, self.level + (now - self.at) * self.rate)

    def take(self, amount: float, now: float) -> None:
        """Take out what was sent."""
        self.level, self.at = self.left(now) - amount, now

    def wait(self, now: float) -> float:
        """Return in how many seconds something may be sent; 0.0 where it may be now."""
        return max(0.0, (1 - self.left(now)) / self.rate)

    def change(self, rate: float, burst: float, now: float) -> None:
        """Change what may be sent; what was sent stays sent."""
        self.level, self.at = self.left(now) + burst - self.burst, now
        self.rate, self.burst = rate, burst


@dataclass(frozen=True, slots=True)
class Excess:
    """Which limit a sender met, what is left of each, and when it may send again."""

    limit: Limit
    wait_s: float
    buckets: dict[Limit, Bucket]
    left: dict[Limit, float]


@dataclass(slots=True)
class _Sender:
    due: float
    buckets: dict[Limit, Bucket]


class Limits:
    """The buckets of all senders of one process."""

    def __init__(self, allowance: Allowance, clock: Callable[[], float] = time.monotonic) -> None:
        self._allowance = allowance
        self._clock = clock
        self._senders: OrderedDict[tuple[str, str], _Sender] = OrderedDict()

    def excess(self, collector: str, sender: str) -> Excess | None:
        """Return the limit that keeps a sender waiting longest, None where none does."""
        if (found := self._senders.get((collector, sender))) is None:
            return None
        now, buckets = self._clock(), found.buckets
        if all(bucket.left(now) >= 1 for bucket in buckets.values()):
            return None
        limit = max(buckets, key=lambda limit: buckets[limit].wait(now))
        left = {limit: max(0.0, bucket.left(now)) for limit, bucket in buckets.items()}
        return Excess(limit, buckets[limit].wait(now), buckets, left)

    def left(self, collector: str, sender: str, limit: Limit) -> float:
        """Return how much a sender may send; below zero where it sent too much."""
        found = self._senders.get((collector, sender))
        return float("inf") if found is None else found.buckets[limit].left(self._clock())

    def charge(self, collector: str, sender: str, due: float, readings: int, size: int) -> None:
        """Take out what a sender sent; ``due`` readings a second are expected of it."""
        now = self._clock()
        if (found := self._senders.get((collector, sender))) is None:
            found = self._senders[collector, sender] = self._open(due, now)
            if len(self._senders) > MAX_SENDERS:
                self._senders.popitem(last=False)
        else:
            self._senders.move_to_end((collector, sender))
            if due != found.due:
                found.due = due
                for limit, (rate, burst) in self._allowed(due).items():
                    found.buckets[limit].change(rate, burst, now)
        found.buckets[Limit.READINGS].take(readings, now)
        found.buckets[Limit.BYTES].take(size, now)

    def _open(self, due: float, now: float) -> _Sender:
        allowed = self._allowed(due).items()
        return _Sender(
            due, {limit: Bucket(rate, burst, burst, now) for limit, (rate, burst) in allowed}
        )

    def _allowed(self, due: float) -> dict[Limit, tuple[float, float]]:
        """Return rate and burst of each limit."""
        allowed = self._allowance
        rate = max(allowed.least_per_s, allowed.times_due * due)
        burst = max(allowed.least_burst, allowed.burst_days * DAY_S * due)
        size = allowed.bytes_per_reading
        return {Limit.READINGS: (rate, burst), Limit.BYTES: (rate * size, burst * size)}


class Rates:
    """A bucket for each of many, such as addresses that have not proved who they are."""

    def __init__(self, rate: float, burst: float, clock: Callable[[], float]) -> None:
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def admits(self, name: str) -> bool:
        """Tell whether there is one left, and take it."""
        now = self._clock()
        bucket = self._buckets.pop(name, None) or Bucket(self._rate, self._burst, self._burst, now)
        self._buckets[name] = bucket
        if len(self._buckets) > MAX_SENDERS:
            self._buckets.popitem(last=False)
        if bucket.left(now) < 1:
            return False
        bucket.take(1, now)
        return True
