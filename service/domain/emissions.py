"""Carbon dioxide of energy: factors from their parts."""

from dataclasses import dataclass

from service.domain.coal_equivalent import Measured

CO2_PER_C = 44 / 12


@dataclass(frozen=True, slots=True)
class Fuel:
    """The parts of a fuel's factor: heating value in GJ a unit, carbon in tC/GJ, share that burns.

    The default heating values are those of the guidelines for carbon, which are not those of
    GB/T 2589: the two tables serve different ends and are kept apart.
    """

    gj_per_unit: float
    tc_per_gj: float
    oxidation: float

    @property
    def kgco2_per_unit(self) -> float:
        """Return what one catalogue unit emits, in kg."""
        return self.gj_per_unit * self.tc_per_gj * self.oxidation * CO2_PER_C * 1_000


def kgco2_per_unit(fuel: Fuel, heating_value: Measured | None) -> float:
    """Return what one catalogue unit emits, in kg.

    A measured heating value takes the place of the default one.
    """
    if heating_value is None:
        return fuel.kgco2_per_unit
    return Fuel(heating_value.gj_per_unit, fuel.tc_per_gj, fuel.oxidation).kgco2_per_unit
