"""Messages beyond their sender's limits wait, in order; the others do not, and places stay free."""

import asyncio
from asyncio import TaskGroup
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from ingest.delays import Delays
from ingest.limits import Limits
from ingest.settings import Allowance

PLACES = 40
FLOOD = Allowance(least_per_s=1e-6, least_burst=1, bytes_per_reading=1e9)  # no end of waiting
FAST = Allowance(least_per_s=1_000, least_burst=1, bytes_per_reading=100)


@dataclass
class Message:
    account: str
    number: int
    payload: bytes = b"x" * 10


@dataclass
class Bench:
    """Delays with what went through them, charged as the collector would."""

    limits: Limits
    tasks: TaskGroup
    accepted: list[tuple[str, int]] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.delays = Delays(
            self.limits, "mqtt", PLACES, self.tasks, lambda m: m.account, self.accept
        )

    async def accept(self, messages: list[Message]) -> None:
        await asyncio.sleep(0)
        for message in messages:
            self.accepted.append((message.account, message.number))
            self.limits.charge("mqtt", message.account, 0, 1, len(message.payload))
        self.arrived.set()

    async def receive(self, *messages: Message) -> None:
        await self.accept(self.delays.sift(messages))

    async def until(self, number: int) -> None:
        async with asyncio.timeout(10):
            while len(self.accepted) < number:
                self.arrived.clear()
                await self.arrived.wait()

    def of(self, account: str) -> list[int]:
        return [number for name, number in self.accepted if name == account]


@pytest.fixture(params=[FLOOD])
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    async def run(ready: asyncio.Future[Bench], over: asyncio.Event) -> None:
        async with TaskGroup() as tasks:
            ready.set_result(Bench(Limits(request.param), tasks))
            await over.wait()
            raise asyncio.CancelledError

    ready: asyncio.Future[Bench] = asyncio.get_running_loop().create_future()
    over = asyncio.Event()
    running = asyncio.create_task(run(ready, over))
    yield await ready
    over.set()
    await asyncio.wait([running])


async def test_who_sends_within_its_limits_never_waits(bench: Bench) -> None:
    messages = [Message("calm", 0), Message("other", 0)]
    assert bench.delays.sift(messages) == messages


async def test_a_flood_waits_and_the_others_do_not(bench: Bench) -> None:
    await bench.receive(Message("flood", 0))  # its burst
    for number in range(1, 6):
        await bench.receive(Message("flood", number), Message("calm" + str(number), number))
    assert bench.of("flood") == [0]
    assert [number for name, number in bench.accepted if name != "flood"] == [1, 2, 3, 4, 5]


async def test_a_flood_never_takes_all_places_and_keeps_its_order(bench: Bench) -> None:
    for number in range(200):
        await bench.receive(Message("flood", number))
    await bench.until(200 - PLACES // 2)
    assert bench.of("flood") == list(range(len(bench.accepted)))


async def test_two_floods_share_the_places(bench: Bench) -> None:
    for number in range(200):
        await bench.receive(Message("a", number), Message("b", number))
    await bench.until(400 - PLACES // 2)
    for account in "ab":
        assert bench.of(account) == list(range(len(bench.of(account))))
        assert len(bench.of(account)) >= 200 - PLACES // 2


@pytest.mark.parametrize("bench", [FAST], indirect=True)
async def test_what_waited_goes_on_as_the_limits_allow(bench: Bench) -> None:
    for number in range(15):
        await bench.receive(Message("busy", number))
    assert len(bench.of("busy")) < 15
    await bench.until(15)
    assert bench.of("busy") == list(range(15))
    assert bench.delays.sift([Message("busy", 15)]) in ([], [Message("busy", 15)])
