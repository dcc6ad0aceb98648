"""Figures that the service gives of itself; labels are small closed sets."""

from collections.abc import Callable

from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, Histogram, generate_latest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

ROLLUP_SECONDS = Histogram(
    "qingyu_rollup_seconds",
    "Recomputing the changes of some enterprises, one transaction.",
    buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60),
)
ROLLUP_QUARTERS = Counter(
    "qingyu_rollup_quarters_total", "Quarter hours of channels that were recomputed."
)
ROLLUP_FAILED = Counter(
    "qingyu_rollup_failed_total", "Recomputations of one enterprise that failed; tried again."
)
ROLLUP_BACKLOG = Gauge("qingyu_rollup_backlog", "Changed stretches that wait for the rollup.")

EVALUATION_SECONDS = Histogram(
    "qingyu_evaluation_seconds",
    "One round of one indicator.",
    ["indicator"],
    buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60),
)
EVALUATED_VALUES = Counter(
    "qingyu_evaluated_values_total", "Values that were measured, changed or not.", ["indicator"]
)
EVALUATION_FAILED = Counter(
    "qingyu_evaluation_failed_total",
    "Rounds of an indicator that failed; tried again.",
    ["indicator"],
)
FEED_SUBSCRIBERS = Gauge("qingyu_feed_subscribers", "Connections that follow the live feed.")

BROKER_CONNECTED = Gauge(
    "qingyu_broker_connected", "1 while the analysis is connected to the broker it provisions."
)
BROKER_ACCOUNTS_PENDING = Gauge(
    "qingyu_broker_accounts_pending", "MQTT accounts about which the broker does not agree yet."
)
BROKER_SESSIONS_AWAY = Gauge(
    "qingyu_broker_sessions_away",
    "Persistent sessions of the broker whose client is away, whoever's they are.",
)
BROKER_MESSAGES_WAITING = Gauge(
    "qingyu_broker_messages_waiting",
    "Messages in the broker's store: retained, queued and in flight, of all sessions.",
)
SLOTS_AWAY = Gauge(
    "qingyu_slots_away",
    "Slots of MQTT collectors that no process holds and that were not drained: readings that the"
    " broker deals to them wait.",
)


def routes(is_ready: Callable[[], bool]) -> list[Route]:
    """Return the routes /healthz, /readyz and /metrics."""

    async def healthz(_request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(_request: Request) -> Response:
        if is_ready():
            return PlainTextResponse("ready\n")
        return PlainTextResponse("the database has not been read yet\n", status_code=503)

    async def metrics(_request: Request) -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)]
