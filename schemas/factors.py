"""Factors of HJ 212 (污染因子编码): what a code means where a channel does not say otherwise.

HJ 212-2017, table B.2 after HJ 524, as read in its official text. Units and bases are where
registration begins, never what is assumed of a channel: monitors are seen to send methane in
mg/m³ and flow in m³/h against the table.
"""

from dataclasses import dataclass

DRY = "dry, standard state"  # of HJ 212-2017 for factors of flue gas
AS_CARBON = "dry, standard state, as carbon"  # 以碳计: HJ 38


@dataclass(frozen=True, slots=True)
class Factor:
    """A code, the quantity that it means, and the unit and basis of its source."""

    code: str
    quantity: str
    unit: str
    basis: str | None = None
    total_unit: str | None = None  # of -Cou
    code_2005: str | None = None
    source: str = "HJ 212-2017, table B.2"


_MASS = "kg"
FACTORS: dict[str, Factor] = {
    factor.code: factor
    for factor in (
        Factor("a00000", "gas_flow", "m³/s", DRY, "m³", "B02"),
        Factor("a01011", "gas_velocity", "m/s", code_2005="S02"),
        Factor("a01012", "gas_temperature", "°C", code_2005="S03"),
        Factor("a01013", "gas_pressure", "kPa", code_2005="S08"),
        Factor("a01014", "gas_humidity", "%", code_2005="S05"),
        Factor("a19001", "oxygen", "%", code_2005="S01"),
        Factor("a24088", "nmhc", "mg/m³", AS_CARBON, _MASS),
        Factor("a05002", "methane", "ng/m³", DRY, "g"),
        Factor("a24087", "hydrocarbons", "mg/m³", DRY, _MASS, "25"),
        Factor("a25002", "benzene", "mg/m³", DRY, _MASS),
        Factor("a25003", "toluene", "mg/m³", DRY, _MASS, "17"),
        Factor("a25004", "ethylbenzene", "mg/m³", DRY, _MASS),
        Factor("a25005", "xylene", "mg/m³", DRY, _MASS, "18"),
        Factor("a25010", "chlorobenzene", "mg/m³", DRY, _MASS, "23"),
        Factor("a25038", "styrene", "mg/m³", DRY, _MASS),
        Factor("a29017", "ethyl_acetate", "mg/m³", DRY, _MASS),
        Factor("a31001", "formaldehyde", "mg/m³", DRY, _MASS, "19"),
        Factor("a31024", "acetone", "mg/m³", DRY, _MASS),
        Factor("a30001", "methanol_gas", "mg/m³", DRY, _MASS, "28"),
        Factor("a30008", "isopropanol", "mg/m³", DRY, _MASS),
        Factor("a21002", "nox", "mg/m³", DRY, _MASS, "03"),
        Factor("a21003", "nitric_oxide", "mg/m³", DRY, _MASS),
        Factor("a21004", "nitrogen_dioxide", "mg/m³", DRY, _MASS),
        Factor("a21005", "carbon_monoxide", "mg/m³", DRY, _MASS, "04"),
        Factor("a21026", "so2", "mg/m³", DRY, _MASS, "02"),
        Factor("a34013", "particulates", "mg/m³", DRY, _MASS, "01"),
        Factor("a21001", "ammonia_gas", "ng/m³", DRY, "g", "10"),
        Factor("a99054", "tvoc", "mg/m³", source="not in HJ 212-2017; seen in the field"),
    )
}
OF_2005: dict[str, str] = {
    factor.code_2005: factor.code for factor in FACTORS.values() if factor.code_2005
}
