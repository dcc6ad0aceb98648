"""Codes on the wire that no channel carries yet: listed with a suggestion, mapped by a person."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from schemas.nhjc import COLLECTOR, fits
from schemas.registry import STATISTICS, ChannelKind, Label, Role, is_instant
from service.access import Administer, ReadPlatform
from service.api.device_rows import ChannelIn, Code, Instant, QuantityCode
from service.api.pages import Page, PagingDep, paged, text
from service.domain.data_codes import suggest
from service.problems import Problem, bad_parameter, not_found
from service.store import audit, codes
from service.store import registry as registry_store

router = APIRouter(tags=["codes on the wire"])
# seconds between two values, by period; an instant has none of its own
INTERVALS = {
    "minute": 60,
    "quarter": 900,
    "hour": 3_600,
    "day": 86_400,
    "month": 31 * 86_400,
    "year": 366 * 86_400,
}
NOT_SUMMED = {Role.CHECK, Role.CONDITION}


class SuggestionItem(BaseModel):
    """What the structure of a data code says; a person confirms it by mapping the code."""

    energy_class: str | None
    energy: str | None
    quantity: str | None
    unit: str | None
    scope: int = Field(description="1 全厂, 2 生产工序, 3 工序单元, 4 重点耗能设备")
    source: str
    confirmed: bool = False


class UnmappedItem(BaseModel):
    """A code that waits: who sends it, its newest value, how often it came.

    ``statistic`` is what the protocol says of its period: `instant` of real-time values of NHJC,
    which may be of quarter hours or hours. ``name`` is what the sender itself calls it.
    """

    collector: str
    sender: str
    enterprise: str | None
    device: str | None
    wire_code: str
    statistic: str
    name: str | None
    last_value: float | None
    last_at: datetime
    occurrences: int
    first_received_at: datetime
    last_received_at: datetime
    carried_in: list[str] = Field(description="statistics in which channels carry it already")
    suggestion: SuggestionItem | None


class MapIn(BaseModel):
    """A code and the channel that is to carry it.

    ``statistic`` is the listed one, ``channel_statistic`` the channel's where it is another.
    ``device`` is the meter that it belongs to, where it is not the one that sends. What is left
    out is what such devices usually are: amounts, labelled by the start of their period.
    """

    model_config = ConfigDict(extra="forbid")

    collector: Code
    sender: Annotated[str, Field(min_length=1, max_length=200)]
    wire_code: Annotated[str, Field(pattern=r"^[0-9A-Za-z]{1,40}$")]
    statistic: str
    device: Code | None = None
    quantity: QuantityCode
    channel_statistic: str | None = None
    unit: str
    role: Role | None = None
    kind: ChannelKind | None = None
    label: Label = Label.START
    expected_interval_s: Annotated[int, Field(gt=0, le=366 * 86_400)] | None = None
    in_service_from: Instant | None = None


class Mapped(BaseModel):
    """The channel that carries the code now; what waits for it can be replayed."""

    enterprise: str
    device: str
    quantity: str
    statistic: str
    role: str
    wire_code: str


@router.get("/unmapped-codes", tags=["platform"])
async def list_unmapped(
    session: ReadPlatform,
    page: PagingDep,
    collector: str | None = None,
    enterprise: Annotated[str | None, Query(description="social credit code")] = None,
) -> Page[UnmappedItem]:
    """List codes that no channel carries, each with its newest value and a suggestion."""
    found = await codes.page(
        session.connection,
        collector,
        enterprise,
        page.limit + 1,
        page.after(text, text, text, text),
    )
    rows, following = paged(
        found, page.limit, lambda row: (row.collector, row.sender, row.wire_code, row.statistic)
    )
    return Page(items=[_item(row) for row in rows], next=following)


@router.post("/unmapped-codes/map")
async def map_code(session: Administer, document: MapIn) -> Mapped:
    """Let a channel carry a code, entered where it is not there; what waits can be replayed."""
    key = {
        name: getattr(document, name) for name in ("collector", "sender", "wire_code", "statistic")
    }
    row = await codes.find(session.connection, key)
    if row is None:
        raise not_found(
            f"unmapped code {document.wire_code} of {document.sender}",
            f"{document.sender} 的未映射编码 {document.wire_code}",
        )
    device = document.device or row.code
    statistic = document.channel_statistic or document.statistic
    device_id = await codes.target(session.connection, row.enterprise_id, device)
    if device_id is None:
        raise not_found(f"device {device} at {row.uscc}", f"{row.uscc} 的设备 {device}")
    known = await codes.carriers(
        session.connection, row.enterprise_id, document.wire_code, device, document.quantity,
        statistic,
    )  # fmt: skip
    place = (device, document.quantity, statistic)
    standing = next((c for c in known if (c.device, c.quantity, c.statistic) == place), None)
    if standing is None:
        channel = _channel(document, statistic, row.first_at, known)
        _refuse_twice(channel.role, known)
        await registry_store.enter_channel(
            session.connection, device_id, channel.model_dump(), session.permit.client.name
        )
    else:
        await _adopt(session.connection, standing, document.wire_code, known)
    await codes.drop(session.connection, key)
    mapped = Mapped(
        enterprise=row.uscc,
        device=device,
        quantity=document.quantity,
        statistic=statistic,
        role=channel.role if standing is None else standing.role,
        wire_code=document.wire_code,
    )
    await audit.append(
        session.connection,
        session.permit.client.name,
        "map_code",
        {**mapped.model_dump(), "sender": document.sender},
    )
    return mapped


async def _adopt(connection: Any, standing: Any, wire_code: str, known: list[Any]) -> None:
    """Give the code to the channel that stands in its place, as it is."""
    if standing.wire_code not in (None, wire_code):
        raise Problem(
            409,
            "channel_exists",
            f"The device has this channel for the code {standing.wire_code}; name another device.",
            f"该设备的这一测点已对应编码 {standing.wire_code}；请指定另一台计量器具（device）。",
        )
    _refuse_twice(standing.role, [other for other in known if other is not standing])
    await codes.adopt(connection, standing.channel_id, wire_code)


def _refuse_twice(role: str, others: list[Any]) -> None:
    """Refuse to sum one consumption twice, by the hour and by the day."""
    for other in others:
        if role not in NOT_SUMMED and other.role not in NOT_SUMMED:
            raise Problem(
                409,
                "counted_twice",
                f"The code is summed as {other.statistic} at {other.device}; give role check.",
                f"该编码已按 {other.statistic} 在 {other.device} 计入汇总；请将 role 设为 check。",
            )


def _channel(document: MapIn, statistic: str, first_at: datetime, known: list[Any]) -> ChannelIn:
    """Return the channel to enter; raises a problem where it would be none."""
    if statistic not in STATISTICS:
        raise bad_parameter("channel_statistic", "unknown statistic", "未知的统计口径")
    if document.collector == COLLECTOR and not fits(document.statistic, statistic):
        why = f"values of {document.statistic} never reach it"
        raise bad_parameter("channel_statistic", why, f"{document.statistic} 的数据不会进入该测点")
    period = statistic.partition(".")[0]
    instant = is_instant(statistic)
    usual = ChannelKind.AMOUNT if ".total" in statistic else ChannelKind.GAUGE
    summed = any(other.role not in NOT_SUMMED for other in known)
    role = Role.CHECK if period in {"month", "year"} or summed else Role.CONSUMPTION
    try:
        return ChannelIn(
            quantity=document.quantity,
            statistic=statistic,
            kind=document.kind or usual,
            role=document.role or role,
            unit=document.unit,
            label=document.label,
            expected_interval_s=document.expected_interval_s
            or (900 if instant else INTERVALS[period]),
            in_service_from=document.in_service_from or first_at,
            wire_code=document.wire_code,
        )
    except ValidationError as error:
        why = error.errors()[0]["msg"]
        raise bad_parameter("channel", why, why) from error


def _item(row: Any) -> UnmappedItem:
    suggestion = suggest(row.wire_code) if row.collector == COLLECTOR else None
    return UnmappedItem(
        **{name: getattr(row, name) for name in UnmappedItem.model_fields if name != "suggestion"},
        suggestion=None
        if suggestion is None
        else SuggestionItem.model_validate(suggestion, from_attributes=True),
    )
