"""The register of meters (计量器具台账): each with its calibration and when it was heard of."""

from datetime import UTC, date, datetime
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import BaseModel, Field

from service.access import ReadMetering
from service.api.pages import FormatDep, Page, PagingDep, paged, respond, text
from service.domain.calendar import day_of
from service.domain.meters import Calibration, State
from service.store import meters

router = APIRouter(tags=["meters"])


class MeasuresItem(BaseModel):
    """One quantity that a meter measures, with the setting in force."""

    quantity: str
    statistic: str
    kind: str
    role: str
    reversible: bool
    unit: str | None
    multiplier: float | None
    width: float | None


class MeterItem(BaseModel):
    """A meter as it is registered."""

    enterprise: str
    county: str
    device: str
    name_zh: str
    name_en: str
    level: int | None = Field(description="1 to 3 of GB 17167")
    parent: str | None = Field(description="上级计量器具")
    measures: list[MeasuresItem]
    type_code: str | None
    maker: str | None
    model: str | None
    serial_no: str | None
    accuracy_class: str | None
    measuring_range: str | None
    location: str | None
    calibration_months: int | None
    last_calibration: datetime | None
    certificate: str | None
    organisation: str | None
    result: str | None = Field(description="of the last calibration")
    due: date | None = Field(description="the last day on which it holds")
    calibration: Calibration
    last_reading_at: datetime | None
    state: State


@router.get("/meters")
async def list_meters(
    session: ReadMetering,
    page: PagingDep,
    format_: FormatDep,
    enterprise: Annotated[str | None, Query(description="social credit code")] = None,
    county: Annotated[str | None, Query(pattern=r"^\d{1,6}$", description="or a prefix")] = None,
    level: Annotated[int | None, Query(ge=1, le=3)] = None,
    state: State | None = None,
    calibration: Calibration | None = None,
) -> Response:
    """List meters in scope with level, parent, calibration and state."""
    now = datetime.now(UTC)
    start = page.after(text, text)
    found = await meters.page(
        session.connection,
        now,
        day_of(now),
        uscc=enterprise,
        county=county,
        level=level,
        state=state,
        calibration=calibration,
        after=None if start is None else (start[0], start[1]),
        limit=page.limit + 1,
    )
    rows, following = paged(found, page.limit, lambda meter: (meter.row.uscc, meter.row.code))
    return respond(Page(items=[_item(row) for row in rows], next=following), format_, "meters")


def _item(meter: meters.Meter) -> MeterItem:
    row = meter.row
    same = (
        "name_zh", "name_en", "parent", "type_code", "maker", "model", "serial_no",
        "accuracy_class", "measuring_range", "location", "calibration_months", "certificate",
        "organisation", "result", "due", "calibration", "state",
    )  # fmt: skip
    return MeterItem(
        enterprise=row.uscc,
        county=row.county_code,
        device=row.code,
        level=row.metering_level,
        measures=[
            MeasuresItem(**{name: getattr(channel, name) for name in MeasuresItem.model_fields})
            for channel in meter.channels
        ],
        last_calibration=row.calibrated_at,
        last_reading_at=meter.last_reading_at,
        **{name: getattr(row, name) for name in same},
    )
