"""What is on record of the parts of an energy: measured by meters, or entered with evidence.

What was entered for a period stands before what was measured in it. Electricity is counted in kWh
and valued at once, by the method and the coefficient of the period, the base year's too:
max(0, RE - RE of 2020) x coefficient (发改运行〔2022〕1258号). No text that was seen says by which
method; here it is that of the figure which it is taken off.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from schemas.registry import Part
from service.domain.accounts import Account
from service.domain.bases import Deduction, Recorded

BASE_YEAR = 2020
# The official series of each part, and whether it is electricity in kWh, else energy in tce.
SERIES: Mapping[str, tuple[Part, bool]] = {
    "feedstock_energy": (Part.FEEDSTOCK, False),
    "renewable_electricity": (Part.RENEWABLE, True),
    "nuclear_electricity": (Part.NUCLEAR, True),
    "single_listed_energy": (Part.SINGLE_LISTED, False),
}
DEDUCTIONS: Mapping[Part, tuple[Deduction, ...]] = {
    Part.FEEDSTOCK: (Deduction.FEEDSTOCK,),
    Part.RENEWABLE: (Deduction.NEW_RENEWABLES, Deduction.NON_FOSSIL),
    Part.NUCLEAR: (Deduction.NON_FOSSIL,),
    Part.SINGLE_LISTED: (Deduction.SINGLE_LISTED,),
}


@dataclass(frozen=True, slots=True)
class Entered:
    """What was entered of one period: electricity in kWh, the others in tce by coal consumption."""

    amounts: Mapping[Part, float]

    def tce(self, part: Part, *, is_electricity: bool, kgce_per_kwh: float | None) -> float | None:
        """Return a part in tce; None where it was not entered or has no coefficient."""
        amount = self.amounts.get(part)
        if amount is None or not is_electricity:
            return amount
        return None if kgce_per_kwh is None else amount * kgce_per_kwh / 1000


NOTHING = Entered({})


def recorded(
    found: Account, base_year: Account, entered: Entered, base_entered: Entered,
    kgce_per_kwh: float | None,
) -> Recorded[float] | None:  # fmt: skip
    """Return the energy of an account with its parts; None where the energy is unknown.

    ``base_year`` and ``base_entered`` are of the same months of 2020, ``kgce_per_kwh`` is what
    electricity is worth by the method of the account.
    """
    if (gross := found.total.value) is None:
        return None
    parts, unvalued = {}, set[Part]()
    for part, is_electricity in SERIES.values():
        claimed = entered.tce(part, is_electricity=is_electricity, kgce_per_kwh=kgce_per_kwh)
        parts[part] = found.part(part) if claimed is None else claimed
        is_on_record = part in entered.amounts or (part in found.parts and found.parts[part].amount)
        if is_on_record and parts[part] is None:
            unvalued.add(part)
    return Recorded(
        gross,
        parts[Part.FEEDSTOCK],
        parts[Part.RENEWABLE],
        _renewables_of_2020(found, base_year, base_entered, kgce_per_kwh),
        parts[Part.NUCLEAR],
        parts[Part.SINGLE_LISTED],
        unvalued_deductions(unvalued),
    )


def unvalued_deductions(parts: Iterable[Part]) -> frozenset[Deduction]:
    """Return the deductions that cannot be valued because some parts cannot."""
    return frozenset(deduction for part in parts for deduction in DEDUCTIONS[part])


def _renewables_of_2020(
    found: Account, base_year: Account, entered: Entered, kgce_per_kwh: float | None
) -> float | None:
    kwh = entered.amounts.get(Part.RENEWABLE)
    if kwh is None and base_year.part(Part.RENEWABLE) is not None:
        kwh = base_year.parts[Part.RENEWABLE].amount
    now = found.parts.get(Part.RENEWABLE)
    if now is not None and now.amount > 0 and now.total.value is not None:
        kgce_per_kwh = 1000 * now.total.value / now.amount  # the mean over the period
    return None if kwh is None or kgce_per_kwh is None else kwh * kgce_per_kwh / 1000
