"""What senders of our own document are told beyond the contract: counts, and why."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from tests.contract.senders import OverHttp, OverMqtt, document, over_http, over_mqtt
from tests.end_to_end.conftest import Site
from tests.registry import Plant


@pytest.fixture(params=[over_http, over_mqtt], ids=["http", "mqtt"])
async def gateway(
    request: pytest.FixtureRequest, site: Site, plant: Plant, owner: asyncpg.Connection
) -> AsyncIterator[OverHttp | OverMqtt]:
    async with request.param(site, plant, owner) as gateway:
        yield gateway


async def ask(gateway: OverHttp | OverMqtt, payload: bytes) -> dict[str, Any]:
    answer = await gateway.ask(payload)
    assert answer is not None
    return answer


async def test_counts(gateway: OverHttp | OverMqtt) -> None:
    def counts(answer: dict[str, Any]) -> tuple[int, int, int, int]:
        rejected = len(answer["rejected"])
        return answer["stored"], answer["duplicate"], answer["revised"], rejected

    answer = await ask(gateway, document([(0, 1), (1, 2)]))
    assert (answer["id"], counts(answer)) == ("d1", (2, 0, 0, 0))
    answer = await ask(gateway, document([(0, 1), (1, 5), (2, 3)], unknown=[(0, 9)]))
    assert counts(answer) == (1, 1, 1, 1)
    assert answer["rejected"][0]["index"] == 3
    assert answer["rejected"][0]["code"] == "unknown_device"


async def test_rejected_whole(
    gateway: OverHttp | OverMqtt, plant: Plant, owner: asyncpg.Connection
) -> None:
    payload = document([(0, 1)], enterprise="91620602MA0000002X", id=f"of {gateway.name}")
    answer = await ask(gateway, payload)
    assert answer["code"] == "not_owner"
    assert answer["detail_zh"]
    assert (
        await owner.fetchval(
            "SELECT count(*) FROM readings WHERE channel_id = ANY($1)", plant.channels
        )
        == 0
    )
    kept = await owner.fetchval("SELECT reason FROM rejected_payloads WHERE payload = $1", payload)
    assert kept == "not_owner"
