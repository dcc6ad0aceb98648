"""GB/T 2589-2020 as printed: net calorific value and factor of each carrier, and the media.

Appendix A: kJ of a kg (of a gas a m³) and kgce of the same; a range where the standard prints one.
Appendix B: MJ and kgce of a tonne (of a gas a m³, of carbide a kg), by coal consumption.
"""

Printed = tuple[float | tuple[float, float], float | tuple[float, float], str]

CARRIERS: dict[str, Printed] = {
    "raw_coal": (20_934, 0.7143, "kg"),
    "washed_coal": (26_377, 0.9000, "kg"),
    "washed_middlings": (8_374, 0.2857, "kg"),
    "coal_slime": ((8_374, 12_560), (0.2857, 0.4286), "kg"),
    "coal_gangue": (8_374, 0.2857, "kg"),
    "coke": (28_470, 0.9714, "kg"),
    "coal_tar": (33_494, 1.1429, "kg"),
    "crude_benzol": (41_868, 1.4286, "kg"),
    "crude_oil": (41_868, 1.4286, "kg"),
    "fuel_oil": (41_868, 1.4286, "kg"),
    "gasoline": (43_124, 1.4714, "kg"),
    "kerosene": (43_124, 1.4714, "kg"),
    "diesel": (42_705, 1.4571, "kg"),
    "methanol_fuel": (19_913, 0.6794, "kg"),
    "ethanol_fuel": (26_800, 0.9144, "kg"),
    "lpg": (50_242, 1.7143, "kg"),
    "refinery_gas": (46_055, 1.5714, "kg"),
    "lng": (51_498, 1.7572, "kg"),
    "natural_gas": ((32_238, 38_979), (1.1000, 1.3300), "m³"),
    "coke_oven_gas": ((16_747, 18_003), (0.5714, 0.6143), "m³"),
    "blast_furnace_gas": (3_768, 0.1286, "m³"),
    "producer_gas": (5_234, 0.1786, "m³"),
    "heavy_oil_catalytic_gas": (19_259, 0.6571, "m³"),
    "heavy_oil_thermal_gas": (35_588, 1.2143, "m³"),
    "coke_gasification_gas": (16_329, 0.5571, "m³"),
    "pressure_gasification_gas": (15_072, 0.5143, "m³"),
    "water_gas": (10_467, 0.3571, "m³"),
    "hydrogen": (9_756, 0.3329, "m³"),
    "biogas": ((20_934, 24_283), (0.7143, 0.8286), "m³"),
}
MEDIA: dict[str, tuple[float, float, str]] = {
    "fresh_water": (7.54, 0.2571, "t"),
    "softened_water": (14.24, 0.4857, "t"),
    "deaerated_water": (28.47, 0.9714, "t"),
    "compressed_air": (1.17, 0.0400, "m³"),
    "oxygen_gas": (11.72, 0.4000, "m³"),
    "nitrogen_byproduct": (11.72, 0.4000, "m³"),
    "nitrogen_main": (19.68, 0.6714, "m³"),
    "carbon_dioxide": (6.28, 0.2143, "m³"),
    "acetylene": (243.67, 8.3143, "m³"),
    "carbide_medium": (60.92, 2.0786, "kg"),
}
# Defaults of the guidelines for 24 industries: GJ of a tonne (of a gas 10,000 m³), tC/GJ, percent
# oxidised, tonnes of CO2 of a tonne (of a gas 10,000 m³).
CARBON: dict[str, tuple[float, float, float, float]] = {
    "anthracite": (24.515, 0.02749, 94, 2.323),
    "bituminous_coal": (23.204, 0.02618, 93, 2.072),
    "lignite": (14.449, 0.02800, 96, 1.424),
    "washed_coal": (26.344, 0.02540, 93, 2.282),
    "other_washed_coal": (15.373, 0.02540, 90, 1.289),
    "briquettes": (17.46, 0.03360, 90, 1.936),
    "coke": (28.446, 0.02940, 93, 2.852),
    "crude_oil": (42.62, 0.02010, 98, 3.078),
    "fuel_oil": (40.19, 0.02110, 98, 3.047),
    "gasoline": (44.80, 0.01890, 98, 3.043),
    "diesel": (43.33, 0.02020, 98, 3.145),
    "kerosene": (44.75, 0.01960, 98, 3.152),
    "lpg": (47.31, 0.01720, 99, 2.954),
    "lng": (41.868, 0.01530, 99, 2.325),
    "natural_gas": (389.31, 0.01530, 99, 21.62),
    "coke_oven_gas": (173.854, 0.01360, 99, 8.58),
    "blast_furnace_gas": (37.69, 0.07080, 99, 9.69),
    "converter_gas": (79.54, 0.04960, 99, 14.32),
    "refinery_gas": (46.05, 0.01820, 99, 3.042),
    "petroleum_coke": (31.00, 0.02750, 98, 3.063),
}
GASES = {name for name, printed in CARRIERS.items() if printed[2] == "m³"} | {"converter_gas"}
