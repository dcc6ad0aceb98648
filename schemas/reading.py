"""Readings as they arrive: one value of one quantity of one device at one instant."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Quality(StrEnum):
    """What the sender says of a value; on the wire by name, in the table by its number."""

    GOOD = "good"
    UNCERTAIN = "uncertain"
    BAD = "bad"  # kept and shown, never computed with
    ESTIMATED = "estimated"
    MANUAL = "manual"


QUALITIES = tuple(Quality)  # by number
QUALITY_NUMBERS = {quality: number for number, quality in enumerate(QUALITIES)}

# Device, quantity, statistic; the last may be left out where the device has one channel of it.
Source = tuple[str, str, str | None]


@dataclass(frozen=True, slots=True)
class Readings:
    """Readings as columns of one length, in order of arrival.

    Instants are microseconds since 1970 UTC, values in the unit that the channel declares,
    qualities the numbers of :data:`QUALITIES`. Lists, because most documents are small.
    """

    sources: list[Source]
    instants: list[int]
    values: list[float]
    qualities: list[int]

    def __len__(self) -> int:
        """Return the number of readings."""
        return len(self.sources)


class Coded(NamedTuple):
    """A value by its code on the wire; ``names`` are that and the quantity it means by default."""

    names: tuple[str, ...]
    statistic: str
    at: int  # microseconds since 1970 UTC
    value: float
    quality: int
