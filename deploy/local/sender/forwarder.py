"""From the spool to the collector, oldest first, and out of the spool once it is answered."""

import asyncio
import logging
from collections.abc import Callable

from deploy.local.sender.delivery import Delivery
from deploy.local.sender.outcome import Outcome
from deploy.local.sender.spool import Damaged, Spool

logger = logging.getLogger(__name__)

WINDOW = 20  # documents under way
WINDOW_BYTES = 16 * 1024 * 1024  # of them; one document may exceed it
PAGE = 10_000  # ids read at once
AGAIN_AFTER_S = 2.0  # when the disk refuses


class Forwarder:
    """Sends what a spool holds; ``told`` gets the outcome of each document before it is removed.

    Old documents go before new ones: a correction then arrives after what it corrects, and a
    register's readings in the order of the dial. A backlog delays what is new by seconds only,
    because a document takes no longer to store than to measure.
    """

    def __init__(self, spool: Spool, delivery: Delivery, told: Callable[[Outcome], None]) -> None:
        self._spool = spool
        self._delivery = delivery
        self._told = told
        self._under_way: asyncio.Queue[tuple[bytes, asyncio.Future[Outcome]]] = asyncio.Queue()
        self._waiting = self._bytes = 0  # under way
        self.left = 0  # documents that were answered but could not be removed
        self._changed = asyncio.Event()
        self._settled = asyncio.Event()

    async def run(self) -> None:
        """Send until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._finish())
            tasks.create_task(self._send())

    def wake(self) -> None:
        """Look into the spool: a document was put there."""
        self._changed.set()

    async def drained(self) -> None:
        """Return when all that the spool held was answered."""
        while self._spool.count > self.left:
            self._settled.clear()
            await self._settled.wait()

    async def _send(self) -> None:
        last = ""
        while True:
            self._changed.clear()
            ids = self._spool.after(last, PAGE)
            for id_ in ids:
                await self._wait_for_room()
                await self._pass_on(id_)
                last = id_
            if not ids:
                await self._changed.wait()

    async def _wait_for_room(self) -> None:
        while self._waiting >= WINDOW or self._bytes >= WINDOW_BYTES:
            self._settled.clear()
            await self._settled.wait()

    async def _pass_on(self, id_: str) -> None:
        while True:
            try:
                payload = self._spool.read(id_)
                break
            except FileNotFoundError:
                logger.warning("%s was removed by somebody else", id_)
                self._spool.look()
                self._settled.set()
                return
            except Damaged:
                logger.warning("%s is damaged and goes to the refused ones", id_)
                self._spool.set_aside(id_)
                self._settled.set()
                return
            except OSError as error:
                logger.warning("%s cannot be read: %s", id_, error)
                await asyncio.sleep(AGAIN_AFTER_S)
        self._waiting += 1
        self._bytes += len(payload)
        self._under_way.put_nowait((payload, self._delivery.send(id_, payload)))

    async def _finish(self) -> None:
        while True:
            payload, settled = await self._under_way.get()
            outcome = await settled
            self._told(outcome)
            self._put_away(outcome, payload)
            self._waiting -= 1
            self._bytes -= len(payload)
            self._settled.set()

    def _put_away(self, outcome: Outcome, payload: bytes) -> None:
        """Remove a document; where the disk refuses that, what is measured still goes out."""
        try:
            self._spool.settle(outcome, payload)
        except OSError as error:
            if not self.left:
                logger.error("%s cannot be removed, it will be sent again: %s", outcome.id, error)  # noqa: TRY400
            self.left += 1
