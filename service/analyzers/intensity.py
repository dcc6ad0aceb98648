"""Unit consumption (单耗) of enterprises and facilities over 24 h, 7 d and 30 d: leads (线索)."""

from collections.abc import Sequence
from datetime import timedelta

from schemas.indicators import Dimension, Measured, Stage
from schemas.quantities import CATALOGUE
from service.analyzers import Analyzer, Due, RuleSet
from service.domain import leads
from service.domain.alerts import Timing
from service.domain.rules import own_baseline
from service.domain.windows import Cadence
from service.store import leads as store
from service.store.energy import EnergySubject
from service.store.engine import Connection

NAME = "intensity"


async def measure(connection: Connection, due: Due) -> Sequence[Measured]:
    """Return kgce for each unit of the one product of an enterprise or facility."""
    return await store.measure(connection, due.enterprises, NAME, leads.unit_consumption, _unit_of)


def explain(measured: Measured) -> tuple[str, str]:
    """Return why an alert was raised."""
    return leads.explain(measured, "Unit consumption", "单耗")


def _unit_of(item: EnergySubject) -> str | None:
    """Return the unit; what makes no product, or several, has no unit consumption."""
    return None if item.product is None else f"kgce/{CATALOGUE[item.product].unit}"


ANALYZER = Analyzer(
    name=NAME,
    dimension=Dimension.INTENSITY,
    stage=Stage.LEAD,
    cadence=Cadence.HOURLY,
    reach=leads.REACH,
    measure=measure,
    judge=leads.judge,
    explain=explain,
    rule_set=RuleSet(own_baseline.NAME, own_baseline.LABELS),
    timing=Timing(recovering=timedelta(hours=2)),
)
