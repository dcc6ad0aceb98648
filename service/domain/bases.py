"""Bases (口径) of energy: what may be taken off, by which document, for which figure and years.

All are stated side by side; none replaces another. A deduction is a claim that needs evidence:
what nobody recorded is not taken off. What cannot be (more than there is, or an increase since a
year that is not known) leaves its basis unknown, never zero and never negative.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import reduce
from operator import add
from typing import Generic, TypeVar

N = TypeVar("N", float, Decimal)


class Deduction(StrEnum):
    """What may be taken off."""

    FEEDSTOCK = "feedstock"  # 原料用能
    NEW_RENEWABLES = "new_renewables"  # 新增可再生能源电力消费量, since 2020
    NON_FOSSIL = "non_fossil"  # 可再生能源和核电
    SINGLE_LISTED = "single_listed"  # 国家重大项目能耗单列


class Reduction(StrEnum):
    """A basis: the energy less some deductions."""

    GROSS = "gross"
    LESS_FEEDSTOCK = "less_feedstock"
    LESS_NEW_RENEWABLES = "less_new_renewables"
    LESS_NON_FOSSIL = "less_non_fossil"
    LESS_SINGLE_LISTED = "less_single_listed"


class Use(StrEnum):
    """What is assessed."""

    INTENSITY = "intensity"
    TOTAL = "total"


class Unknown(StrEnum):
    """Why a basis has no figure."""

    BASE_YEAR = "renewables_of_2020_not_recorded"
    EXCEEDS = "deductions_exceed_the_energy"
    NEGATIVE = "exports_exceed_the_energy"
    NO_COEFFICIENT = "no_coefficient"


@dataclass(frozen=True, slots=True)
class Rule:
    """A document that lets a basis be used, for what, and from which year to which.

    ``confirmed`` tells whether years and arithmetic were read in its text.
    """

    document: str
    reduction: Reduction
    uses: frozenset[Use]
    first_year: int
    last_year: int
    confirmed: bool


_BOTH = frozenset(Use)
# In order of publication; of those that hold for a year and a use, the newest is the widest.
RULES = (
    Rule("发改环资〔2022〕803号", Reduction.LESS_FEEDSTOCK, _BOTH, 2021, 2025, True),
    Rule(
        "发改运行〔2022〕1258号",
        Reduction.LESS_NEW_RENEWABLES,
        frozenset({Use.TOTAL}),  # 仍纳入能耗强度考核
        2021,
        2025,
        True,
    ),
    # of the assessment of the 14th plan; that it holds for its early years too is our reading
    Rule("发改环资〔2024〕113号", Reduction.LESS_NON_FOSSIL, _BOTH, 2021, 2025, False),
)
# Feedstock holds beside both rules for electricity. Projects that are listed singly are taken off
# alone: no text says how they meet the others, and their own feedstock would go twice.
TAKEN_OFF: Mapping[Reduction, tuple[Deduction, ...]] = {
    Reduction.GROSS: (),
    Reduction.LESS_FEEDSTOCK: (Deduction.FEEDSTOCK,),
    Reduction.LESS_NEW_RENEWABLES: (Deduction.FEEDSTOCK, Deduction.NEW_RENEWABLES),
    Reduction.LESS_NON_FOSSIL: (Deduction.FEEDSTOCK, Deduction.NON_FOSSIL),
    Reduction.LESS_SINGLE_LISTED: (Deduction.SINGLE_LISTED,),
}


@dataclass(frozen=True, slots=True)
class Recorded(Generic[N]):
    """Energy of a period and what is on record of its parts, in tce by one method.

    None: nothing is recorded. ``renewables_2020`` is that of the same months of 2020.
    ``unvalued`` are on record in a unit for which there is no coefficient.
    """

    gross: N
    feedstock: N | None = None
    renewables: N | None = None
    renewables_2020: N | None = None
    nuclear: N | None = None
    single_listed: N | None = None
    unvalued: frozenset[Deduction] = frozenset()


@dataclass(frozen=True, slots=True)
class Figure(Generic[N]):
    """The energy on one basis, what was taken off, and why it is None if it is."""

    reduction: Reduction
    value: N | None
    taken_off: Mapping[Deduction, N | None]
    unknown: Unknown | None = None


def figures(recorded: Recorded[N]) -> Iterator[Figure[N]]:
    """Yield the energy on every basis, gross first.

    Each is at least zero and at most the gross; less non-fossil is at most less new renewables,
    and that at most less feedstock.
    """
    known = deductions(recorded)
    for reduction, names in TAKEN_OFF.items():
        taken_off = {name: known[name] for name in names}
        if recorded.unvalued.intersection(names):
            yield Figure(reduction, None, taken_off, Unknown.NO_COEFFICIENT)
        else:
            yield _figure(recorded.gross, reduction, taken_off)


def deductions(recorded: Recorded[N]) -> dict[Deduction, N | None]:
    """Return each deduction, zero where nothing is recorded; None where it cannot be known."""
    zero = recorded.gross - recorded.gross
    renewables = zero if recorded.renewables is None else recorded.renewables
    new: N | None = zero
    if recorded.renewables is not None:
        before = recorded.renewables_2020
        new = None if before is None else max(renewables - before, zero)
    found = {
        Deduction.FEEDSTOCK: zero if recorded.feedstock is None else recorded.feedstock,
        Deduction.NEW_RENEWABLES: new,
        Deduction.NON_FOSSIL: renewables + (zero if recorded.nuclear is None else recorded.nuclear),
        Deduction.SINGLE_LISTED: zero if recorded.single_listed is None else recorded.single_listed,
    }
    return {**found, **dict.fromkeys(recorded.unvalued)}


def assessed(use: Use, year: int) -> Reduction:
    """Return the basis on which a year is assessed; gross where no document says otherwise."""
    holding = [r for r in RULES if use in r.uses and r.first_year <= year <= r.last_year]
    return holding[-1].reduction if holding else Reduction.GROSS


def _figure(gross: N, reduction: Reduction, taken_off: Mapping[Deduction, N | None]) -> Figure[N]:
    if gross < 0:
        return Figure(reduction, None, taken_off, Unknown.NEGATIVE)
    left = gross
    for amount in taken_off.values():
        if amount is None:
            return Figure(reduction, None, taken_off, Unknown.BASE_YEAR)
        if amount < 0:  # of a meter that ran backwards
            return Figure(reduction, None, taken_off, Unknown.NEGATIVE)
        left -= amount
    if left < 0:
        return Figure(reduction, None, taken_off, Unknown.EXCEEDS)
    return Figure(reduction, left, taken_off)


def together(records: Sequence[Recorded[N]]) -> Recorded[N]:
    """Return what is on record of several enterprises; there is at least one.

    The renewables of 2020 count of those that have renewables now; one without a base year makes
    the increase of all of them unknown.
    """
    renewable = [record for record in records if record.renewables is not None]
    bases = [record.renewables_2020 for record in renewable]
    return Recorded(
        gross=reduce(add, (record.gross for record in records)),
        feedstock=_sum([record.feedstock for record in records]),
        renewables=_sum([record.renewables for record in renewable]),
        renewables_2020=None if None in bases else _sum(bases),
        nuclear=_sum([record.nuclear for record in records]),
        single_listed=_sum([record.single_listed for record in records]),
        unvalued=frozenset().union(*(record.unvalued for record in records)),
    )


def _sum(amounts: Iterable[N | None]) -> N | None:
    """Return the sum of what is known; None where nothing is."""
    known = [amount for amount in amounts if amount is not None]
    return reduce(add, known) if known else None
