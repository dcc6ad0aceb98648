"""Messages of senders that send too fast wait here, so that those of the others need not."""

import asyncio
import contextlib
from asyncio import TaskGroup
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, Protocol, TypeVar

from ingest.limits import Limit, Limits
from ingest.monitoring import DELAYED, LIMITED

QUANTUM_S = 1.0  # what may be sent in this time goes together
LONGEST_S = 60.0
MAX_BYTES = 16 * 1024 * 1024  # of all that wait
PART_BYTES = 1024 * 1024


class Message(Protocol):
    """What a sender sent."""

    @property
    def payload(self) -> bytes:
        """Return its payload."""


Held = TypeVar("Held", bound=Message)


class Delays(Generic[Held]):
    """Keeps back messages of senders beyond their limits, each sender's in order.

    A message that is not acknowledged occupies one of a number of places that the others need,
    too. So those that wait have half of them, in equal shares, and a sender whose share is full
    is not slowed any more: only its broker could.
    """

    def __init__(
        self,
        limits: Limits,
        collector: str,
        places: int,
        tasks: TaskGroup,
        account: Callable[[Held], str],
        accept: Callable[[list[Held]], Awaitable[None]],
    ) -> None:
        self._limits = limits
        self._collector = collector
        self._places = places // 2
        self._tasks = tasks
        self._account = account
        self._accept = accept
        self._held: dict[str, deque[Held]] = {}
        self._bytes = 0  # of their payloads
        self._crowded = asyncio.Event()

    def sift(self, messages: Sequence[Held]) -> list[Held]:
        """Return the messages that need not wait; the others are accepted later."""
        senders = {self._account(message) for message in messages}
        late = {sender for sender in senders if self._is_late(sender)}
        if not late:
            return list(messages)
        prompt = []
        for message in messages:
            if (sender := self._account(message)) in late:
                self._hold(sender, message)
            else:
                prompt.append(message)
        return prompt

    def _is_late(self, sender: str) -> bool:
        return sender in self._held or self._limits.excess(self._collector, sender) is not None

    def _hold(self, sender: str, message: Held) -> None:
        if sender not in self._held:
            self._held[sender] = deque()
            self._tasks.create_task(self._drain(sender))
        self._held[sender].append(message)
        self._bytes += len(message.payload)
        self._count("delayed", 1)
        if self._is_crowded(sender):
            self._crowded.set()

    def _is_crowded(self, sender: str) -> bool:
        share = self._places // len(self._held)
        return len(self._held[sender]) > share or self._bytes > MAX_BYTES

    async def _drain(self, sender: str) -> None:
        """Accept a sender's messages as its limits allow, until none waits."""
        held = self._held[sender]
        try:
            while held:
                part = await self._next(sender)
                DELAYED.dec(len(part))
                self._bytes -= sum(len(message.payload) for message in part)
                await self._accept(part)
        finally:
            DELAYED.dec(len(held))
            self._bytes -= sum(len(message.payload) for message in held)
            del self._held[sender]

    async def _next(self, sender: str) -> list[Held]:
        """Return the messages that go next, when they may; all of them where they are too many."""
        held = self._held[sender]
        excess = self._limits.excess(self._collector, sender)
        if excess is not None:
            await self._wait(sender, min(excess.wait_s + QUANTUM_S, LONGEST_S))
        if self._is_crowded(sender):
            self._count("hurried", len(held))
            room = float("inf")
        else:
            room = self._limits.left(self._collector, sender, Limit.BYTES)
        room = min(room, PART_BYTES)  # they are decoded in one piece
        part = [held.popleft()]
        while held and (room := room - len(part[-1].payload)) > 0:
            part.append(held.popleft())
        return part

    async def _wait(self, sender: str, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not self._is_crowded(sender):
                    self._crowded.clear()
                    await self._crowded.wait()

    def _count(self, outcome: str, messages: int) -> None:
        LIMITED.labels(collector=self._collector, outcome=outcome).inc(messages)
        if outcome == "delayed":
            DELAYED.inc(messages)
