"""The register of a cumulative meter: from dials to amounts.

Between two readings the dial is taken to move evenly, so within one dial the buckets add up to
the last reading minus the first, whatever the spacing and however long the gap.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from service.domain.segments import Flag, Segment, settle

NEAR_WIDTH = 0.9  # a dial that rolls over stood at this share of its width or above
BRIDGED = 2.0  # expected intervals; a longer gap is not measured, its amount is estimated


@dataclass(frozen=True, slots=True)
class Reading:
    """A usable reading: seconds since 1970 UTC, and the dial in the device's unit."""

    at: float
    value: float
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class Replacement:
    """The old dial's last stand and the new dial's first, at one instant."""

    at: float
    closing: float
    opening: float


@dataclass(frozen=True, slots=True)
class Setting:
    """What is in force from an instant to the next setting's: ratio × unit, and the dial's width.

    ``factor`` turns the dial's unit into the catalogue's. A width of None never rolls over.
    """

    valid_from: float
    factor: float = 1.0
    width: float | None = None


@dataclass(frozen=True, slots=True)
class Register:
    """How a dial is read. ``plausible_rate`` is in the dial's unit per hour."""

    expected_interval_s: float
    settings: Sequence[Setting] = (Setting(0.0),)
    replacements: Sequence[Replacement] = ()
    plausible_rate: float | None = None


@dataclass(frozen=True, slots=True)
class _Stand:
    """What the dial showed up to an instant and from it on; they differ at a replacement."""

    at: float
    closing: float
    opening: float
    flags: Flag = field(default=Flag.NONE)


def setting_at(settings: Sequence[Setting], at: float) -> Setting:
    """Return the setting in force; before the first one, the first."""
    in_force = settings[0]
    for setting in settings:
        if setting.valid_from <= at:
            in_force = setting
    return in_force


def steps(register: Register, readings: Sequence[Reading]) -> Iterator[Segment]:
    """Yield what accrued between usable readings, given in order of time.

    A change of ratio splits a step. The verdict on a fall of the dial rests on its two readings,
    the dial's settings and known replacements only.
    """
    for before, after in pairwise(_stands(register, readings)):
        amount, flags = _accrued(register, before, after)
        seconds = after.at - before.at
        measured = (
            seconds <= BRIDGED * register.expected_interval_s
            and not flags & Flag.RESET
            and not after.flags & Flag.ESTIMATED
        )
        flags |= before.flags & Flag.REPLACEMENT | after.flags & Flag.ESTIMATED
        for start, stop, factor in _parts(register.settings, before.at, after.at):
            part = amount * factor * (stop - start) / seconds
            yield Segment(start, stop, part, None, measured, flags)


def _stands(register: Register, readings: Sequence[Reading]) -> list[_Stand]:
    """Return readings and replacements in order; at a replacement its own stands count."""
    replaced = {replacement.at for replacement in register.replacements}
    stands = [
        _Stand(
            reading.at,
            settle(reading.value),
            settle(reading.value),
            Flag.ESTIMATED if reading.estimated else Flag.NONE,
        )
        for reading in readings
        if reading.at not in replaced
    ]
    stands += [
        _Stand(
            replacement.at,
            settle(replacement.closing),
            settle(replacement.opening),
            Flag.REPLACEMENT,
        )
        for replacement in register.replacements
    ]
    return sorted(stands, key=lambda stand: stand.at)


def _accrued(register: Register, before: _Stand, after: _Stand) -> tuple[float, Flag]:
    """Return what the dial moved, in its own unit, and why it fell if it did."""
    if after.closing >= before.opening:
        return after.closing - before.opening, Flag.NONE
    width = setting_at(register.settings, before.at).width
    if width is not None and before.opening >= NEAR_WIDTH * width:
        wrapped = after.closing + width - before.opening
        if register.plausible_rate is not None:
            most = register.plausible_rate * (after.at - before.at) / 3600
        else:
            most = (1 - NEAR_WIDTH) * width
        if 0 <= wrapped <= most:
            return wrapped, Flag.ROLLOVER
    return 0.0, Flag.RESET


def _parts(
    settings: Sequence[Setting], start: float, stop: float
) -> Iterator[tuple[float, float, float]]:
    """Yield [start, stop) cut where a setting changes, with the factor of each part."""
    cuts = [setting.valid_from for setting in settings[1:] if start < setting.valid_from < stop]
    for first, last in pairwise([start, *cuts, stop]):
        yield first, last, setting_at(settings, first).factor
