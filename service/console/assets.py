"""Files that a browser may keep for ever, because their address holds a hash of them all."""

import hashlib
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.staticfiles import StaticFiles

FOLDER = Path(__file__).parent / "static"
KEPT = "public, max-age=31536000, immutable"


def version_of(folder: Path) -> str:
    """Return a hash of all files below a folder."""
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            digest.update(str(file.relative_to(folder)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:12]


def make_router(version: str) -> APIRouter:
    """Return the route of the files; an address of another version is not to be kept."""
    router = APIRouter(include_in_schema=False)
    files = StaticFiles(directory=FOLDER)

    @router.api_route("/static/{asked}/{path:path}", methods=["GET", "HEAD"])
    async def serve(request: Request, asked: str, path: str) -> Response:
        response = await files.get_response(path, request.scope)
        response.headers["Cache-Control"] = KEPT if asked == version else "no-cache"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    return router
