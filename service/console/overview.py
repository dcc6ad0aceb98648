"""What each part of the page needs, read within a visitor's scope."""

from datetime import UTC, datetime
from typing import Any

from schemas.alerts import Phase
from schemas.quantities import CATALOGUE
from service.access import State, session
from service.console import conditions, county_rows, entries, own, schematic
from service.console.visitors import Visitor
from service.store import alert_list, counties, events, provenance
from service.store.engine import Connection

Context = dict[str, Any]  # of a template
ENTRIES = 50  # lines of the feed to begin with
STANDING = 200
SCRIPT_WORDS = ("basis", "chart", "entry", "feed", "indicator", "period", "phase", "rate", "stage")
REGION_DIGITS = (6, 4, 2)  # county, prefecture, province


async def whole(state: State, visitor: Visitor, county: str | None) -> Context:
    """Return what the page needs."""
    async with session(state, visitor.permit) as opened:
        connection = opened.connection
        mine = None
        overview: Context = {"rows": [], "drawing": None, "chosen": ""}
        if visitor.permit.enterprise_id is not None:
            mine = await own.read(connection, visitor)
        else:
            overview = await of_counties(connection, state, visitor, county)
        rows = overview["rows"]
        codes = [row.code for row in rows]
        context = {
            **overview,
            **await of_feed(connection, visitor),
            **await of_health(connection, visitor),
            **await _provenance(connection, visitor, codes),
            "visitor": visitor,
            "own": mine,
            "region": _region(visitor, codes or ([mine.county] if mine else [])),
        }
    return {**context, "script": _for_scripts(context, visitor)}


async def of_counties(
    connection: Connection, state: State, visitor: Visitor, county: str | None
) -> Context:
    """Return what the table and the map need; ``county`` is the one chosen, if any."""
    rows = await county_rows.read(connection, state, visitor)
    known = {row.code for row in rows}
    drawing = schematic.draw(
        [(row.code, row.name, row.schematic) for row in rows], visitor.words.language
    )
    chosen = county if county in known else county_rows.worst(rows)
    rules = {row.official.result.rule_set for row in rows if row.official is not None}
    return {
        "rows": rows,
        "drawing": drawing,
        "chosen": chosen or "",
        "rules": sorted(filter(None, rules)),
    }


async def of_feed(connection: Connection, visitor: Visitor) -> Context:
    """Return the newest events, newest first, and the id of the last."""
    found = await events.newest(connection, ENTRIES)
    lines = [entries.of_event(event, visitor) for event in reversed(found)]
    return {
        "entries": lines,
        "last": found[-1].event_id if found else 0,
        "last_at": found[-1].recorded_at if found else None,
        "blank": entries.BLANK,
    }


async def of_standing(connection: Connection, visitor: Visitor, county: str | None) -> Context:
    """Return the alerts that stand, newest first."""
    found = await alert_list.page(
        connection, county or None, None, Phase.FIRING.value, STANDING, None
    )
    places = {
        item.code: visitor.words.name(item.name_zh, item.name_en)
        for item in await counties.overview(connection, visitor.permit.regions, [])
    }
    lines = [
        entries.of_alert(alert, places.get(alert.county_code, alert.county_code), visitor)
        for alert in found
    ]
    return {"entries": lines}


async def of_health(connection: Connection, visitor: Visitor) -> Context:
    """Return what the health of ingest needs."""
    now = datetime.now(UTC)
    return {"health": await conditions.read(connection, visitor, now), "share": conditions.share}


async def _provenance(connection: Connection, visitor: Visitor, codes: list[str]) -> Context:
    def name_of(quantity: str) -> str:
        return visitor.words.name(CATALOGUE[quantity].zh, CATALOGUE[quantity].en)

    return {
        "name_of": name_of,
        "unit_of": lambda quantity: CATALOGUE[quantity].unit,
        "is_invented": await provenance.is_invented(connection, codes),
        "coefficients": await provenance.unconfirmed_coefficients(connection),
        "unconfirmed_limits": await provenance.unconfirmed_limits(connection),
        "unconfirmed_targets": await provenance.unconfirmed_targets(connection, codes),
    }


def _region(visitor: Visitor, codes: list[str]) -> str:
    """Return the name of the smallest region around some counties, or its code."""
    for digits in REGION_DIGITS:
        prefixes = {code[:digits] for code in codes}
        if len(prefixes) == 1:
            [prefix] = prefixes
            return visitor.words.find(f"region.{prefix}", prefix)
    return ""


def _for_scripts(context: Context, visitor: Visitor) -> Context:
    mine = context["own"]
    named = {row.code: row.name for row in context["rows"]}
    return {
        "language": visitor.words.language,
        "words": visitor.words.sections(*SCRIPT_WORDS),
        "labels": entries.labels(visitor.words),
        "quantities": {q.code: visitor.words.name(q.zh, q.en) for q in CATALOGUE.values()},
        "last": context["last"],
        "counties": {mine.county: mine.county_name} if mine else named,
        "enterprise": mine.uscc if mine else None,
        "official": entries.OFFICIAL_INDICATOR,
        "outlet": entries.OUTLET_INDICATOR,
    }
