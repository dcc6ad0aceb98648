"""The official reduction of energy intensity of a county (O1), from imported statistics only."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal

from schemas.indicators import Basis, Dimension, Level, Measured, Stage, Subject, SubjectKind
from service.analyzers import Analyzer, Due, RuleSet
from service.domain.alerts import Judgement
from service.domain.calendar import midnight
from service.domain.intensity import reduction
from service.domain.rules import ndrc_2020_gap10
from service.domain.windows import Cadence, Months, parse_months
from service.store import statistics
from service.store.engine import Connection
from service.store.statistics import Statistic, Target

NAME = "official_intensity"
SERIES = ("intensity_reduction", "energy_growth", "gdp_growth")


async def measure(connection: Connection, due: Due) -> Sequence[Measured]:
    """Return the reduction of every period known, in percent, beside the target of its year.

    The published rate counts; where there is none, it follows from the growth of energy and of
    GDP at constant prices. A rate cumulated within the year is compared with the year's target.
    """
    counties = list(due.counties)
    figures: dict[tuple[str, str], dict[str, Statistic]] = {}
    for item in await statistics.latest(connection, counties, SERIES):
        figures.setdefault((item.county_code, item.period), {})[item.series] = item
    targets = {
        (item.county_code, item.period): item
        for item in await statistics.targets(connection, counties, "intensity_reduction")
        if item.kind == "basic"
    }
    return list(_measure(figures, targets))


def _measure(
    figures: Mapping[tuple[str, str], Mapping[str, Statistic]],
    targets: Mapping[tuple[str, str], Target],
) -> Iterator[Measured]:
    for (county, period), known in figures.items():
        months = parse_months(period)
        if months.last.year != months.first.year or (actual := _actual(known)) is None:
            continue
        year = Months(months.first.replace(month=1), months.first.replace(month=12))
        target = targets.get((county, str(year)))
        yield Measured(
            Subject(SubjectKind.COUNTY, county),
            NAME,
            period,
            Basis.OFFICIAL,
            midnight(months.stop),
            float(actual),
            "%",
            None if target is None else float(target.value),
            inputs={
                "actual": str(actual),
                "target": None if target is None else str(target.value),
                "target_period": str(year),
                "target_source": None if target is None else target.source,
                "gap": None if target is None else str(actual - target.value),
                "progress": _progress(actual, target),
                "figures": {
                    series: {
                        "value": str(item.value),
                        "state": item.state,
                        "price_base": item.price_base,
                        "source": item.source,
                        "revision": item.revision,
                    }
                    for series, item in known.items()
                },
            },
        )


def _actual(known: Mapping[str, Statistic]) -> Decimal | None:
    if (published := known.get("intensity_reduction")) is not None:
        return published.value
    energy, gdp = known.get("energy_growth"), known.get("gdp_growth")
    if energy is None or gdp is None:
        return None
    return reduction(energy.value, gdp.value)


def _progress(actual: Decimal, target: Target | None) -> float | None:
    """Return the share of the target reached; of a permitted rise there is none."""
    if target is None or target.value <= 0:
        return None
    return float(actual / target.value)


def judge(measured: Measured) -> Judgement:
    """Return the county's level: at once, without delay or deadband."""
    target, actual = measured.inputs["target"], measured.inputs["actual"]
    level = ndrc_2020_gap10.judge(None if target is None else Decimal(target), Decimal(actual))
    if level is None:
        return Judgement(None, dict.fromkeys((Level.YELLOW, Level.RED)))
    return Judgement(level, {at: level is at for at in (Level.YELLOW, Level.RED)})


def explain(measured: Measured) -> tuple[str, str]:
    """Return how the figure lies to its target, whether an alert begins or ends with it."""
    actual, target = Decimal(measured.inputs["actual"]), measured.inputs["target"]
    moved, moved_zh = ("fell", "降低") if actual >= 0 else ("rose", "上升")
    en = f"Intensity {moved} by {abs(actual)} % in {measured.period}"
    zh = f"{measured.period} 单位GDP能耗{moved_zh} {abs(actual)}%"
    if target is None:
        return f"{en}, no target", f"{zh}，无目标"
    gap = Decimal(measured.inputs["gap"])
    if gap >= 0:
        return f"{en}, target {target} % met", f"{zh}，达到目标 {target}%"
    return (
        f"{en}, {-gap:.2f} points short of {target} %",
        f"{zh}，距目标 {target}% 差 {-gap:.2f} 个百分点",
    )


ANALYZER = Analyzer(
    name=NAME,
    dimension=Dimension.INTENSITY,
    stage=Stage.OFFICIAL,
    cadence=Cadence.ON_ENTRY,
    reach=timedelta(0),
    measure=measure,
    judge=judge,
    explain=explain,
    rests_on_official_figures=True,
    rule_set=RuleSet(ndrc_2020_gap10.NAME, ndrc_2020_gap10.LABELS),
)
