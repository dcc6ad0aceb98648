"""Raw frames of HJ 212, marks of production conditions, and the table of factors."""

import base64
import re
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response
from pydantic import BaseModel, Field

from schemas.factors import FACTORS
from schemas.quantities import CATALOGUE
from service.access import ReadAny, ReadDevices
from service.api.pages import (
    FormatDep,
    Page,
    PagingDep,
    Stretch,
    instant,
    number,
    paged,
    respond,
    text,
)
from service.problems import bad_parameter, not_found
from service.store import frames as store

router = APIRouter(tags=["monitors"])

LONGEST = timedelta(days=31)
MAX_FRAMES = 1_000  # of a page: each may be 10 kB
_PW = re.compile(rb"(PW=)([^;&]*)")


def _stretch(
    start: Annotated[datetime, Query(alias="from", description="RFC 3339 with an offset")],
    stop: Annotated[datetime, Query(alias="to")],
) -> Stretch:
    stretch = Stretch(start, stop)
    if stretch.stop - stretch.start > LONGEST:
        raise bad_parameter("from", "at most 31 days before `to`", "与 to 相差不超过 31 天")
    return stretch


BothEnds = Annotated[Stretch, Depends(_stretch)]
MnQuery = Annotated[str, Query(min_length=1, max_length=100)]


class FrameItem(BaseModel):
    """A frame that was accepted, as it came, its PW hidden behind as many stars."""

    id: int
    received_at: datetime
    mn: str
    source: str
    bytes: int
    text: str
    base64: str | None = Field(description="where the frame is no UTF-8 text, such as SM4")


class MarkItem(BaseModel):
    """A letter that a production condition was sent as (HJ 212-2025, ST 45)."""

    enterprise: str
    device: str
    mn: str | None
    outlet: str | None
    code: str
    at: datetime
    mark: str


class FactorItem(BaseModel):
    """What a code means where a channel does not say otherwise."""

    code: str
    code_2005: str | None
    quantity: str
    name: str
    name_en: str
    unit: str
    basis: str | None
    total_unit: str | None = Field(description="of -Cou")
    source: str


@router.get("/frames")
async def list_frames(
    session: ReadDevices, mn: MnQuery, stretch: BothEnds, page: PagingDep, format_: FormatDep
) -> Response:
    """List frames of one monitor, newest first, of at most 31 days."""
    start = page.after(instant, number)
    if not await store.is_visible(session.connection, mn):
        raise not_found("monitor with this MN", "该 MN 的监测设备")
    limit = min(page.limit, MAX_FRAMES)
    found = await store.page(
        session.connection,
        mn,
        stretch.start,
        stretch.stop,
        limit + 1,
        None if start is None else (start[0], start[1]),
    )
    rows, following = paged(found, limit, lambda row: (row.received_at, row.frame_id))
    return respond(Page(items=[_frame(row) for row in rows], next=following), format_, "frames")


@router.get("/condition-marks")
async def list_marks(
    session: ReadDevices,
    stretch: BothEnds,
    page: PagingDep,
    format_: FormatDep,
    enterprise: Annotated[str | None, Query(max_length=18)] = None,
    mn: Annotated[str | None, Query(max_length=100)] = None,
) -> Response:
    """List letters of production conditions, newest first, of at most 31 days."""
    start = page.after(instant, number, text)
    found = await store.marks(
        session.connection,
        enterprise,
        mn,
        stretch.start,
        stretch.stop,
        page.limit + 1,
        None if start is None else (start[0], start[1], start[2]),
    )
    rows, following = paged(found, page.limit, lambda row: (row.at, row.device_id, row.wire_code))
    items = [
        MarkItem(
            enterprise=row.uscc,
            device=row.device,
            mn=row.mn,
            outlet=row.outlet,
            code=row.wire_code,
            at=row.at,
            mark=row.mark,
        )
        for row in rows
    ]
    return respond(Page(items=items, next=following), format_, "condition-marks")


@router.get("/factors")
async def list_factors(_session: ReadAny) -> Page[FactorItem]:
    """List the codes of HJ 212 that are known, with unit and basis of the standard."""
    return Page(
        items=[
            FactorItem(
                code=factor.code,
                code_2005=factor.code_2005,
                quantity=factor.quantity,
                name=CATALOGUE[factor.quantity].zh,
                name_en=CATALOGUE[factor.quantity].en,
                unit=factor.unit,
                basis=factor.basis,
                total_unit=factor.total_unit,
                source=factor.source,
            )
            for factor in FACTORS.values()
        ]
    )


def _frame(row: store.AcceptedFrame) -> FrameItem:
    shown = _without_pw(row.frame)
    try:
        decoded, sealed = shown.decode(), None
    except UnicodeDecodeError:
        decoded, sealed = shown.decode(errors="replace"), base64.b64encode(shown).decode()
    return FrameItem(
        id=row.frame_id,
        received_at=row.received_at,
        mn=row.mn,
        source=row.source,
        bytes=len(row.frame),
        text=decoded,
        base64=sealed,
    )


def _without_pw(frame: bytes) -> bytes:
    """Return a frame of the same length without its password, which would let others in."""
    head, opening, content = frame.partition(b"CP=")
    return _PW.sub(lambda found: found[1] + b"*" * len(found[2]), head) + opening + content
