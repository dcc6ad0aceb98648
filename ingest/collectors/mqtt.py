"""Readings over MQTT 5: acknowledged to the broker after the commit, never before.

What a sender learns from its broker's PUBACK is the broker's promise; ours is the outcome,
published after the commit for documents that carry an id.
"""

import asyncio
import ssl
from contextlib import ExitStack

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from ingest.errors import Rejected, Unavailable
from ingest.intake import Answer, Arrival, Intake
from ingest.link import Broker, Delivery, Link
from ingest.protocols import json_reading

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


async def run(settings: Settings, intake: Intake) -> None:
    """Collect until cancelled; what is not committed by then the broker sends again."""
    tls = ssl.create_default_context(cafile=settings.certificate_authority)
    broker = Broker(
        settings.broker,
        settings.user,
        settings.password,
        f"qingyu-collector-{settings.slot}",
        TOPIC,
        settings.messages_in_flight,
        settings.keepalive_s,
        tls if settings.tls else None,
    )
    async with asyncio.TaskGroup() as tasks:

        def receive(deliveries: list[Delivery]) -> None:
            held = ExitStack()
            held.enter_context(intake.hold())(_size(deliveries))
            tasks.create_task(_accept(link, intake, deliveries, held))
            if intake.full:
                link.pause()
                tasks.create_task(_resume(link, intake))

        link = Link(broker, receive)
        tasks.create_task(link.run())


async def _resume(link: Link, intake: Intake) -> None:
    await intake.wait_for_room()
    link.resume()


async def _accept(link: Link, intake: Intake, deliveries: list[Delivery], held: ExitStack) -> None:
    """Store messages or keep them with the reason; acknowledge what is committed either way.

    What is ``held`` counts as in flight until the intake itself counts it.
    """
    while True:
        try:
            held.close()
            outcomes = await _take(intake, deliveries)
            break
        except Unavailable:  # the broker would send again only after a reconnect
            pass  # and the exception ends here, because it holds what was decoded
        held.enter_context(intake.hold())(_size(deliveries))
        await asyncio.sleep(RETRY_AFTER_S)
    for delivery, outcome in zip(deliveries, outcomes, strict=True):
        link.acknowledge(delivery)
        if outcome is not None:
            topic = delivery.topic.removesuffix("readings") + "outcomes"
            link.publish(topic, msgspec.json.encode(outcome))


def _size(deliveries: list[Delivery]) -> int:
    return sum(len(delivery.payload) for delivery in deliveries)


async def _take(intake: Intake, deliveries: list[Delivery]) -> list[dict[str, object] | None]:
    """Return the outcome of each message; None where its document carries no id."""
    arrivals: dict[int, Arrival] = {}
    answers: dict[int, Answer | Rejected] = {}
    for place, delivery in enumerate(deliveries):
        account = delivery.topic.split("/")[2]
        try:
            arrivals[place] = Arrival(await intake.directory.account(account), delivery.payload)
        except Rejected as rejected:
            await intake.keep(COLLECTOR, account, delivery.payload, rejected)
            answers[place] = rejected
    taken = await intake.take(COLLECTOR, list(arrivals.values()))
    answers.update(zip(arrivals, taken, strict=True))
    return [_outcome(delivery, answers[place]) for place, delivery in enumerate(deliveries)]


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
