"""Uploads of NHJC end devices (端设备), dialect A: register, version check, data upload.

HTTP is 200 for everything that was understood, with the verdict in `responseCode`, because
clients in the field raise on anything else before they read the sentence; 503 and 429 ask for
the same again later. Code 0 is said only once everything is committed: readings stored, refused
items kept. Code 1 is said where the device itself can mend it: it sends again, and is right to.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from datetime import time as time_of_day

from pydantic import BaseModel, ConfigDict, Field
from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from ingest import coded, serving
from ingest.end_devices import EndDevice
from ingest.enrolment import plain
from ingest.errors import Reason, Rejected, Unavailable
from ingest.intake import Answer, Intake
from ingest.monitoring import PAYLOADS, routes
from ingest.protocols import nhjc, nhjc_answers
from ingest.protocols.nhjc import Request
from ingest.protocols.nhjc_items import Content, read
from schemas.nhjc import COLLECTOR, Dialect

RETRY_AFTER_S = 5
AT_ONCE_BYTES = 64 * 1024  # what is longer is decoded beside the loop
BUSY = f"平台暂不能接收，请 {RETRY_AFTER_S} 秒后重发，数据未丢失。"
TOO_OFTEN = "请求过于频繁，请 60 秒后再发。"
DOCUMENTS = ("/uploadEnterpriseInfo", "/uploadMeteringData")  # kept as they are


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


@dataclass(slots=True)
class _Exchange:
    """A request, and how its device is to be answered, once it is known."""

    settings: Settings
    intake: Intake
    address: str
    payload: bytes
    code: str | None  # of the device, where the path names it
    path: str
    dialect: Dialect = field(default_factory=Dialect)


_Handle = Callable[[_Exchange], Awaitable[bytes]]


async def run(settings: Settings, intake: Intake) -> None:
    """Serve until cancelled; requests under way are answered first."""
    await serving.serve(
        application(settings, intake),
        settings.bind,
        ssl_certfile=settings.certificate,
        ssl_keyfile=settings.certificate_key,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies,
    )


async def replay(intake: Intake, sender: str, payload: bytes) -> Answer | Rejected:
    """Return what becomes now of a payload that was refused.

    It is a document of the protocol: `{"data": [items]}`, items in clear or, where they could
    not be deciphered, as they came; a document that was refused as a whole lacks its deviceId.
    """
    device = intake.directory.end_device_named(sender)
    request = nhjc.decode(payload)
    if request.enterprise not in {"", device.sender.uscc}:
        return Rejected(Reason.WRONG_ENTERPRISE, request.enterprise)
    content = await _read(request, device, len(payload))
    return await coded.take(intake, device, content, len(payload), replayed=True)


def application(settings: Settings, intake: Intake) -> Starlette:
    """Return the application: the protocol's routes and those of monitoring."""
    rates = serving.Rates(settings.requests_per_minute, time.monotonic)
    registers = serving.Rates(settings.registers_per_minute, time.monotonic)

    def route(path: str, handle: _Handle, rates: serving.Rates = rates) -> Route:
        async def answer(request: HttpRequest) -> Response:
            return await _answer(request, settings, intake, rates, handle)

        return Route(settings.prefix + path, answer, methods=["POST"])

    return Starlette(
        routes=[
            route("/enterprise/register", _register, registers),
            route("/{code}/enterprise/register", _register, registers),
            route("/versionCheck", _check_version),
            route("/uploadEnergyData", _upload),
            route("/downloadConfigData", _download),
            route("/downloadBaseData", _download),
            *(route(path, _keep_document) for path in DOCUMENTS),
            *routes(lambda: intake.directory.ready),
        ]
    )


async def _answer(
    request: HttpRequest,
    settings: Settings,
    intake: Intake,
    rates: serving.Rates,
    handle: _Handle,
) -> Response:
    dialect = Dialect()
    address = plain(request.client.host) if request.client else ""
    if not rates.admits(address):
        return _response(nhjc_answers.failure(dialect, TOO_OFTEN), 429, "60")
    if intake.full:
        return _response(nhjc_answers.failure(dialect, BUSY), 503, str(RETRY_AFTER_S))
    exchange = None
    try:
        exchange = _Exchange(
            settings,
            intake,
            address,
            await serving.body(request),
            request.path_params.get("code"),
            request.url.path.removeprefix(settings.prefix),
        )
        return _response(await handle(exchange))
    except Rejected as rejected:
        PAYLOADS.labels(collector=COLLECTOR, outcome="rejected").inc()
        dialect = dialect if exchange is None else exchange.dialect
        return _response(nhjc_answers.failure(dialect, rejected.detail_zh))
    except Unavailable:
        dialect = dialect if exchange is None else exchange.dialect
        return _response(nhjc_answers.failure(dialect, BUSY), 503, str(RETRY_AFTER_S))


async def _register(exchange: _Exchange) -> bytes:
    settings, directory = exchange.settings, exchange.intake.directory
    uscc = nhjc.decode(exchange.payload).enterprise
    identity = await directory.enrol(uscc, exchange.code, exchange.address, datetime.now(UTC))
    upload_at = identity.dialect.upload_time or nhjc_answers.upload_time(
        uscc, settings.upload_from, settings.upload_to
    )
    return nhjc_answers.registered(
        identity.dialect,
        settings.public_url,
        identity.device_key,
        identity.secret_key,
        upload_at,
    )


async def _check_version(exchange: _Exchange) -> bytes:
    dialect = (await _known(exchange))[0].dialect
    return nhjc_answers.success(
        dialect, regVersion=dialect.reg_version, dicVersion=dialect.dic_version
    )


async def _download(exchange: _Exchange) -> bytes:
    """Answer that there is nothing to download: dictionaries and settings are the device's own."""
    dialect = (await _known(exchange))[0].dialect
    return nhjc_answers.success(dialect, dicVersion=dialect.dic_version, data=[])


async def _keep_document(exchange: _Exchange) -> bytes:
    device, _ = await _known(exchange)
    kind = exchange.path.removeprefix("/upload")
    await exchange.intake.keep_document(device.device_id, kind, nhjc.text_of(exchange.payload))
    return nhjc_answers.success(device.dialect)


async def _upload(exchange: _Exchange) -> bytes:
    device, request = await _known(exchange)
    content = await _read(request, device, len(exchange.payload))
    if content.is_foreign:
        foreign = next(
            item.reason
            for item in content.refused
            if item.reason.reason is Reason.DECRYPT_FAILED
        )
        await _keep(exchange, device, foreign)
        raise foreign
    answer = await coded.take(exchange.intake, device, content, len(exchange.payload))
    if isinstance(answer, Rejected):
        await _keep(exchange, device, answer)
    return nhjc_answers.success(device.dialect)


async def _known(exchange: _Exchange) -> tuple[EndDevice, Request]:
    """Return the device that asks, and its document; raises `Rejected`, the payload then kept."""
    directory = exchange.intake.directory
    try:
        request = nhjc.decode(exchange.payload)
    except Rejected as rejected:
        with suppress(Rejected):  # of nobody we know: there is no one to keep it for
            device = await directory.end_device(nhjc.find_device_key(exchange.payload))
            exchange.dialect = device.dialect
            await _keep(exchange, device, rejected)
        raise
    device = await directory.end_device(request.device_key)
    exchange.dialect = device.dialect
    stated = request.enterprise or ("(missing)" if request.items else device.sender.uscc)
    if stated != device.sender.uscc:
        rejected = Rejected(Reason.WRONG_ENTERPRISE, stated)
        await _keep(exchange, device, rejected)
        raise rejected
    return device, request


async def _keep(exchange: _Exchange, device: EndDevice, rejected: Rejected) -> None:
    payload = nhjc.redacted(exchange.payload)
    await exchange.intake.keep(COLLECTOR, device.sender.name, payload, rejected)


async def _read(request: Request, device: EndDevice, size: int) -> Content:
    arguments = (request.items, device.dialect, device.secret_key)
    if size < AT_ONCE_BYTES:
        return read(*arguments)
    return await asyncio.to_thread(read, *arguments)


def _response(content: bytes, status: int = 200, retry_after: str | None = None) -> Response:
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    return Response(content, status, headers, media_type="application/json")
