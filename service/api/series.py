"""Time series: readings as sent, amounts with their coal equivalent, emissions of outlets."""

from calendar import monthrange
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import BaseModel, Field

from schemas.quantities import CATALOGUE
from schemas.reading import QUALITIES
from service.access import ReadEnergy, ReadEnvironment, ReadMetering, Session
from service.api.pages import (
    FormatDep,
    Page,
    PagingDep,
    StretchDep,
    instant,
    number,
    paged,
    respond,
    text,
)
from service.domain.calendar import SHANGHAI
from service.domain.validity import VALID_DAY_HOURS, completeness
from service.problems import not_found
from service.store import amounts, outlet_hours, readings, registered
from service.store.amounts import Step
from service.store.outlet_hours import Emission
from service.store.registered import RegisteredChannel

router = APIRouter(tags=["series"])
Enterprise = Annotated[str, Query(description="social credit code", examples=["91620623MA"])]
UNITS = {Step.HOUR: "hour", Step.DAY: "day", Step.MONTH: "month"}


class ReadingItem(BaseModel):
    """One reading as it was sent."""

    device: str
    quantity: str
    statistic: str
    at: datetime
    value: float
    unit: str = Field(description="in force at the reading")
    quality: str


class UsageItem(BaseModel):
    """What one channel used in one bucket; ``at`` is its start."""

    device: str
    quantity: str
    at: datetime
    amount: float
    unit: str
    tce: float | None = Field(description="null where no coefficient is entered")
    co2_t: float | None = Field(description="tonnes of CO2; null where no factor is entered")
    completeness: float = Field(description="share of the bucket measured")
    estimated: float = Field(description="part of the amount spread over a longer gap")
    flags: int = Field(
        description="1 rollover, 2 replacement, 4 unexplained fall, 8 estimated, 16 ran backwards"
    )


class EmissionItem(BaseModel):
    """What one outlet emitted in one bucket; concentrations are dry at standard state."""

    outlet: str
    quantity: str
    at: datetime
    mass_kg: float | None = Field(description="null without a flow; NMHC as carbon")
    mean: float | None = Field(description="measured; of days and months the valid hours'")
    corrected_mean: float | None = Field(description="to the reference oxygen, as sent")
    max: float | None
    unit: str
    valid: bool = Field(description="an hour: 45 minutes measured; a day: 20 valid hours")
    valid_hours: int
    mark: str | None = Field(description="why it is not valid")
    completeness: float


@router.get("/readings")
async def list_readings(
    session: ReadMetering,
    enterprise: Enterprise,
    stretch: StretchDep,
    page: PagingDep,
    format_: FormatDep,
    device: str | None = None,
    quantity: str | None = None,
    statistic: str | None = None,
) -> Response:
    """List readings in order of time; without ``from`` those of the last day."""
    channels = await _channels(session, enterprise, device, quantity, statistic)
    start = page.after(instant, number)
    found = await readings.page(
        session.connection,
        list(channels),
        stretch.start,
        stretch.stop,
        page.limit + 1,
        None if start is None else (start[0], start[1]),
    )
    rows, following = paged(found, page.limit, lambda row: (row.at, row.channel_id))
    units = await registered.units(session.connection, sorted({row.channel_id for row in rows}))
    items = [
        ReadingItem(
            device=channels[row.channel_id].device,
            quantity=channels[row.channel_id].quantity,
            statistic=channels[row.channel_id].statistic,
            at=row.at,
            value=row.value,
            unit=units.at(row.channel_id, row.at)
            or CATALOGUE[channels[row.channel_id].quantity].unit,
            quality=QUALITIES[row.quality],
        )
        for row in rows
    ]
    return respond(Page(items=items, next=following), format_, "readings")


@router.get("/usage")
async def list_usage(
    session: ReadEnergy,
    enterprise: Enterprise,
    stretch: StretchDep,
    page: PagingDep,
    format_: FormatDep,
    device: str | None = None,
    quantity: str | None = None,
    step: Step = Step.QUARTER,
    basis: Annotated[
        str, Query(pattern="^(calorific|coal_consumption)$", description="of tce: 当量 or 等价")
    ] = "calorific",
) -> Response:
    """List amounts of meters by quarter hour, hour, day or month."""
    channels = await _channels(session, enterprise, device, quantity, None)
    start = page.after(instant, number)
    found = await amounts.page(
        session.connection,
        list(channels),
        step,
        basis,
        stretch.start,
        stretch.stop,
        page.limit + 1,
        None if start is None else (start[0], start[1]),
    )
    rows, following = paged(found, page.limit, lambda row: (row.at, row.channel_id))
    items = [
        UsageItem(
            device=channels[row.channel_id].device,
            quantity=channels[row.channel_id].quantity,
            at=row.at,
            amount=row.amount,
            unit=CATALOGUE[channels[row.channel_id].quantity].unit,
            tce=row.tce,
            co2_t=row.co2_t,
            completeness=completeness(row.measured_s, row.seconds) or 0.0,
            estimated=row.estimated,
            flags=row.flags,
        )
        for row in rows
    ]
    return respond(Page(items=items, next=following), format_, "usage")


@router.get("/emissions")
async def list_emissions(
    session: ReadEnvironment,
    enterprise: Enterprise,
    stretch: StretchDep,
    page: PagingDep,
    format_: FormatDep,
    outlet: str | None = None,
    quantity: str | None = None,
    step: Annotated[Step, Query(description="1h, 1d or 1mo")] = Step.HOUR,
) -> Response:
    """List what outlets emitted by hour, day or month."""
    outlets = await registered.outlets(session.connection, enterprise, outlet)
    if not outlets:
        raise not_found(f"outlet of {enterprise}", f"{enterprise} 的排放口")
    step = Step.HOUR if step is Step.QUARTER else step
    start = page.after(instant, number, text)
    found = await outlet_hours.page(
        session.connection,
        list(outlets),
        quantity,
        UNITS[step],
        stretch.start,
        stretch.stop,
        page.limit + 1,
        None if start is None else (start[0], start[1], start[2]),
    )
    rows, following = paged(found, page.limit, lambda row: (row.at, row.outlet_id, row.quantity))
    items = [_emission(row, outlets[row.outlet_id], step) for row in rows]
    return respond(Page(items=items, next=following), format_, "emissions")


def _emission(row: Emission, outlet: str, step: Step) -> EmissionItem:
    day = row.at.astimezone(SHANGHAI)
    hours = {Step.DAY: 24, Step.MONTH: 24 * monthrange(day.year, day.month)[1]}.get(step, 1)
    enough = {Step.DAY: VALID_DAY_HOURS, Step.MONTH: VALID_DAY_HOURS * hours // 24}.get(step, 1)
    valid = row.valid_hours >= enough
    return EmissionItem(
        outlet=outlet,
        quantity=row.quantity,
        at=row.at,
        mass_kg=row.mass_kg,
        mean=row.mean,
        corrected_mean=row.corrected_mean,
        max=row.maximum,
        unit=CATALOGUE[row.quantity].unit,
        valid=valid,
        valid_hours=row.valid_hours,
        mark=None if valid else "too_little_measured",
        completeness=completeness(row.measured_s, hours * 3600.0) or 0.0,
    )


async def _channels(
    session: Session,
    enterprise: str,
    device: str | None,
    quantity: str | None,
    statistic: str | None,
) -> dict[int, RegisteredChannel]:
    """Return the channels in scope by id; raises a problem where there are none."""
    found = await registered.channels(session.connection, enterprise, device, quantity, statistic)
    if not found:
        named = " ".join(filter(None, (device, quantity, statistic)))
        raise not_found(f"channel {named} at {enterprise}", f"{enterprise} 的测点 {named}")
    return {channel.channel_id: channel for channel in found}
