"""Readings over HTTP: `POST /ingest/v1/readings`."""

import asyncio
import zlib

import msgspec
from pydantic import BaseModel, ConfigDict
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ingest.errors import Reason, Rejected, Unavailable
from ingest.intake import Answer, Arrival, Intake
from ingest.monitoring import REPLAY, routes
from ingest.registry import Sender
from ingest.serving import serve

COLLECTOR = "http"
MAX_WIRE = 8 * 1024 * 1024
MAX_UNPACKED = 64 * 1024 * 1024
RETRY_AFTER_S = 5
STATUS = {
    Reason.NOT_OWNER: 403,
    Reason.TOO_LARGE: 413,
    Reason.TOO_MANY: 413,
    Reason.BAD_ENCODING: 415,
    Reason.NOT_STORABLE: 422,
}
UNAUTHORIZED = (
    "The Authorization header holds no valid key; send `Authorization: Bearer <key>`.",
    "缺少有效密钥，请发送 Authorization: Bearer <密钥>。",
)
BUSY = (
    f"Readings cannot be taken now; send them again in {RETRY_AFTER_S} s. Nothing is lost.",
    f"暂不能接收，请 {RETRY_AFTER_S} 秒后重发，数据未丢失。",
)


class Settings(BaseModel):
    """The table of this collector in the configuration."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str
    bind: str  # host:port
    certificate: str | None = None
    certificate_key: str | None = None


async def run(settings: Settings, intake: Intake) -> None:
    """Serve until cancelled; requests under way are answered first."""
    await serve(
        application(intake),
        settings.bind,
        ssl_certfile=settings.certificate,
        ssl_keyfile=settings.certificate_key,
    )


def application(intake: Intake) -> Starlette:
    """Return the application: the collector's route and those of monitoring."""

    async def accept(request: Request) -> Response:
        return await _accept(request, intake)

    return Starlette(
        routes=[
            Route("/ingest/v1/readings", accept, methods=["POST"]),
            *routes(lambda: intake.directory.ready),
        ]
    )


async def _accept(request: Request, intake: Intake) -> Response:
    if intake.full:
        return _busy()
    try:
        sender = await _sender(request, intake)
        if sender is None:
            return _problem(401, "unauthorized", *UNAUTHORIZED)
        answer = await _answer(request, intake, sender)
    except Unavailable:
        return _busy()
    if isinstance(answer, Rejected):
        status = STATUS.get(answer.reason, 400)
        return _problem(status, answer.reason, answer.detail, answer.detail_zh)
    return Response(msgspec.json.encode(answer.document()), media_type="application/json")


async def _sender(request: Request, intake: Intake) -> Sender | None:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return None
    try:
        return await intake.directory.client(key.strip())
    except Rejected:
        return None


async def _answer(request: Request, intake: Intake, sender: Sender) -> Answer | Rejected:
    try:
        payload = await _payload(request)
    except Rejected as rejected:
        return rejected
    [answer] = await intake.take(COLLECTOR, [Arrival(sender, payload)])
    return answer


async def _payload(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_WIRE:
            raise Rejected(Reason.TOO_LARGE, "8 MiB")
    match request.headers.get("content-encoding", "identity").strip().lower():
        case "identity":
            return bytes(body)
        case "gzip":
            return await asyncio.to_thread(_gunzip, bytes(body))
        case other:
            raise Rejected(Reason.BAD_ENCODING, other)


async def replay(intake: Intake, sender: str, payload: bytes) -> Answer | Rejected:
    """Return the answer to a payload that was refused, to its client as it is registered now."""
    client = await intake.directory.named(sender)
    [answer] = await intake.take(REPLAY, [Arrival(client, payload)])
    return answer


def _gunzip(body: bytes) -> bytes:
    """Unpack at most `MAX_UNPACKED` bytes, whatever the body would grow to."""
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        unpacked = unpacker.decompress(body, MAX_UNPACKED + 1)
    except zlib.error as error:
        raise Rejected(Reason.BAD_ENCODING, error) from error
    if len(unpacked) > MAX_UNPACKED:
        raise Rejected(Reason.TOO_LARGE, "64 MiB (unpacked)")
    if not unpacker.eof or unpacker.unused_data:
        raise Rejected(Reason.BAD_ENCODING, "the gzip stream is cut or followed by other bytes")
    return unpacked


def _busy() -> Response:
    return _problem(503, "busy", *BUSY, headers={"Retry-After": str(RETRY_AFTER_S)})


def _problem(
    status: int, code: str, detail: str, detail_zh: str, headers: dict[str, str] | None = None
) -> Response:
    """Return an RFC 9457 problem document that says what to do."""
    problem = {
        "type": f"urn:qingyu:problem:{code}",
        "title": code.replace("_", " "),
        "status": status,
        "code": code,
        "detail": detail,
        "detail_zh": detail_zh,
    }
    return Response(
        msgspec.json.encode(problem),
        status_code=status,
        media_type="application/problem+json",
        headers=headers,
    )
