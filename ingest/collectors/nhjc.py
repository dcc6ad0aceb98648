"""Uploads of NHJC end devices (端设备), dialect A: register, version check, data upload.

HTTP is 200 for everything that was understood, with the verdict in `responseCode`, because
clients in the field raise on anything else before they read the sentence; 503 and 429 ask for
the same again later. Code 0 is said only once everything is committed: readings stored, refused
items kept. Code 1 is said where the device itself can mend it: it sends again, and is right to.
"""

import time
from collections.abc import Awaitable, Callable
from datetime import time as time_of_day

from pydantic import BaseModel, ConfigDict, Field
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ingest import exchange, serving
from ingest.enrolment import plain
from ingest.errors import Rejected, Unavailable
from ingest.exchange import Exchange
from ingest.intake import Answer, Intake
from ingest.limits import Rates
from ingest.monitoring import PAYLOADS, routes
from ingest.protocols.nhjc_answers import failure
from schemas.nhjc import COLLECTOR, Dialect

RETRY_AFTER_S = 5
BUSY = f"平台暂不能接收，请 {RETRY_AFTER_S} 秒后重发，数据未丢失。"
TOO_OFTEN = "请求过于频繁，请 60 秒后再发。"
PATHS: dict[str, Callable[[Exchange], Awaitable[bytes]]] = {
    "/versionCheck": exchange.check_version,
    "/uploadEnergyData": exchange.upload,
    "/downloadConfigData": exchange.download,
    "/downloadBaseData": exchange.download,
    "/uploadEnterpriseInfo": exchange.keep_document,
    "/uploadMeteringData": exchange.keep_document,
}
MEDIA_TYPE = "application/json;charset=UTF-8"  # some clients read Latin-1 unless they are told
REGISTER = "/enterprise/register"


class Settings(BaseModel):
    """The table of this collector in the configuration."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str
    bind: str  # host:port
    public_url: str = Field(pattern=r"^https?://\S+[^/\s]$")  # as devices reach us, with any prefix
    prefix: str = Field(default="", pattern=r"^(/[\w.~-]+)*$")
    certificate: str | None = None
    certificate_key: str | None = None
    trusted_proxies: list[str] = []  # whose X-Forwarded-For tells the device's address
    upload_from: time_of_day = time_of_day(1)  # enterprises upload between these, Beijing time
    upload_to: time_of_day = time_of_day(5)
    requests_per_minute: int = Field(default=600, gt=0)  # of one address
    registers_per_minute: int = Field(default=60, gt=0)  # of these


async def run(settings: Settings, intake: Intake) -> None:
    """Serve until cancelled; requests under way are answered first."""
    await serving.serve(
        application(settings, intake),
        settings.bind,
        settings.certificate,
        settings.certificate_key,
        trusted_proxies=settings.trusted_proxies,
    )


async def replay(intake: Intake, sender: str, payload: bytes) -> Answer | Rejected:
    """Return what becomes now of a payload that was refused; see `exchange.replay`."""
    return await exchange.replay(intake, sender, payload)


def application(settings: Settings, intake: Intake) -> Starlette:
    """Return the application: the protocol's routes and those of monitoring."""
    rates = _rates(settings.requests_per_minute)
    registers = _rates(settings.registers_per_minute)

    def route(path: str, handle: Callable[[Exchange], Awaitable[bytes]], rates: Rates) -> Route:
        async def answer(request: Request) -> Response:
            address = plain(request.client.host) if request.client else ""
            if not rates.admits(address):
                return _response(failure(Dialect(), TOO_OFTEN), 429, 60)
            return await _answer(request, settings, intake, address, handle)

        return Route(settings.prefix + path, answer, methods=["POST"])

    return Starlette(
        routes=[
            route(REGISTER, exchange.register, registers),
            route(f"/{{code}}{REGISTER}", exchange.register, registers),
            *(route(path, handle, rates) for path, handle in PATHS.items()),
            *routes(lambda: intake.directory.ready),
        ]
    )


async def _answer(
    request: Request,
    settings: Settings,
    intake: Intake,
    address: str,
    handle: Callable[[Exchange], Awaitable[bytes]],
) -> Response:
    if intake.full:
        return _response(failure(Dialect(), BUSY), 503, RETRY_AFTER_S)
    asked = Exchange(
        intake,
        address,
        b"",
        request.path_params.get("code"),
        request.url.path.rpartition("/")[2],
        settings.public_url,
        (settings.upload_from, settings.upload_to),
    )
    try:
        body = bytearray()
        with intake.hold() as add:
            await serving.receive(request, body, intake, add)
            asked.payload = await serving.unpacked(request, bytes(body), intake, add)
        return _response(await handle(asked))
    except Rejected as rejected:
        PAYLOADS.labels(collector=COLLECTOR, outcome="rejected").inc()
        return _response(failure(asked.dialect, rejected.detail_zh))
    except Unavailable:
        return _response(failure(asked.dialect, BUSY), 503, RETRY_AFTER_S)


def _response(content: bytes, status: int = 200, retry_after_s: int | None = None) -> Response:
    headers = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}
    return Response(content, status, headers, media_type=MEDIA_TYPE)


def _rates(per_minute: int) -> Rates:
    return Rates(per_minute / 60, per_minute, time.monotonic)
