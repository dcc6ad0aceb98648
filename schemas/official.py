"""Series of official figures (statistics) that can be entered, with their units."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Series:
    """One official series; ``constant_price`` ones are refused at current prices."""

    code: str
    zh: str
    en: str
    unit: str
    constant_price: bool = False


SERIES = {
    series.code: series
    for series in (
        Series("intensity_reduction", "单位GDP能耗降低率", "reduction of energy intensity", "%"),
        Series("energy_growth", "能源消费总量增速", "growth of energy consumption", "%"),
        Series("gdp_growth", "地区生产总值增速", "growth of GDP", "%", constant_price=True),
        Series("energy_total", "能源消费总量（等价值）", "energy consumption", "tce"),
        Series(
            "industrial_energy",
            "规模以上工业综合能源消费量（205-1表，等价值）",
            "energy of industry above scale",
            "tce",
        ),
        Series(
            "industrial_energy_growth",
            "规模以上工业综合能源消费量增速",
            "growth of energy of industry above scale",
            "%",
        ),
        Series(
            "industrial_value_added_growth",
            "规模以上工业增加值增速",
            "growth of value added of industry above scale",
            "%",
            constant_price=True,
        ),
        Series("electricity_growth", "全社会用电量增速", "growth of electricity use", "%"),
    )
}
