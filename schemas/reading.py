"""A reading as it arrives: one value of one quantity of one device at one instant."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct


class Quality(StrEnum):
    """What the sender says of a value; on the wire by name, in the table by its number."""

    GOOD = "good"
    UNCERTAIN = "uncertain"
    BAD = "bad"  # kept and shown, never computed with
    ESTIMATED = "estimated"
    MANUAL = "manual"


QUALITY_NUMBERS = {quality: number for number, quality in enumerate(Quality)}
QUALITIES = tuple(Quality)  # by number


class Reading(Struct, gc=False):
    """One value on the wire.

    ``at`` carries an offset. ``value`` is in the unit that the channel declares. ``statistic``
    may be left out where the device has one channel of the quantity.
    """

    device: str
    quantity: str
    at: datetime
    value: float
    quality: Quality = Quality.GOOD
    statistic: str | None = None
