"""What can be said against an entry about a meter, before it is made.

Instants are seconds since 1970 UTC; stands are in the unit that the device sends at the time.
"""

from dataclasses import dataclass

from service.domain.registers import (
    Register,
    Replacement,
    Stand,
    moved,
    setting_at,
    setting_before,
    stand_of,
)
from service.domain.segments import Flag


@dataclass(frozen=True, slots=True)
class Fault:
    """Why an entry is refused and what to do, in English and Chinese."""

    code: str
    detail: str
    detail_zh: str


@dataclass(frozen=True, slots=True)
class Shown:
    """What a dial showed at an instant."""

    at: float
    value: float


def check_instant(
    at: float, now: float, in_service_from: float, in_service_to: float | None
) -> Fault | None:
    """Return what is wrong with the instant of an entry."""
    if at > now:
        return Fault(
            "in_future",
            "The instant lies in the future; enter what has happened, with its offset (+08:00).",
            "时间在未来；请填写已发生的时间，并带时区（+08:00）。",
        )
    if at < in_service_from:
        return Fault(
            "before_service",
            "The instant lies before the first day in service; correct it or the register.",
            "时间早于投用日期；请更正时间或台账中的投用日期。",
        )
    if in_service_to is not None and at > in_service_to:
        return Fault(
            "after_service",
            "The instant lies after the last day in service; correct it or the register.",
            "时间晚于停用日期；请更正时间或台账中的停用日期。",
        )
    return None


def check_replacement(
    register: Register, event: Replacement, last: Shown | None, following: Shown | None
) -> Fault | None:
    """Return what is wrong with a replacement between what its two dials showed."""
    return (
        _too_wide("closing", event.closing, setting_before(register.settings, event.at).width)
        or _too_wide("opening", event.opening, setting_at(register.settings, event.at).width)
        or _closing_below(register, event, last)
        or _opening_above(register, event, following)
    )


def check_width(width: float | None, following: Shown) -> Fault | None:
    """Return what is wrong with a dial's width, given what it shows under it."""
    if width is None or following.value < width:
        return None
    return Fault(
        "width_below_reading",
        f"A dial that turns over at {width:g} cannot show {following.value:g}, as it did"
        " afterwards; correct the width.",
        f"量程（翻转值）{width:g} 的表不可能显示其后的读数 {following.value:g}；请更正量程。",
    )


def _too_wide(which: str, value: float, width: float | None) -> Fault | None:
    if value < 0:
        return Fault(
            f"{which}_negative",
            f"The {which} register is negative; enter what the dial shows.",
            f"{_ZH[which]}为负；请填写表盘显示的示数。",
        )
    if width is None or value < width:
        return None
    return Fault(
        f"{which}_above_width",
        f"The {which} register {value:g} is not below the width {width:g} at which the dial starts"
        " again at zero; correct one of them.",
        f"{_ZH[which]} {value:g} 不小于量程（翻转值）{width:g}；请更正其一。",
    )


def _closing_below(register: Register, event: Replacement, last: Shown | None) -> Fault | None:
    if last is None:
        return None
    before = stand_of(register, last.at, last.value)
    after = stand_of(register, event.at, event.opening, closing=event.closing)
    if not _falls(register, before, after):
        return None
    return Fault(
        "closing_below_last",
        f"The closing register {event.closing:g} lies below the last reading before it,"
        f" {last.value:g}; correct it, its instant, or a replacement that is missing in between.",
        f"旧表止数 {event.closing:g} 小于其前最后读数 {last.value:g}；"
        "请更正止数或时间，或先补录其间遗漏的换表。",
    )


def _opening_above(register: Register, event: Replacement, following: Shown | None) -> Fault | None:
    if following is None:
        return None
    before = stand_of(register, event.at, event.opening, closing=event.closing)
    after = stand_of(register, following.at, following.value)
    if not _falls(register, before, after):
        return None
    return Fault(
        "opening_above_next",
        f"The opening register {event.opening:g} lies above the next reading after it,"
        f" {following.value:g}; correct it or its instant.",
        f"新表起数 {event.opening:g} 大于其后首个读数 {following.value:g}；请更正起数或时间。",
    )


def _falls(register: Register, before: Stand, after: Stand) -> bool:
    return bool(moved(register, before, after)[1] & Flag.RESET)


_ZH = {"closing": "旧表止数", "opening": "新表起数"}
