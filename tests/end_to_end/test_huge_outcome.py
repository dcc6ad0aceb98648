"""A document of nothing but refused items has an outcome that a broker can carry."""

import asyncio
import json

from deploy.local.sender.link import Account, Link
from tests.end_to_end.conftest import Site
from tests.registry import Plant

COUNT = 100_000  # the most that a document may hold


async def test_an_outcome_of_many_refusals_does_not_cut_the_collector_off(
    site: Site, plant: Plant
) -> None:
    outcomes: asyncio.Queue[bytes] = asyncio.Queue()
    connected = asyncio.Event()
    account = Account(f"127.0.0.1:{site.broker.port}", plant.uscc, plant.uscc, "secret")
    link = Link(account, outcomes.put_nowait, connected.set, lambda: None)
    running = asyncio.create_task(link.run())
    async with asyncio.timeout(60):
        await connected.wait()
        link.publish(b'{"id": "huge", "readings": [%b]}' % b",".join([b"{}"] * COUNT))
        told = json.loads(await outcomes.get())
    running.cancel()
    assert told["id"] == "huge"
    assert [item["index"] for item in told["rejected"]] == list(range(COUNT))
    assert told["rejected"][0]["detail"]
    assert {item["code"] for item in told["rejected"]} == {"not_number"}
    assert "disconnected" not in site.ingest.log.read_text()
