"""What can be wrong with rows of coefficients, heating values and carbon factors."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from datetime import date
from typing import NamedTuple, TypeVar

from schemas.quantities import CATALOGUE, MEDIA, Group
from service.api.factor_rows import CarbonFactorIn, CoefficientIn, HeatingValueIn
from service.api.official_rows import RowError
from service.domain.coal_equivalent import CALORIFIC
from service.domain.heating_values import PLAUSIBLE

Row = TypeVar("Row")
ELECTRICITY, HEAT = "electricity", "heat"
# kgce and kgCO2 of a kWh beyond which a unit was mistaken; ours
ELECTRICITY_KGCE, ELECTRICITY_KGCO2 = (0.12, 0.5), 1.5
IF_RIGHT = "If it is right, send it with confirmed: true."
IF_RIGHT_ZH = "确认无误请加 confirmed: true。"


class Wrong(NamedTuple):
    """What is wrong with a row and what to do about it."""

    code: str
    detail: str
    detail_zh: str


TWICE = Wrong(
    "twice",
    "An earlier row is of the same key; leave one of them out.",
    "与前面某行主键重复，请只保留一行。",
)


def coefficient_errors(
    rows: Sequence[CoefficientIn], regions: Sequence[str] | None
) -> list[RowError]:
    """Return what is wrong with coefficients; ``regions`` may be entered for, None all."""
    return _errors(
        rows,
        lambda row: (
            *_of_quantity(row.quantity, {Group.CARRIER, Group.MEDIUM}),
            *_of_dates(row.valid_from, row.valid_to),
            *_of_region(row.region, regions),
            *_of_coefficient(row),
        ),
        lambda row: (row.quantity, row.method, row.region, row.valid_from),
    )


def carbon_errors(rows: Sequence[CarbonFactorIn], regions: Sequence[str]) -> list[RowError]:
    """Return what is wrong with carbon factors; ``regions`` are those that may be entered for."""
    return _errors(
        rows,
        lambda row: (
            *_of_quantity(row.quantity, {Group.CARRIER}),
            *_of_dates(row.valid_from, row.valid_to),
            *_of_region(row.region, regions),
            *_of_parts(row),
            *_of_electricity(row),
        ),
        lambda row: (row.quantity, row.region, row.valid_from),
    )


def heating_errors(
    rows: Sequence[HeatingValueIn], of_place: Callable[[HeatingValueIn], Iterable[Wrong]]
) -> list[RowError]:
    """Return what is wrong with heating values; ``of_place`` says it of enterprise and device."""
    return _errors(
        rows,
        lambda row: (
            *of_place(row),
            *_of_dates(row.valid_from, row.valid_to),
            *_of_heating_value(row),
        ),
        lambda row: (row.enterprise, row.device, row.quantity, row.valid_from),
    )


def _errors(
    rows: Sequence[Row], wrong: Callable[[Row], Iterable[Wrong]], key: Callable[[Row], Hashable]
) -> list[RowError]:
    seen: set[Hashable] = set()
    found: list[RowError] = []
    for place, row in enumerate(rows):
        told = [*wrong(row), *([TWICE] if key(row) in seen else [])]
        seen.add(key(row))
        found += [
            RowError(row=place, code=each.code, detail=each.detail, detail_zh=each.detail_zh)
            for each in told
        ]
    return found


def _of_quantity(quantity: str, groups: set[Group]) -> Iterator[Wrong]:
    if quantity not in CATALOGUE or CATALOGUE[quantity].group not in groups:
        known = ", ".join(sorted(q.code for q in CATALOGUE.values() if q.group in groups))
        yield Wrong(
            "unknown_quantity",
            f"{quantity} is none of {known}; correct the code.",
            f"{quantity} 不在下列代码中：{known}；请更正。",
        )


def _of_dates(first: date, last: date | None) -> Iterator[Wrong]:
    if last is not None and last < first:
        yield Wrong(
            "bad_dates",
            f"valid_to {last} lies before valid_from {first}; correct one of them.",
            f"valid_to（{last}）早于 valid_from（{first}），请更正。",
        )


def _of_region(region: str, regions: Sequence[str] | None) -> Iterator[Wrong]:
    if regions is not None and not any(region.startswith(own) for own in regions):
        may = ", ".join(regions)
        yield Wrong(
            "region_not_permitted",
            f"This key may enter for regions within {may}, not for '{region}'; give one of them.",
            f"该密钥只能录入 {may} 范围内的地区，不能录入“{region}”；请更正 region。",
        )


def _of_coefficient(row: CoefficientIn) -> Iterator[Wrong]:
    if row.method == CALORIFIC and row.quantity in MEDIA:
        yield Wrong(
            "no_calorific_value",
            "A medium has no calorific value; enter it with method coal_consumption.",
            "耗能工质没有当量值，请按 coal_consumption（等价值）录入。",
        )
    low, high = _plausible_kgce(row)
    if not (low <= row.kgce_per_unit <= high or row.confirmed):
        value = f"{row.kgce_per_unit:g} kgce/{CATALOGUE[row.quantity].unit}"
        yield Wrong(
            "out_of_range",
            f"{value} is not between {low:g} and {high:g}; check the unit. {IF_RIGHT}",
            f"{value} 不在 {low:g}～{high:g} 之间，请核对单位；{IF_RIGHT_ZH}",
        )


def _plausible_kgce(row: CoefficientIn) -> tuple[float, float]:
    if row.quantity == ELECTRICITY:
        return ELECTRICITY_KGCE
    if row.method == CALORIFIC and row.quantity in PLAUSIBLE:
        return PLAUSIBLE[row.quantity].kgce_per_unit
    return 0.0, float("inf")


def _of_heating_value(row: HeatingValueIn) -> Iterator[Wrong]:
    if (plausible := PLAUSIBLE.get(row.quantity)) is None:
        known = ", ".join(sorted(PLAUSIBLE))
        yield Wrong(
            "unknown_quantity",
            f"{row.quantity} is no fuel with a heating value; such are {known}.",
            f"{row.quantity} 没有低位发热量；可用：{known}。",
        )
    elif row.unit != plausible.unit:
        yield Wrong(
            "wrong_unit",
            f"{row.quantity} is entered in {plausible.unit}; convert the value.",
            f"{row.quantity} 的低位发热量单位为 {plausible.unit}，请换算后录入。",
        )
    elif not (plausible.holds(row.value) or row.confirmed):
        bounds = f"{plausible.low:g}–{plausible.high:g} {plausible.unit}"
        yield Wrong(
            "out_of_range",
            f"{row.value:g} lies outside the reference, {bounds}; compare it with the report"
            f" (net, as received, in kJ). {IF_RIGHT}",
            f"{row.value:g} 超出参考范围 {bounds}；请对照化验报告核对（收到基低位发热量，kJ），"
            f"{IF_RIGHT_ZH}",
        )


def _of_parts(row: CarbonFactorIn) -> Iterator[Wrong]:
    given = sum(part is not None for part in (row.gj_per_unit, row.tc_per_gj, row.oxidation))
    if given not in {0, 3} or (given == 3) == (row.kgco2_per_unit is not None):
        yield Wrong(
            "parts",
            "Give kgco2_per_unit, or all of gj_per_unit, tc_per_gj and oxidation; not both.",
            "请填 kgco2_per_unit，或同时填 gj_per_unit、tc_per_gj、oxidation 三项，二者取一。",
        )
    if given and row.quantity in {ELECTRICITY, HEAT}:
        yield Wrong(
            "no_fuel",
            f"{row.quantity} is no fuel; give kgco2_per_unit.",
            f"{row.quantity} 不是燃料，请填 kgco2_per_unit。",
        )


def _of_electricity(row: CarbonFactorIn) -> Iterator[Wrong]:
    if row.quantity != ELECTRICITY:
        return
    year = row.valid_from.year
    if row.valid_from != date(year, 1, 1) or str(year) not in row.edition:
        yield Wrong(
            "data_year",
            "A factor of electricity is of a year: let valid_from be its 1 January, and name the"
            " year in edition.",
            "电力因子按数据年度录入：valid_from 填该年1月1日，并在 edition 中写明年度。",
        )
    if (row.kgco2_per_unit or 0) > ELECTRICITY_KGCO2 and not row.confirmed:
        value = f"{row.kgco2_per_unit:g} kgCO2/kWh"
        yield Wrong(
            "out_of_range",
            f"{value} is more than {ELECTRICITY_KGCO2:g}; check the unit. {IF_RIGHT}",
            f"{value} 大于 {ELECTRICITY_KGCO2:g}，请核对单位；{IF_RIGHT_ZH}",
        )
