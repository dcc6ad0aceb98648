"""Golden timelines of the register, worked by hand; instants in hours, a reading each hour.

Each case says what flowed from hour to hour, in the catalogue's unit, and what is said of it.
"""

from dataclasses import dataclass, field

import pytest

from service.domain.gauges import Value, amounts, holds
from service.domain.registers import Reading, Register, Replacement, Setting, steps
from service.domain.segments import Flag, spread

HOUR = 3600.0
ROLLED, RESET, BACK = int(Flag.ROLLOVER), int(Flag.RESET), int(Flag.REVERSED)


@dataclass(frozen=True)
class Case:
    """What is known of a dial, and by the hour: what flowed, how much of it is estimated, flags."""

    shown: list[tuple[float, float]]
    flowed: list[float]
    settings: list[Setting] = field(default_factory=lambda: [Setting(0)])
    replaced: list[tuple[float, float, float]] = field(default_factory=list)
    reversible: bool = False
    rate: float | None = None
    flags: dict[int, int] = field(default_factory=dict)
    estimated: list[float] | None = None


def at(hour: float, multiplier: float = 1, width: float | None = None, scale: float = 1) -> Setting:
    return Setting(hour * HOUR, multiplier, width, scale)


THOUSAND = [at(0, width=1000)]

CASES = {
    # 998 -> 3 past 1000: 2 + 3
    "a rollover": Case([(0, 990), (1, 998), (2, 3), (3, 10)], [8, 5, 7], THOUSAND, flags={1: 1}),
    # the same with a ratio of 40, and a dial in MWh whose width is 1000 MWh
    "a rollover under a ratio": Case(
        [(0, 998), (1, 3)], [200], [at(0, 40, 1000)], flags={0: ROLLED}
    ),
    "a rollover of a dial in MWh": Case(
        [(0, 998), (1, 3)], [5000], [at(0, 1, 1000, 1000)], flags={0: ROLLED}
    ),
    # old dial 100 -> 108 at 01:30, new one 5 -> 9: 8 over 1:00-1:30, 4 over 1:30-2:00
    "a replacement between readings": Case(
        [(0, 96), (1, 100), (2, 9), (3, 12)], [4, 12, 3], replaced=[(1.5, 108, 5)], flags={1: 2}
    ),
    "the same before anybody reported it": Case(
        [(0, 96), (1, 100), (2, 9), (3, 12)], [4, 0, 3], flags={1: RESET}
    ),
    # the new meter comes with another transformer and another unit at the same instant: the old
    # one moved 8 kWh × 10, the new one 0.004 MWh × 30
    "a replacement by a meter of another unit and ratio": Case(
        [(0, 96), (1, 100), (2, 0.009), (3, 0.012)],
        [40, 80 + 120, 90],
        [at(0, 10), at(1.5, 30, None, 1000)],
        [(1.5, 108, 0.005)],
        flags={1: 2},
    ),
    # 8 on the dial in an hour, half of it under 10, half under 30
    "a ratio that changes within a step": Case(
        [(0, 100), (1, 108), (2, 110)], [4 * 10 + 4 * 30, 60], [at(0, 10), at(0.5, 30)]
    ),
    # kWh until 00:30, then MWh: 100 kWh -> 0.108 MWh is 8 kWh
    "a unit that changes within a step": Case(
        [(0, 100), (1, 0.108), (2, 0.110)], [8, 2], [at(0), at(0.5, 1, None, 1000)]
    ),
    # back again, and the step of the change is no reset although the number falls
    "a unit that changes at a reading": Case(
        [(0, 0.100), (1, 108), (2, 110)], [8, 2], [at(0, 1, None, 1000), at(1)]
    ),
    "a unit and a rollover in one step": Case(
        [(0, 998), (1, 0.003)], [5], [at(0, 1, 1000), at(0.5, 1, 1, 1000)], flags={0: ROLLED}
    ),
    "a reversible dial runs backwards": Case(
        [(0, 500), (1, 480), (2, 490)], [-20, 10], reversible=True, flags={0: BACK}
    ),
    "one that is not reversible does not": Case(
        [(0, 500), (1, 480), (2, 490)], [0, 10], flags={0: RESET}
    ),
    "a backward wrap": Case(
        [(0, 5), (1, 995), (2, 990)],
        [-10, -5],
        THOUSAND,
        reversible=True,
        flags={0: ROLLED | BACK, 1: BACK},
    ),
    "a forward wrap of a reversible dial": Case(
        [(0, 995), (1, 5)], [10], THOUSAND, reversible=True, flags={0: ROLLED}
    ),
    # 700 up or 300 down: 300 is more than a tenth of the width, so it went up
    "the smaller movement is not plausible": Case(
        [(0, 50), (1, 750)], [700], THOUSAND, reversible=True
    ),
    # 940 down or 60 up, both of a dial near its end: 60
    "of two plausible movements the smaller": Case(
        [(0, 950), (1, 10)], [60], THOUSAND, reversible=True, rate=2000, flags={0: ROLLED}
    ),
    # 30 down in an hour
    "backwards faster than the meter can": Case(
        [(0, 500), (1, 470)], [0], reversible=True, rate=25, flags={0: RESET}
    ),
    "backwards as fast as the meter can": Case(
        [(0, 500), (1, 470)], [-30], reversible=True, rate=30, flags={0: BACK}
    ),
    # nothing was heard for four hours: the amount is exact, its place in time is estimated
    "a gap": Case(
        [(0, 100), (1, 104), (5, 120)], [4, 4, 4, 4, 4], estimated=[0, 4, 4, 4, 4]
    ),
    "a gap over which the dial ran backwards": Case(
        [(0, 100), (4, 60)],
        [-10, -10, -10, -10],
        reversible=True,
        estimated=[-10] * 4,
        flags=dict.fromkeys(range(4), BACK),
    ),
    # 123.456 kWh and 0.123456 MWh are the same number only to rounding
    "a unit changes while nothing flows": Case(
        [(0, 130.3), (1, 0.1303), (2, 0.1303)], [0, 0], [at(0), at(0.5, 1, None, 1000)]
    ),
    "zero is zero": Case([(0, 100), (1, 100)], [0]),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_register_keeps_to_the_timeline(name: str) -> None:
    case = CASES[name]
    register = Register(
        HOUR,
        case.settings,
        [Replacement(when * HOUR, closing, opening) for when, closing, opening in case.replaced],
        case.rate,
        case.reversible,
    )
    shown = [Reading(when * HOUR, value) for when, value in case.shown]
    buckets = spread(steps(register, shown))
    flowed, estimated, flags = ([0.0] * len(case.flowed) for _ in range(3))
    for start, bucket in buckets.items():
        hour = int(start // HOUR)
        flowed[hour] += bucket.amount or 0.0
        estimated[hour] += bucket.estimated or 0.0
        flags[hour] = int(flags[hour]) | int(bucket.flags)
    assert flowed == pytest.approx(case.flowed)
    if case.estimated is not None:
        assert estimated == pytest.approx(case.estimated)
    assert {hour: flag for hour, flag in enumerate(flags) if flag} == case.flags


@pytest.mark.parametrize(
    ("label_is_end", "hours"), [(True, {0: 5, 1: 7}), (False, {1: 5, 2: 7})], ids=["end", "start"]
)
def test_a_label_names_the_end_or_the_start_of_its_period(
    label_is_end: bool, hours: dict[int, float]
) -> None:
    sent = [Value(1 * HOUR, 5), Value(2 * HOUR, 7)]
    found: dict[int, float] = {}
    for start, bucket in spread(amounts(sent, HOUR, label_is_end, [Setting(0)])).items():
        hour = int(start // HOUR)
        found[hour] = found.get(hour, 0.0) + (bucket.amount or 0.0)
    assert found == pytest.approx(hours)


def test_an_amount_is_in_the_unit_and_ratio_of_its_instant() -> None:
    sent = [Value(1 * HOUR, 5), Value(2 * HOUR, 0.007)]
    found = amounts(sent, HOUR, True, [Setting(0, 10), Setting(1.5 * HOUR, 30, None, 1000)])
    assert [segment.amount for segment in found] == pytest.approx([50, 210])


def test_a_gauge_stands_no_longer_than_its_hold() -> None:
    """8 from 0:00, unheard of from 0:30 (the hold) to 2:00, then 4; nothing is said of the gap."""
    segments = holds([Value(0, 8), Value(2 * HOUR, 4)], 1800, [Setting(0)])
    buckets = spread(segments)
    assert {start / HOUR: b.mean for start, b in buckets.items()} == {
        0: 8, 0.25: 8, 2: 4, 2.25: 4,
    }  # fmt: skip
    assert all(bucket.measured_s == 900 for bucket in buckets.values())
