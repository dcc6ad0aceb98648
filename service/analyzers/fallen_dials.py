"""Registers that fell for no known reason (表底数变小): an alert to the enterprise."""

from collections.abc import Sequence
from datetime import timedelta

from schemas.indicators import Basis, Dimension, Level, Measured, Stage, Subject, SubjectKind
from service.analyzers import Analyzer, Due, RuleSet
from service.domain import validity
from service.domain.alerts import Judgement
from service.domain.calendar import DAY, day_of
from service.domain.windows import Cadence
from service.store import evaluated, measured
from service.store.engine import Connection

NAME = "fallen_dials"


async def measure(connection: Connection, due: Due) -> Sequence[Measured]:
    """Return how many level-1 registers of an enterprise fell on the days that end when due."""
    counties = await evaluated.enterprises(connection)
    if not due.enterprises:
        return []
    first = min(at for times in due.enterprises.values() for at in times) - DAY
    last = max(at for times in due.enterprises.values() for at in times)
    days = await measured.days(connection, list(due.enterprises), day_of(first), day_of(last))
    wanted = {(e, at - DAY) for e, times in due.enterprises.items() for at in times}
    return [
        Measured(
            Subject(SubjectKind.ENTERPRISE, counties[day.enterprise_id], day.enterprise_id),
            NAME,
            "day",
            Basis.NONE,
            day.start + DAY,
            float(day.resets),
            "1",
            0.0,
            validity.completeness(day.measured_s, day.due_s),
        )
        for day in days
        if (day.enterprise_id, day.start) in wanted
    ]


def judge(value: Measured) -> Judgement:
    """Return whether any register fell; replacements that were reported do not count."""
    fell = bool(value.value)
    return Judgement(Level.YELLOW if fell else Level.GREEN, {Level.YELLOW: fell})


def explain(value: Measured) -> tuple[str, str]:
    """Return why an alert was raised."""
    count = int(value.value or 0)
    return (
        f"{count} register(s) fell without a reported replacement; the amount of that step is 0",
        f"{count} 个表底数变小且未报备换表，该时段用量按 0 计",
    )


ANALYZER = Analyzer(
    name=NAME,
    dimension=Dimension.DATA_QUALITY,
    stage=Stage.LEAD,
    cadence=Cadence.DAILY,
    reach=timedelta(days=1),
    measure=measure,
    judge=judge,
    explain=explain,
    rule_set=RuleSet(NAME, {Level.GREEN: "正常", Level.YELLOW: "表底数异常"}),
)
