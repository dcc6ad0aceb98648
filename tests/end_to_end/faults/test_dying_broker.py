"""SIGKILL of the broker: what gateways lose that keep until the outcome, and others."""

import asyncio
import json
import signal
import threading
from datetime import timedelta

import asyncpg
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from tests.end_to_end.faults import readings
from tests.end_to_end.faults.books import Books
from tests.end_to_end.faults.scene import Scene
from tests.end_to_end.faults.size import SIZE

TRUSTED = 300  # documents of a sender that takes a PUBACK for an outcome


def kill(stage: Scene) -> None:
    stage.broker._program.signal(signal.SIGKILL)
    while stage.broker.running():
        pass
    stage.broker.start()


def test_a_broker_that_is_killed_loses_nothing_that_is_kept(
    stage: Scene, undisturbed: Books
) -> None:
    stage.send()
    for _ in stage.shares():
        kill(stage)
    stage.finish()
    stage.expect(f"{SIZE.deaths} kills of the broker", undisturbed)


def test_what_trust_in_a_puback_loses(stage: Scene, undisturbed: Books) -> None:
    """Printed, not asserted: the collector is away, the broker acknowledges and is killed."""
    [collector] = stage.collectors
    collector.kill()
    acknowledged = _publish(stage)
    kill(stage)
    collector.start()
    asyncio.run(collector.ready())
    stage.send()
    stage.finish()  # what the broker still had was delivered before
    stored = asyncio.run(_stored(stage))
    print(f"\ntrusting PUBACK: {acknowledged} acknowledged, {acknowledged - stored} of them lost")
    assert acknowledged == TRUSTED
    assert stored <= TRUSTED


def _publish(stage: Scene) -> int:
    """Publish one reading a document as the first plant; returns how many have a PUBACK."""
    plant = stage.plants[0]
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.username_pw_set(plant.uscc, "secret")
    acknowledged = 0
    done = threading.Event()

    def count(*_: object) -> None:
        nonlocal acknowledged
        acknowledged += 1
        if acknowledged == TRUSTED:
            done.set()

    client.on_publish = count
    client.connect("127.0.0.1", stage.broker.port)
    client.loop_start()
    for number in range(TRUSTED):
        at = readings.START - timedelta(days=1, seconds=number)
        item = {"device": "M-01", "quantity": "electricity", "at": at.isoformat(), "value": 1}
        client.publish(f"qingyu/v1/{plant.uscc}/readings", json.dumps({"readings": [item]}), qos=1)
    done.wait(30)
    client.disconnect()
    client.loop_stop()
    return acknowledged


async def _stored(stage: Scene) -> int:
    owner = await asyncpg.connect(stage.db.owner)
    try:
        query = "SELECT count(*) FROM readings WHERE at < $1"
        return int(await owner.fetchval(query, readings.START))
    finally:
        await owner.close()
