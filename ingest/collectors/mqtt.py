"""Readings over MQTT 5: acknowledged to the broker after the commit, never before.

What a sender learns from its broker's PUBACK is the broker's promise; ours is the outcome,
published after the commit for documents that carry an id.
"""

import asyncio
import ssl
from collections.abc import Sequence

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from ingest import drain as slot_drain
from ingest.delays import Delays
from ingest.errors import Rejected, Unavailable
from ingest.intake import Answer, Arrival, Intake
from ingest.link import Broker, Delivery, Link
from ingest.monitoring import REPLAY
from ingest.protocols import json_reading
from ingest.registry import Sender

COLLECTOR = "mqtt"
TOPIC = "$share/qingyu/qingyu/v1/+/readings"
RETRY_AFTER_S = 2.0


class Settings(BaseModel):
    """The table of this collector in the configuration."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str
    broker: str  # host:port
    user: str
    password: str
    slot: str  # the broker keeps a session for each: one process each, drained before removed
    messages_in_flight: int = Field(default=2_000, gt=0, le=65_535)
    keepalive_s: int = Field(default=30, gt=0)
    tls: bool = False
    certificate_authority: str | None = None
    certificate: str | None = None  # our own, where the broker asks for one
    certificate_key: str | None = None


async def run(settings: Settings, intake: Intake) -> None:
    """Collect until cancelled; what is not committed by then the broker sends again."""
    broker = _broker(settings)
    async with asyncio.TaskGroup() as tasks:

        def receive(deliveries: list[Delivery]) -> None:
            tasks.create_task(accept(delays.sift(deliveries)))
            if intake.full:
                link.pause()
                tasks.create_task(_resume(link, intake))

        async def accept(deliveries: list[Delivery]) -> None:
            await _accept(link, intake, deliveries)

        places = settings.messages_in_flight
        delays = Delays(intake.directory.limits, COLLECTOR, places, tasks, _account, accept)
        link = Link(broker, receive)
        tasks.create_task(link.run())


def _broker(settings: Settings) -> Broker:
    return Broker(
        settings.broker,
        settings.user,
        settings.password,
        f"qingyu-collector-{settings.slot}",
        TOPIC,
        settings.messages_in_flight,
        settings.keepalive_s,
        _tls(settings) if settings.tls else None,
    )


def _tls(settings: Settings) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=settings.certificate_authority)
    if settings.certificate is not None:
        context.load_cert_chain(settings.certificate, settings.certificate_key)
    return context


async def drain(settings: Settings, intake: Intake) -> int:
    """Store all that waits in the slot's session and end it; returns how many messages that were.

    Raises `NotDrained`.
    """

    async def take(deliveries: Sequence[Delivery]) -> list[tuple[str, bytes] | None]:
        while True:
            try:
                answers = await _take(intake, list(deliveries))
                break
            except Unavailable:
                await asyncio.sleep(RETRY_AFTER_S)
        outcomes = map(_outcome, deliveries, answers)
        return [
            None if outcome is None else (_outcomes_of(delivery), msgspec.json.encode(outcome))
            for delivery, outcome in zip(deliveries, outcomes, strict=True)
        ]

    return await slot_drain.drain(_broker(settings), take)


async def _resume(link: Link, intake: Intake) -> None:
    await intake.wait_for_room()
    link.resume()


async def _accept(link: Link, intake: Intake, deliveries: list[Delivery]) -> None:
    """Store messages or keep them with the reason; acknowledge what is committed either way."""
    while True:
        try:
            answers = await _take(intake, deliveries)
            break
        except Unavailable:  # the broker would send again only after a reconnect
            pass  # and the exception ends here, because it holds what was decoded
        with intake.hold() as add:
            add(sum(len(delivery.payload) for delivery in deliveries))
            await asyncio.sleep(RETRY_AFTER_S)
    for delivery, answer in zip(deliveries, answers, strict=True):
        link.acknowledge(delivery)
        if (outcome := _outcome(delivery, answer)) is not None:
            link.publish(_outcomes_of(delivery), msgspec.json.encode(outcome))


def _outcomes_of(delivery: Delivery) -> str:
    return delivery.topic.removesuffix("readings") + "outcomes"


async def _take(intake: Intake, deliveries: list[Delivery]) -> list[Answer | Rejected]:
    """Return the answer to each message, in order."""
    senders = {topic: await _sender(intake, topic) for topic in {it.topic for it in deliveries}}
    arrivals: list[Arrival] = []
    refused: dict[int, Rejected] = {}
    for place, delivery in enumerate(deliveries):
        sender = senders[delivery.topic]
        if isinstance(sender, Rejected):
            account = _account(delivery)
            await intake.keep(COLLECTOR, account, delivery.payload, sender)
            intake.directory.limits.charge(COLLECTOR, account, 0.0, 0, len(delivery.payload))
            refused[place] = sender
        else:
            arrivals.append(Arrival(sender, delivery.payload))
    taken = iter(await intake.take(COLLECTOR, arrivals))
    return [refused[place] if place in refused else next(taken) for place in range(len(deliveries))]


async def _sender(intake: Intake, topic: str) -> Sender | Rejected:
    try:
        return await intake.directory.account(_enterprise(topic))
    except Rejected as rejected:
        return rejected


def _account(delivery: Delivery) -> str:
    return _enterprise(delivery.topic)


def _enterprise(topic: str) -> str:
    return topic.split("/")[2]


async def replay(intake: Intake, sender: str, payload: bytes) -> Answer | Rejected:
    """Return the answer to a payload that was refused, to its account as it is registered now."""
    account = await intake.directory.account(sender)
    [answer] = await intake.take(REPLAY, [Arrival(account, payload)])
    return answer


def _outcome(delivery: Delivery, answer: Answer | Rejected) -> dict[str, object] | None:
    if isinstance(answer, Answer):
        return answer.document() if answer.id is not None else None
    if (document := json_reading.find_id(delivery.payload)) is None:
        return None
    return {
        "id": document,
        "code": answer.reason,
        "detail": answer.detail,
        "detail_zh": answer.detail_zh,
    }
