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
    """口径 of a figure; each figure names one.

    Of energy it is the method of coal equivalent, or that the figure is as published, and behind
    the dot what was taken off (`service.domain.bases`).
    """

    CALORIFIC = "calorific"  # 当量值
    CALORIFIC_LESS_FEEDSTOCK = "calorific.less_feedstock"
    CALORIFIC_LESS_NEW_RENEWABLES = "calorific.less_new_renewables"
    CALORIFIC_LESS_NON_FOSSIL = "calorific.less_non_fossil"
    CALORIFIC_LESS_SINGLE_LISTED = "calorific.less_single_listed"
    COAL_CONSUMPTION = "coal_consumption"  # 等价值
    COAL_CONSUMPTION_LESS_FEEDSTOCK = "coal_consumption.less_feedstock"
    COAL_CONSUMPTION_LESS_NEW_RENEWABLES = "coal_consumption.less_new_renewables"
    COAL_CONSUMPTION_LESS_NON_FOSSIL = "coal_consumption.less_non_fossil"
    COAL_CONSUMPTION_LESS_SINGLE_LISTED = "coal_consumption.less_single_listed"
    OFFICIAL = "official"  # as published
    OFFICIAL_LESS_FEEDSTOCK = "official.less_feedstock"
    OFFICIAL_LESS_NEW_RENEWABLES = "official.less_new_renewables"
    OFFICIAL_LESS_NON_FOSSIL = "official.less_non_fossil"
    OFFICIAL_LESS_SINGLE_LISTED = "official.less_single_listed"
    CARBON = "carbon"  # CO2 of fuels and purchased electricity and heat
    CARBON_LESS_FEEDSTOCK = "carbon.less_feedstock"
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
    ``completeness`` is the share of the time measured, ``estimated`` the share of the value that
    was spread over gaps, both 0 to 1. ``inputs`` are the figures that the value was computed
    from, for whoever has to defend it; where there is none, ``unknown`` among them says why.
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
    estimated: float | None = None
    range: tuple[float, float] | None = None
    inputs: dict[str, Any] = field(default_factory=dict)

    @property
    def is_unknown_for_a_reason(self) -> bool:
        """Whether there is no value and the inputs say why."""
        return self.value is None and bool(self.inputs.get("unknown"))
