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


class Label(StrEnum):
    """Which end of its period the instant of a value names."""

    START = "start"
    END = "end"


class EventKind(StrEnum):
    """What happened to a device."""

    REPLACEMENT = "replacement"
    CALIBRATION = "calibration"


# Length of the period that a value stands for, in seconds; None: an instant.
STATISTICS: dict[str, int | None] = {
    "instant": None,
    "minute.mean": 60,
    "minute.total": 60,
    "quarter.mean": 900,
    "quarter.total": 900,
    "hour.mean": 3_600,
    "hour.mean_corrected": 3_600,
    "hour.total": 3_600,
    "day.mean": 86_400,
    "day.total": 86_400,
}


@dataclass(frozen=True, slots=True)
class Channel:
    """One quantity of one device in one statistic, as far as collectors need it."""

    channel_id: int
    enterprise_id: int
    in_service_from: datetime
    in_service_to: datetime | None
