"""How many valid hours of a day an outlet lay above its limit: the record, not an alert."""

from collections.abc import Sequence

from schemas.indicators import Basis, Dimension, Measured, Stage
from service.analyzers import Analyzer, Due
from service.domain.calendar import DAY
from service.domain.validity import completeness
from service.domain.windows import Cadence
from service.store import outlets
from service.store.engine import Connection

NAME = "hours_over_limit"


async def measure(connection: Connection, due: Due) -> Sequence[Measured]:
    """Return the hours above the limit of the days that end at the instants due.

    A day without a valid hour has no value; what was not measured is not within the limit.
    """
    starts = {e: [at - DAY for at in instants] for e, instants in due.enterprises.items()}
    return [
        Measured(
            day.subject,
            NAME,
            "day",
            Basis.MEASURED,
            day.start + DAY,
            float(day.hours_over) if day.valid_hours else None,
            "h",
            None,
            completeness(day.measured_s, DAY.total_seconds()),
            inputs={"limit": day.limit, "valid_hours": day.valid_hours},
        )
        for day in await outlets.days(connection, starts)
    ]


ANALYZER = Analyzer(
    name=NAME,
    dimension=Dimension.AIR,
    stage=Stage.LEAD,
    cadence=Cadence.DAILY,
    reach=DAY,
    measure=measure,
)
