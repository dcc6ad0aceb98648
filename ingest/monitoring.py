"""Counters of a collector process; labels are small closed sets, never a device."""

from collections.abc import Callable

from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, Histogram, generate_latest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

READINGS = Counter(
    "qingyu_ingest_readings_total",
    "Readings by what became of them: stored, duplicate, revised, rejected, missing (declared).",
    ["collector", "outcome"],
)
PAYLOADS = Counter(
    "qingyu_ingest_payloads_total",
    "Payloads by what the sender was told: stored, rejected, unavailable.",
    ["collector", "outcome"],
)
REJECTED = Counter(
    "qingyu_ingest_rejected_total",
    "Payloads and items that can never be stored, by reason.",
    ["collector", "reason"],
)
GROUP_ROWS = Histogram(
    "qingyu_ingest_group_rows",
    "Readings committed in one transaction.",
    buckets=(1, 10, 100, 1_000, 10_000, 50_000, 100_000, 200_000),
)
COMMIT_SECONDS = Histogram(
    "qingyu_ingest_commit_seconds",
    "From the start of a transaction to its commit.",
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30),
)
GROUPS = Counter(
    "qingyu_ingest_groups_total",
    "Transactions by path: copied, merged (some keys were there), retried, failed.",
    ["path"],
)
ROWS_IN_FLIGHT = Gauge(
    "qingyu_ingest_rows_in_flight", "Readings accepted from senders and not yet committed."
)
BYTES_IN_FLIGHT = Gauge(
    "qingyu_ingest_bytes_in_flight", "Payload bytes accepted from senders and not yet answered."
)
LIMITED = Counter(
    "qingyu_ingest_limited_total",
    "Payloads beyond their sender's limits: refused (HTTP), delayed, of these hurried (MQTT).",
    ["collector", "outcome"],
)
DELAYED = Gauge(
    "qingyu_ingest_delayed", "Messages that wait because their sender is beyond its limits."
)
MQTT_CONNECTED = Gauge("qingyu_ingest_mqtt_connected", "1 while the broker is connected.")
DIRECTORY_CHANNELS = Gauge(
    "qingyu_ingest_directory_channels", "Channels in the directory of who may send what."
)

REPLAYED = Counter(
    "qingyu_ingest_replayed_total",
    "Rejected payloads that were tried again: removed (stored in full), kept, gone.",
    ["outcome"],
)
REPLAY = "replay"  # stands for the collector in the labels of what is replayed


HJ212_CONNECTIONS = Gauge("qingyu_ingest_hj212_connections", "Open connections of monitors.")
HJ212_FRAMES = Counter(
    "qingyu_ingest_hj212_frames_total",
    "Frames of HJ 212 by what became of them: stored, refused, unavailable; skipped bytes by"
    " cause: noise, length, crc, truncated.",
    ["outcome"],
)
HJ212_SPLITS = Counter(
    "qingyu_ingest_hj212_splits_total", "Sets of split packets: complete, incomplete.", ["outcome"]
)
HJ212_CLOSED = Counter(
    "qingyu_ingest_hj212_closed_total",
    "Connections that were ended by us: idle, silent, noise, deaf, full.",
    ["cause"],
)


def routes(is_ready: Callable[[], bool]) -> list[Route]:
    """Return the routes /healthz, /readyz and /metrics."""

    async def healthz(_request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(_request: Request) -> Response:
        if is_ready():
            return PlainTextResponse("ready\n")
        return PlainTextResponse("the registry cannot be read\n", status_code=503)

    async def metrics(_request: Request) -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)]
