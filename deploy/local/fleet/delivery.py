"""Documents under way: published, and published again until their outcome comes."""

import asyncio
import json
import logging
from dataclasses import dataclass
from typing import Any

from deploy.local.fleet.accounts import Account
from deploy.local.fleet.link import Link

logger = logging.getLogger(__name__)

PATIENCE_S = (20.0, 300.0)  # first and longest, for the outcome of the oldest document
# Not registered yet, perhaps: what is refused so is sent again.
_LATER = {"unknown_enterprise", "unknown_device", "unknown_quantity"}


@dataclass(slots=True)
class _Sent:
    payload: bytes
    at: float  # when it was published last, on the loop's clock
    settled: asyncio.Future[None]


class Delivery:
    """One enterprise's documents that are not answered for yet, in the order of sending.

    They are only repeated all together and in that order, because of two values for one instant
    the last received wins.
    """

    def __init__(self, broker: str, account: Account) -> None:
        self._loop = asyncio.get_running_loop()
        self._uscc = account.uscc
        self._sent: dict[str, _Sent] = {}
        self._patience = PATIENCE_S[0]
        self._link = Link(broker, account, self._settle, self._repeat)

    async def run(self) -> None:
        """Stay connected and repeat what is overdue, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._link.run())
            while True:
                await asyncio.sleep(1.0)
                if self._link.ready and self._is_overdue():
                    self._patience = min(2 * self._patience, PATIENCE_S[1])
                    self._repeat()

    def send(self, id_: str, payload: bytes) -> asyncio.Future[None]:
        """Publish a document; the future is done when its readings are stored or refused."""
        settled: asyncio.Future[None] = self._loop.create_future()
        self._sent[id_] = _Sent(payload, self._loop.time(), settled)
        self._link.publish(payload)
        return settled

    def _is_overdue(self) -> bool:
        """Tell whether the oldest waits too long, whatever was answered after it."""
        oldest = next(iter(self._sent.values()), None)
        return oldest is not None and self._loop.time() >= oldest.at + self._patience

    def _repeat(self) -> None:
        for sent in self._sent.values():
            sent.at = self._loop.time()
            self._link.publish(sent.payload)

    def _settle(self, outcome: bytes) -> None:
        told: dict[str, Any] = json.loads(outcome)
        if told.get("id") not in self._sent or not self._is_final(told):
            return
        sent = self._sent.pop(told["id"])
        self._patience = PATIENCE_S[0]
        if not sent.settled.done():
            sent.settled.set_result(None)

    def _is_final(self, told: dict[str, Any]) -> bool:
        refused = [told] if "code" in told else told.get("rejected", [])
        if not refused:
            return True
        logger.warning("%s: %d refused, first: %s", self._uscc, len(refused), refused[0]["detail"])
        return not _LATER & {item["code"] for item in refused}
