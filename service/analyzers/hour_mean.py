"""The clock-hour mean of an outlet against its limit: suspected exceedance (涉嫌超标)."""

from collections.abc import Sequence
from datetime import timedelta

from schemas.indicators import Basis, Dimension, Measured, Stage
from schemas.quantities import CATALOGUE
from service.analyzers import Analyzer, Due, RuleSet
from service.domain.alerts import Judgement, Timing
from service.domain.rules import hour_limit
from service.domain.validity import completeness
from service.domain.windows import HOUR, Cadence
from service.store import outlets
from service.store.engine import Connection

NAME = "hour_mean"


async def measure(connection: Connection, due: Due) -> Sequence[Measured]:
    """Return the hour means that end at the instants due, in mg/m³, with the limit as target."""
    starts = {e: [at - HOUR for at in instants] for e, instants in due.enterprises.items()}
    return [
        Measured(
            hour.subject,
            NAME,
            "hour",
            Basis.MEASURED if hour.reference_oxygen is None else Basis.OXYGEN_CORRECTED,
            hour.at + HOUR,
            hour.mean,
            CATALOGUE[hour.subject.quantity or ""].unit,
            hour.limit,
            completeness(hour.measured_s, HOUR.total_seconds()),
            inputs={
                "valid": hour.valid,
                "limit_source": hour.source,
                "reference_oxygen": hour.reference_oxygen,
            },
        )
        for hour in await outlets.hours(connection, starts)
    ]


def judge(measured: Measured) -> Judgement:
    """Return whether the hour exceeds its limit; an invalid hour proves nothing."""
    return hour_limit.judge(measured.value, measured.target, valid=measured.inputs["valid"])


def explain(measured: Measured) -> tuple[str, str]:
    """Return how the hour lies to its limit, whether an alert begins or ends with it."""
    quantity = CATALOGUE[measured.subject.quantity or ""]
    value, limit = measured.value or 0.0, measured.target or 1.0
    figure, times = f"{value:.4g} {measured.unit}", f"{value / limit:.2f}"
    if value <= limit:
        return (
            f"Hour mean of {quantity.en} {figure}, within the limit of {limit:g}",
            f"{quantity.zh}小时均值 {figure}，未超过限值 {limit:g}",
        )
    return (
        f"Suspected: hour mean of {quantity.en} {figure}, {times} times the limit of {limit:g}",
        f"涉嫌超标：{quantity.zh}小时均值 {figure}，为限值 {limit:g} 的 {times} 倍",
    )


ANALYZER = Analyzer(
    name=NAME,
    dimension=Dimension.AIR,
    stage=Stage.LEAD,
    cadence=Cadence.HOURLY_LIVE,
    reach=HOUR,
    measure=measure,
    judge=judge,
    explain=explain,
    rule_set=RuleSet(hour_limit.NAME, hour_limit.LABELS),
    timing=Timing(recovering=timedelta(hours=1)),
    episode_a_day=True,
)
