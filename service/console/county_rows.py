"""The counties as the overview shows them: official figures, leads beside them, open alerts."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from schemas.indicators import Basis, Dimension, Level, Stage
from service.access import State
from service.console.visitors import Visitor
from service.console.words import Words
from service.domain.windows import parse_months
from service.store import counties, statistics
from service.store.counties import County, Result
from service.store.engine import Connection

OFFICIAL = "official_intensity"
ENERGY, GROWTH = "metered_energy", "metered_energy_growth"
SHARE, COMPLETENESS = "metered_share_of_industry", "completeness"
ON_BASES = ("official_energy", "official_energy_intensity", "official_energy_intensity_reduction")
SHOWN = [OFFICIAL, ENERGY, GROWTH, SHARE, COMPLETENESS, *ON_BASES]


@dataclass(frozen=True, slots=True)
class Official:
    """The newest official result (正式) of a county; ``incentive`` is the higher target.

    ``sources`` are those of the figures it was computed from, each once, with their state.
    """

    result: Result
    level: str | None
    label: str | None
    incentive: float | None
    sources: list[tuple[str, str]]

    @property
    def gap(self) -> float | None:
        """Return the rate minus its target, in percentage points."""
        gap = self.result.inputs.get("gap")
        return None if gap is None else float(gap)

    @property
    def progress(self) -> float | None:
        """Return the share of the target reached, in percent."""
        progress = self.result.inputs.get("progress")
        return None if progress is None else 100 * float(progress)


@dataclass(frozen=True, slots=True)
class Metered:
    """Energy of the metered enterprises over some months: a lead (线索).

    ``completeness`` is the share of the time measured, ``estimated`` that of the energy that was
    spread over gaps, both 0 to 1.
    """

    value_id: int
    completeness: float | None
    estimated: float | None
    period: str
    basis: str
    energy: float | None
    growth: float | None
    inputs: Mapping[str, Any]
    share: float | None  # of industry above scale, percent


@dataclass(frozen=True, slots=True)
class OnBasis:
    """Official figures of a period on one basis: energy, its intensity, the reduction of that."""

    period: str
    basis: str
    figures: list[Result | None]  # in the order of ON_BASES


@dataclass(frozen=True, slots=True)
class Row:
    """One county."""

    code: str
    name: str
    schematic: Mapping[str, Any] | None
    official: Official | None
    cumulative: Metered | None
    rolling: Metered | None
    yesterday: float | None  # completeness, percent
    month: float | None
    alerts: list[tuple[str, int]]  # open ones by dimension
    on_bases: list[OnBasis]  # of the newest year whose energy is known

    @property
    def level(self) -> str:
        """Return the official level, or that there is none."""
        return (self.official.level if self.official else None) or "none"


async def read(connection: Connection, state: State, visitor: Visitor) -> list[Row]:
    """Return the counties that a visitor may see, by code."""
    found = await counties.overview(connection, visitor.energy_regions, SHOWN)
    targets = await statistics.targets(
        connection, [county.code for county in found], "intensity_reduction"
    )
    incentives = {
        (target.county_code, target.period): float(target.value)
        for target in targets
        if target.kind == "incentive"
    }
    return [_row(county, state, visitor.words, incentives) for county in found]


def worst(rows: Sequence[Row]) -> str | None:
    """Return the county to look at first: the one with the most severe official level."""
    severity = {level.name.lower(): int(level) for level in Level}
    found = max(rows, key=lambda row: severity.get(row.level, -1), default=None)
    return None if found is None else found.code


def _row(
    county: County, state: State, words: Words, incentives: Mapping[tuple[str, str], float]
) -> Row:
    days = {r.period: r.value for r in county.results if r.indicator == COMPLETENESS}
    return Row(
        county.code,
        words.name(county.name_zh, county.name_en),
        county.schematic,
        _official(county, state, words, incentives),
        _metered(county.results, _is_cumulative),
        _metered(county.results, _is_rolling),
        days.get("day"),
        days.get("30d"),
        [(d.value, county.open_alerts[d]) for d in Dimension if county.open_alerts.get(d)],
        list(_on_bases(county.results)),
    )


def _on_bases(results: Sequence[Result]) -> Iterator[OnBasis]:
    known = {(r.indicator, r.period, r.basis): r for r in results if r.indicator in ON_BASES}
    for period in sorted({period for indicator, period, _ in known if indicator == ON_BASES[0]}):
        for basis in Basis:
            if (ON_BASES[0], period, basis.value) in known:
                found = [known.get((name, period, basis.value)) for name in ON_BASES]
                yield OnBasis(period, basis.value, found)


def _official(
    county: County, state: State, words: Words, incentives: Mapping[tuple[str, str], float]
) -> Official | None:
    """Return the newest official result; of several that end together the longest."""
    results = [
        r for r in county.results if r.indicator == OFFICIAL and r.stage == Stage.OFFICIAL.value
    ]
    if not results:
        return None
    result = min(results, key=lambda r: parse_months(r.period).first)
    level = None if result.level is None else Level(result.level).name.lower()
    printed = state.labels.get(result.rule_set or "", {}).get(result.level or 0)
    return Official(
        result,
        level,
        None if level is None else words.level(result.rule_set, level, printed),
        incentives.get((county.code, result.inputs.get("target_period", ""))),
        list(
            dict.fromkeys(
                (words.part(item["source"]), str(item["state"]))
                for item in (result.inputs.get("figures") or {}).values()
            )
        ),
    )


def _metered(results: Sequence[Result], fits: Callable[[str], bool]) -> Metered | None:
    """Return the energy of a period: as coal consumption (等价值), else by calorific value."""
    known = {(r.indicator, r.basis): r for r in results if fits(r.period)}
    for basis in (Basis.COAL_CONSUMPTION.value, Basis.CALORIFIC.value):
        energy = known.get((ENERGY, basis))
        if energy is not None and energy.value is not None:
            growth = known.get((GROWTH, basis))
            share = known.get((SHARE, basis))
            return Metered(
                energy.value_id,
                energy.completeness,
                energy.estimated,
                energy.period,
                basis,
                energy.value,
                None if growth is None else growth.value,
                {} if growth is None else growth.inputs,
                None if share is None else share.value,
            )
    return None


def _is_cumulative(period: str) -> bool:
    first, _, last = period.partition("..")
    return first[4:] == "-01" and first[:4] == last[:4]


def _is_rolling(period: str) -> bool:
    _first, _, last = period.partition("..")
    if not last:
        return False
    months = parse_months(period)
    return (months.stop - months.start).days >= 365
