"""Entering with a key and leaving again; the key is kept in a cookie that no script reads."""

import re
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from service.access import COOKIE, state_of
from service.console.rendering import renderer_of
from service.console.visitors import language_of, may_look
from service.console.words import words_of
from service.problems import Problem
from service.store import clients

router = APIRouter(include_in_schema=False)
LONGEST_FORM = 2_000  # bytes
_PAGES = re.compile(r"/(?:enterprises/[0-9A-Z]{18}|figures/[0-9]{1,18})")  # to come back to


@router.post("/enter")
async def enter(request: Request) -> Response:
    """Check a key and let the browser keep it until it is closed."""
    form = await _form(request)
    key, page = form.get("key", "").strip(), form.get("page", "")
    if not key or _is_from_elsewhere(request):
        return ask(request, "entrance.wrong_key", page=page)
    async with state_of(request).engine.connect() as connection:
        client = await clients.find(connection, key)
    if client is None:
        return ask(request, "entrance.wrong_key", page=page)
    try:
        await may_look(client)
    except Problem:
        return ask(request, "entrance.no_grant", status=403)
    response = RedirectResponse(page if _PAGES.fullmatch(page) else "/", status_code=303)
    secure = request.url.scheme == "https"
    response.set_cookie(COOKIE, key, path="/", secure=secure, httponly=True, samesite="strict")
    return response


@router.post("/leave")
async def leave(request: Request) -> Response:
    """Forget the key."""
    response = RedirectResponse("/", status_code=303)
    if not _is_from_elsewhere(request):
        response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
    return response


def ask(request: Request, reason: str | None = None, status: int = 401, page: str = "") -> Response:
    """Return the page that asks for a key; ``reason`` is why, ``page`` what is shown after it."""
    may_be_guest = state_of(request).settings.guest_region is not None
    return renderer_of(request)(
        "entrance.html",
        words_of(language_of(request)),
        status,
        reason=reason,
        page=page,
        may_be_guest=may_be_guest and reason is not None,
    )


def _is_from_elsewhere(request: Request) -> bool:
    return request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")


async def _form(request: Request) -> dict[str, str]:
    """Return the fields of a small form; what is longer than any key is as good as nothing."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LONGEST_FORM:
            return {}
    return {name: found[0] for name, found in parse_qs(body.decode(errors="replace")).items()}
