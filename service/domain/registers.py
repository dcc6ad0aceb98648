"""The register of a cumulative meter: from dials to amounts.

Between two readings the dial is taken to move evenly, so within one dial the buckets add up to
the last reading minus the first, whatever the spacing and however long the gap.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from service.domain.segments import Flag, Segment, settle

NEAR_WIDTH = 0.9  # a dial that rolls over stood at this share of its width or above
NEAR_ZERO = 0.1  # and one that goes back through zero at this share or below
ROUNDING = 1e-9  # of a stand: a fall by no more is that of a number in another unit
BRIDGED = 2.0  # expected intervals; a longer gap is not measured, its amount is estimated


@dataclass(frozen=True, slots=True)
class Reading:
    """A usable reading: seconds since 1970 UTC, and the dial in the device's unit."""

    at: float
    value: float
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class Replacement:
    """The old dial's last stand and the new dial's first, at one instant.

    The closing one is in the unit in force before that instant, the opening one from it on.
    """

    at: float
    closing: float
    opening: float


@dataclass(frozen=True, slots=True)
class Setting:
    """What is in force from an instant to the next setting's: ratio, the dial's width, its unit.

    ``scale`` turns the unit in which readings are sent into the catalogue's, ``multiplier`` what
    the dial moved into what flowed. ``width`` is in the unit sent; None never rolls over.
    """

    valid_from: float
    multiplier: float = 1.0
    width: float | None = None
    scale: float = 1.0

    @property
    def factor(self) -> float:
        """Return what turns a value that is no dial's into the catalogue's unit."""
        return self.multiplier * self.scale


@dataclass(frozen=True, slots=True)
class Register:
    """How a dial is read. ``plausible_rate`` is in the catalogue's unit per hour on the dial."""

    expected_interval_s: float
    settings: Sequence[Setting] = (Setting(0.0),)
    replacements: Sequence[Replacement] = ()
    plausible_rate: float | None = None
    reversible: bool = False  # 双向: it may run backwards


@dataclass(frozen=True, slots=True)
class Stand:
    """What the dial showed up to an instant and from it on; they differ at a replacement.

    All in the catalogue's unit, before the multiplier; ``width`` is the dial's from it on.
    """

    at: float
    closing: float
    opening: float
    width: float | None = None
    flags: Flag = field(default=Flag.NONE)


def setting_at(settings: Sequence[Setting], at: float) -> Setting:
    """Return the setting in force; before the first one, the first."""
    in_force = settings[0]
    for setting in settings:
        if setting.valid_from <= at:
            in_force = setting
    return in_force


def setting_before(settings: Sequence[Setting], at: float) -> Setting:
    """Return the setting in force up to an instant."""
    in_force = settings[0]
    for setting in settings:
        if setting.valid_from < at:
            in_force = setting
    return in_force


def steps(register: Register, readings: Sequence[Reading]) -> Iterator[Segment]:
    """Yield what accrued between usable readings, given in order of time.

    A change of ratio splits a step. The verdict on a fall of the dial rests on its two readings,
    the dial's settings and known replacements only.
    """
    for before, after in pairwise(_stands(register, readings)):
        amount, flags = moved(register, before, after)
        seconds = after.at - before.at
        measured = (
            seconds <= BRIDGED * register.expected_interval_s
            and not flags & Flag.RESET
            and not after.flags & Flag.ESTIMATED
        )
        flags |= before.flags & Flag.REPLACEMENT | after.flags & Flag.ESTIMATED
        for start, stop, multiplier in _parts(register.settings, before.at, after.at):
            part = amount * multiplier * (stop - start) / seconds
            yield Segment(start, stop, part, None, measured, flags)


def moved(register: Register, before: Stand, after: Stand) -> tuple[float, Flag]:
    """Return how far the dial moved, in the catalogue's unit, and what is to be said of it.

    A rise is what it is and a fall is a reset, with two exceptions. The dial may have gone the
    other way round through zero: up, and a reversible one also down. That needs a dial which stood
    within a tenth of its width of the end that it passed, and a movement that is plausible: no more
    than the plausible rate allows, or a tenth of the width where none is known; of a reversible
    dial it must also be the smaller of the two movements. And a reversible dial may have run
    backwards, no faster than the plausible rate if one is known.
    """
    direct = _direct(before, after)
    hours = (after.at - before.at) / 3600
    fastest = None if register.plausible_rate is None else register.plausible_rate * hours
    round_zero = _round_zero(register, before, after, fastest)
    if round_zero is not None:
        return round_zero, Flag.ROLLOVER | (Flag.REVERSED if round_zero < 0 else Flag.NONE)
    if direct >= 0:
        return direct, Flag.NONE
    if register.reversible and (fastest is None or -direct <= fastest):
        return direct, Flag.REVERSED
    return 0.0, Flag.RESET


def _round_zero(
    register: Register, before: Stand, after: Stand, fastest: float | None
) -> float | None:
    """Return the movement through zero if it is what happened."""
    width, direct = before.width, _direct(before, after)
    if width is None or direct == 0:
        return None
    if direct < 0:
        is_near, wrapped = before.opening >= NEAR_WIDTH * width, after.closing + width
    else:
        is_near = register.reversible and before.opening <= NEAR_ZERO * width
        wrapped = after.closing - width
    wrapped -= before.opening
    most = NEAR_ZERO * width if fastest is None else fastest
    if not is_near or wrapped * direct > 0 or abs(wrapped) > most:
        return None
    return None if register.reversible and abs(wrapped) >= abs(direct) else wrapped


def _direct(before: Stand, after: Stand) -> float:
    direct = after.closing - before.opening
    return 0.0 if -ROUNDING * abs(before.opening) <= direct < 0 else direct


def _stands(register: Register, readings: Sequence[Reading]) -> list[Stand]:
    """Return readings and replacements in order; at a replacement its own stands count."""
    replaced = {replacement.at for replacement in register.replacements}
    stands = [
        stand_of(
            register,
            reading.at,
            reading.value,
            Flag.ESTIMATED if reading.estimated else Flag.NONE,
        )
        for reading in readings
        if reading.at not in replaced
    ]
    stands += [
        stand_of(register, event.at, event.opening, Flag.REPLACEMENT, event.closing)
        for event in register.replacements
    ]
    return sorted(stands, key=lambda stand: stand.at)


def stand_of(
    register: Register,
    at: float,
    opening: float,
    flags: Flag = Flag.NONE,
    closing: float | None = None,
) -> Stand:
    """Return a stand in the catalogue's unit of what was read in the unit in force.

    Only a replacement closes another dial than it opens.
    """
    setting = setting_at(register.settings, at)
    opened = settle(opening) * setting.scale
    closed = opened
    if closing is not None:
        closed = settle(closing) * setting_before(register.settings, at).scale
    width = None if setting.width is None else setting.width * setting.scale
    return Stand(at, closed, opened, width, flags)


def _parts(
    settings: Sequence[Setting], start: float, stop: float
) -> Iterator[tuple[float, float, float]]:
    """Yield [start, stop) cut where a setting changes, with the multiplier of each part."""
    cuts = [setting.valid_from for setting in settings[1:] if start < setting.valid_from < stop]
    for first, last in pairwise([start, *cuts, stop]):
        yield first, last, setting_at(settings, first).multiplier
