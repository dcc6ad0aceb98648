"""Segments of time with an amount or a value, and their spread over buckets.

Instants are seconds since 1970 UTC, half-open intervals [start, stop).
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntFlag

BUCKET = 900  # seconds
# A hostile value must not make the database's arithmetic overflow or underflow, which would stop
# the rollup of its enterprise: larger ones are not usable, smaller ones are zero.
LARGEST = 1e15
SMALLEST = 1e-15


class Flag(IntFlag):
    """What a figure cannot say by itself."""

    NONE = 0
    ROLLOVER = 1  # the dial passed its width
    REPLACEMENT = 2  # a dial was replaced
    RESET = 4  # the dial fell for no known reason; the amount is unknown and counted as zero
    ESTIMATED = 8  # the sender estimated the value
    REVERSED = 16  # the dial ran backwards; the amount is negative


@dataclass(frozen=True, slots=True)
class Segment:
    """An amount that accrued, or a value that stood, from ``start`` to ``stop``."""

    start: float
    stop: float
    amount: float | None = None
    value: float | None = None
    measured: bool = True
    flags: Flag = Flag.NONE


@dataclass(slots=True)
class Bucket:
    """One quarter hour of one channel; amounts and values in the catalogue's unit.

    ``estimated`` is the part of the amount that accrued while nothing was measured,
    ``measured_s`` the seconds in which something was, 0 to 900.
    """

    amount: float | None = None
    estimated: float | None = None
    mean: float | None = None
    maximum: float | None = None
    measured_s: float = 0.0
    flags: Flag = Flag.NONE


def settle(value: float) -> float:
    """Return zero for what is too small to compute with."""
    return value if abs(value) >= SMALLEST else 0.0


def spread(segments: Iterable[Segment]) -> dict[int, Bucket]:
    """Return the quarter hours that segments touch, by their start.

    An amount is spread evenly over its segment; a mean is weighted by time.
    """
    buckets: dict[int, Bucket] = {}
    weights: dict[int, float] = {}
    for segment in segments:
        first = math.floor(segment.start / BUCKET)
        for number in range(first, math.ceil(segment.stop / BUCKET)):
            start = number * BUCKET
            seconds = min(segment.stop, start + BUCKET) - max(segment.start, start)
            bucket = buckets.setdefault(start, Bucket())
            if segment.amount is not None:
                _add_amount(bucket, segment, seconds)
            elif segment.value is not None:
                _add_value(bucket, segment.value, seconds, weights.get(start, 0.0))
                weights[start] = weights.get(start, 0.0) + seconds
            if segment.measured:
                bucket.measured_s = min(bucket.measured_s + seconds, BUCKET)
            bucket.flags |= segment.flags
    return buckets


def _add_amount(bucket: Bucket, segment: Segment, seconds: float) -> None:
    amount = (segment.amount or 0.0) * seconds / (segment.stop - segment.start)
    bucket.amount = (bucket.amount or 0.0) + amount
    bucket.estimated = (bucket.estimated or 0.0) + (0.0 if segment.measured else amount)


def _add_value(bucket: Bucket, value: float, seconds: float, weight: float) -> None:
    mean = bucket.mean if bucket.mean is not None else 0.0
    bucket.mean = (mean * weight + value * seconds) / (weight + seconds)
    bucket.maximum = value if bucket.maximum is None else max(bucket.maximum, value)
