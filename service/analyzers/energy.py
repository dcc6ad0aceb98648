"""Energy of enterprises and facilities over rolling 24 h, 7 d and 30 d: leads (线索)."""

from collections.abc import Sequence
from datetime import timedelta

from schemas.indicators import Dimension, Measured, Stage
from service.analyzers import Analyzer, Due, RuleSet
from service.domain import leads
from service.domain.alerts import Timing
from service.domain.rules import own_baseline
from service.domain.windows import Cadence
from service.store import leads as store
from service.store.engine import Connection

NAME = "energy"


async def measure(connection: Connection, due: Due) -> Sequence[Measured]:
    """Return the energy of each window, in tce."""
    return await store.measure(connection, due.enterprises, NAME, leads.energy_tce, lambda _: "tce")


def explain(measured: Measured) -> tuple[str, str]:
    """Return why an alert was raised."""
    return leads.explain(measured, "Energy", "能耗")


ANALYZER = Analyzer(
    name=NAME,
    dimension=Dimension.TOTAL,
    stage=Stage.LEAD,
    cadence=Cadence.HOURLY,
    reach=leads.REACH,
    measure=measure,
    judge=leads.judge,
    explain=explain,
    rule_set=RuleSet(own_baseline.NAME, own_baseline.LABELS),
    timing=Timing(recovering=timedelta(hours=2)),
)
