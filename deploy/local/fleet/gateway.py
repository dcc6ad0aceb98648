"""What one enterprise sends: first what is missing, then what it measures, and corrections."""

import asyncio
import logging
import secrets
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from deploy.local.fleet import clock, documents, episodes
from deploy.local.fleet.clock import DAY, HOUR, MINUTE, QUARTER, WEEK
from deploy.local.fleet.documents import Document, Wanted
from deploy.local.fleet.enterprises import EVERY, Enterprise
from deploy.local.fleet.episodes import EXCEED, Conduct, Episode
from deploy.local.fleet.notes import Notes
from deploy.local.sender.delivery import Delivery
from deploy.local.sender.forwarder import Forwarder
from deploy.local.sender.outcome import Outcome
from deploy.local.sender.spool import Spool

logger = logging.getLogger(__name__)

AHEAD = 2  # documents of history that one enterprise has under way
MOST = 1_200  # documents in its spool; what finds no room is sent later as quarter hours
LOOK_S = 0.4  # between two looks at what is to be done
MINUTES = 15  # so many minute means are sent late at most
_HOURLY_BLOCK, _QUARTERLY_BLOCK = 28 * DAY, 7 * DAY


@dataclass(slots=True)
class Gateway:
    """One enterprise on the line; ``start`` is where its history begins."""

    item: Enterprise
    notes: Notes
    spool: Spool
    delivery: Delivery
    forwarder: Forwarder
    start: int
    known: Sequence[Episode] = ()
    live: bool = False
    _is_held_up: bool = False

    @property
    def reached(self) -> int:
        """Return the instant up to which its readings were stored or wait in its spool."""
        until = self.notes.reached(self.item.uscc)
        return self.start - 1 if until is None else until

    async def run(self) -> None:
        """Send until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.delivery.run())
            tasks.create_task(self.forwarder.run())
            self._keep_up(self._correct)
            await self._catch_up()
            self.live = True
            while True:
                self._keep_up(self._correct)
                self._keep_up(self._measure)
                await asyncio.sleep(LOOK_S)

    def _keep_up(self, step: Callable[[], None]) -> None:
        """Take a step; where the disk refuses it, it is due again."""
        try:
            step()
        except OSError as error:
            if not self._is_held_up:
                logger.warning(
                    "%s measures nothing until it can be kept: %s", self.item.uscc, error
                )
            self._is_held_up = True
        else:
            self._is_held_up = False

    async def _catch_up(self) -> None:
        """Send what is missing as blocks, each noted when it and all before it were stored."""
        conduct = self._conduct()
        while blocks := list(missing(self.reached, now())):
            under_way: deque[tuple[int, asyncio.Future[Outcome]]] = deque()
            after = self.reached
            for until, step in blocks:
                wanted = documents.between(after, until, step, self.start)
                document = self._encode(secrets.token_hex(8), wanted, conduct)
                under_way.append((until, self.delivery.send(document.id, document.payload)))
                after = until
                if len(under_way) == AHEAD:
                    await self._note(*under_way.popleft())
            while under_way:
                await self._note(*under_way.popleft())

    async def _note(self, until: int, stored: asyncio.Future[Outcome]) -> None:
        await stored
        self.notes.reach(self.item.uscc, until)

    def _measure(self) -> None:
        """Keep the newest readings, and quarter hours where more than one slot was missed."""
        slot = (now() - self.item.offset) // EVERY * EVERY + self.item.offset
        if slot <= (reached := self.reached) or self.spool.count >= MOST:
            return
        late = documents.between(reached, slot, QUARTER, self.start)
        dials = np.union1d(late.dials, [slot])
        minutes = documents.newest_minutes(reached, slot, MINUTES)
        self._put(Wanted(dials, late.hours, minutes))
        self.notes.reach(self.item.uscc, slot)

    def _correct(self) -> None:
        """Keep a correction of what was sent before an episode became known."""
        own = [episode for episode in self.known if episode.uscc == self.item.uscc]
        seen = self.notes.noticed() if own else set()
        for episode in own:
            since = episode.since
            names = [episode.beginning]
            if episode.until is not None:
                since = episode.until if episode.beginning in seen else since
                names.append(episode.ending)
            if new := [name for name in names if name not in seen]:
                since = max(since, self.start)
                wanted = corrected(self.item, episode.kind, since, self.reached, now())
                if not wanted.empty:
                    self._put(wanted)
                self.notes.notice(new)

    def _put(self, wanted: Wanted) -> None:
        """Bring a document to disk before anything says so; a kill between makes duplicates."""
        document = self._encode(self.spool.new_id(), wanted, self._conduct())
        self.spool.put(document.id, document.payload)
        self.forwarder.wake()

    def _conduct(self) -> Conduct:
        return episodes.conduct(self.known, self.item.uscc)

    def _encode(self, id_: str, wanted: Wanted, conduct: Conduct) -> Document:
        return documents.encode(id_, self.item, wanted, conduct)


def now() -> int:
    """Return the present instant."""
    return clock.seconds(datetime.fromtimestamp(time.time(), UTC))


def missing(reached: int, at: int) -> Iterator[tuple[int, int]]:
    """Yield ends and steps of what is missing until now: hours, of the last week quarter hours."""
    border = (at - WEEK) // HOUR * HOUR
    while reached < border:
        reached = min((reached // HOUR + 1) * HOUR + _HOURLY_BLOCK - HOUR, border)
        yield reached, HOUR
    last = at // QUARTER * QUARTER
    while reached < last:
        reached = min(reached + _QUARTERLY_BLOCK, last)
        yield reached, QUARTER


def corrected(item: Enterprise, kind: str, since: int, reached: int, at: int) -> Wanted:
    """Return every instant that may have been sent and that an episode since then changes."""
    none = np.empty(0, dtype=np.int64)
    if kind == EXCEED:
        hours = clock.grid(since, at, HOUR) - HOUR  # by their starts, like the minutes
        return Wanted(none, hours, clock.grid(since, reached, MINUTE) - MINUTE)
    slots = clock.grid(since - item.offset, reached - item.offset, EVERY) + item.offset
    return Wanted(np.union1d(slots, clock.grid(since, reached, QUARTER)), none, none)
