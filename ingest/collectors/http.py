"""Readings over HTTP: `POST /ingest/v1/readings`."""

import asyncio
import contextlib
import io
import zlib
from collections.abc import Callable, Iterator

import msgspec
import uvicorn
from pydantic import BaseModel, ConfigDict
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from ingest.errors import Reason, Rejected, Unavailable
from ingest.intake import Answer, Arrival, Intake
from ingest.monitoring import routes
from ingest.registry import Sender

COLLECTOR = "http"
MAX_WIRE = 8 * 1024 * 1024
MAX_UNPACKED = 64 * 1024 * 1024
UNPACKED_AT_ONCE = 4 * 1024 * 1024
RETRY_AFTER_S = 5
BODY_WITHIN_S = 60.0  # what it holds of the room is others' room
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
    host, _, port = settings.bind.rpartition(":")
    config = uvicorn.Config(
        application(intake),
        host=host,
        port=int(port),
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=10,
        ssl_certfile=settings.certificate,
        ssl_keyfile=settings.certificate_key,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve())
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        server.should_exit = True
        await serving
        raise


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
        with intake.hold() as add:
            payload = await _payload(request, intake, add)
    except Rejected as rejected:
        return rejected
    [answer] = await intake.take(COLLECTOR, [Arrival(sender, payload)])
    return answer


async def _payload(request: Request, intake: Intake, add: Callable[[int], None]) -> bytes:
    """Return the body, unpacked; raises `Unavailable` when there is no room or time for it."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_WITHIN_S):
            async for chunk in request.stream():
                if intake.crowded:
                    raise Unavailable("too much is in flight")
                add(len(chunk))
                body += chunk
                if len(body) > MAX_WIRE:
                    raise Rejected(Reason.TOO_LARGE, "8 MiB")
    except (TimeoutError, ClientDisconnect):  # the sender is slow or gone, and sends again
        raise Unavailable("the body did not come") from None
    match request.headers.get("content-encoding", "identity").strip().lower():
        case "identity":
            return bytes(body)
        case "gzip":
            async with intake.unpacking:
                if intake.full:
                    raise Unavailable("too much is in flight")
                unpacked = await asyncio.to_thread(_gunzip, bytes(body))
                add(len(unpacked))
                return unpacked
        case other:
            raise Rejected(Reason.BAD_ENCODING, other)


def _gunzip(body: bytes) -> bytes:
    """Unpack at most `MAX_UNPACKED` bytes, whatever the body would grow to."""
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    unpacked = io.BytesIO()  # in pieces: one call would need twice the memory
    rest = body
    try:
        while True:
            written = unpacked.write(unpacker.decompress(rest, UNPACKED_AT_ONCE))
            rest = unpacker.unconsumed_tail
            if unpacked.tell() > MAX_UNPACKED:
                raise Rejected(Reason.TOO_LARGE, "64 MiB (unpacked)")
            if written < UNPACKED_AT_ONCE:
                break
    except zlib.error as error:
        raise Rejected(Reason.BAD_ENCODING, error) from error
    if not unpacker.eof or unpacker.unused_data:
        raise Rejected(Reason.BAD_ENCODING, "the gzip stream is cut or followed by other bytes")
    return unpacked.getvalue()


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


class _Server(uvicorn.Server):
    """A server that leaves signals to the process it is a task of."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
