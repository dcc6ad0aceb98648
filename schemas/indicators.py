"""Indicator values: what an analyzer measured and a rule judged."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Any


class Level(IntEnum):
    """Severity; the printed label (一级 …) belongs to the rule set, because its order differs."""

    GREEN = 0
    YELLOW = 1
    ORANGE = 2
    RED = 3


class Stage(StrEnum):
    """正式, 研判, 线索."""

    OFFICIAL = "official"
    PROVISIONAL = "provisional"
    LEAD = "lead"


class Dimension(StrEnum):
    """Dimensions are never merged."""

    INTENSITY = "intensity"
    TOTAL = "total"
    CARBON = "carbon"
    AIR = "air"
    WATER = "water"
    DATA_QUALITY = "data_quality"


class Basis(StrEnum):
    """口径 of a figure; each figure names one."""

    CALORIFIC = "calorific"  # 当量值
    COAL_CONSUMPTION = "coal_consumption"  # 等价值
    OFFICIAL = "official"  # as published
    MEASURED = "measured"  # 实测
    OXYGEN_CORRECTED = "oxygen_corrected"  # 折算
    NONE = "none"  # no energy or gas basis applies (completeness)


class SubjectKind(StrEnum):
    """What a figure or an alert is about."""

    COUNTY = "county"
    ENTERPRISE = "enterprise"
    FACILITY = "facility"
    OUTLET = "outlet"


@dataclass(frozen=True, slots=True)
class Subject:
    """The county, enterprise, facility or outlet (with quantity) that a figure is about."""

    kind: SubjectKind
    county_code: str
    enterprise_id: int | None = None
    facility_id: int | None = None
    outlet_id: int | None = None
    quantity: str | None = None

    @property
    def key(self) -> str:
        """Return the text that identifies the subject in tables and events."""
        match self.kind:
            case SubjectKind.COUNTY:
                return f"county:{self.county_code}"
            case SubjectKind.ENTERPRISE:
                return f"enterprise:{self.enterprise_id}"
            case SubjectKind.FACILITY:
                return f"facility:{self.facility_id}"
            case SubjectKind.OUTLET:
                return f"outlet:{self.outlet_id}:{self.quantity}"


@dataclass(frozen=True, slots=True)
class Measured:
    """One value of one indicator.

    ``period`` is a window (``24h``) or months (``2026-01..2026-09``), ``as_of`` its end.
    ``completeness`` is the share of the time measured, 0 to 1. ``inputs`` are the figures that
    the value was computed from, for whoever has to defend it.
    """

    subject: Subject
    indicator: str
    period: str
    basis: Basis
    as_of: datetime
    value: float | None
    unit: str
    target: float | None = None
    completeness: float | None = None
    range: tuple[float, float] | None = None
    inputs: dict[str, Any] = field(default_factory=dict)
