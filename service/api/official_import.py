"""Official figures by file: the template, and the import with its report row by row."""

import asyncio
import hashlib
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel
from starlette.requests import ClientDisconnect

from schemas.access import Domain, Verb
from schemas.official import SERIES, Of, Prices
from schemas.official_units import UNITS
from service.access import Permit, ReadFigures, Session, permits, state_of
from service.access import session as open_session
from service.api import delimited, figure_table, figure_template, official_entry, workbook
from service.api.figure_columns import spelt
from service.api.figure_table import FigureTable
from service.api.official import note
from service.api.official_entry import Entered, Refused
from service.api.official_rows import MOST_ROWS, RowError, refusal
from service.api.pages import XLSX, Format, FormatDep, Page, respond
from service.domain.calendar import day_of
from service.problems import Problem
from service.store import counties as county_store

router = APIRouter(tags=["official figures"])
MOST_BYTES = 8 << 20
BODY_WITHIN_S = 60.0
ZIP, OLD_EXCEL = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
MEDIA = (
    XLSX, "text/csv", "application/csv", "text/plain", "text/tab-separated-values",
    "application/vnd.ms-excel", "application/octet-stream",
)  # fmt: skip
LINES = MOST_ROWS + figure_table.LOOKED_AT


class TableFormat(StrEnum):
    """How the template is written."""

    CSV = "csv"
    XLSX = "xlsx"


class SeriesItem(BaseModel):
    """A series that can be entered, the unit it is stored in, and the units it may be sent in."""

    series: str
    name: str
    name_en: str
    unit: str | None
    units: list[str]
    of: list[Of]
    prices: Prices
    sector: str | None
    by_product: bool


class Imported(Entered):
    """What came of a file; a dry run entered nothing."""

    rows: int
    dry_run: bool = False


@router.get("/statistics/series")
async def list_series(_session: ReadFigures) -> Page[SeriesItem]:
    """List the series that official figures are entered in."""
    return Page(
        items=[
            SeriesItem(
                series=item.code,
                name=item.zh,
                name_en=item.en,
                unit=item.unit or None,
                units=list(UNITS.get(item.unit, {})),
                of=list(item.of),
                prices=item.prices,
                sector=item.sector,
                by_product=item.by_product,
            )
            for item in SERIES.values()
        ]
    )


@router.get("/statistics/template", response_class=Response)
async def template(
    session: ReadFigures,
    format_: Annotated[TableFormat, Query(alias="format")] = TableFormat.XLSX,
) -> Response:
    """Return an empty table for official figures, with all that may be written in it."""
    match format_:
        case TableFormat.CSV:
            media, body = "text/csv; charset=utf-8", figure_template.as_csv()
        case TableFormat.XLSX:
            known = await county_store.overview(session.connection, session.permit.regions, [])
            rows = [(county.code, county.name_zh, county.name_en) for county in known]
            media, body = XLSX, await asyncio.to_thread(figure_template.as_workbook, rows)
    name = f'attachment; filename="official-figures.{format_}"'
    return Response(body, media_type=media, headers={"Content-Disposition": name})


@router.post(
    "/statistics/import",
    response_model=Imported,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {name: {"schema": {"type": "string"}} for name in (XLSX, "text/csv")},
        }
    },
)
async def import_statistics(
    request: Request,
    permit: Annotated[Permit, Depends(permits((Domain.STATISTICS, Verb.ENTER)))],
    format_: FormatDep,
    dry_run: Annotated[bool, Query(description="check all, enter nothing")] = False,
) -> Response:
    """Enter a table of official figures, the file being the body: all its rows or none.

    What is wrong comes as a problem with a report row by row, or with `format=csv` or `xlsx` as a
    table of it.
    """
    body = await _body(request)  # before a connection is taken for it
    async with open_session(state_of(request), permit) as session:
        table = await asyncio.to_thread(_read, body, await _counties(session))
        if table.errors:
            return _report(table.errors, format_)
        try:
            entered, touched = await official_entry.enter(
                session, table.figures, day_of(datetime.now(UTC)), dry_run=dry_run
            )
        except Refused as refused:
            return _report([table.named(error) for error in refused.errors], format_)
        if not dry_run:
            await official_entry.tell(request, session, touched)
            digest = hashlib.sha256(body).hexdigest()
            of = [(county, str(period)) for county, _, period in touched]
            await note(session, "import_statistics", entered, of, sha256=digest)
    told = {
        name: [table.named(error) for error in getattr(entered, name)]
        for name in ("warnings", "marked")
    }
    done = Imported(rows=len(table.figures), dry_run=dry_run, **{**entered.model_dump(), **told})
    return JSONResponse(done.model_dump(mode="json"))


def _report(errors: list[RowError], format_: Format) -> Response:
    """Return what was refused as a table, or raise it as a problem."""
    if format_ is Format.JSON:
        raise refusal(errors)
    response = respond(Page(items=errors), format_, "refused-rows")
    response.status_code = 422
    return response


async def _counties(session: Session) -> dict[str, str]:
    known = await county_store.overview(session.connection, session.permit.regions, [])
    return {
        spelt(name): county.code
        for county in known
        for name in (county.name_en, county.name_zh, county.code)
    }


def _read(body: bytes, counties: dict[str, str]) -> FigureTable:
    if body.startswith(OLD_EXCEL):
        raise Problem(
            422, "old_workbook",
            "This is an old workbook (.xls) or one with a password; save it as .xlsx without one.",
            "这是旧版（.xls）或加密的工作簿，请另存为不加密的 .xlsx。",
        )  # fmt: skip
    if body.startswith(ZIP):
        lines = workbook.read(body, LINES)
    else:
        lines = delimited.read(body, LINES, figure_table.is_header)
    return figure_table.read(lines, counties)


async def _body(request: Request) -> bytes:
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    encoding = request.headers.get("content-encoding", "identity")
    if media not in MEDIA or encoding != "identity":
        raise Problem(
            415, "bad_media_type",
            "Send the file itself as the body, with Content-Type text/csv or that of .xlsx, not"
            " compressed: curl --data-binary @figures.csv -H 'Content-Type: text/csv'.",
            "请以文件本身作为请求体，Content-Type 为 text/csv 或 .xlsx 的类型，且不压缩。",
        )  # fmt: skip
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_WITHIN_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MOST_BYTES:
                    raise _too_large()
    except (TimeoutError, ClientDisconnect) as error:
        raise Problem(
            408, "slow_body", "The file did not come within 60 s; send it again.",
            "60 秒内未收到完整文件，请重新提交。",
        ) from error  # fmt: skip
    if not body:
        raise Problem(422, "no_rows", "The file is empty.", "文件为空。")
    return bytes(body)


def _too_large() -> Problem:
    return Problem(
        413, "too_large", "The file is larger than 8 MiB; send it in parts.",
        "文件超过 8 MiB，请分批提交。",
    )  # fmt: skip
