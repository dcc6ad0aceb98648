"""The page of one enterprise (一企一档): energy, carriers, meters, balance and their history."""

from datetime import UTC, date, datetime
from typing import Any

from schemas.access import Domain
from schemas.indicators import Subject, SubjectKind
from schemas.quantities import CATALOGUE
from service.access import State, session
from service.console import ledger, meter_rows
from service.console.visitors import Visitor
from service.domain.calendar import day_of
from service.domain.windows import parse_months, shift
from service.store import counties, provenance, registered, revisions
from service.store.engine import Connection

Context = dict[str, Any]  # of a template
PERIODS = ("month", "year", "rolling")
MOST = 200  # heating values


async def read(state: State, visitor: Visitor, uscc: str, chosen: str) -> Context | None:
    """Return what the page needs; None where there is no such enterprise in scope."""
    now = datetime.now(UTC)
    async with session(state, visitor.permit) as opened:
        connection = opened.connection
        found = await registered.enterprises(connection, None, uscc, None, 1)
        if not found:
            return None
        enterprise = found[0]
        county = enterprise.county_code
        energy = visitor.may_read(Domain.ENERGY, county)
        metering = visitor.may_read(Domain.METERING, county)
        context = {
            **await of_place(connection, visitor, county),
            "e": enterprise,
            "title": visitor.words.name(enterprise.name_zh, enterprise.name_en),
            "statement": None,
            "register": None,
            "shown_days": _last_month(now),
        }
        if energy:
            context |= await _energy(connection, enterprise, now, chosen)
        if metering:
            context |= {
                "register": await meter_rows.register(connection, uscc, now),
                "happenings": await meter_rows.happenings(connection, uscc),
            }
    return context


async def of_place(connection: Connection, visitor: Visitor, county: str) -> Context:
    """Return what every page about something in a county needs."""
    words = visitor.words
    found = next(iter(await counties.overview(connection, [county], [])), None)
    return {
        "visitor": visitor,
        "region": "",
        "county": county,
        "county_name": county if found is None else words.name(found.name_zh, found.name_en),
        "is_invented": await provenance.is_invented(connection, [county]),
        "name_of": lambda code: words.name(CATALOGUE[code].zh, CATALOGUE[code].en),
        "unit_of": lambda code: CATALOGUE[code].unit,
    }


async def _energy(connection: Connection, enterprise: Any, now: datetime, chosen: str) -> Context:
    county, uscc = enterprise.county_code, enterprise.uscc
    subject = Subject(SubjectKind.ENTERPRISE, county, enterprise.enterprise_id)
    statement = await ledger.read(connection, county, subject.key, day_of(now))
    choices = dict(zip(PERIODS, _three(statement.periods), strict=True))
    last = parse_months(statement.last_month)
    return {
        "statement": statement,
        "shown_days": (last.start, last.stop),
        "choices": choices,
        "chosen": chosen,
        "carriers": statement.carriers(choices[chosen]),
        "factors": statement.factors(choices[chosen]),
        "heating_values": await revisions.page(
            connection, revisions.HEATING_VALUES, {"enterprise": uscc}, None, False, MOST, None
        ),
        "balances": await meter_rows.balances(
            connection, enterprise.enterprise_id, last.start, last.stop, now
        ),
    }


def _last_month(now: datetime) -> tuple[date, date]:
    """Return the first day of the last closed month, and of the one after it."""
    stop = shift(day_of(now), 0)
    return shift(stop, -1), stop


def _three(periods: list[str]) -> list[str]:
    """Return month, year so far and 12 months; in January and December two of them are one."""
    months = [parse_months(period) for period in periods]
    year = next(m for m in months if m.first.month == 1 and m.first.year == m.last.year)
    return [periods[0], str(year), periods[-1]]
