"""Values that stand for a while: gauges with a hold, and values of a period."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from service.domain.registers import Setting, setting_at
from service.domain.segments import Flag, Segment, settle


@dataclass(frozen=True, slots=True)
class Value:
    """A value as it arrived; one that is not usable ends the hold of the one before it."""

    at: float
    value: float
    usable: bool = True
    estimated: bool = False


def holds(values: Sequence[Value], hold_s: float, settings: Sequence[Setting]) -> Iterator[Segment]:
    """Yield how long each instantaneous value stood: to the next one, at most for the hold."""
    ends = [after.at for _, after in pairwise(values)]
    for value, next_at in zip(values, [*ends, float("inf")], strict=True):
        if value.usable:
            factor = setting_at(settings, value.at).factor
            stop = min(next_at, value.at + hold_s)
            yield Segment(value.at, stop, None, settle(value.value) * factor, True, _flags(value))


def means(
    values: Sequence[Value], period_s: float, label_is_end: bool, settings: Sequence[Setting]
) -> Iterator[Segment]:
    """Yield the periods of values that are means of their period."""
    for value, start in _periods(values, period_s, label_is_end):
        factor = setting_at(settings, value.at).factor
        yield Segment(
            start, start + period_s, None, settle(value.value) * factor, True, _flags(value)
        )


def amounts(
    values: Sequence[Value], period_s: float, label_is_end: bool, settings: Sequence[Setting]
) -> Iterator[Segment]:
    """Yield the periods of values that are the quantity of their period."""
    for value, start in _periods(values, period_s, label_is_end):
        factor = setting_at(settings, value.at).factor
        yield Segment(
            start,
            start + period_s,
            settle(value.value) * factor,
            None,
            not value.estimated,
            _flags(value),
        )


def _periods(
    values: Sequence[Value], period_s: float, label_is_end: bool
) -> Iterator[tuple[Value, float]]:
    for value in values:
        if value.usable:
            yield value, value.at - period_s if label_is_end else value.at


def _flags(value: Value) -> Flag:
    return Flag.ESTIMATED if value.estimated else Flag.NONE
