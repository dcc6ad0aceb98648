"""What a printed value rests on, down to the readings of the channels behind it."""

from datetime import datetime
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from schemas.quantities import CATALOGUE
from service.access import ReadAny, Session, state_of
from service.api.indicators import IndicatorItem, item_of
from service.domain import validity
from service.domain.calendar import day_of, midnight
from service.domain.windows import stretch_of
from service.problems import not_found
from service.store import sources
from service.store.sources import Amounts, SourceChannel, Traced

router = APIRouter(tags=["indicators"])


class SourceItem(BaseModel):
    """A channel that the value rests on; amounts as they are now, of whole days only."""

    device: str
    quantity: str
    statistic: str
    role: str
    part: str | None = Field(description="of the enterprise's energy; null: of its total")
    level: int | None
    unit: str
    amount: float | None
    tce_calorific: float | None
    tce_coal_consumption: float | None
    completeness: float | None
    estimated: float | None = Field(description="part of the amount spread over gaps")
    usage: str = Field(description="where its quarter hours are")
    readings: str = Field(description="where its readings are, as they were sent")


class EnterpriseItem(BaseModel):
    """An enterprise that a county's value rests on."""

    id: int = Field(description="of its own value; ask for what that rests on")
    enterprise: str
    name: str
    name_en: str
    contribution: float | None = Field(description="as it stands in the county's value")
    value: float | None = Field(description="as it is published now")
    unit: str
    completeness: float | None
    estimated: float | None
    revision: int


class Sources(BaseModel):
    """A value, whose it is, and what it rests on; its ``inputs`` are frozen with it."""

    value: IndicatorItem
    subject: str
    county: str
    enterprise: str | None
    start: datetime | None = Field(description="of what was measured; null of official figures")
    stop: datetime
    enterprises: list[EnterpriseItem]
    channels: list[SourceItem]


@router.get("/indicators/{value_id}/sources")
async def get_sources(request: Request, session: ReadAny, value_id: int) -> Sources:
    """Return what a value rests on, of a replaced one too."""
    traced = None
    if 0 < value_id < 2**63:
        traced = await sources.find(session.connection, value_id)
    if traced is None:
        raise not_found(f"value {value_id}", f"编号为 {value_id} 的数值")
    start, stop = stretch_of(traced.value.period, traced.value.as_of)
    return Sources(
        value=item_of(traced.value, state_of(request)),
        subject=traced.subject,
        county=traced.county_code,
        enterprise=traced.uscc,
        start=start,
        stop=stop,
        enterprises=await _enterprises(session, traced),
        channels=[] if start is None else await _channels(session, traced, start, stop),
    )


async def _enterprises(session: Session, traced: Traced) -> list[EnterpriseItem]:
    if traced.enterprise_id is not None:
        return []
    contributions = traced.value.inputs.get("of", {})
    return [
        EnterpriseItem(
            id=found.value_id,
            enterprise=found.uscc,
            name=found.name_zh,
            name_en=found.name_en,
            contribution=contributions.get(str(found.enterprise_id)),
            value=found.value,
            unit=found.unit,
            completeness=found.completeness,
            estimated=found.estimated,
            revision=found.revision,
        )
        for found in await sources.enterprise_values(session.connection, traced)
    ]


async def _channels(
    session: Session, traced: Traced, start: datetime, stop: datetime
) -> list[SourceItem]:
    if traced.enterprise_id is None:
        return []
    found = await sources.channels(session.connection, traced)
    first, last = day_of(start), day_of(stop)
    amounts: dict[int, Amounts] = {}
    if (midnight(first), midnight(last)) == (start, stop):
        ids = [channel.channel_id for channel in found]
        amounts = await sources.amounts(session.connection, ids, first, last)
    return [
        _source(channel, amounts.get(channel.channel_id), traced.uscc or "", start, stop)
        for channel in found
    ]


def _source(
    channel: SourceChannel, measured: Amounts | None, uscc: str, start: datetime, stop: datetime
) -> SourceItem:
    seconds = (stop - start).total_seconds()
    asked = {
        "enterprise": uscc,
        "device": channel.device,
        "quantity": channel.quantity,
        "from": start.isoformat(),
        "to": stop.isoformat(),
    }
    return SourceItem(
        device=channel.device,
        quantity=channel.quantity,
        statistic=channel.statistic,
        role=channel.role,
        part=channel.part,
        level=channel.metering_level,
        unit=CATALOGUE[channel.quantity].unit,
        amount=None if measured is None else measured.amount,
        tce_calorific=None if measured is None else measured.tce_calorific,
        tce_coal_consumption=None if measured is None else measured.tce_coal_consumption,
        completeness=validity.completeness(measured.measured_s, seconds) if measured else None,
        estimated=None if measured is None else measured.estimated,
        usage=f"/api/v1/usage?{urlencode(asked)}",
        readings=f"/api/v1/readings?{urlencode({**asked, 'statistic': channel.statistic})}",
    )
