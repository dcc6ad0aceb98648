"""The data codes of NHJC (采集数据编码), 16 digits: their parts, and what to map one to.

The dictionaries of the standard were not at hand. Carriers are those of one platform's
dictionary (2020), units are those of statistical reporting; both only suggest, until somebody
confirms the mapping of a code.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

LENGTH = 16
SOURCE = "平台字典（2020 年副本），待确认"
ENERGY_CLASSES: Mapping[str, str] = {
    "01": "一次能源",
    "02": "二次能源",
    "03": "耗能工质",
    "04": "非能源类产品",
    "05": "一次能源折标系数",
    "06": "二次能源折标系数",
    "07": "耗能工质折标系数",
    "08": "能效指标",
    "09": "经济指标",
    "10": "其它数据",
}
CARRIER_CLASSES = {"01", "02"}
# energyTypeCode -> name, our quantity and the unit it is usually reported in, where we have it
ENERGY_TYPES: Mapping[str, tuple[str, str | None, str | None]] = {
    "0000": ("综合能耗", None, None),
    "0100": ("原煤", "raw_coal", "t"),
    "0102": ("无烟煤", "anthracite", "t"),
    "0103": ("炼焦烟煤", "bituminous_coal", "t"),
    "0104": ("一般烟煤", "bituminous_coal", "t"),
    "0105": ("褐煤", "lignite", "t"),
    "0600": ("洗精煤", "washed_coal", "t"),
    "0700": ("其它洗煤", "other_washed_coal", "t"),
    "0800": ("煤制品", "briquettes", "t"),
    "0900": ("焦炭", "coke", "t"),
    "1000": ("其它焦化产品", None, None),
    "1100": ("焦炉煤气", "coke_oven_gas", "万m³"),
    "1200": ("高炉煤气", "blast_furnace_gas", "万m³"),
    "1300": ("转炉煤气", "converter_gas", "万m³"),
    "1400": ("发生炉煤气", "producer_gas", "万m³"),
    "1500": ("天然气（气态）", "natural_gas", "万m³"),
    "1600": ("液化天然气", "lng", "t"),
    "1700": ("煤层气（煤田）", None, None),
    "1800": ("原油", "crude_oil", "t"),
    "1900": ("汽油", "gasoline", "t"),
    "2000": ("煤油", "kerosene", "t"),
    "2100": ("柴油", "diesel", "t"),
    "2200": ("燃料油", "fuel_oil", "t"),
    "2300": ("液化石油气", "lpg", "t"),
    "2400": ("炼厂干气", "refinery_gas", "t"),
    "2500": ("石脑油", None, None),
    "2600": ("润滑油", None, None),
    "2700": ("石蜡", None, None),
    "2800": ("溶剂油", None, None),
    "2900": ("石油焦", "petroleum_coke", "t"),
    "3000": ("石油沥青", None, None),
    "3100": ("其他石油制品", None, None),
    "3200": ("热力", "heat", "GJ"),
    "3300": ("电力", "electricity", "万kWh"),
    "3400": ("煤矸石（燃料）", "coal_gangue", "t"),
    "3500": ("城市生活垃圾（燃料）", None, None),
    "3600": ("生物质废料（燃料）", None, None),
    "3700": ("余热余压", None, None),
    "3800": ("其它工业废料（燃料）", None, None),
    "3900": ("其它燃料", None, None),
    "4000": ("乙醇燃料", "ethanol_fuel", "t"),
}


@dataclass(frozen=True, slots=True)
class DataCode:
    """The parts of a data code; zeros where it is of the whole plant or process."""

    process: str
    unit: str
    equipment_type: str
    equipment_number: str
    energy_class: str
    energy_type: str
    usage: str  # its dictionary is not known

    @property
    def scope(self) -> int:
        """Return 1 for the whole plant, 2 a process, 3 a unit of one, 4 an equipment."""
        parts = (self.process, self.unit, self.equipment_type + self.equipment_number)
        return 1 + max((place for place, part in enumerate(parts, 1) if int(part)), default=0)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What a code may be mapped to; never mapped without somebody's word."""

    energy_class: str | None
    energy: str | None
    quantity: str | None
    unit: str | None
    scope: int
    source: str = SOURCE


def parse(code: str) -> DataCode | None:
    """Return the parts of a code without dashes; None where it is none of 16 digits."""
    if len(code) != LENGTH or not (code.isascii() and code.isdigit()):
        return None
    bounds = (0, 2, 4, 6, 8, 10, 14, 16)
    return DataCode(*(code[start:stop] for start, stop in pairwise(bounds)))


def suggest(code: str) -> Suggestion | None:
    """Return what a code may be mapped to; None where its structure says nothing."""
    parts = parse(code)
    if parts is None:
        return None
    name, quantity, unit = ENERGY_TYPES.get(parts.energy_type, (None, None, None))
    if parts.energy_class not in CARRIER_CLASSES:
        name = name if parts.energy_type == "0000" else None
        quantity = unit = None
    return Suggestion(ENERGY_CLASSES.get(parts.energy_class), name, quantity, unit, parts.scope)
