"""Entering official figures: checked one by one and against each other, all of them or none."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import date

from fastapi import Request
from pydantic import BaseModel

from schemas.locks import Lock
from service.access import Session, state_of
from service.api.official_checks import Places, Row, check
from service.api.official_judgement import Table, judged
from service.api.official_rows import FigureIn, RowError
from service.domain.calendar import midnight
from service.domain.windows import Months, shift
from service.problems import forbidden
from service.store import changed, official_entries
from service.store import counties as county_store
from service.store.engine import lock
from service.store.official_entries import Place, Stored

YEAR = 12
Touched = tuple[str, int | None, Months]  # a county, one of its enterprises perhaps, a period


class Entered(BaseModel):
    """How many were entered; ``revised`` of them replaced an older figure, which stays.

    ``unchanged`` ones were known already and make no revision. ``warnings`` are contradictions
    within what rounding and ways of counting explain; ``marked`` ones were entered by their reason.
    """

    entered: int
    revised: int
    unchanged: int = 0
    warnings: list[RowError] = []
    marked: list[RowError] = []


class Refused(Exception):
    """Rows that cannot be entered, and why."""

    def __init__(self, errors: Iterable[RowError]) -> None:
        super().__init__("rows refused")
        self.errors = sorted(errors, key=lambda error: (error.row, error.column or ""))


async def enter(
    session: Session, figures: Sequence[tuple[int, FigureIn]], today: date, *, dry_run: bool
) -> tuple[Entered, list[Touched]]:
    """Enter numbered rows; returns what came of it, and whose figures of when it touches.

    Raises `Refused` with everything that is wrong. A dry run enters nothing.
    """
    if session.permit.enterprise_id is not None:  # these are figures about it, not by it
        raise forbidden("statistics:enter of a region")
    places = await _places(session, figures)
    rows = await asyncio.to_thread(_checked, figures, places, today)
    await lock(session.connection, Lock.OFFICIAL)
    table = Table(rows, await _stored(session, rows.values()))
    refused, told, confirmed = await asyncio.to_thread(judged, table)
    if refused:
        raise Refused(refused)
    entered = Entered(
        entered=len(table.new),
        revised=sum(place in table.stored for place in table.new),
        unchanged=len(table.rows) - len(table.new),
        warnings=told,
        marked=[error for errors in confirmed.values() for error in errors],
    )
    if table.new and not dry_run:
        await official_entries.append(session.connection, _records(session, table, confirmed))
    touched = {(p.county_code, p.enterprise_id, row.period) for p, row in table.new.items()}
    return entered, sorted(touched, key=str)


async def tell(request: Request, session: Session, touched: Iterable[Touched]) -> None:
    """Tell the indicators that rest on official figures, once for each unbroken stretch."""
    by_subject: dict[tuple[str, int | None], list[Months]] = defaultdict(list)
    for county, enterprise, months in touched:
        by_subject[county, enterprise].append(months)
    indicators = state_of(request).official_indicators
    for (county, enterprise), periods in by_subject.items():
        for first, stop in _stretches(periods):
            await changed.append_official(
                session.connection, indicators, county, enterprise, midnight(first), midnight(stop)
            )


def _stretches(periods: Iterable[Months]) -> list[tuple[date, date]]:
    found: list[tuple[date, date]] = []
    for months in sorted(periods, key=lambda months: months.start):
        if found and months.start <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], months.stop)
        else:
            found.append((months.start, months.stop))
    return found


async def _places(session: Session, figures: Sequence[tuple[int, FigureIn]]) -> Places:
    counties = await county_store.overview(session.connection, session.permit.regions, [])
    usccs = {figure.enterprise for _, figure in figures if figure.enterprise is not None}
    enterprises = await official_entries.enterprises(session.connection, sorted(usccs))
    return Places(frozenset(county.code for county in counties), enterprises)


def _checked(
    figures: Sequence[tuple[int, FigureIn]], places: Places, today: date
) -> dict[Place, Row]:
    """Return rows by place; raises `Refused` where one is wrong by itself, or comes twice."""
    errors: list[RowError] = []
    rows: dict[Place, Row] = {}
    for number, figure in figures:
        row = check(number, figure, places, today)
        if not isinstance(row, Row):
            errors += row
            continue
        place = _place(row)
        if (first := rows.setdefault(place, row)) is not row:
            errors.append(_twice(row, first))
    if errors:
        raise Refused(errors)
    return rows


def _place(row: Row) -> Place:
    return Place(
        row.county_code, row.enterprise_id, row.series.code, row.product, str(row.period),
        row.price_base,
    )  # fmt: skip


def _twice(row: Row, first: Row) -> RowError:
    return RowError(
        row=row.row,
        column="series",
        code="duplicate_row",
        detail=f"The same figure stands in row {first.row}; keep one of the two.",
        detail_zh=f"与第 {first.row} 行重复，请保留其一。",
        value=row.series.code,
    )


async def _stored(session: Session, rows: Iterable[Row]) -> dict[Place, Stored]:
    """Return what is known of the same counties and enterprises, a year before and after too."""
    rows = list(rows)
    periods = {row.period for row in rows}
    periods |= {Months(shift(p.first, m), shift(p.last, m)) for p in periods for m in (-YEAR, YEAR)}
    return await official_entries.newest(
        session.connection,
        sorted({row.county_code for row in rows}),
        sorted({row.enterprise_id for row in rows if row.enterprise_id is not None}),
        sorted(map(str, periods)),
    )


def _records(
    session: Session, table: Table, confirmed: Mapping[int, Sequence[RowError]]
) -> Iterator[dict[str, object]]:
    for place, row in table.new.items():
        old = table.stored.get(place)
        marks = confirmed.get(row.row)
        yield {
            **asdict(place),
            "value": row.value,
            "unit": row.unit,
            "state": row.state.value,
            "source": row.source,
            "revision": 1 if old is None else old.revision + 1,
            "recorded_by": session.permit.client.name,
            "contradictions": None
            if marks is None
            else [mark.model_dump(include={"code", "detail", "detail_zh"}) for mark in marks],
            "reason": None if marks is None else row.reason,
        }
