"""Documents under way are repeated until they are answered, all of them and in their order."""

import asyncio
import json
from typing import Any

import pytest

from deploy.local.sender import delivery
from deploy.local.sender.delivery import Delivery
from deploy.local.sender.link import Account, Link

USCC = "91620623QY00000149"
ACCOUNT = Account("127.0.0.1:1", USCC, USCC, "secret")
LATER = {"unknown_device"}


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
        pytest.param(b'{"id": "a"}', False, id="neither counts nor a code"),
        pytest.param(b'{"id": "a", "stored": "1"}', False, id="another shape"),
        pytest.param(b"\xff{", False, id="no JSON"),
        pytest.param(b"[" * 100_000, False, id="nested without end"),
    ],
)
async def test_a_document_is_settled_by_its_outcome(
    sent: list[bytes], answer: bytes, settled: bool
) -> None:
    line = Delivery(ACCOUNT, LATER)
    under_way = line.send("a", b"first")
    line._settle(answer)
    assert under_way.done() is settled


async def test_an_outcome_of_a_later_document_does_not_put_off_the_oldest(
    sent: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    line = Delivery(ACCOUNT, LATER)
    line.send("a", b"first")
    line.send("b", b"second")
    line.send("c", b"third")
    line._settle(outcome("b"))
    assert line._is_overdue()


async def test_documents_are_settled_in_order_and_once(sent: list[bytes]) -> None:
    """Else one that is repeated alone could replace a correction that was answered before."""
    line = Delivery(ACCOUNT, LATER)
    waiting = [line.send(name, name.encode()) for name in "abc"]
    line._settle(outcome("b"))
    line._settle(outcome("b", "future_time"))  # a repetition, refused by another collector's clock
    assert [item.done() for item in waiting] == [False, False, False]
    line._settle(outcome("a"))
    assert [item.done() for item in waiting] == [True, True, False]
    assert waiting[1].result().refusals == ()


async def test_what_is_overdue_is_sent_again_with_all_after_it(
    sent: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def connected(link: Link) -> None:
        link.ready = True
        await asyncio.Event().wait()

    monkeypatch.setattr(Link, "run", connected)
    line = Delivery(ACCOUNT, LATER)
    waiting = [line.send(name, name.encode()) for name in "abc"]
    line._settle(outcome("b"))
    running = asyncio.create_task(line.run())
    async with asyncio.timeout(30):
        while len(sent) < 6:
            await asyncio.sleep(0.01)
    running.cancel()
    assert sent[:6] == [b"a", b"b", b"c"] * 2
    assert not any(item.done() for item in waiting)


async def test_what_nobody_collected_is_sent_again_soon(
    sent: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "PATIENCE_S", (1_000.0, 1_000.0))
    monkeypatch.setattr(delivery, "UNHEARD_S", (0.0, 60.0))

    async def connected(link: Link) -> None:
        link.ready = True
        await asyncio.Event().wait()

    monkeypatch.setattr(Link, "run", connected)
    line = Delivery(ACCOUNT, LATER)
    line.send("a", b"a")
    running = asyncio.create_task(line.run())
    line._note_unheard()
    async with asyncio.timeout(30):
        while len(sent) < 2:
            await asyncio.sleep(0.01)
    running.cancel()
    assert sent == [b"a", b"a"]
