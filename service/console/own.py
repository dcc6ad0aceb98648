"""What a key that is bound to an enterprise sees in place of the counties: its own state."""

from collections import Counter
from dataclasses import dataclass

from schemas.alerts import Phase
from schemas.indicators import Subject, SubjectKind
from service.console.county_rows import COMPLETENESS
from service.console.visitors import Visitor
from service.store import alert_list, counties, registered, values
from service.store.engine import Connection

MOST_ALERTS = 1_000


@dataclass(frozen=True, slots=True)
class Own:
    """One enterprise: completeness in percent, standing alerts by dimension."""

    uscc: str
    name: str
    county: str
    county_name: str
    yesterday: float | None
    month: float | None
    alerts: list[tuple[str, int]]


async def read(connection: Connection, visitor: Visitor) -> Own | None:
    """Return the enterprise that a visitor is bound to; None where the registry lost it."""
    rows = await registered.enterprises(connection, None, None, None, 1)
    if not rows:
        return None
    enterprise = rows[0]
    subject = Subject(SubjectKind.ENTERPRISE, enterprise.county_code, enterprise.enterprise_id)
    found = await values.page(
        connection, enterprise.county_code, subject.key, {"indicator": COMPLETENESS}, 2, None
    )
    share = {result.period: result.value for result in found}
    standing = await alert_list.page(connection, None, None, Phase.FIRING.value, MOST_ALERTS, None)
    [county] = await counties.overview(connection, [enterprise.county_code], [])
    words = visitor.words
    return Own(
        enterprise.uscc,
        words.name(enterprise.name_zh, enterprise.name_en),
        county.code,
        words.name(county.name_zh, county.name_en),
        share.get("day"),
        share.get("30d"),
        sorted(Counter(alert.dimension for alert in standing).items()),
    )
