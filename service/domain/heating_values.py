"""Net calorific values (低位发热量) of fuels: what the references print, and what can be true.

Reference values are there to catch mistakes of unit (kcal, MJ, a tonne for a kilogram) before a
measured value takes their place. GB/T 2589 and the guidelines for carbon differ, and each stands
for its own purpose; the first is asked first.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from schemas.quantities import CATALOGUE
from service.domain.coal_equivalent import KJ_PER_KGCE, PER_UNIT

UNIT_OF = {"t": "kJ/kg", "m³": "kJ/m³"}  # of the catalogue
WIDTH = 0.5  # of what is printed as one value: half of it more or less can still be true; ours

# GB/T 2589-2020, appendix A; from memory, each row agrees with its own factor x 29,307.6. A range
# is printed where the value depends on the origin: such a carrier has no default coefficient.
GBT_2589: Mapping[str, float | tuple[float, float]] = {
    "raw_coal": 20_934,
    "washed_coal": 26_377,
    "washed_middlings": 8_374,
    "coal_slime": (8_374, 12_560),
    "coal_gangue": 8_374,
    "coke": 28_470,
    "coal_tar": 33_494,
    "crude_benzol": 41_868,
    "crude_oil": 41_868,
    "fuel_oil": 41_868,
    "gasoline": 43_124,
    "kerosene": 43_124,
    "diesel": 42_705,
    "methanol_fuel": 19_913,
    "ethanol_fuel": 26_800,
    "lpg": 50_242,
    "refinery_gas": 46_055,
    "lng": 51_498,
    "natural_gas": (32_238, 38_979),
    "coke_oven_gas": (16_747, 18_003),
    "blast_furnace_gas": 3_768,
    "producer_gas": 5_234,
    "heavy_oil_catalytic_gas": 19_259,
    "heavy_oil_thermal_gas": 35_588,
    "coke_gasification_gas": 16_329,
    "pressure_gasification_gas": 15_072,
    "water_gas": 10_467,
    "hydrogen": 9_756,
    "biogas": (20_934, 24_283),
}
# Of fuels that it does not have: defaults of the guidelines for 24 industries.
GUIDELINES: Mapping[str, float] = {
    "anthracite": 24_515,
    "bituminous_coal": 23_204,
    "lignite": 14_449,
    "other_washed_coal": 15_373,
    "briquettes": 17_460,
    "converter_gas": 7_954,
    "petroleum_coke": 31_000,
}


@dataclass(frozen=True, slots=True)
class Plausible:
    """Between what values a heating value can be true, in kJ of a unit."""

    low: float
    high: float
    unit: str

    def holds(self, kj: float) -> bool:
        """Tell whether a value lies between them."""
        return self.low <= kj <= self.high

    @property
    def kgce_per_unit(self) -> tuple[float, float]:
        """Return between what a coefficient can be true, in kgce of the catalogue unit; roundly."""
        kgce = PER_UNIT[self.unit] / KJ_PER_KGCE
        return 0.999 * self.low * kgce, 1.001 * self.high * kgce


def _plausible(quantity: str, value: float | tuple[float, float]) -> Plausible:
    unit = UNIT_OF[CATALOGUE[quantity].unit]
    if isinstance(value, tuple):
        return Plausible(*value, unit)
    return Plausible(value * (1 - WIDTH), value * (1 + WIDTH), unit)


PLAUSIBLE: Mapping[str, Plausible] = {
    quantity: _plausible(quantity, value) for quantity, value in {**GUIDELINES, **GBT_2589}.items()
}
