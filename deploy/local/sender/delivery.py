"""Documents under way: published, and published again until their outcome comes."""

import asyncio
import logging
import math
from collections.abc import Set
from dataclasses import dataclass

from deploy.local.sender import outcome
from deploy.local.sender.link import Account, Link
from deploy.local.sender.outcome import Outcome

logger = logging.getLogger(__name__)

PATIENCE_S = (20.0, 300.0)  # first and longest, for the outcome of the oldest document
UNHEARD_S = (1.0, 60.0)  # the same where the broker says that nobody collects


@dataclass(slots=True)
class _Sent:
    payload: bytes
    at: float  # when it was published last, on the loop's clock
    settled: asyncio.Future[Outcome]
    outcome: Outcome | None = None


class Delivery:
    """One enterprise's documents that are not answered for yet, in the order of sending.

    They are settled in that order, and repeated from the oldest unanswered one on, those after
    it that were answered as well: of two values for one instant the last received wins, so an
    old document must never be the last to arrive.

    A document with a refusal whose code is in ``later`` is repeated, others are settled by it.
    """

    def __init__(self, account: Account, later: Set[str]) -> None:
        self._loop = asyncio.get_running_loop()
        self._account = account
        self._later = later
        self._sent: dict[str, _Sent] = {}
        self._patience = PATIENCE_S[0]
        self._pause = UNHEARD_S[0]
        self._due = math.inf  # when all is repeated that nobody collected
        self._link = Link(account, self._settle, self._repeat, self._note_unheard)

    async def run(self) -> None:
        """Stay connected and repeat what is overdue, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._link.run())
            while True:
                await asyncio.sleep(1.0)
                if not self._link.ready:
                    continue
                if self._is_overdue():
                    self._patience = min(2 * self._patience, PATIENCE_S[1])
                    self._repeat()
                elif self._loop.time() >= self._due:
                    self._pause = min(2 * self._pause, UNHEARD_S[1])
                    self._repeat()

    def send(self, id_: str, payload: bytes) -> asyncio.Future[Outcome]:
        """Publish a document; the future is done when it and all before it are answered."""
        settled: asyncio.Future[Outcome] = self._loop.create_future()
        self._sent[id_] = _Sent(payload, self._loop.time(), settled)
        self._link.publish(payload)
        return settled

    def _is_overdue(self) -> bool:
        """Tell whether the oldest waits too long, whatever was answered after it."""
        oldest = next(iter(self._sent.values()), None)
        return oldest is not None and self._loop.time() >= oldest.at + self._patience

    def _note_unheard(self) -> None:
        self._due = min(self._due, self._loop.time() + self._pause)

    def _repeat(self) -> None:
        self._due = math.inf
        for sent in self._sent.values():
            sent.at = self._loop.time()
            self._link.publish(sent.payload)

    def _settle(self, payload: bytes) -> None:
        told = outcome.read(payload)
        sent = None if told is None else self._sent.get(told.id)
        if told is None or sent is None or not self._is_final(told):
            return
        sent.outcome = sent.outcome or told
        self._patience, self._pause = PATIENCE_S[0], UNHEARD_S[0]
        while self._sent:
            id_, oldest = next(iter(self._sent.items()))
            if oldest.outcome is None:
                return
            del self._sent[id_]
            if not oldest.settled.done():
                oldest.settled.set_result(oldest.outcome)

    def _is_final(self, told: Outcome) -> bool:
        if not (refused := told.refusals):
            return True
        logger.warning(
            "%s: %d refused, first: %s", self._account.uscc, len(refused), refused[0].detail
        )
        return not any(item.code in self._later for item in refused)
