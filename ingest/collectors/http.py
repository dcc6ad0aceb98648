"""Readings over HTTP: `POST /ingest/v1/readings`."""

from dataclasses import replace
from datetime import UTC, datetime

import msgspec
from pydantic import BaseModel, ConfigDict, Field
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ingest import certificates, problems
from ingest.errors import Reason, Rejected, Unavailable
from ingest.intake import Answer, Arrival, Intake
from ingest.monitoring import LIMITED, PAYLOADS, REJECTED, REPLAY, routes
from ingest.protocols.dialects import in_lines
from ingest.protocols.json_reading import Form
from ingest.protocols.unpacking import MAX_UNPACKED
from ingest.registry import Sender
from ingest.serving import MAX_WIRE, receive, serve, unpacked

COLLECTOR = "http"
# What says nothing, or what a tool says of its own accord (`curl -d`), is taken for JSON.
JSON = ("", "application/json", "text/json", "text/plain", "application/x-www-form-urlencoded")
LINES = ("application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonl")


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
    await serve(
        application(intake),
        settings.bind,
        settings.certificate,
        settings.certificate_key,
        settings.certificate_check_s,
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
        with intake.hold() as add:
            await receive(request, body, intake, add)
            payload = await unpacked(request, bytes(body), intake, add)
    except Rejected as rejected:
        has_grown = rejected.reason is Reason.TOO_LARGE and len(body) <= MAX_WIRE
        intake.charge(COLLECTOR, sender, 0, MAX_UNPACKED if has_grown else len(body))
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


async def replay(intake: Intake, sender: str, payload: bytes) -> Answer | Rejected:
    """Return the answer to a payload that was refused, to its client as it is registered now."""
    client = await intake.directory.named(sender)
    [answer] = await intake.take(REPLAY, [Arrival(client, payload)])
    return answer
