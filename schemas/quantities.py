"""The catalogue of what can be measured: energy carriers, pollutants, flows, output.

Coal-equivalent coefficients are data with dates and sources and live in the table
``coefficients``; the catalogue fixes the unit that they refer to.
"""

from dataclasses import dataclass
from enum import StrEnum


class Group(StrEnum):
    """What a quantity is good for."""

    CARRIER = "carrier"  # 能源品种: has a coal equivalent
    POLLUTANT = "pollutant"  # concentration in dry gas at standard state
    FLOW = "flow"  # dry gas flow at standard state
    EMISSION = "emission"  # 排放量: totals that a monitor reports of itself (-Cou of HJ 212)
    CONDITION = "condition"  # 工况: oxygen, temperature, running state
    PRODUCT = "product"  # 产品: the denominator of unit consumption
    MEDIUM = "medium"  # 耗能工质


@dataclass(frozen=True, slots=True)
class Quantity:
    """A quantity with its one unit inside the product; devices may send others.

    ``counts_as`` is the carrier that it is an amount of, where it is another: what a meter
    registers of a carrier in the other direction is a quantity of its own.
    """

    code: str
    zh: str
    en: str
    unit: str
    group: Group
    counts_as: str | None = None

    @property
    def carrier(self) -> str:
        """Return the quantity whose coefficients apply."""
        return self.counts_as or self.code


def _rows(group: Group, *rows: tuple[str, str, str, str]) -> list[Quantity]:
    return [Quantity(code, zh, en, unit, group) for code, zh, en, unit in rows]


MASS = "_mass"  # ends the code of what is emitted of a pollutant


def _emissions(pollutants: list[Quantity]) -> list[Quantity]:
    return [
        Quantity(
            f"{each.code}{MASS}", f"{each.zh}排放量", f"{each.en}, emitted", "t", Group.EMISSION
        )
        for each in pollutants
    ]


_POLLUTANTS = _rows(
    Group.POLLUTANT,
    ("nmhc", "非甲烷总烃（以碳计）", "non-methane hydrocarbons, as carbon", "mg/m³"),
    ("benzene", "苯", "benzene", "mg/m³"),
    ("toluene", "甲苯", "toluene", "mg/m³"),
    ("xylene", "二甲苯", "xylene", "mg/m³"),
    ("so2", "二氧化硫", "sulphur dioxide", "mg/m³"),
    ("nox", "氮氧化物", "nitrogen oxides, as NO2", "mg/m³"),
    ("particulates", "颗粒物", "particulate matter", "mg/m³"),
    ("tvoc", "总挥发性有机物", "total volatile organic compounds", "mg/m³"),
    ("methane", "甲烷", "methane", "mg/m³"),
    ("hydrocarbons", "总烃", "total hydrocarbons", "mg/m³"),
    ("ethylbenzene", "乙苯", "ethylbenzene", "mg/m³"),
    ("styrene", "苯乙烯", "styrene", "mg/m³"),
    ("chlorobenzene", "氯苯类", "chlorobenzenes", "mg/m³"),
    ("ethyl_acetate", "乙酸乙酯", "ethyl acetate", "mg/m³"),
    ("formaldehyde", "甲醛", "formaldehyde", "mg/m³"),
    ("acetone", "丙酮", "acetone", "mg/m³"),
    ("methanol_gas", "甲醇（废气）", "methanol in gas", "mg/m³"),
    ("isopropanol", "异丙醇", "isopropanol", "mg/m³"),
    ("nitric_oxide", "一氧化氮", "nitric oxide", "mg/m³"),
    ("nitrogen_dioxide", "二氧化氮", "nitrogen dioxide", "mg/m³"),
    ("carbon_monoxide", "一氧化碳", "carbon monoxide", "mg/m³"),
    ("ammonia_gas", "氨（废气）", "ammonia in gas", "mg/m³"),
)

CATALOGUE: dict[str, Quantity] = {
    quantity.code: quantity
    for quantity in (
        # carriers of GB/T 2589-2020, appendix A
        *_rows(
            Group.CARRIER,
            ("electricity", "电力", "electricity", "kWh"),
            ("heat", "热力", "heat", "GJ"),
            ("raw_coal", "原煤", "raw coal", "t"),
            ("anthracite", "无烟煤", "anthracite", "t"),
            ("bituminous_coal", "烟煤", "bituminous coal", "t"),
            ("lignite", "褐煤", "lignite", "t"),
            ("washed_coal", "洗精煤", "washed coal", "t"),
            ("washed_middlings", "洗中煤", "washed middlings", "t"),
            ("coal_slime", "煤泥", "coal slime", "t"),
            ("other_washed_coal", "其它洗煤", "other washed coal", "t"),
            ("briquettes", "型煤", "briquettes", "t"),
            ("coal_gangue", "煤矸石（用作能源）", "coal gangue as fuel", "t"),
            ("coke", "焦炭", "coke", "t"),
            ("coal_tar", "煤焦油", "coal tar", "t"),
            ("crude_benzol", "粗苯", "crude benzol", "t"),
            ("crude_oil", "原油", "crude oil", "t"),
            ("fuel_oil", "燃料油", "fuel oil", "t"),
            ("gasoline", "汽油", "gasoline", "t"),
            ("kerosene", "煤油", "kerosene", "t"),
            ("diesel", "柴油", "diesel", "t"),
            ("lpg", "液化石油气", "liquefied petroleum gas", "t"),
            ("refinery_gas", "炼厂干气", "refinery gas", "t"),
            ("lng", "液化天然气", "liquefied natural gas", "t"),
            ("petroleum_coke", "石油焦", "petroleum coke", "t"),
            ("natural_gas", "天然气", "natural gas", "m³"),
            ("coke_oven_gas", "焦炉煤气", "coke oven gas", "m³"),
            ("blast_furnace_gas", "高炉煤气", "blast furnace gas", "m³"),
            ("converter_gas", "转炉煤气", "converter gas", "m³"),
            ("producer_gas", "发生炉煤气", "producer gas", "m³"),
            (
                "heavy_oil_catalytic_gas",
                "重油催化裂解煤气",
                "gas of oil, cracked by catalyst",
                "m³",
            ),
            ("heavy_oil_thermal_gas", "重油热裂解煤气", "gas of oil, cracked by heat", "m³"),
            ("coke_gasification_gas", "焦炭制气", "gas of coke", "m³"),
            ("pressure_gasification_gas", "压力气化煤气", "gas of pressure gasification", "m³"),
            ("water_gas", "水煤气", "water gas", "m³"),
            ("biogas", "沼气", "biogas", "m³"),
            ("hydrogen", "氢气", "hydrogen", "m³"),
            ("methanol_fuel", "甲醇（燃料）", "methanol as fuel", "t"),
            ("ethanol_fuel", "乙醇（燃料）", "ethanol as fuel", "t"),
            (
                "low_pressure_steam",
                "低压蒸汽",
                "low-pressure steam",
                "t",
            ),  # not in the 2020 edition
        ),
        Quantity(
            "electricity_reverse",
            "反向有功电能",
            "electricity, reverse active energy",
            "kWh",
            Group.CARRIER,
            counts_as="electricity",
        ),
        *_POLLUTANTS,
        *_rows(Group.FLOW, ("gas_flow", "标干流量", "dry gas flow at standard state", "m³/h")),
        *_emissions(_POLLUTANTS),
        *_rows(Group.EMISSION, ("gas_volume", "废气排放量", "gas emitted", "m³")),
        *_rows(
            Group.CONDITION,
            ("oxygen", "含氧量", "oxygen content", "%"),
            ("gas_temperature", "烟气温度", "gas temperature", "°C"),
            ("gas_pressure", "烟气压力", "gas pressure", "kPa"),
            ("gas_humidity", "烟气湿度", "gas humidity", "%"),
            ("gas_velocity", "烟气流速", "gas velocity", "m/s"),
            ("running_state", "运行状态", "running state", "1"),
            ("running_hours", "运行时间", "running hours", "h"),
            ("phase_voltage", "相电压", "phase voltage", "V"),
            ("current", "电流", "current", "A"),
        ),
        *_rows(
            Group.PRODUCT,
            ("ferrosilicon", "硅铁", "ferrosilicon", "t"),
            ("silicomanganese", "锰硅合金", "silicomanganese", "t"),
            ("ferrochrome", "高碳铬铁", "high-carbon ferrochrome", "t"),
            ("silicon_carbide", "碳化硅", "silicon carbide", "t"),
            ("calcium_carbide", "电石", "calcium carbide", "t"),
            ("clinker", "水泥熟料", "cement clinker", "t"),
            ("cement", "水泥", "cement", "t"),
            ("crude_steel", "粗钢", "crude steel", "t"),
            ("coke_output", "焦炭产量", "coke produced", "t"),
            ("heat_output", "供热量", "heat supplied", "GJ"),
            ("methanol", "甲醇", "methanol", "t"),
            ("ammonia", "合成氨", "ammonia", "t"),
            ("coated_area", "涂装面积", "coated area", "m²"),
            ("printed_area", "印刷面积", "printed area", "m²"),
            ("glass", "玻璃", "glass", "t"),
        ),
        # media of GB/T 2589-2020, appendix B; the codes of two are not those of what is measured
        # (oxygen content) or made (carbide)
        *_rows(
            Group.MEDIUM,
            ("fresh_water", "新水", "fresh water", "t"),
            ("softened_water", "软化水", "softened water", "t"),
            ("deaerated_water", "除氧水", "deaerated water", "t"),
            ("compressed_air", "压缩空气", "compressed air", "m³"),
            ("oxygen_gas", "氧气（耗能工质）", "oxygen as a medium", "m³"),
            ("nitrogen_byproduct", "氮气（做副产品时）", "nitrogen, a by-product", "m³"),
            ("nitrogen_main", "氮气（做主产品时）", "nitrogen, a main product", "m³"),
            ("carbon_dioxide", "二氧化碳气（耗能工质）", "carbon dioxide as a medium", "m³"),
            ("acetylene", "乙炔", "acetylene", "m³"),
            ("carbide_medium", "电石（耗能工质）", "calcium carbide as a medium", "t"),
        ),
    )
}
MEDIA: frozenset[str] = frozenset(
    code for code, quantity in CATALOGUE.items() if quantity.group is Group.MEDIUM
)

# What counts as another carrier -> that carrier.
COUNTS_AS: dict[str, str] = {
    code: quantity.counts_as
    for code, quantity in CATALOGUE.items()
    if quantity.counts_as is not None
}

UNITS: dict[str, tuple[str, float]] = {
    # unit a device may send -> (catalogue unit, catalogue units in one of it)
    "kWh": ("kWh", 1.0),
    "MWh": ("kWh", 1_000.0),
    "万kWh": ("kWh", 10_000.0),
    "GJ": ("GJ", 1.0),
    "MJ": ("GJ", 0.001),
    "t": ("t", 1.0),
    "kg": ("t", 0.001),
    "g": ("t", 1e-6),
    "m³": ("m³", 1.0),
    "万m³": ("m³", 10_000.0),
    "m³/h": ("m³/h", 1.0),
    "m³/s": ("m³/h", 3_600.0),
    "mg/m³": ("mg/m³", 1.0),
    "µg/m³": ("mg/m³", 0.001),
    "g/m³": ("mg/m³", 1_000.0),
    "%": ("%", 1.0),
    "ng/m³": ("mg/m³", 1e-6),
    "°C": ("°C", 1.0),
    "kPa": ("kPa", 1.0),
    "Pa": ("kPa", 0.001),
    "m/s": ("m/s", 1.0),
    "h": ("h", 1.0),
    "V": ("V", 1.0),
    "A": ("A", 1.0),
    "1": ("1", 1.0),
    "m²": ("m²", 1.0),
}
