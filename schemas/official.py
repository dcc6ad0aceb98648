"""Series of official figures (statistics) that can be entered, with their units.

A sector is part of a series' code: "value added of construction" is one series, as it is one line
of the tables that the offices exchange (GDP by sector, 205-1 表, electricity by sector).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class Of(StrEnum):
    """Whom a figure is of."""

    COUNTY = "county"
    ENTERPRISE = "enterprise"


class Prices(StrEnum):
    """Which price bases a series may be in."""

    NONE = "none"  # not in money
    LEVEL = "level"  # at current prices, or at constant ones of a base year
    RATE = "rate"  # at constant (comparable) prices, which has to be said
    IMPLIED = "implied"  # at constant prices by definition


class State(StrEnum):
    """How final a figure is."""

    FLASH = "flash"  # 快报; there is none of GDP
    PRELIMINARY = "preliminary"  # 初步核算
    VERIFIED = "verified"  # 最终核实


FINALITY = {State.FLASH: 0, State.PRELIMINARY: 1, State.VERIFIED: 2}
CURRENT, CONSTANT = "current", "constant"
BASE_YEARS = tuple(str(year) for year in range(1990, 2100, 5))  # the base changes every five years


@dataclass(frozen=True, slots=True)
class Series:
    """One official series; ``unit`` is what is stored, empty where it is that of the product.

    ``panel`` marks growth over a panel of comparable firms (同口径), not of the levels.
    """

    code: str
    zh: str
    en: str
    unit: str
    of: tuple[Of, ...] = (Of.COUNTY,)
    prices: Prices = Prices.NONE
    sector: str | None = None
    growth: str | None = None  # the series of its growth
    panel: bool = False
    signed: bool = False  # may be negative
    by_product: bool = False


BOTH = (Of.COUNTY, Of.ENTERPRISE)
MONEY = "万元"
GDP = ("gdp", "gdp_growth")  # verified a year later; never a flash figure
# code, growth, sector, names
_VALUE_ADDED = (
    ("gdp", "gdp_growth", None, "地区生产总值", "GDP"),
    ("primary_sector_value_added", "primary_sector_value_added_growth", "primary",
     "第一产业增加值", "value added of the primary sector"),
    ("all_industry_value_added", "all_industry_value_added_growth", "industry",
     "工业增加值", "value added of industry"),
    ("industrial_value_added", "industrial_value_added_growth", "industry_above_scale",
     "规模以上工业增加值", "value added of industry above scale"),
    ("construction_value_added", "construction_value_added_growth", "construction",
     "建筑业增加值", "value added of construction"),
    ("services_value_added", "services_value_added_growth", "services",
     "第三产业增加值", "value added of services"),
)  # fmt: skip
_ENERGY = (
    ("energy_total", "energy_growth", None, "能源消费总量（等价值）", "energy consumption"),
    ("industrial_energy", "industrial_energy_growth", "industry_above_scale",
     "规模以上工业综合能源消费量（205-1表，等价值）", "energy of industry above scale"),
    ("below_scale_energy", "below_scale_energy_growth", "industry_below_scale",
     "规模以下工业能源消费量（等价值）", "energy of industry below scale"),
    ("primary_sector_energy", "primary_sector_energy_growth", "primary",
     "第一产业能源消费量（等价值）", "energy of the primary sector"),
    ("construction_energy", "construction_energy_growth", "construction",
     "建筑业能源消费量（等价值）", "energy of construction"),
    ("services_energy", "services_energy_growth", "services",
     "第三产业能源消费量（等价值）", "energy of services"),
    ("households_energy", "households_energy_growth", "households",
     "居民生活能源消费量（等价值）", "energy of households"),
)  # fmt: skip
_ELECTRICITY = (
    ("electricity_total", "electricity_growth", None, "全社会用电量", "electricity use"),
    ("industry_electricity", "industry_electricity_growth", "industry",
     "工业用电量", "electricity of industry"),
    ("high_energy_electricity", "high_energy_electricity_growth", "high_energy_industry",
     "高耗能行业用电量", "electricity of energy-intensive industries"),
    ("primary_sector_electricity", "primary_sector_electricity_growth", "primary",
     "第一产业用电量", "electricity of the primary sector"),
    ("construction_electricity", "construction_electricity_growth", "construction",
     "建筑业用电量", "electricity of construction"),
    ("services_electricity", "services_electricity_growth", "services",
     "第三产业用电量", "electricity of services"),
    ("households_electricity", "households_electricity_growth", "households",
     "居民生活用电量", "electricity of households"),
)  # fmt: skip
ABOVE_SCALE = "industry_above_scale"
_GROWTH_NAMES = {  # 增速 of the short name, as the offices say it
    "energy_total": ("能源消费总量增速", "growth of energy consumption"),
    "industrial_energy": (
        "规模以上工业综合能源消费量增速",
        "growth of energy of industry above scale",
    ),
}


def _with_growth(
    rows: tuple[tuple[str, str, str | None, str, str], ...],
    unit: str,
    prices: Prices = Prices.NONE,
    of: dict[str, tuple[Of, ...]] | None = None,
) -> Iterator[Series]:
    """Yield levels, and their growth in percent."""
    of_growth = Prices.RATE if prices is Prices.LEVEL else Prices.NONE
    for code, growth, sector, zh, en in rows:
        of_whom = (of or {}).get(code, (Of.COUNTY,))
        yield Series(code, zh, en, unit, of_whom, prices, sector, growth)
        names = f"{zh.removesuffix('（等价值）')}增速", f"growth of {en}"
        names = _GROWTH_NAMES.get(code, names)
        is_panel = sector == ABOVE_SCALE
        yield Series(
            growth, *names, "%", prices=of_growth, sector=sector, panel=is_panel, signed=True
        )


def _reduction(code: str, zh: str, en: str) -> Series:
    return Series(code, zh, en, "%", prices=Prices.IMPLIED, signed=True)


SERIES = {
    series.code: series
    for series in (
        _reduction("intensity_reduction", "单位GDP能耗降低率", "reduction of energy intensity"),
        _reduction(
            "industrial_intensity_reduction",
            "规模以上工业单位增加值能耗降低率",
            "reduction of energy per value added of industry above scale",
        ),
        _reduction(
            "carbon_intensity_reduction",
            "单位GDP二氧化碳排放降低率",
            "reduction of carbon intensity",
        ),
        *_with_growth(_VALUE_ADDED, MONEY, Prices.LEVEL),
        Series("value_added", "企业增加值", "value added of an enterprise", MONEY,
               (Of.ENTERPRISE,), Prices.LEVEL, signed=True),
        Series("gross_output", "工业总产值", "gross output", MONEY, BOTH, Prices.LEVEL),
        Series("population", "常住人口", "resident population", "人"),
        Series("product_output", "产品产量", "output of a product", "", BOTH, by_product=True),
        *_with_growth(_ENERGY, "tce", of={"industrial_energy": BOTH}),
        Series("industrial_feedstock_energy", "规模以上工业能源消费用于原材料（205-1表）",
               "energy of industry above scale used as raw material", "tce", BOTH,
               sector=ABOVE_SCALE),
        *_with_growth(_ELECTRICITY, "kWh"),
        Series("gas_deliveries", "天然气供应量", "gas delivered", "m³"),
        Series("heat_deliveries", "供热量", "heat delivered", "GJ"),
        Series("coal_deliveries", "煤炭供应量", "coal delivered", "t"),
        Series("feedstock_energy", "原料用能", "feedstock energy", "tce", BOTH),
        Series("renewable_electricity", "可再生能源电力消费量", "renewable electricity", "kWh",
               BOTH),
        Series("nuclear_electricity", "核电消费量", "nuclear electricity", "kWh", BOTH),
        Series("single_listed_energy", "国家重大项目单列能耗", "single-listed energy", "tce",
               BOTH),
        *_with_growth(
            (("carbon_emissions", "carbon_growth", None, "二氧化碳排放量", "carbon emissions"),),
            "tCO2",
        ),
        Series("industrial_water", "工业用水量", "water of industry", "m³", BOTH,
               sector="industry"),
    )
}  # fmt: skip
