"""Pages of the console, rendered here; what they show comes from the same store as the API."""

from typing import Annotated

from fastapi import APIRouter, FastAPI, Query, Request
from fastapi.responses import Response

from service.access import COOKIE, session, state_of
from service.console import assets, entrance, overview, rendering
from service.console.rendering import renderer_of
from service.console.visitors import LANGUAGE_COOKIE, VisitorDep, language_of, visitor
from service.problems import Problem

router = APIRouter(include_in_schema=False)
CountyCode = Annotated[str, Query(pattern=r"^(\d{6})?$")]
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
    response = renderer_of(request)("page.html", who.words, **context)
    if "lang" in request.query_params:
        response.set_cookie(
            LANGUAGE_COOKIE, language_of(request), max_age=YEAR_S, path="/", samesite="lax"
        )
    return response


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


def _reason(request: Request, problem: Problem) -> str | None:
    """Return why a key is asked for; without one there is nothing to explain."""
    if problem.status == 403:
        return "entrance.no_grant"
    return "entrance.wrong_key" if COOKIE in request.cookies else None
