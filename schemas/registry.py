"""Who and where: the closed sets of the registry, and the channel as the collectors need it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class FacilityKind(StrEnum):
    """生产线, 产污设施, 治污设施."""

    PRODUCTION = "production"
    DISCHARGING = "discharging"
    TREATMENT = "treatment"


class DeviceKind(StrEnum):
    """What stands at the enterprise, facility or outlet."""

    METER = "meter"
    MONITOR = "monitor"
    LOGGER = "logger"


class ChannelKind(StrEnum):
    """表底数, 周期用量, 瞬时值."""

    REGISTER = "register"
    AMOUNT = "amount"
    GAUGE = "gauge"


class Role(StrEnum):
    """What the amount of a channel is in its enterprise's accounts."""

    CONSUMPTION = "consumption"
    EXPORT = "export"
    OUTPUT = "output"
    OUTLET = "outlet"
    INLET = "inlet"
    CONDITION = "condition"
    CHECK = "check"  # compared with ours, never summed into it


class Part(StrEnum):
    """What part of its enterprise's energy a channel measures, at whatever level it stands.

    The part is within the total of the level-1 meters, never added to it.
    """

    FEEDSTOCK = "feedstock"  # 原料用能
    RENEWABLE = "renewable"  # 可再生能源电力
    NUCLEAR = "nuclear"  # 核电
    SINGLE_LISTED = "single_listed"  # 能耗单列项目


class Label(StrEnum):
    """Which end of its period the instant of a value names."""

    START = "start"
    END = "end"


class EventKind(StrEnum):
    """What happened to a device."""

    REPLACEMENT = "replacement"
    CALIBRATION = "calibration"


class CalibrationResult(StrEnum):
    """检定结论: 合格, 不合格."""

    PASSED = "passed"
    FAILED = "failed"


# Length of the period that a value stands for, in seconds; None where it is no fixed one: HJ 212
# has minute data of 1 to 30 minutes, so there it is the channel's expected interval.
PERIODS: dict[str, int | None] = {
    "minute": None,
    "quarter": 900,
    "hour": 3_600,
    "day": 86_400,
    "month": None,
    "year": None,
}
_OF_PERIOD = ("mean", "min", "max", "total")
_CORRECTED = "_corrected"  # 折算: to the reference oxygen

# 统计口径: values of one clock time in different statistics never overwrite each other.
STATISTICS: tuple[str, ...] = (
    "instant",
    f"instant{_CORRECTED}",
    "cycle",  # one analysis of a periodic instrument (HJ 212-2025, CN 2013); held like an instant
    *(f"{period}.{kind}" for period in PERIODS for kind in _OF_PERIOD),
    *(f"{period}.{kind}{_CORRECTED}" for period in PERIODS for kind in _OF_PERIOD),
)
# Smallest, largest and corrected total, month and year are kept and shown, not rolled up.
ROLLED_UP: frozenset[str] = frozenset(
    statistic
    for statistic in STATISTICS
    if statistic.partition(".")[0] not in {"month", "year"}
    and not statistic.endswith((".min", ".max", ".min_corrected", ".max_corrected"))
    and not statistic.endswith(".total_corrected")
)


def is_instant(statistic: str) -> bool:
    """Tell whether a statistic has no period."""
    return "." not in statistic


def period_of(statistic: str, expected_interval_s: int) -> int | None:
    """Return the length of a statistic's period in seconds; None of an instant."""
    if is_instant(statistic):
        return None
    return PERIODS[statistic.partition(".")[0]] or expected_interval_s


@dataclass(frozen=True, slots=True)
class Channel:
    """One quantity of one device in one statistic, as far as collectors need it."""

    channel_id: int
    enterprise_id: int
    in_service_from: datetime
    in_service_to: datetime | None
