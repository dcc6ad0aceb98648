"""Readings over HTTP: `POST /ingest/v1/readings`."""

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import msgspec
import uvicorn
from pydantic import BaseModel, ConfigDict, Field
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ingest import certificates, problems
from ingest.errors import Reason, Rejected, Unavailable
from ingest.intake import Answer, Arrival, Intake
from ingest.monitoring import LIMITED, PAYLOADS, REJECTED, routes
from ingest.protocols.dialects import in_lines
from ingest.protocols.json_reading import Form
from ingest.protocols.unpacking import MAX_UNPACKED, unpack
from ingest.registry import Sender

COLLECTOR = "http"
MAX_WIRE = 8 * 1024 * 1024
# What says nothing, or what a tool says of its own accord (`curl -d`), is taken for JSON.
JSON = ("", "application/json", "text/json", "text/plain", "application/x-www-form-urlencoded")
LINES = ("application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonl")
PLAIN = ("", "identity")


class Settings(BaseModel):
    """The table of this collector in the configuration."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str
    bind: str  # host:port
    certificate: str | None = None
    certificate_key: str | None = None
    certificate_check_s: float = Field(default=certificates.CHECK_EVERY_S, gt=0)


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
    config.load()
    server = _Server(config)
    serving = asyncio.create_task(server.serve())
    async with certificates.followed(
        config.ssl, config.ssl_certfile, config.ssl_keyfile, settings.certificate_check_s
    ):
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
        return problems.busy()
    try:
        sender = await _sender(request, intake)
        if sender is None:
            return problems.unauthorized()
        if (excess := intake.directory.limits.excess(COLLECTOR, sender.name)) is not None:
            LIMITED.labels(collector=COLLECTOR, outcome="refused").inc()
            return problems.too_much(excess, datetime.now(UTC))
        answer = await _answer(request, intake, sender)
    except Unavailable:
        return problems.busy()
    if isinstance(answer, Rejected):
        return problems.refused(answer)
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
    """Return the answer to a body; one that cannot be unpacked is kept as it came."""
    body = bytearray()
    try:
        form = _form(request, sender)
        await _read(request, body)
        payload = await _unpack(request, bytes(body))
    except Rejected as rejected:
        unpacked = rejected.reason is Reason.TOO_LARGE and len(body) <= MAX_WIRE
        intake.charge(COLLECTOR, sender, 0, MAX_UNPACKED if unpacked else len(body))
        if rejected.reason is Reason.BAD_ENCODING:
            await intake.keep(COLLECTOR, sender.name, bytes(body), rejected)
        else:  # nothing was read, or too much to keep
            REJECTED.labels(collector=COLLECTOR, reason=rejected.reason).inc()
        PAYLOADS.labels(collector=COLLECTOR, outcome="rejected").inc()
        return rejected
    if form is not sender.form:
        sender = replace(sender, form=form)
    [answer] = await intake.take(COLLECTOR, [Arrival(sender, payload)])
    return answer


def _form(request: Request, sender: Sender) -> Form | None:
    """Return the form that the Content-Type and the sender's dialect tell of."""
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media in LINES:
        return in_lines(sender.form)
    if media in JSON or media.endswith("+json"):
        return sender.form
    raise Rejected(Reason.BAD_TYPE, media)


async def _read(request: Request, body: bytearray) -> None:
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_WIRE:
            raise Rejected(Reason.TOO_LARGE, "8 MiB")


async def _unpack(request: Request, body: bytes) -> bytes:
    encoding = request.headers.get("content-encoding", "").strip().lower()
    return body if encoding in PLAIN else await asyncio.to_thread(unpack, body, encoding)


class _Server(uvicorn.Server):
    """A server that leaves signals to the process it is a task of."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
