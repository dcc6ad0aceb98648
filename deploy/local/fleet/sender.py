"""What one enterprise sends: first what is missing, then what it measures, and corrections."""

import asyncio
import secrets
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

import numpy as np

from deploy.local.fleet import clock, documents, episodes
from deploy.local.fleet.clock import DAY, HOUR, MINUTE, QUARTER, WEEK
from deploy.local.fleet.delivery import Delivery
from deploy.local.fleet.documents import Document, Wanted
from deploy.local.fleet.enterprises import EVERY, Enterprise
from deploy.local.fleet.episodes import EXCEED, Conduct, Episode
from deploy.local.fleet.outbox import Outbox

AHEAD = 2  # documents of history that one enterprise has under way
WINDOW = 20  # documents of its outbox
LOOK_S = 0.4  # between two looks at what is to be done
MINUTES = 15  # so many minute means are sent late at most
_HOURLY_BLOCK, _QUARTERLY_BLOCK = 28 * DAY, 7 * DAY


@dataclass(slots=True)
class Sender:
    """One enterprise on the line; ``start`` is where its history begins."""

    item: Enterprise
    outbox: Outbox
    delivery: Delivery
    start: int
    known: Sequence[Episode] = ()
    live: bool = False
    _pumped: int = 0
    _waiting: int = 0

    @property
    def reached(self) -> int:
        """Return the instant up to which its readings were stored or wait in the outbox."""
        until = self.outbox.reached(self.item.uscc)
        return self.start - 1 if until is None else until

    async def run(self) -> None:
        """Send until cancelled."""
        self._correct()
        self._pump()
        await self._catch_up()
        self.live = True
        while True:
            self._correct()
            self._measure(now())
            self._pump()
            await asyncio.sleep(LOOK_S)

    async def _catch_up(self) -> None:
        """Send what is missing as blocks, each noted when it and all before it were stored."""
        conduct = self._conduct()
        while blocks := list(missing(self.reached, now())):
            under_way: deque[tuple[int, asyncio.Future[None]]] = deque()
            after = self.reached
            for until, step in blocks:
                wanted = documents.between(after, until, step, self.start)
                document = self._encode(wanted, conduct)
                under_way.append((until, self.delivery.send(document.id, document.payload)))
                after = until
                if len(under_way) == AHEAD:
                    await self._note(*under_way.popleft())
            while under_way:
                await self._note(*under_way.popleft())

    async def _note(self, until: int, stored: asyncio.Future[None]) -> None:
        await stored
        self.outbox.reach(self.item.uscc, until)

    def _measure(self, at: int) -> None:
        """Keep the newest readings, and quarter hours where more than one slot was missed."""
        slot = (at - self.item.offset) // EVERY * EVERY + self.item.offset
        if slot <= (reached := self.reached) or self.outbox.full:
            return
        late = documents.between(reached, slot, QUARTER, self.start)
        dials = np.union1d(late.dials, [slot])
        minutes = documents.newest_minutes(reached, slot, MINUTES)
        document = self._encode(Wanted(dials, late.hours, minutes), self._conduct())
        self.outbox.put(self.item.uscc, document, slot)

    def _correct(self) -> None:
        """Keep a correction of what was sent before an episode became known."""
        own = [episode for episode in self.known if episode.uscc == self.item.uscc]
        seen = self.outbox.noticed() if own else set()
        for episode in own:
            since = episode.since
            names = [episode.beginning]
            if episode.until is not None:
                since = episode.until if episode.beginning in seen else since
                names.append(episode.ending)
            if new := [name for name in names if name not in seen]:
                since = max(since, self.start)
                wanted = corrected(self.item, episode.kind, since, self.reached, now())
                document = None if wanted.empty else self._encode(wanted, self._conduct())
                self.outbox.notice(self.item.uscc, document, new)

    def _pump(self) -> None:
        """Send what waits in the outbox, a window of it at a time."""
        room = WINDOW - self._waiting
        for number, id_, payload in self.outbox.waiting(self.item.uscc, self._pumped, room):
            self._pumped = number
            self._waiting += 1
            settled = self.delivery.send(id_, payload)
            settled.add_done_callback(partial(self._forget, id_))

    def _forget(self, id_: str, settled: asyncio.Future[None]) -> None:
        if not settled.cancelled():
            self._waiting -= 1
            self.outbox.remove(id_)

    def _conduct(self) -> Conduct:
        return episodes.conduct(self.known, self.item.uscc)

    def _encode(self, wanted: Wanted, conduct: Conduct) -> Document:
        return documents.encode(secrets.token_hex(8), self.item, wanted, conduct)


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
