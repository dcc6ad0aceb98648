"""Documents under way are repeated until they are answered, all of them and in their order."""

import asyncio
import json
from typing import Any

import pytest

from deploy.local.fleet import delivery
from deploy.local.fleet.accounts import Account
from deploy.local.fleet.delivery import Delivery
from deploy.local.fleet.link import Link

ACCOUNT = Account("91620623QY00000149", "91620623QY00000149", "secret")


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Payloads that reach a broker, which answers nothing by itself."""
    published: list[bytes] = []
    monkeypatch.setattr(Link, "publish", lambda _, payload: published.append(payload))
    monkeypatch.setattr(delivery, "PATIENCE_S", (0.0, 0.0))
    return published


def outcome(id_: str, *codes: str, **more: Any) -> bytes:
    rejected = [{"index": place, "code": c, "detail": c} for place, c in enumerate(codes)]
    return json.dumps({"id": id_, "stored": 1, "rejected": rejected, **more}).encode()


@pytest.mark.parametrize(
    ("answer", "settled"),
    [
        pytest.param(outcome("a"), True, id="stored"),
        pytest.param(outcome("a", "in_the_future"), True, id="refused for good"),
        pytest.param(outcome("a", code="too_many", detail=""), True, id="refused as a whole"),
        pytest.param(outcome("a", "unknown_device"), False, id="not registered yet"),
        pytest.param(outcome("another"), False, id="of another document"),
    ],
)
async def test_a_document_is_settled_by_its_outcome(
    sent: list[bytes], answer: bytes, settled: bool
) -> None:
    line = Delivery("127.0.0.1:1", ACCOUNT)
    under_way = line.send("a", b"first")
    line._settle(answer)
    assert under_way.done() is settled


async def test_an_outcome_of_a_later_document_does_not_put_off_the_oldest(
    sent: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    line = Delivery("127.0.0.1:1", ACCOUNT)
    line.send("a", b"first")
    line.send("b", b"second")
    line.send("c", b"third")
    line._settle(outcome("b"))
    assert line._is_overdue()


async def test_what_is_overdue_is_sent_again_in_order(
    sent: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def connected(link: Link) -> None:
        link.ready = True
        await asyncio.Event().wait()

    monkeypatch.setattr(Link, "run", connected)
    line = Delivery("127.0.0.1:1", ACCOUNT)
    waiting = [line.send(name, name.encode()) for name in "abc"]
    line._settle(outcome("b"))
    running = asyncio.create_task(line.run())
    async with asyncio.timeout(30):
        while len(sent) < 5:
            await asyncio.sleep(0.01)
    running.cancel()
    assert sent[:5] == [b"a", b"b", b"c", b"a", b"c"]
    assert [item.done() for item in waiting] == [False, True, False]
