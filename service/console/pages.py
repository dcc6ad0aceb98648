"""Pages of the console, rendered here; what they show comes from the same store as the API."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, FastAPI, Path, Query, Request
from fastapi.responses import Response

from service.access import COOKIE, session, state_of
from service.console import (
    assets,
    dossier,
    entrance,
    measurements,
    overview,
    rendering,
    tracing,
)
from service.console.dossier import Context
from service.console.measurements import Asked
from service.console.rendering import renderer_of
from service.console.visitors import LANGUAGE_COOKIE, Visitor, VisitorDep, language_of, visitor
from service.problems import Problem, bad_parameter

router = APIRouter(include_in_schema=False)
CountyCode = Annotated[str, Query(pattern=r"^(\d{6})?$")]
Uscc = Annotated[str, Path(pattern=r"^[0-9A-Z]{18}$")]
Code = Annotated[str, Query(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f]+$")]
EARLIEST, LATEST = date(1990, 1, 1), date(2200, 1, 1)
YEAR_S = 365 * 86_400


def install(app: FastAPI) -> None:
    """Add the console's pages and static files to the application."""
    version = assets.version_of(assets.FOLDER)
    rendering.install(app, version)
    for part in (assets.make_router(version), entrance.router, router):
        app.include_router(part)


@router.get("/")
async def show_page(request: Request, county: CountyCode = "") -> Response:
    """Show the one page, or ask for a key."""
    try:
        who = await visitor(request)
    except Problem as problem:
        return entrance.ask(request, _reason(request, problem), problem.status)
    context = await overview.whole(state_of(request), who, county)
    return _remember(request, renderer_of(request)("page.html", who.words, **context))


@router.get("/enterprises/{uscc}")
async def show_enterprise(
    request: Request,
    uscc: Uscc,
    period: Annotated[str, Query(pattern="^(month|year|rolling)$")] = "month",
) -> Response:
    """Show one enterprise: its energy, carriers, meters, balance and their history."""
    try:
        who = await visitor(request)
    except Problem as problem:
        return entrance.ask(request, _reason(request, problem), problem.status, request.url.path)
    context = await dossier.read(state_of(request), who, uscc, period)
    return _page(request, who, "enterprise.html", context)


@router.get("/enterprises/{uscc}/measurements")
async def show_measurements(
    request: Request,
    uscc: Uscc,
    device: Code,
    quantity: Code,
    first: date,
    stop: date,
    statistic: Code = "instant",
) -> Response:
    """Show what one channel measured on the days [first, stop)."""
    try:
        who = await visitor(request)
    except Problem as problem:
        return entrance.ask(request, _reason(request, problem), problem.status, request.url.path)
    is_known = EARLIEST <= first < stop <= LATEST
    if not is_known or stop - first > measurements.LONGEST:
        raise bad_parameter("stop", "name at most five years", "起止日期须在五年以内")
    asked = Asked(uscc, device, quantity, statistic, first, stop)
    context = await measurements.read(state_of(request), who, asked)
    return _page(request, who, "measurements.html", context)


@router.get("/figures/{value_id}")
async def show_figure(request: Request, value_id: int) -> Response:
    """Show one figure: what it is, and what it was computed from."""
    try:
        who = await visitor(request)
    except Problem as problem:
        return entrance.ask(request, _reason(request, problem), problem.status, request.url.path)
    is_number = 0 < value_id < 2**63
    context = await tracing.read(state_of(request), who, value_id) if is_number else None
    return _page(request, who, "figure.html", context)


@router.get("/console/counties")
async def show_counties(request: Request, who: VisitorDep, county: CountyCode = "") -> Response:
    """Show the table of counties and the map."""
    state = state_of(request)
    if who.permit.enterprise_id is not None:
        return Response(status_code=204)
    async with session(state, who.permit) as opened:
        context = await overview.of_counties(opened.connection, state, who, county)
    return renderer_of(request)("counties.html", who.words, **context)


@router.get("/console/entries")
async def show_entries(
    request: Request,
    who: VisitorDep,
    county: CountyCode = "",
    scope: Annotated[str, Query(pattern="^(all|county)$")] = "all",
    mode: Annotated[str, Query(pattern="^(events|standing)$")] = "events",
) -> Response:
    """Show the newest events, or the alerts that stand, of all counties or of one."""
    narrowed = county if scope == "county" else ""
    async with session(state_of(request), who.within(narrowed)) as opened:
        if mode == "standing":
            context = await overview.of_standing(opened.connection, who, narrowed)
        else:
            context = await overview.of_feed(opened.connection, who)
    return renderer_of(request)("entries.html", who.words, **context)


@router.get("/console/health")
async def show_health(request: Request, who: VisitorDep) -> Response:
    """Show how well readings arrive."""
    async with session(state_of(request), who.permit) as opened:
        context = await overview.of_health(opened.connection, who)
    return renderer_of(request)("health.html", who.words, **context)


def _page(request: Request, who: Visitor, template: str, context: Context | None) -> Response:
    """Return a page about one thing, or that there is none in scope."""
    if context is None:
        response = renderer_of(request)("missing.html", who.words, 404, visitor=who, region="")
    else:
        response = renderer_of(request)(template, who.words, **context)
    return _remember(request, response)


def _remember(request: Request, response: Response) -> Response:
    """Let a browser keep the language that was asked for."""
    if "lang" in request.query_params:
        response.set_cookie(
            LANGUAGE_COOKIE, language_of(request), max_age=YEAR_S, path="/", samesite="lax"
        )
    return response


def _reason(request: Request, problem: Problem) -> str | None:
    """Return why a key is asked for; without one there is nothing to explain."""
    if problem.status == 403:
        return "entrance.no_grant"
    return "entrance.wrong_key" if COOKIE in request.cookies else None
